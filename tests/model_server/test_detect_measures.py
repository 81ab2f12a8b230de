"""Recall and precision of boxes: one case by hand, and the reference on random ones."""

from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model_server.evaluation.box_measures import measure_boxes
from model_server.networks.boxes import ScoredBoxes


def test_one_picture_by_hand() -> None:
    """Two labelled boxes. The best find is exact, the second hits nothing, the third overlaps the other by 0.82.

    So at the seven IoUs up to .8 hits are yes, no, yes: precision 1 up to recall 1/2 (51 of 101 recalls), then 2/3;
    at the other three only the first hits: precision 1 at 51 recalls, then 0.
    """
    labelled = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], np.float32)
    found = ScoredBoxes(
        np.array([[0, 0, 10, 10], [80, 80, 90, 90], [50, 50, 60, 58.2]], np.float32), np.array([0.9, 0.8, 0.7])
    )
    measures = measure_boxes([found], [labelled])
    assert (measures.pictures, measures.boxes) == (1, 2)
    assert measures.ar_10 == measures.ar_100 == pytest.approx((7 * 1 + 3 * 0.5) / 10)
    assert measures.ap_50 == measures.ap_75 == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert measures.ap == pytest.approx((7 * (51 + 50 * 2 / 3) + 3 * 51) / 1010)


def test_nothing_found_is_nought_and_nothing_labelled_an_error() -> None:
    nothing = ScoredBoxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    measures = measure_boxes([nothing], [np.array([[0, 0, 1, 1]], np.float32)])
    assert (measures.ar_100, measures.ap, measures.ap_50) == (0, 0, 0)
    with pytest.raises(ValueError, match="no labelled box"):
        measure_boxes([nothing], [np.zeros((0, 4), np.float32)])


def test_the_same_figures_as_pycocotools(capsys: pytest.CaptureFixture[str]) -> None:
    """With equal scores, more than 100 boxes on a picture, and pictures without labels."""
    rng = np.random.default_rng(0)
    found, labelled, wanted, answers = [], [], [], []
    for image_id in range(8):
        boxes = _random_boxes(rng, int(rng.integers(0, 15)))
        near = boxes + rng.normal(0, 1.5, boxes.shape)
        guessed = np.concatenate([near, _random_boxes(rng, 110)])
        scores = rng.integers(0, 30, len(guessed)) / 30
        order = np.argsort(-scores, kind="stable")
        found.append(ScoredBoxes(guessed[order], scores[order]))
        labelled.append(boxes)
        for box in boxes:
            wanted.append({"id": len(wanted) + 1, "category_id": 1, "iscrowd": 0} | _coco(image_id, box))
        answers += [
            {"category_id": 1, "score": float(score)} | _coco(image_id, box)
            for box, score in zip(found[-1].boxes_xyxy, found[-1].scores, strict=True)
        ]
    truth = COCO()
    truth.dataset = {"images": [{"id": i} for i in range(8)], "annotations": wanted, "categories": [{"id": 1}]}
    truth.createIndex()
    reference: Any = COCOeval(truth, truth.loadRes(answers), "bbox")
    reference.evaluate()
    reference.accumulate()
    reference.summarize()
    capsys.readouterr()
    mine = measure_boxes(found, labelled)
    np.testing.assert_allclose(
        [mine.ap, mine.ap_50, mine.ap_75, mine.ar_10, mine.ar_100], reference.stats[[0, 1, 2, 7, 8]], atol=1e-12
    )


def _random_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    corners = rng.uniform(0, 80, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(3, 30, (count, 2))], axis=1)


def _coco(image_id: int, box: np.ndarray) -> dict[str, Any]:
    x1, y1, x2, y2 = map(float, box)
    return {"image_id": image_id, "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
