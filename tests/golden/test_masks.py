"""The golden masks, against the model server's contract. The page's tests read the same file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_server.contract import masks

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("masks.json").read_text())


def pixels(case: dict[str, Any]) -> masks.Bools:
    values = np.arange(len(case["row_runs"])) % 2 == 1
    return np.repeat(values, case["row_runs"]).reshape(case["size"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_golden_mask(case: dict[str, Any]) -> None:
    rle: masks.Rle = {"size": case["size"], "counts": case["counts"]}
    assert masks.encode(pixels(case)) == rle
    assert np.array_equal(masks.decode(rle), pixels(case))
    assert masks.area(rle) == case["area"]
    assert masks.bbox_xywh(rle) == case["bbox_xywh"]
