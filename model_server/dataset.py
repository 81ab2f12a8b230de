"""Reads folders of pictures with masks in COCO's json: ours, and anyone's. Nothing is decoded before it is asked for.

A folder holds `annotations.json` (or exactly one other .json) and its pictures, beside it or under `images/`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from model_server.contract import masks
from model_server.contract.masks import InvalidMask, Rle
from model_server.contract.pixels import UnreadableImage, decode_rgb

MAX_PIXELS = 100_000_000
MAX_RLE_BYTES = 16_000_000
NAMED_PROBLEMS = 5  # how many a message quotes


class UnusableDataset(Exception):
    """A dataset that cannot be used; `code` is stable, `message` is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """One mask; `segmentation` is proved sound and of its picture's size. `area` is in pixels, at least 1."""

    annotation_id: int
    segmentation: Rle
    area: int
    annotator: int | None
    kind: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture with its masks, crowds left out. `size_hw` is what the json says; `open_picture` checks it."""

    image_id: int
    file_name: str
    path: Path
    size_hw: tuple[int, int]
    split: str | None
    masks: tuple[Mask, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures that have masks, in the json's order.

    `fingerprint` is the sha256 of the json and of the pictures' names and sizes in bytes. `skipped` says why
    pictures and masks were left out, for a person.
    """

    name: str
    folder: Path
    pictures: tuple[Picture, ...]
    fingerprint: str
    skipped: tuple[str, ...]


def read_dataset(folder: Path, *, split: str | None = None, skip_unusable: bool = False) -> Dataset:
    """Read a folder; of pictures that name a `split`, only those of this one. Empty masks are always skipped.

    Raises UnusableDataset: dataset_missing, dataset_unreadable, dataset_empty, and, unless `skip_unusable`,
    dataset_damaged when pictures are missing or masks do not fit.
    """
    file = _find_json(folder)
    raw = _read_json(file)
    pictures, problems, skipped = [], [], []
    fingerprint = hashlib.sha256(file.read_bytes())
    annotations = _by_image(raw, file)
    for entry in raw["images"]:
        if split is not None and isinstance(entry, dict) and entry.get("split", split) != split:
            continue
        try:
            picture, wrong, empty = _read_picture(folder, entry, annotations)
        except UnusableDataset as error:
            problems.append(error.message)
            continue
        problems += wrong
        skipped += empty
        if picture.masks:
            pictures.append(picture)
            fingerprint.update(f"{picture.file_name} {picture.path.stat().st_size}\n".encode())
    if problems and not skip_unusable:
        more = f"; and {len(problems) - NAMED_PROBLEMS} more" if len(problems) > NAMED_PROBLEMS else ""
        raise UnusableDataset(
            "dataset_damaged",
            f"{file}: {'; '.join(problems[:NAMED_PROBLEMS])}{more}. Mend them, or leave them out with --skip-unusable.",
        )
    if not pictures:
        of_split = f" of split {split!r}" if split else ""
        raise UnusableDataset("dataset_empty", f"{file}: there is no picture{of_split} with a mask that can be used.")
    return Dataset(folder.name, folder, tuple(pictures), fingerprint.hexdigest(), tuple(problems + skipped))


def by_distinct_names(datasets: Sequence[Dataset]) -> list[Dataset]:
    """The same datasets; where folders share a name, each goes by its path."""
    names = [dataset.name for dataset in datasets]
    return [one if names.count(one.name) == 1 else replace(one, name=str(one.folder)) for one in datasets]


def without_unreadable(dataset: Dataset) -> Dataset:
    """The dataset with the pictures that open. Opens every one. Raises UnusableDataset dataset_empty if none does."""
    pictures, problems = [], []
    for picture in dataset.pictures:
        try:
            open_picture(picture)
        except UnusableDataset as error:
            problems.append(error.message)
        else:
            pictures.append(picture)
    if not pictures:
        raise UnusableDataset("dataset_empty", f"{dataset.folder}: there is no picture that opens. {problems[0]}")
    return replace(dataset, pictures=tuple(pictures), skipped=(*dataset.skipped, *problems))


def open_picture(picture: Picture) -> Image.Image:
    """The picture as 8-bit RGB, turned as its EXIF says, of `size_hw`. Raises UnusableDataset picture_unreadable."""
    try:
        image = decode_rgb(picture.path, max_pixels=MAX_PIXELS)
    except (UnreadableImage, OSError) as error:
        raise UnusableDataset("picture_unreadable", f"{picture.path}: {error}") from error
    if (image.height, image.width) != picture.size_hw:
        raise UnusableDataset(
            "picture_unreadable",
            f"{picture.path} is {image.width} x {image.height} pixels (width x height), but its annotations say "
            f"{picture.size_hw[1]} x {picture.size_hw[0]}.",
        )
    return image


def _find_json(folder: Path) -> Path:
    if (folder / "annotations.json").is_file():
        return folder / "annotations.json"
    found = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if len(found) != 1:
        raise UnusableDataset(
            "dataset_missing",
            f"{folder}: there is no annotations.json" + (f" but {len(found)} other .json files." if found else "."),
        )
    return found[0]


def _read_json(file: Path) -> dict[str, Any]:
    try:
        raw = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UnusableDataset("dataset_unreadable", f"{file} is not sound json ({error}).") from error
    if not isinstance(raw, dict) or not all(isinstance(raw.get(name), list) for name in ("images", "annotations")):
        raise UnusableDataset("dataset_unreadable", f"{file} is not COCO json: it needs lists `images`, `annotations`.")
    return raw


def _by_image(raw: dict[str, Any], file: Path) -> dict[Any, list[dict[str, Any]]]:
    annotations: dict[Any, list[dict[str, Any]]] = {}
    for entry in raw["annotations"]:
        if not isinstance(entry, dict) or not isinstance(entry.get("image_id"), int | str):
            raise UnusableDataset("dataset_unreadable", f"{file}: an annotation has no image_id.")
        if not entry.get("iscrowd"):
            annotations.setdefault(entry["image_id"], []).append(entry)
    return annotations


def _read_picture(
    folder: Path, entry: Any, annotations: dict[Any, list[dict[str, Any]]]
) -> tuple[Picture, list[str], list[str]]:
    """The picture, what is wrong with its masks, and which of them are empty. Raises UnusableDataset."""
    try:
        name, image_id = str(entry["file_name"]), entry["id"]
        size_hw = int(entry["height"]), int(entry["width"])
    except (TypeError, KeyError, ValueError) as error:
        raise UnusableDataset("dataset_damaged", "an image lacks id, file_name, width or height") from error
    path = _find_picture(folder, name)
    usable, wrong, empty = [], [], []
    for number, annotation in enumerate(annotations.get(image_id, [])):
        known = annotation.get("id", number)
        try:
            segmentation = _to_rle(annotation.get("segmentation"), size_hw)
        except InvalidMask as error:
            wrong.append(f"annotation {known} on {name}: {error.message}")
            continue
        area = masks.area(segmentation)
        if area == 0:
            empty.append(f"annotation {known} on {name}: the mask is empty")
            continue
        annotator, kind = annotation.get("annotator"), annotation.get("kind")
        usable.append(
            Mask(
                annotation_id=known if isinstance(known, int) else number,
                segmentation=segmentation,
                area=area,
                annotator=annotator if isinstance(annotator, int) else None,
                kind=kind if isinstance(kind, str) else None,
            )
        )
    picture = Picture(
        image_id=image_id, file_name=name, path=path, size_hw=size_hw, split=entry.get("split"), masks=tuple(usable)
    )
    return picture, wrong, empty


def _find_picture(folder: Path, name: str) -> Path:
    root = folder.resolve()
    for path in (folder / "images" / name, folder / name):
        if path.resolve().is_relative_to(root) and path.is_file():
            return path
    raise UnusableDataset("dataset_damaged", f"the picture {name} is missing")


def _to_rle(segmentation: Any, size_hw: tuple[int, int]) -> Rle:
    """Compressed RLE, whichever of COCO's three forms is given. Raises InvalidMask."""
    if isinstance(segmentation, list):
        return _from_polygons(segmentation, size_hw)
    if not isinstance(segmentation, dict):
        raise InvalidMask("mask_malformed", "there is no segmentation")
    rle: Rle = {"size": segmentation.get("size", []), "counts": segmentation.get("counts", "")}
    if isinstance(rle["counts"], list):
        rle["counts"] = _compress(rle["counts"], size_hw)
    masks.validate(rle, size_hw, max_bytes=MAX_RLE_BYTES)
    return rle


def _compress(runs: list[Any], size_hw: tuple[int, int]) -> str:
    height, width = size_hw
    if not all(isinstance(run, int) and 0 <= run <= height * width for run in runs) or sum(runs) != height * width:
        raise InvalidMask("mask_malformed", f"its runs do not add up to {height} x {width} pixels")
    inside = np.repeat((np.arange(len(runs)) & 1).astype(np.bool_), runs)
    return masks.encode(inside.reshape(width, height).T)["counts"]


def _from_polygons(polygons: list[Any], size_hw: tuple[int, int]) -> Rle:
    height, width = size_hw
    limit = 4 * max(size_hw)
    for polygon in polygons:
        is_sound = isinstance(polygon, list) and len(polygon) >= 6 and len(polygon) % 2 == 0
        if not is_sound or not all(isinstance(value, int | float) and -limit <= value <= limit for value in polygon):
            raise InvalidMask("mask_malformed", "a polygon needs three points or more, near the picture")
    if not polygons:
        raise InvalidMask("mask_malformed", "there is no polygon")
    merged: Any = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return {"size": [height, width], "counts": merged["counts"].decode("ascii")}
