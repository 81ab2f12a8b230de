"""Known masks to annotate against: a folder of pictures with COCO json, as `segloop evaluate` takes it."""

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

from backend.commands.terminal import CommandError
from model_server.contract.masks import Rle
from model_server.contract.pixels import UnreadableImage, inspect
from model_server.dataset import MAX_PIXELS, Picture, UnusableDataset, read_dataset


@dataclass(frozen=True, slots=True)
class KnownImage:
    """A picture and the masks a person would draw on it. `size_hw` is (height, width)."""

    path: Path
    sha256: str
    size_hw: tuple[int, int]
    masks: tuple[Rle, ...]


@dataclass(frozen=True, slots=True)
class KnownImages:
    """The chosen pictures in order, and how many masks and pictures of the folder could not be used."""

    images: list[KnownImage]
    left_out: int


def read_known(folder: Path, *, count: int | None, seed: int) -> KnownImages:
    """`count` pictures (all of them when None) that have masks; they and their masks shuffled by `seed`.

    Raises CommandError.
    """
    try:
        dataset = read_dataset(folder, skip_unusable=True)
    except UnusableDataset as error:
        raise CommandError(error.message) from error
    generator = random.Random(seed)
    pictures = list(dataset.pictures)
    generator.shuffle(pictures)
    found: dict[str, KnownImage] = {}
    for picture in pictures:
        if count is not None and len(found) == count:
            break
        _check_size(picture)
        masks = [mask.segmentation for mask in picture.masks]
        generator.shuffle(masks)
        sha256 = hashlib.sha256(picture.path.read_bytes()).hexdigest()
        found.setdefault(sha256, KnownImage(picture.path, sha256, picture.size_hw, tuple(masks)))
    return KnownImages(list(found.values()), len(dataset.skipped))


def _check_size(picture: Picture) -> None:
    try:
        height, width = inspect(picture.path, MAX_PIXELS).size_hw
    except UnreadableImage as error:
        raise CommandError(f"{picture.path}: {error.message}") from error
    if (height, width) != picture.size_hw:
        said = f"{picture.size_hw[1]} x {picture.size_hw[0]}"
        raise CommandError(
            f"{picture.path} is {width} x {height} pixels (width x height), but its annotations say {said}."
        )
