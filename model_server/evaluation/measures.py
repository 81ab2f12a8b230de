"""From scores to named measures, one value per mask, and to what is said about all masks together."""

from typing import Any

import numpy as np
import numpy.typing as npt

from model_server.evaluation.methods import Start
from model_server.evaluation.protocols import CLICK_COUNTS, NOC_CLICKS, NOC_THRESHOLDS
from model_server.evaluation.scoring import Doubles, Scores

SMALL, LARGE = 32**2, 96**2  # pixels of the image; COCO's areas (cocoeval.py, areaRng)
SIZES = ("all", "small", "medium", "large")
CALIBRATION_BINS = 10
HISTOGRAM_BINS = 20


def measures_of(start: Start, scores: Scores) -> dict[str, Doubles]:
    """Values per mask by name: `center_3` is IoU after three clicks, `center_1_best` the best of three (the oracle),
    `center_noc_85` clicks to IoU 0.85, `box` IoU of the box, `box_2` after two clicks more.
    """
    ious, offset = scores.ious, 0
    found: dict[str, Doubles] = {}
    if start == "box":
        found["box"], offset = ious[:, 0], 1
    for count in CLICK_COUNTS:
        if count - 1 + offset < ious.shape[1]:
            found[f"{start}_{count}"] = ious[:, count - 1 + offset]
    if not np.isnan(scores.candidate_ious[:, 1]).all():
        best = np.fmax.reduce(scores.candidate_ious, axis=1)
        found["box_best" if start == "box" else f"{start}_1_best"] = best
    if start != "box" and ious.shape[1] >= NOC_CLICKS:
        for threshold in NOC_THRESHOLDS:
            found[f"{start}_noc_{threshold * 100:.0f}"] = clicks_to(ious, threshold)
    return found


def clicks_to(ious: Doubles, threshold: float) -> Doubles:
    """The first click with IoU >= threshold, NOC_CLICKS if none (RITM, compute_noc_metric); NaN where none was made."""
    reached = ious[:, :NOC_CLICKS] >= threshold
    counts = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, float(NOC_CLICKS))
    counts[np.isnan(ious[:, 0])] = np.nan
    return counts


def of_sizes(values: Doubles, areas: npt.NDArray[np.int64]) -> dict[str, Doubles]:
    """The values of all masks, and of the small (area < 32^2), medium and large (>= 96^2) ones: NaN elsewhere."""
    parts = (np.ones(len(areas), np.bool_), areas < SMALL, (areas >= SMALL) & (areas < LARGE), areas >= LARGE)
    return {size: np.where(part, values, np.nan) for size, part in zip(SIZES, parts, strict=True)}


def falls(scores: Scores, start: Start) -> list[float]:
    """The share of masks whose IoU is lower after prompt k + 1 than after prompt k, for every k the curve covers."""
    curve = scores.ious[:, : CLICK_COUNTS[-1] + (start == "box")]
    before, after = curve[:, :-1], curve[:, 1:]
    asked = ~np.isnan(after)
    return [float(share) for share in (np.where(asked, after < before, 0).sum(0) / np.maximum(asked.sum(0), 1))]


def noc_counts(scores: Scores, threshold: float) -> dict[str, Any]:
    """How many masks took 1, 2, ... clicks; `at_least_20` counts success at the 20th too, as RITM; `never` does not."""
    ious = scores.ious[~np.isnan(scores.ious[:, 0])]
    clicks = clicks_to(ious, threshold).astype(np.int64)
    reached = (ious >= threshold).any(axis=1)
    return {
        "masks_by_clicks": np.bincount(clicks, minlength=NOC_CLICKS + 1)[1:].tolist(),
        "at_least_20": int((clicks == NOC_CLICKS).sum()),
        "never": int(len(clicks) - reached.sum()),
    }


def histograms(scores: Scores) -> dict[str, list[int]]:
    """Masks by IoU of the answer to the first prompt: bins of 0.05, the last with 1."""
    first = scores.ious[:, 0]
    best = np.fmax.reduce(scores.candidate_ious, axis=1)
    return {
        name: np.histogram(values[~np.isnan(values)], HISTOGRAM_BINS, (0, 1))[0].tolist()
        for name, values in (("chosen", first), ("best", best))
    }


def calibration(predicted: Doubles, actual: Doubles) -> dict[str, Any] | None:
    """Predicted against actual IoU: mean |difference|, mean difference, expected calibration error, ten bins.

    The error is the mean over masks of |mean predicted - mean actual| of the mask's bin of equal width (Guo et al.
    2017, here for IoU); predictions are clipped to 0..1 for the bins only. None without predictions.
    """
    has_both = ~(np.isnan(predicted) | np.isnan(actual))
    expected, found = predicted[has_both], actual[has_both]
    if expected.size == 0:
        return None
    bin_of = np.clip((expected * CALIBRATION_BINS).astype(np.int64), 0, CALIBRATION_BINS - 1)
    bins: list[dict[str, Any]] = []
    for number in range(CALIBRATION_BINS):
        inside = bin_of == number
        bins.append(
            {
                "from": number / CALIBRATION_BINS,
                "to": (number + 1) / CALIBRATION_BINS,
                "masks": int(inside.sum()),
                "mean_predicted": float(expected[inside].mean()) if inside.any() else None,
                "mean_actual": float(found[inside].mean()) if inside.any() else None,
            }
        )
    error = sum(row["masks"] * abs(row["mean_predicted"] - row["mean_actual"]) for row in bins if row["masks"])
    return {
        "masks": int(expected.size),
        "mean_absolute_error": float(np.abs(expected - found).mean()),
        "mean_error": float((expected - found).mean()),
        "expected_calibration_error": error / expected.size,
        "bins": bins,
    }


def calibrations(scores: Scores) -> dict[str, Any]:
    """Of the single answer to the first prompt, and of all answers to it, as automatic masks are judged by it."""
    return {
        "chosen": calibration(scores.predicted[:, 0], scores.ious[:, 0]),
        "candidates": calibration(scores.candidate_predicted, scores.candidate_ious),
    }
