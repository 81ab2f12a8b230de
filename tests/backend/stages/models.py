"""What a model finds, without asking one; and a real detector for the tiny network."""

import io
import json
from pathlib import Path

import numpy as np
import PIL.Image
from sqlalchemy import update

from backend.annotations.proposals import Found
from backend.database import Database
from backend.projects.tables import Project
from model_server.contract import masks

SIZE_HW = (40, 60)
# Few boxes: what is proved does not need many.
BOXES = {"min_score": 0.05, "max_proposals": 4}


def square(left: int, top: int = 5, side: int = 8, *, predicted_iou: float = 0.9, score: float | None = 0.6) -> Found:
    """A found square of `side` pixels."""
    mask = np.zeros(SIZE_HW, bool)
    mask[top : top + side, left : left + side] = True
    x, y = left + side / 2, top + side / 2
    return Found(
        rle=masks.encode(mask),
        area=side * side,
        bbox_xywh=(left, top, side, side),
        predicted_iou=predicted_iou,
        stability_score=0.97,
        prompts=[{"type": "point", "x": x, "y": y, "label": 1, "candidate": None}],
        score=score,
    )


def write_detector(folder: Path, *, encoder_fingerprint: str) -> None:
    """An untrained box head over the tiny network's embeddings: squares all over the image, each of quality 0.1."""
    import torch
    from safetensors.torch import save_file

    from model_server.networks.box_head import BoxHead, HeadShape, shape_as_json

    torch.manual_seed(0)
    shape = HeadShape(channels=(3,), sides=(64,), input_size=128, width=8, blocks=1)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(BoxHead(shape).state_dict(), folder / "model.safetensors")
    config = shape_as_json(shape) | {"encoder_fingerprint": encoder_fingerprint}
    (folder / "config.json").write_text(json.dumps(config))


def disc(seed: int) -> bytes:
    """A picture of a bright disc, like no other seed's."""
    height, width = 48, 64
    rows, columns = np.mgrid[0:height, 0:width]
    is_inside = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (height / 3) ** 2
    pixels = np.where(is_inside[..., None], [230, 200, 40], [20, 30, 60]).astype(np.uint8)
    pixels[0, 0] = 10 + seed
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def set_detector(database: Database, project_id: int, version: str | None) -> None:
    """Makes a detector live, without a promotion."""
    with database.write() as session:
        session.execute(update(Project).where(Project.id == project_id).values(detector_version=version))
