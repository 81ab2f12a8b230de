"""Which thresholds suit a model's automatic masks: how many masks a photo they keep, and how many of those people drew.

Usage: python -m tests.benchmarks.measure_automatic DATASET ... [--split val] [--points-per-side 16] [--photos 26]

Each photo is run once with the lowest thresholds; higher ones keep a part of its masks (suppression, too, depends on
them, a little: it is not repeated). A mask counts as drawn when its IoU with some human mask is above 0.5 or 0.75.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

import numpy as np
import torch
from pycocotools import mask as coco_mask

from model_server.automatic import Generator
from model_server.contract.automatic import AutomaticOptions
from model_server.dataset import Picture, open_picture, read_dataset
from model_server.engine import Engine
from model_server.settings import Settings, read_settings
from tests.model_server.automatic_reference import png
from tests.model_server.conftest import put_bytes

LOWEST = AutomaticOptions(pred_iou_thresh=0.5, stability_score_thresh=0.6)
CONFIDENT, STABLE = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8), (0.6, 0.7, 0.8, 0.9)


def rows_of(
    engine: Engine, settings: Settings, picture: Picture, options: AutomaticOptions
) -> list[tuple[float, float, float]]:
    """Predicted IoU, stability and the best IoU with a human mask, of every mask of a photo."""
    sha256 = put_bytes(settings, png(open_picture(picture)))
    made = asyncio.run(Generator(engine).generate(sha256, picture.size_hw, options, model_version=None))
    if not made.selected:
        return []
    human = [dict(mask.segmentation) for mask in picture.masks]
    ious = np.asarray(coco_mask.iou([dict(one.rle) for one in made.selected], human, [0] * len(human)))
    return [
        (one.candidate.predicted_iou, one.candidate.stability_score, float(best))
        for one, best in zip(made.selected, ious.max(1), strict=True)
    ]


def main() -> None:
    """Prints a row for each pair of thresholds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--points-per-side", type=int, default=16)
    parser.add_argument("--photos", type=int, default=26)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    options = LOWEST.model_copy(update={"points_per_side": wanted.points_per_side})
    found: list[tuple[float, float, float]] = []
    photos = 0
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings({"SEGLOOP_DATA_DIR": folder})
        engine = Engine(settings)
        for dataset in wanted.datasets:
            for picture in read_dataset(dataset, split=wanted.split).pictures[: wanted.photos]:
                found += rows_of(engine, settings, picture, options)
                photos += 1
        engine.close()
    table = np.array(found).reshape(-1, 3)
    print(f"{photos} photos, {wanted.points_per_side} x {wanted.points_per_side} points")
    for confident in CONFIDENT:
        for stable in STABLE:
            kept = table[(table[:, 0] > confident) & (table[:, 1] >= stable), 2]
            if len(kept):
                print(
                    f"predicted IoU {confident:.2f}, stability {stable:.2f}: {len(kept) / photos:5.1f} masks a photo, "
                    f"{(kept > 0.5).mean():4.0%} above 0.5, {(kept > 0.75).mean():4.0%} above 0.75"
                )


if __name__ == "__main__":
    main()
