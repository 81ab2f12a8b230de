"""All scores as one document: what the table shows, `--json` writes and the report draws. Its form is SCHEMA."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from model_server.dataset import Dataset
from model_server.evaluation.intervals import Doubles, Estimate, estimates, percentile_interval
from model_server.evaluation.measures import SIZES, calibrations, falls, histograms, measures_of, noc_counts, of_sizes
from model_server.evaluation.protocols import NOC_CLICKS, NOC_THRESHOLDS
from model_server.evaluation.scoring import Run, Scored

SCHEMA = "segloop-evaluation/1"

Columns = dict[tuple[str, str], Doubles]  # by measure and size: values per mask
Estimates = dict[str, dict[str, dict[str, Any] | None]]  # by measure and size


@dataclass(frozen=True, slots=True)
class Measured:
    """One method on one dataset: values per mask, their estimates and the resampled means behind the intervals."""

    columns: Columns
    estimates: dict[tuple[str, str], Estimate | None]
    resampled: Columns


def measure(run: Run, scored: Scored, *, seed: int) -> Measured:
    """All measures of a run, for all masks and by size."""
    columns: Columns = {}
    for start, scores in run.scores.items():
        for name, values in measures_of(start, scores).items():
            for size, part in of_sizes(values, scored.areas).items():
                columns[name, size] = part
    return estimate_columns(columns, scored, seed=seed)


def estimate_columns(columns: Columns, scored: Scored, *, seed: int) -> Measured:
    """Means and intervals of columns of values per mask."""
    found, resampled = estimates(np.stack(list(columns.values()), axis=1), scored.image_of_mask, seed=seed)
    return Measured(columns, dict(zip(columns, found, strict=True)), dict(zip(columns, resampled.T, strict=True)))


def mean_over_datasets(measured: list[Measured]) -> dict[tuple[str, str], Estimate | None]:
    """The unweighted mean over datasets (SAM, appendix D.1) of what every dataset has; intervals of the mean."""
    means: dict[tuple[str, str], Estimate | None] = {}
    for key in measured[0].columns:
        parts = [part.estimates.get(key) for part in measured]
        known = [part for part in parts if part is not None]
        if len(known) < len(measured):
            continue
        is_sure = all(part.low is not None for part in known)
        resampled = np.mean([part.resampled[key] for part in measured], axis=0)
        low, high = percentile_interval(resampled) if is_sure else (None, None)
        means[key] = Estimate(
            float(np.mean([part.mean for part in known])),
            low,
            high,
            sum(part.masks for part in known),
            sum(part.images for part in known),
        )
    return means


def nested(found: dict[tuple[str, str], Estimate | None]) -> Estimates:
    """By measure, then by size, as JSON has it."""
    tree: Estimates = {}
    for (measure_name, size), estimate in found.items():
        tree.setdefault(measure_name, {})[size] = None if estimate is None else asdict(estimate)
    return tree


def describe_dataset(dataset: Dataset, scored: Scored, split: str | None) -> dict[str, Any]:
    """What was evaluated of a dataset."""
    areas = scored.areas
    ones = np.ones(len(areas))
    annotators = {mask.annotator for picture in scored.pictures for mask in picture.masks} - {None}
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "split": split,
        "pictures": len(scored.pictures),
        "pictures_in_dataset": len(dataset.pictures),
        "masks": len(areas),
        "masks_in_dataset": sum(len(picture.masks) for picture in dataset.pictures),
        "masks_by_size": {size: int(np.nansum(part)) for size, part in of_sizes(ones, areas).items() if size in SIZES},
        "annotators": len(annotators),
        "skipped": [*dataset.skipped, *scored.skipped],
    }


def result(run: Run, dataset: Dataset, measured: Measured) -> dict[str, Any]:
    """One method on one dataset."""
    return {
        "method": run.method.name,
        "dataset": dataset.name,
        "measures": nested(measured.estimates),
        "falls": {start: falls(scores, start) for start, scores in run.scores.items() if scores.ious.shape[1] > 1},
        "noc": {
            start: {f"{threshold * 100:.0f}": noc_counts(scores, threshold) for threshold in NOC_THRESHOLDS}
            for start, scores in run.scores.items()
            if start != "box" and scores.ious.shape[1] >= NOC_CLICKS
        },
        "histograms": {start: histograms(scores) for start, scores in run.scores.items()},
        "calibration": {start: calibrations(scores) for start, scores in run.scores.items()},
        "seconds": {name: round(seconds, 3) for name, seconds in run.seconds.items()},
        "prompts": run.prompts,
    }
