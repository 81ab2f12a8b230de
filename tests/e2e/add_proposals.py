"""Adds rectangles to an image as a detector's proposals: `python -m tests.e2e.add_proposals DATABASE_URL < JSON`.

Stands in for the propose job where no detector has been trained; everything behind it is the backend's own.
The JSON: {"image_id", "boxes": [[x, y, width, height, predicted IoU and score], ...], "detector_version"}; the latter,
null or the name of one that does not exist, is then the project's.
"""

import json
import sys

import numpy as np

from backend.annotations.proposals import Found, add_found
from backend.database import Database
from backend.images.service import get_image
from backend.projects.service import get_project
from model_server.contract.masks import encode


def _rectangle(
    size_hw: tuple[int, int], box_xywh: tuple[int, int, int, int], predicted_iou: float, detector_version: str | None
) -> Found:
    x, y, width, height = box_xywh
    pixels = np.zeros(size_hw, bool)
    pixels[y : y + height, x : x + width] = True
    area = width * height
    of_box = {"score": predicted_iou, "detector_version": detector_version}
    return Found(encode(pixels), area, box_xywh, predicted_iou, stability_score=1.0, prompts=[], **of_box)


def main() -> None:
    """Reads standard input."""
    wanted = json.load(sys.stdin)
    database = Database(sys.argv[1])
    with database.write() as session:
        image = get_image(session, wanted["image_id"])
        size_hw = (image.height, image.width)
        version = wanted["detector_version"]
        if version is not None:
            get_project(session, image.project_id).detector_version = version
        found = [
            _rectangle(size_hw, (x, y, width, height), iou, version) for x, y, width, height, iou in wanted["boxes"]
        ]
        add_found(session, image, found, origin="detector", stage="semi_automatic", model_version="rectangles")
    database.close()


if __name__ == "__main__":
    main()
