"""Known masks to annotate against: a folder of pictures with COCO json, as `segloop evaluate` takes it."""

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from backend.commands.terminal import CommandError
from model_server.contract import masks
from model_server.contract.masks import InvalidMask, Rle
from model_server.contract.pixels import UnreadableImage, inspect

MAX_PIXELS = 100_000_000
MAX_RLE_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class KnownImage:
    """A picture and the masks a person would draw on it. `size_hw` is (height, width)."""

    path: Path
    sha256: str
    size_hw: tuple[int, int]
    masks: tuple[Rle, ...]


@dataclass(frozen=True, slots=True)
class KnownImages:
    """The chosen pictures in order, and how many masks could not be used."""

    images: list[KnownImage]
    left_out: int


def read_known(folder: Path, *, count: int | None, seed: int) -> KnownImages:
    """`count` pictures (all of them when None) that have masks; they and their masks shuffled by `seed`.

    Raises CommandError.
    """
    file = _find_json(folder)
    raw = _read_json(file)
    by_image: dict[Any, list[Any]] = {}
    for annotation in raw["annotations"]:
        if not annotation.get("iscrowd"):
            by_image.setdefault(annotation.get("image_id"), []).append(annotation.get("segmentation"))
    entries = [entry for entry in raw["images"] if by_image.get(entry.get("id"))]
    generator = random.Random(seed)
    generator.shuffle(entries)
    found: dict[str, KnownImage] = {}
    left_out = 0
    for entry in entries:
        if count is not None and len(found) == count:
            break
        path = _find_picture(folder, str(entry.get("file_name")))
        size_hw = _size_hw(path, entry)
        usable = [rle for rle in (_to_rle(one, size_hw) for one in by_image[entry["id"]]) if rle is not None]
        left_out += len(by_image[entry["id"]]) - len(usable)
        generator.shuffle(usable)
        if usable:
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            found.setdefault(sha256, KnownImage(path, sha256, size_hw, tuple(usable)))
    if not found:
        raise CommandError(f"{file}: there is no picture with a mask that can be used.")
    return KnownImages(list(found.values()), left_out)


def _find_json(folder: Path) -> Path:
    if (folder / "annotations.json").is_file():
        return folder / "annotations.json"
    found = sorted(folder.glob("*.json"))
    if len(found) != 1:
        others = f", but {len(found)} other .json files" if found else ""
        raise CommandError(f"{folder}: there is no annotations.json{others}.")
    return found[0]


def _read_json(file: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        raw = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{file} is not sound json ({error}).") from error
    names = ("images", "annotations")
    is_coco = isinstance(raw, dict) and all(
        isinstance(raw.get(name), list) and all(isinstance(entry, dict) for entry in raw[name]) for name in names
    )
    if not is_coco:
        raise CommandError(f"{file} is not COCO json: it needs lists `images` and `annotations`.")
    return {name: raw[name] for name in names}


def _find_picture(folder: Path, name: str) -> Path:
    for path in (folder / "images" / name, folder / name):
        if path.is_file():
            return path
    raise CommandError(f"{folder}: the picture {name} is missing.")


def _size_hw(path: Path, entry: dict[str, Any]) -> tuple[int, int]:
    try:
        height, width = inspect(path, MAX_PIXELS).size_hw
    except UnreadableImage as error:
        raise CommandError(f"{path}: {error.message}") from error
    if (height, width) != (entry.get("height"), entry.get("width")):
        said = f"{entry.get('width')} x {entry.get('height')}"
        raise CommandError(f"{path} is {width} x {height} pixels (width x height), but its annotations say {said}.")
    return height, width


def _to_rle(segmentation: Any, size_hw: tuple[int, int]) -> Rle | None:
    """COCO's polygons, runs or compressed runs as compressed runs; None for what is no mask, or an empty one."""
    height, width = size_hw
    packed: Any
    try:
        if isinstance(segmentation, list):
            polygons: Any = _sound_polygons(segmentation, size_hw)
            packed = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
            counts = packed["counts"].decode("ascii")
        elif isinstance(segmentation, dict) and isinstance(segmentation.get("counts"), list):
            runs = segmentation["counts"]
            if not all(isinstance(run, int) and 0 <= run <= height * width for run in runs):
                return None
            packed = coco_mask.frPyObjects({"size": [height, width], "counts": runs}, height, width)
            counts = packed["counts"].decode("ascii")
        else:
            counts = segmentation["counts"]
        rle: Rle = {"size": [height, width], "counts": counts}
        masks.validate(rle, size_hw, max_bytes=MAX_RLE_BYTES)
    except (InvalidMask, TypeError, KeyError, ValueError):
        return None
    return rle if masks.area(rle) else None


def _sound_polygons(polygons: list[Any], size_hw: tuple[int, int]) -> list[list[float]]:
    """As they are, once nothing in them can lead the C code astray. Raises ValueError."""
    limit = 4 * max(size_hw)
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError("a polygon needs three points or more")
        if not all(isinstance(value, int | float) and -limit <= value <= limit for value in polygon):
            raise ValueError("a polygon lies far from the picture")
    if not polygons:
        raise ValueError("there is no polygon")
    return polygons
