"""Pictures made by code: instances pasted into other scenes, and shapes drawn over one another.

Copy-paste (arXiv 2012.07177) with soft edges; masks are what stays visible, so the truth is exact.
`python -m model_server.training.scenes --out DIR` writes a COCO folder of drawn scenes.
"""

import argparse
import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from model_server.contract import masks as rle

Pixels = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

SMALLEST_MASK = 256  # pixels: what is left of a covered shape below that is no object


def paste_instances(
    pixels: Pixels, masks: list[Bools], cut_outs: list[tuple[Pixels, Bools]], rng: np.random.Generator
) -> tuple[Pixels, list[Bools]]:
    """Paste cut-outs (pixels, mask) of any size into an input (S, S, 3); masks below lose what they cover."""
    size = pixels.shape[0]
    canvas = pixels.copy()
    for cut_pixels, cut_mask in cut_outs:
        target = size * math.exp(rng.uniform(math.log(0.15), math.log(0.7)))
        ratio = target / max(cut_mask.shape)
        height, width = (max(2, min(size, round(side * ratio))) for side in cut_mask.shape)
        top, left = int(rng.integers(0, size - height + 1)), int(rng.integers(0, size - width + 1))
        small = np.asarray(Image.fromarray(cut_pixels).resize((width, height), Image.Resampling.BILINEAR))
        cover = Image.fromarray(np.ascontiguousarray(cut_mask).view(np.uint8) * np.uint8(255))
        alpha = np.asarray(cover.resize((width, height), Image.Resampling.BILINEAR), np.float32) / np.float32(255)
        if rng.random() < 0.5:
            small, alpha = small[:, ::-1], alpha[:, ::-1]
        part = np.s_[top : top + height, left : left + width]
        canvas[part] = _blend(canvas[part], small, alpha)
        pasted = np.zeros((size, size), np.bool_)
        pasted[part] = alpha > 0.5
        masks = [mask & ~pasted for mask in masks] + [pasted]
    return canvas, masks


def procedural_scene(size: int, rng: np.random.Generator, texture: Pixels) -> tuple[Pixels, list[Bools]]:
    """Shapes with flat colours, gradients and stretches of `texture` (S, S, 3), some with a part inside them."""
    canvas = _fill(size, rng, texture).astype(np.uint8)
    masks: list[Bools] = []
    for _ in range(int(rng.integers(4, 12))):
        shape = _shape(size, rng)
        visible = shape > 0.5
        canvas = _blend(canvas, _fill(size, rng, texture), shape)
        masks = [mask & ~visible for mask in masks] + [visible]
        if rng.random() < 0.4:  # a part: the whole keeps it, and it is a mask of its own
            part = np.minimum(_shape(size, rng, inside=visible), shape)
            canvas = _blend(canvas, _fill(size, rng, texture), part)
            masks.append(part > 0.5)
    return canvas, masks


def _blend(below: Pixels, above: Pixels | Floats, alpha: Floats) -> Pixels:
    share = alpha[..., None]
    mixed: Pixels = (below * (1 - share) + above * share).astype(np.uint8)
    return mixed


def _shape(size: int, rng: np.random.Generator, inside: Bools | None = None) -> Floats:
    """A blob, ellipse or polygon, 0..1 with a soft edge of about a pixel."""
    if inside is not None and inside.any():
        rows, columns = np.nonzero(inside)
        at = int(rng.integers(len(rows)))
        centre, radius = (columns[at], rows[at]), 0.35 * math.sqrt(len(rows)) * rng.uniform(0.4, 1)
    else:
        centre = (rng.uniform(0, size), rng.uniform(0, size))
        radius = size * math.exp(rng.uniform(math.log(0.05), math.log(0.4)))
    corners = int(rng.integers(3, 8)) if rng.random() < 0.4 else 48
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners)) if corners < 48 else np.linspace(0, 2 * np.pi, 48, False)
    wobble = np.ones(corners)
    if corners == 48:
        for frequency in range(2, 5):
            wobble += rng.uniform(0, 0.25) * np.cos(frequency * angles + rng.uniform(0, 2 * np.pi))
    long, turn = rng.uniform(1, 2.5), rng.uniform(0, np.pi)
    x, y = radius * wobble * np.cos(angles) * long, radius * wobble * np.sin(angles) / long
    corners_xy = np.stack(
        [centre[0] + x * np.cos(turn) - y * np.sin(turn), centre[1] + x * np.sin(turn) + y * np.cos(turn)], 1
    )
    drawn = Image.new("L", (2 * size, 2 * size))
    ImageDraw.Draw(drawn).polygon([(float(2 * px), float(2 * py)) for px, py in corners_xy], fill=255)
    soft = drawn.resize((size, size), Image.Resampling.BOX)
    if rng.random() < 0.3:
        soft = soft.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.0))))
    return np.asarray(soft, np.float32) / np.float32(255)


def _fill(size: int, rng: np.random.Generator, texture: Pixels) -> Floats:
    """(S, S, 3): one colour, a gradient between two, or a tinted piece of the texture; a little noise on all."""
    colour = rng.uniform(0, 255, 3)
    kind = rng.random()
    if kind < 0.35:
        whole = np.broadcast_to(colour, (size, size, 3)).astype(np.float32)
    elif kind < 0.6:
        along = np.add.outer(np.linspace(0, rng.uniform(-1, 1), size), np.linspace(0, rng.uniform(-1, 1), size))
        whole = (colour + along[..., None] * rng.uniform(-120, 120, 3)).astype(np.float32)
    else:
        shifted = np.roll(texture, (int(rng.integers(size)), int(rng.integers(size))), (0, 1))
        whole = (0.7 * shifted * rng.uniform(0.6, 1.3, 3) + 0.3 * colour).astype(np.float32)
    noise = rng.normal(0, rng.uniform(0, 6), (size, size, 1))
    return np.clip(whole + noise, 0, 255).astype(np.float32)


def main(argv: list[str] | None = None) -> int:
    """Write drawn scenes as the arguments say; the same ones for the same seed. 0, or 1 with a message on stderr."""
    parser = argparse.ArgumentParser(description="Draw scenes of shapes as a COCO folder: masks that nobody drew.")
    add = parser.add_argument
    add("--out", type=Path, required=True, help="a folder that does not exist yet")
    add("--images", type=int, default=40)
    add("--size", type=int, default=320, help="side in pixels")
    add("--seed", type=int, default=7)
    given = parser.parse_args(argv)
    try:
        write_scenes(given.out, images=given.images, size=given.size, seed=given.seed)
    except OSError as error:
        print(f"cannot_write: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def write_scenes(out: Path, *, images: int, size: int, seed: int) -> None:
    """A COCO folder of `images` square scenes, there whole or not at all. Raises OSError."""
    unfinished = out.with_name(out.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "images").mkdir(parents=True)
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(images):
        rng = np.random.default_rng((seed, number))
        pixels, found = procedural_scene(size, rng, _clouds(size, rng))
        Image.fromarray(pixels).save(unfinished / "images" / f"{number}.png")
        listed.append({"id": number, "file_name": f"{number}.png", "height": size, "width": size})
        for mask in found:
            if SMALLEST_MASK <= mask.sum() <= 0.9 * mask.size:
                annotations.append({"id": len(annotations), "image_id": number, "segmentation": rle.encode(mask)})
    (unfinished / "annotations.json").write_text(json.dumps({"images": listed, "annotations": annotations}))
    unfinished.rename(out)


def _clouds(size: int, rng: np.random.Generator) -> Pixels:
    """(S, S, 3): noise at four scales, where there is no photo to take a texture from."""
    total = np.zeros((size, size, 3), np.float32)
    for cells in (4, 12, 40, size):
        noise = rng.integers(0, 256, (cells, cells, 3), np.uint8)
        total += np.asarray(Image.fromarray(noise).resize((size, size), Image.Resampling.BICUBIC), np.float32) / 4
    return total.astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main())
