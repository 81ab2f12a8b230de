"""Where a training input is cut from a picture, and how its colours change. Pure functions of a random generator."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from model_server.contract.view import ZOOM, closer_cell, zoomed_view

Pixels = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

MEAN_COLOUR = (124, 116, 104)  # ImageNet's, what padding is after normalising: zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How far inputs stray from the picture. `scale` is large-scale jitter (arXiv 2012.07177): below 1 the picture
    shrinks into padding, above 1 a crop grows to fill the input. `stretch` is the largest change of aspect.
    `colour` is how strong changes of brightness, contrast, saturation and tint are, 0 for none.
    """

    scale: tuple[float, float] = (0.1, 2.0)
    stretch: float = 1.0
    colour: float = 0.0
    flip: bool = True

    @property
    def is_none(self) -> bool:
        """Whether every look at a picture is the same."""
        return self.scale == (1.0, 1.0) and self.stretch == 1.0 and self.colour == 0 and not self.flip


@dataclass(frozen=True, slots=True)
class View:
    """A window of a picture, x1 y1 x2 y2 in its pixels and perhaps beyond it, that fills the square input."""

    window_xyxy: tuple[float, float, float, float]
    is_flipped: bool
    input_size: int

    def of_picture(self, picture: Image.Image) -> Pixels:
        """The input (S, S, 3); what lies outside the picture has ImageNet's mean colour."""
        whole = Image.new("RGB", (self.input_size, self.input_size), MEAN_COLOUR)
        placed = self._placed(picture, Image.Resampling.BILINEAR)
        if placed is not None:
            whole.paste(placed[0], placed[1])
        pixels = np.asarray(whole)
        return np.ascontiguousarray(pixels[:, ::-1]) if self.is_flipped else pixels

    def of_mask(self, mask_hw: Bools) -> Bools:
        """The mask's input (S, S): more than half covered."""
        picture = Image.fromarray(np.ascontiguousarray(mask_hw).view(np.uint8) * np.uint8(255))
        return self._of_grey(picture, Image.Resampling.BILINEAR) > 127

    def of_numbers(self, numbers_hw: npt.NDArray[np.uint16]) -> npt.NDArray[np.int32]:
        """Region numbers' input (S, S), nearest; 0 outside. The map may have another resolution than the picture."""
        return self._of_grey(Image.fromarray(numbers_hw.astype(np.int32), mode=None), Image.Resampling.NEAREST)

    def scaled(self, ratio_xy: tuple[float, float]) -> "View":
        """The same view over a picture resized by `ratio_xy`."""
        x1, y1, x2, y2 = self.window_xyxy
        rx, ry = ratio_xy
        return View((x1 * rx, y1 * ry, x2 * rx, y2 * ry), self.is_flipped, self.input_size)

    def _of_grey(self, picture: Image.Image, how: Image.Resampling) -> npt.NDArray[np.int32]:
        values = np.zeros((self.input_size, self.input_size), np.int32)
        placed = self._placed(picture, how)
        if placed is not None:
            (left, top), small = placed[1], np.asarray(placed[0])
            values[top : top + small.shape[0], left : left + small.shape[1]] = small
        return values[:, ::-1] if self.is_flipped else values

    def _placed(self, picture: Image.Image, how: Image.Resampling) -> tuple[Image.Image, tuple[int, int]] | None:
        """The part of the picture that the window shows, at the input's scale, and where it lies there."""
        x1, y1, x2, y2 = self.window_xyxy
        box = (max(x1, 0.0), max(y1, 0.0), min(x2, float(picture.width)), min(y2, float(picture.height)))
        per_x, per_y = self.input_size / (x2 - x1), self.input_size / (y2 - y1)
        left, top = round((box[0] - x1) * per_x), round((box[1] - y1) * per_y)
        width = min(self.input_size - left, round((box[2] - box[0]) * per_x))
        height = min(self.input_size - top, round((box[3] - box[1]) * per_y))
        if width < 1 or height < 1:
            return None
        return picture.resize((width, height), how, box=box), (left, top)


def choose_view(
    size_hw: tuple[int, int], input_size: int, augmentation: Augmentation, rng: np.random.Generator, *, stretched: bool
) -> View:
    """A window by the augmentation; `stretched` families see windows of the picture's aspect, others square ones."""
    height, width = size_hw
    low, high = augmentation.scale
    scale = math.exp(rng.uniform(math.log(low), math.log(high)))
    whole_h, whole_w = (height, width) if stretched else (max(size_hw), max(size_hw))
    tilt = math.exp(rng.uniform(-1, 1) * math.log(augmentation.stretch) / 2)
    window_h, window_w = whole_h / scale / tilt, whole_w / scale * tilt
    x1, y1 = _start(window_w, width, rng), _start(window_h, height, rng)
    is_flipped = augmentation.flip and bool(rng.random() < 0.5)
    return View((x1, y1, x1 + window_w, y1 + window_h), is_flipped, input_size)


def choose_closer_view(
    bbox_xywh: Sequence[int],
    size_hw: tuple[int, int],
    input_size: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> View | None:
    """The part that is encoded for a person who has zoomed in to an object, not quite in the middle; None where the
    whole picture would be. Families that pad see the picture go on where a served part ends.
    """
    x, y, width, height = bbox_xywh
    aside = rng.uniform(-0.5, 0.5, 2) * (width, height)
    seen = (int(x + aside[0]), int(y + aside[1]), width, height)
    zoom = ZOOM * math.exp(rng.uniform(-1, 1) * math.log(1.5))
    cell = closer_cell(zoomed_view(seen, size_hw, zoom=zoom), size_hw, input_size=input_size)
    if cell is None:
        return None
    is_flipped = augmentation.flip and bool(rng.random() < 0.5)
    x1, y1, x2, y2 = map(float, cell)
    return View((x1, y1, x2, y2), is_flipped, input_size)


def _start(window: float, side: int, rng: np.random.Generator) -> float:
    """A crop starts anywhere inside; padding lies at the right and bottom, as in the served inputs."""
    return float(rng.uniform(0, side - window)) if window < side else 0.0


def change_colours(pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Brightness, contrast, tint and saturation by up to 40 % x strength; now and then grey, blurred or noisy."""
    if strength <= 0:
        return pixels
    values: npt.NDArray[np.floating] = pixels.astype(np.float32)
    swing = 0.4 * strength
    grey = values.mean(2, keepdims=True)
    values = grey + (values - grey) * rng.uniform(1 - swing, 1 + swing)
    values = (values - 128) * rng.uniform(1 - swing, 1 + swing) + 128
    values = values * rng.uniform(1 - swing / 2, 1 + swing / 2, 3) + rng.uniform(-64, 64) * swing
    if rng.random() < 0.06 * strength:
        values = np.repeat(values.mean(2, keepdims=True), 3, 2)
    if rng.random() < 0.1 * strength:
        values += rng.normal(0, rng.uniform(2, 12), values.shape)
    changed: Pixels = np.clip(values, 0, 255).astype(np.uint8)
    if rng.random() < 0.1 * strength:
        blur = ImageFilter.GaussianBlur(float(rng.uniform(0.4, 1.2)))
        changed = np.asarray(Image.fromarray(changed).filter(blur))
    return changed
