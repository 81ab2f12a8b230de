"""`python -m model_server.training.compare_detectors`: box detectors on the same pictures, with paired differences."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model_server.dataset import Picture, UnusableDataset, open_picture, read_dataset
from model_server.evaluation.box_measures import MOST_BOXES, match, measure_boxes
from model_server.evaluation.intervals import estimates
from model_server.evaluation.outputs import write
from model_server.evaluation.sampling import Limits, draw
from model_server.networks.box_head import MOST_BOXES as MOST_LOOKED_AT
from model_server.networks.box_head import BoxHead, find_boxes, load_head
from model_server.networks.boxes import Floats, ScoredBoxes, nms
from model_server.networks.huggingface_detector import (
    HuggingFaceDetector,
    is_published_detector,
    load_published_detector,
)
from model_server.networks.registry import load_network
from model_server.networks.weights import UnusableModel, read_config
from model_server.training.base import find_base
from model_server.training.detector_data import Lesson, labelled_boxes, make_lesson
from model_server.training.train import best_device
from model_server.training.train_detector import NMS_THRESHOLD

FIGURES = ("ar_10", "ar_100", "ap", "ap_50", "ap_75")


def main(argv: list[str] | None = None) -> int:
    """Measure as the arguments say; 0, or 1 with a message on stderr."""
    parser = argparse.ArgumentParser(description="Measure one box detector, or a first against a second.")
    add = parser.add_argument
    add("detectors", nargs="+", type=Path, metavar="DETECTOR", help="folders; one, or two to compare")
    add("--dataset", type=Path, required=True, metavar="FOLDER")
    add("--split", default=None, help="of pictures that name a split, use only these")
    add("--base", required=True, help="the model whose embeddings they read")
    add("--max-images", type=int, default=None, help="random pictures at most")
    add("--threads", type=int, default=0)
    add("--json", type=Path, required=True, metavar="FILE")
    given = parser.parse_args(argv)
    try:
        document = _compare(given)
        write(given.json, json.dumps(document, indent=1, allow_nan=False) + "\n")
    except (UnusableDataset, UnusableModel) as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)  # noqa: T201
        return 1
    except (OSError, ValueError) as error:
        print(str(error), file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _compare(given: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(given.threads or torch.get_num_threads())
    device = torch.device(best_device())
    network = load_network(find_base(given.base), device)
    detectors = [_load(folder, device) for folder in given.detectors]
    dataset = read_dataset(given.dataset, split=given.split)
    pictures = draw(dataset, Limits(images=given.max_images), seed=0)
    labelled = [labelled_boxes(picture) for picture in pictures]
    found: list[list[ScoredBoxes]] = [[] for _ in detectors]
    for picture in pictures:
        lesson = make_lesson(picture, network)
        for detector, boxes in zip(detectors, found, strict=True):
            boxes.append(_find(detector, picture, lesson))
    measured = [measure_boxes(boxes, labelled) for boxes in found]
    figures = [{name: getattr(one, name) for name in FIGURES} for one in measured]
    return {
        "pictures": measured[0].pictures,
        "boxes": measured[0].boxes,
        "detectors": figures,
        "difference": {"ar_100": _difference(found[0], found[1], labelled)} if len(detectors) == 2 else {},
    }


def _difference(first: list[ScoredBoxes], second: list[ScoredBoxes], labelled: list[Floats]) -> dict[str, Any]:
    """First minus second in average recall of 100 boxes, with its interval: pictures are resampled."""
    counts = np.array([len(boxes) for boxes in labelled])
    recalled = [
        np.array(
            [match(one.boxes_xyxy[:MOST_BOXES], boxes).sum(1).mean() for one, boxes in zip(some, labelled, strict=True)]
        )
        for some in (first, second)
    ]
    per_box = np.repeat((recalled[0] - recalled[1]) / np.maximum(counts, 1), counts)
    (estimate,), _ = estimates(per_box[:, None], np.repeat(np.arange(len(counts)), counts), seed=0)
    assert estimate is not None, "measure_boxes has found labelled boxes"
    return {"value": estimate.mean, "low": estimate.low, "high": estimate.high}


def _load(folder: Path, device: torch.device) -> BoxHead | HuggingFaceDetector:
    config = read_config(folder)
    if is_published_detector(config):
        return load_published_detector(folder, device)
    return load_head(folder, config, device)


def _find(detector: BoxHead | HuggingFaceDetector, picture: Picture, lesson: Lesson) -> ScoredBoxes:
    """As the model server finds boxes: in pixels of the picture, without repetitions."""
    if isinstance(detector, BoxHead):
        boxes = find_boxes(detector, lesson.embedding, lesson.frame)
    else:
        prepared = detector.prepare(open_picture(picture))
        boxes = detector.find(prepared, picture.size_hw, limit=MOST_LOOKED_AT)
    kept = nms(boxes.boxes_xyxy, boxes.scores, threshold=NMS_THRESHOLD, limit=MOST_BOXES)
    return ScoredBoxes(boxes.boxes_xyxy[kept], boxes.scores[kept])


if __name__ == "__main__":
    sys.exit(main())
