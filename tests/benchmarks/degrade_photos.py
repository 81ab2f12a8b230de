"""Photos as another instrument would take them, under the same masks: a domain that no model here was trained on.

`python -m tests.benchmarks.degrade_photos FOLDER OUT KIND` copies a COCO folder. `relief`: grey differential contrast,
the slope of the blurred photo with noise; `quiet-relief` the same of a better camera; `dark` is shot noise at six
photons for white; `false-colours` shows brightness as three turns of the colour wheel, as thermal cameras do.
"""

import json
import sys
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Floats = npt.NDArray[np.float32]
PHOTONS = 6.0


def relief(photo: Image.Image, generator: np.random.Generator, *, contrast: float = 3, noise: float = 14) -> Floats:
    """(height, width, 3), in 8-bit units, not clipped yet. `noise`: its standard deviation."""
    grey = np.asarray(photo.convert("L").filter(ImageFilter.GaussianBlur(1)), np.float32)
    slope = np.zeros_like(grey)
    slope[1:, 1:] = grey[1:, 1:] - grey[:-1, :-1]
    noisy = 128 + contrast * slope + generator.normal(0, noise, grey.shape)
    return np.asarray(noisy[..., None].repeat(3, 2), np.float32)


def dark(photo: Image.Image, generator: np.random.Generator) -> Floats:
    """(height, width, 3), in 8-bit units, not clipped yet."""
    light = np.asarray(photo, np.float32) / 255
    return np.asarray(generator.poisson(light * PHOTONS) / PHOTONS * 255, np.float32)


def false_colours(photo: Image.Image, generator: np.random.Generator) -> Floats:
    """(height, width, 3), in 8-bit units; of brightness with noise of 0.02."""
    brightness = np.asarray(photo.convert("L"), np.float32) / 255
    turns = 3 * np.clip(brightness + generator.normal(0, 0.02, brightness.shape), 0, 1)
    return np.asarray(255 * np.abs(np.sin(np.pi * turns[..., None] + np.arange(3))), np.float32)


KINDS = {
    "relief": relief,
    "quiet-relief": partial(relief, contrast=4, noise=4),
    "dark": dark,
    "false-colours": false_colours,
}


def main(source: Path, out: Path, kind: str) -> None:
    """Writes annotations.json and images/*.png; the noise of a photo depends on its name alone."""
    (out / "images").mkdir(parents=True)
    document: dict[str, Any] = json.loads((source / "annotations.json").read_text())
    change = KINDS[kind]
    for entry in document["images"]:
        path = source / "images" / Path(entry["file_name"]).name
        with Image.open(path) as photo:
            pixels = change(photo.convert("RGB"), np.random.default_rng(zlib.crc32(path.name.encode())))
        entry["file_name"] = f"{path.stem}.png"
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out / "images" / entry["file_name"])
    (out / "annotations.json").write_text(json.dumps(document))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
