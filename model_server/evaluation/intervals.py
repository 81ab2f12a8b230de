"""Bootstrap intervals of means over masks. Images are resampled, not masks: masks of one image are alike."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

RESAMPLES = 2000
LEVEL = 0.95
CHUNK_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval; `low` and `high` are None where fewer than two images have a value."""

    mean: float
    low: float | None
    high: float | None
    masks: int
    images: int


def resampled_means(values: Doubles, image_of_mask: npt.NDArray[np.int64], *, seed: int) -> Doubles:
    """Means of each column of `values` (masks, columns; NaN: no value) in RESAMPLES bootstrap samples of images.

    All columns share the draws. NaN where a sample has no value of a column. Efron's bootstrap, clusters = images.
    """
    image_count = int(image_of_mask.max()) + 1
    has_value = ~np.isnan(values)
    sums, counts = np.zeros((2, image_count, values.shape[1]))
    np.add.at(sums, image_of_mask, np.where(has_value, values, 0.0))
    np.add.at(counts, image_of_mask, has_value)
    generator = np.random.default_rng(seed)
    chunk = max(1, CHUNK_BYTES // (8 * image_count))
    means = []
    for begin in range(0, RESAMPLES, chunk):
        draws = generator.multinomial(
            image_count, np.full(image_count, 1 / image_count), size=min(chunk, RESAMPLES - begin)
        )
        weights = draws.astype(np.float64)  # (samples, images): how often each image was drawn
        total = weights @ counts
        means.append(np.divide(weights @ sums, total, out=np.full(total.shape, np.nan), where=total > 0))
    return np.concatenate(means)


def estimates(
    values: Doubles, image_of_mask: npt.NDArray[np.int64], *, seed: int
) -> tuple[list[Estimate | None], Doubles]:
    """Mean and percentile interval of each column, None for a column without a value; and the resampled means."""
    means = resampled_means(values, image_of_mask, seed=seed)
    found: list[Estimate | None] = []
    for column in range(values.shape[1]):
        has_value = ~np.isnan(values[:, column])
        images = len(np.unique(image_of_mask[has_value]))
        if images == 0:
            found.append(None)
            continue
        low, high = percentile_interval(means[:, column]) if images > 1 else (None, None)
        found.append(Estimate(float(values[has_value, column].mean()), low, high, int(has_value.sum()), images))
    return found, means


def percentile_interval(means: Doubles) -> tuple[float, float]:
    """The middle 95 % of resampled means."""
    low, high = np.nanquantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
