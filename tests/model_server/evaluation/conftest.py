"""Small datasets drawn here, and a method simple enough to work its figures out by hand."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model_server.contract.geometry import PointPrompt, Prompt
from model_server.contract.masks import Bools, encode
from model_server.evaluation.methods import Answer, Start

SIZE_HW = (60, 80)

WriteDataset = Callable[..., Path]


@pytest.fixture
def write_dataset(tmp_path: Path) -> WriteDataset:
    """Write a folder of pictures with masks: `pictures` by file name, each a list of masks of SIZE_HW."""

    def write(pictures: dict[str, list[Bools]], *, name: str = "discs", splits: dict[str, str] | None = None) -> Path:
        folder = tmp_path / name
        (folder / "images").mkdir(parents=True)
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for file_name, masks_hw in pictures.items():
            Image.fromarray(picture_of(masks_hw)).save(folder / "images" / file_name, "PNG")
            height, width = SIZE_HW
            entry = {"id": len(images) + 1, "file_name": file_name, "height": height, "width": width}
            images.append(entry | ({"split": splits[file_name]} if splits else {}))
            for mask_hw in masks_hw:
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": len(images), "segmentation": encode(mask_hw)}
                )
        (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
        return folder

    return write


def picture_of(masks_hw: Sequence[Bools]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Every mask in its own bright colour on dark ground."""
    pixels = np.full((*SIZE_HW, 3), 20, np.uint8)
    for number, mask_hw in enumerate(masks_hw):
        pixels[mask_hw] = ((60 + 83 * number) % 256, 220 - 50 * (number % 4), (120 + 31 * number) % 256)
    return pixels


@pytest.fixture
def disc() -> Callable[..., Bools]:
    """A disc of SIZE_HW pixels."""

    def draw(x: float, y: float, radius: float) -> Bools:
        rows, columns = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
        return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2

    return draw


class Pen:
    """A method that marks exactly the pixels clicked: positive ones are in, negative ones are out."""

    name = "pen"
    starts: tuple[Start, ...] = ("center", "random")
    is_correctable = True

    def look(self, image: Image.Image) -> "PenSession":
        return PenSession((image.height, image.width))

    def describe(self) -> dict[str, Any]:
        return {"kind": "by hand"}


class PenSession:
    def __init__(self, size_hw: tuple[int, int]) -> None:
        self._size_hw = size_hw

    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        mask = np.zeros(self._size_hw, np.bool_)
        for prompt in prompts:
            assert isinstance(prompt, PointPrompt)
            mask[int(prompt.y), int(prompt.x)] = prompt.label == 1
        return Answer(masks=[encode(mask)], chosen=0, predicted_iou=[0.5])


@pytest.fixture
def pen() -> Pen:
    return Pen()
