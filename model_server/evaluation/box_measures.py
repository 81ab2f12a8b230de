"""Average recall and precision of boxes without classes, by COCO's definition (pycocotools, cocoeval.py)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_server.networks.boxes import Floats, ScoredBoxes, box_ious

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MOST_BOXES = 100
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxMeasures:
    """`ar_k`: share of labelled boxes that are among the best k of their picture, mean over IoUs .5:.05:.95.
    `ap`: average precision over the same IoUs, with 100 boxes a picture; `ap_50`, `ap_75` at one IoU."""

    pictures: int
    boxes: int
    ar_10: float
    ar_100: float
    ap: float
    ap_50: float
    ap_75: float


def measure_boxes(found: Sequence[ScoredBoxes], labelled_xyxy: Sequence[Floats]) -> BoxMeasures:
    """Measure the boxes found on each picture against those labelled there (G, 4).

    Raises ValueError when no box is labelled on any picture.
    """
    wanted = sum(map(len, labelled_xyxy))
    if wanted == 0:
        raise ValueError("there is no labelled box to be found")
    hits = [match(one.boxes_xyxy[:MOST_BOXES], labelled) for one, labelled in zip(found, labelled_xyxy, strict=True)]
    recall = {
        most: float(np.mean(sum(hit[:, :most].sum(1) for hit in hits) / wanted)) if hits else 0.0
        for most in (10, MOST_BOXES)
    }
    scores = np.concatenate([one.scores[:MOST_BOXES] for one in found])
    order = np.argsort(-scores, kind="stable")
    precisions = [average_precision(row, wanted) for row in np.concatenate(hits, axis=1)[:, order]]
    return BoxMeasures(
        pictures=len(found),
        boxes=wanted,
        ar_10=recall[10],
        ar_100=recall[MOST_BOXES],
        ap=float(np.mean(precisions)),
        ap_50=precisions[0],
        ap_75=precisions[5],
    )


def match(boxes_xyxy: Floats, labelled_xyxy: Floats) -> Bools:
    """Which boxes, the best first, hit a labelled one at each threshold: (10, n).

    A box takes the labelled box that it overlaps most among those no better box has taken; of equals the last.
    """
    hits = np.zeros((len(THRESHOLDS), len(boxes_xyxy)), np.bool_)
    if not len(labelled_xyxy):
        return hits
    ious = box_ious(boxes_xyxy.astype(np.float64), labelled_xyxy.astype(np.float64))
    for row, threshold in enumerate(THRESHOLDS):
        free = np.ones(len(labelled_xyxy), np.bool_)
        for i, overlaps in enumerate(ious):
            left = np.where(free, overlaps, -1.0)
            best = len(left) - 1 - int(left[::-1].argmax())
            if left[best] >= min(threshold, 1 - 1e-10):
                hits[row, i], free[best] = True, False
    return hits


def average_precision(hits: Bools, wanted: int) -> float:
    """Mean of the precision at 101 recalls, each the best reached at that recall or beyond."""
    true = np.cumsum(hits)
    recall, precision = true / wanted, true / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    reached = at < len(hits)
    return float(np.where(reached, precision[np.minimum(at, max(0, len(hits) - 1))] if len(hits) else 0.0, 0.0).mean())
