"""What every mask took, and the figures of many: means with 95 % bootstrap intervals over images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Outcome = Literal["added", "kept", "edited", "rejected", "missed"]
Interval = dict[str, float | None]

OUTCOMES: tuple[Outcome, ...] = ("added", "kept", "edited", "rejected", "missed")
SAVED = ("added", "kept", "edited")
RESAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One mask: drawn (`added`), a proposal `kept`, `edited` or `rejected`, or `missed` (nothing was kept).

    `iou` is that of the last word of the model, before a brush finished it (`is_painted`); `first_iou` after the first
    click, `found_iou` that of a proposal before any. `is_reached`: the model's mask reached the target.
    `model_version`: which answered, or proposed what was kept; '' for nobody.
    """

    image_id: int
    stage: str
    outcome: Outcome
    model_version: str
    clicks: int
    seconds: float
    iou: float
    is_reached: bool
    is_painted: bool = False
    first_iou: float | None = None
    found_iou: float | None = None


def summarize(rows: Sequence[Row], *, seed: int) -> list[dict[str, Any]]:
    """The figures of each stage that has any."""
    stages = list(dict.fromkeys(row.stage for row in rows))
    return [_summary_of_stage(stage, [row for row in rows if row.stage == stage], seed) for stage in stages]


def _summary_of_stage(stage: str, rows: list[Row], seed: int) -> dict[str, Any]:
    saved = [row for row in rows if row.outcome in SAVED]
    return {
        "stage": stage,
        "model_versions": sorted({row.model_version for row in rows if row.model_version}),
        "images": len({row.image_id for row in rows}),
        "masks": len(saved),
        "clicks": mean(saved, lambda row: row.clicks, seed=seed),
        "seconds": mean(saved, lambda row: row.seconds, seed=seed),
        "share_reached": mean(saved, lambda row: row.is_reached, seed=seed),
        "iou": mean(saved, lambda row: row.iou, seed=seed),
        "first_iou": mean(saved, lambda row: row.first_iou, seed=seed),
        "found_iou": mean(rows, lambda row: row.found_iou, seed=seed),
        "painted": sum(row.is_painted for row in rows),
        "outcomes": {
            outcome: {"masks": len(chosen), "clicks": sum(row.clicks for row in chosen)}
            for outcome in OUTCOMES
            if (chosen := [row for row in rows if row.outcome == outcome])
        },
    }


def mean(rows: Sequence[Row], value: Callable[[Row], float | None], *, seed: int) -> Interval | None:
    """The mean over masks, and its interval from resampled images: masks of one image are alike, no evidence of their
    own. Rows without a value are left out; None without any; no interval from one image."""
    pairs = [(row.image_id, float(found)) for row in rows if (found := value(row)) is not None]
    if not pairs:
        return None
    images = {image_id: number for number, image_id in enumerate(dict.fromkeys(image_id for image_id, _ in pairs))}
    sums, counts = np.zeros((2, len(images)))
    for image_id, found in pairs:
        sums[images[image_id]] += found
        counts[images[image_id]] += 1
    result: Interval = {"value": round(float(sums.sum() / counts.sum()), 4), "low": None, "high": None}
    if len(images) > 1:
        draws = np.random.default_rng(seed).multinomial(len(images), [1 / len(images)] * len(images), size=RESAMPLES)
        low, high = np.quantile((draws @ sums) / (draws @ counts), (0.025, 0.975))
        result |= {"low": round(float(low), 4), "high": round(float(high), 4)}
    return result
