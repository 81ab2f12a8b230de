"""Writes masks.json: masks and their encodings by pycocotools, which Python and TypeScript must both reproduce.

Run by hand (`python tests/golden/make_masks.py`) when a case is added.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

Mask = npt.NDArray[np.bool_]


def disc(size_hw: tuple[int, int], centre_xy: tuple[float, float], radius: float) -> Mask:
    """A filled circle."""
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    return np.asarray((columns + 0.5 - centre_xy[0]) ** 2 + (rows + 0.5 - centre_xy[1]) ** 2 < radius**2)


def cases() -> dict[str, Mask]:
    """Shapes at which run-length code breaks: nothing, everything, borders, holes, islands, noise, long runs."""
    empty = np.zeros((5, 7), bool)
    first, last, corners, columns = empty.copy(), empty.copy(), empty.copy(), empty.copy()
    first[0, 0] = last[-1, -1] = True
    corners[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    columns[:, 2:5] = True
    ring = disc((60, 80), (40, 30), 25) & ~disc((60, 80), (40, 30), 12)
    islands = disc((60, 80), (15, 15), 10) | disc((60, 80), (60, 40), 14)
    noise = np.random.default_rng(7).random((41, 53)) < 0.4
    checkers = np.indices((9, 11)).sum(0) % 2 == 1
    return {
        "empty": empty,
        "full": np.ones((5, 7), bool),
        "one pixel": np.ones((1, 1), bool),
        "first pixel": first,
        "last pixel": last,
        "corners": corners,
        "whole columns": columns,
        "ring": ring,
        "islands": islands,
        "noise": noise,
        "checkers": checkers,
        "one row": np.array([[0, 1, 1, 0, 1]], bool),
        "one column": np.array([[1], [0], [0], [1]], bool),
        "long runs": disc((700, 900), (450, 350), 333),
    }


def describe(name: str, mask: Mask) -> dict[str, object]:
    """One case: the mask as runs of rows (value 0 first) and what pycocotools says about it."""
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    flat = np.concatenate(([False], mask.ravel(), [not mask.ravel()[-1]]))
    row_runs = np.diff(np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]))))
    return {
        "name": name,
        "size": [int(length) for length in mask.shape],
        "row_runs": row_runs.tolist(),
        "counts": rle["counts"].decode(),
        "area": int(coco_mask.area(rle)),
        "bbox_xywh": [int(value) for value in coco_mask.toBbox(rle)],
    }


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(describe(name, mask)) for name, mask in cases().items())
    Path(__file__).with_name("masks.json").write_text(f"[\n{lines}\n]\n")
