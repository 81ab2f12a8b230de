"""Classical methods under the same protocols, so that a network's figures have something to be compared with.

All work on the picture with its long side at 320 pixels, and give masks of the image's size (nearest neighbour).
"""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage import color, filters, segmentation

from model_server.contract.geometry import BoxPrompt, PointPrompt, Prompt
from model_server.contract.masks import Bools, encode, encode_crop
from model_server.evaluation.methods import Answer, Method, Session, Start

Pixels = npt.NDArray[np.uint8]

# scikit-image has no types
felzenszwalb: Any = segmentation.felzenszwalb
flood: Any = segmentation.flood
gaussian: Any = filters.gaussian
rgb2lab: Any = color.rgb2lab

LONG_SIDE = 320
SIGMA = 0.8
FELZENSZWALB_SCALES = ((60, 40), (200, 120), (700, 400))  # (scale, smallest region in pixels)
FLOOD_TOLERANCES = (8.0, 16.0, 32.0)  # CIE76 colour difference to the clicked pixel
GRABCUT_ITERATIONS = 5
NO_BOX = (0, 0, 0, 0)  # the box is in the mask given


class Small:
    """A picture made small, and the way there and back."""

    def __init__(self, image: Image.Image) -> None:
        scale = LONG_SIDE / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        self.size_hw = (image.height, image.width)
        self.pixels: Pixels = np.array(image.resize((width, height), Image.Resampling.BILINEAR))
        self._rows = ((np.arange(image.height) + 0.5) * height / image.height).astype(np.int64)
        self._columns = ((np.arange(image.width) + 0.5) * width / image.width).astype(np.int64)

    def pixel_of(self, point: PointPrompt) -> tuple[int, int]:
        """(row, column) of the small picture under a point of the image."""
        height, width = self.size_hw
        return (
            int(self._rows[min(max(int(point.y), 0), height - 1)]),
            int(self._columns[min(max(int(point.x), 0), width - 1)]),
        )

    def answer(self, masks_hw: Sequence[Bools]) -> Answer:
        """Masks of the small picture as an answer; the single one is the middle."""
        full = [encode(mask_hw[self._rows][:, self._columns]) for mask_hw in masks_hw]
        return Answer(masks=full, chosen=len(full) // 2)


class Baseline:
    """A classical method: a name, what it starts from, and how it looks at a picture."""

    is_correctable = False

    def __init__(
        self, name: str, look: Callable[[Image.Image], Session], starts: tuple[Start, ...], settings: dict[str, Any]
    ) -> None:
        self.name, self.look, self.starts, self._settings = name, look, starts, settings

    def describe(self) -> dict[str, Any]:
        """Settings."""
        return {"kind": "baseline", "long_side": LONG_SIDE, **self._settings}


class Regions(Session):
    """Felzenszwalb and Huttenlocher's regions at three scales; a click gets the three it lies in."""

    def __init__(self, image: Image.Image) -> None:
        self._small = Small(image)
        self._labels = [
            felzenszwalb(self._small.pixels, scale=scale, sigma=SIGMA, min_size=min_size)
            for scale, min_size in FELZENSZWALB_SCALES
        ]

    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        """Regions under the first click."""
        seed = self._small.pixel_of(_first_point(prompts))
        return self._small.answer([labels == labels[seed] for labels in self._labels])


class Flood(Session):
    """Connected pixels of a colour like the clicked one's: CIELAB, Euclidean, three tolerances."""

    def __init__(self, image: Image.Image) -> None:
        self._small = Small(image)
        smooth = gaussian(self._small.pixels / 255.0, sigma=SIGMA, channel_axis=-1)
        self._lab = rgb2lab(smooth)

    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        """Regions grown from the first click."""
        seed = self._small.pixel_of(_first_point(prompts))
        difference = np.linalg.norm(self._lab - self._lab[seed], axis=-1)
        return self._small.answer([flood(difference, seed, tolerance=tolerance) for tolerance in FLOOD_TOLERANCES])


class GrabCut(Session):
    """GrabCut (Rother et al. 2004) from a box; the filled box where it has no background or too few pixels to model."""

    def __init__(self, image: Image.Image) -> None:
        self._small = Small(image)
        self._bgr = np.ascontiguousarray(self._small.pixels[..., ::-1])

    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        """The object inside the box."""
        trimap = _trimap(self._small, _box(prompts))
        models = np.zeros((2, 1, 65))
        cv2.setRNGSeed(0)  # its k-means is random
        labels = trimap.copy()
        try:
            cv2.grabCut(self._bgr, labels, NO_BOX, models[0], models[1], GRABCUT_ITERATIONS, cv2.GC_INIT_WITH_MASK)
        except cv2.error:  # fewer pixels of one kind than colours in its model
            labels = trimap
        inside = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
        return self._small.answer([inside if inside.any() else trimap == cv2.GC_PR_FGD])


class FilledBox(Session):
    """The box itself: what any answer to a box must beat."""

    def __init__(self, image: Image.Image) -> None:
        self._size_hw = (image.height, image.width)

    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        """All pixels inside the box."""
        box = _box(prompts)
        filled = np.ones((int(box.y2 - box.y1), int(box.x2 - box.x1)), np.bool_)
        return Answer(
            masks=[encode_crop(filled, offset_xy=(int(box.x1), int(box.y1)), size_hw=self._size_hw)], chosen=0
        )


def baselines() -> list[Method]:
    """All of them, for rows of the same table."""
    clicks: tuple[Start, ...] = ("center", "random")
    return [
        Baseline("Felzenszwalb", Regions, clicks, {"scales": FELZENSZWALB_SCALES, "sigma": SIGMA}),
        Baseline("flood fill", Flood, clicks, {"colours": "CIELAB", "tolerances": FLOOD_TOLERANCES, "sigma": SIGMA}),
        Baseline("GrabCut", GrabCut, ("box",), {"iterations": GRABCUT_ITERATIONS}),
        Baseline("filled box", FilledBox, ("box",), {}),
    ]


def _first_point(prompts: Sequence[Prompt]) -> PointPrompt:
    return next(prompt for prompt in prompts if isinstance(prompt, PointPrompt))


def _box(prompts: Sequence[Prompt]) -> BoxPrompt:
    return next(prompt for prompt in prompts if isinstance(prompt, BoxPrompt))


def _trimap(small: Small, box: BoxPrompt) -> Pixels:
    """Probable object inside the box, at least one pixel of it; background outside."""
    top, left = small.pixel_of(PointPrompt(x=box.x1, y=box.y1, label=1))
    bottom, right = small.pixel_of(PointPrompt(x=box.x2 - 0.5, y=box.y2 - 0.5, label=1))
    trimap = np.full(small.pixels.shape[:2], cv2.GC_BGD, np.uint8)
    trimap[top : bottom + 1, left : right + 1] = cv2.GC_PR_FGD
    return trimap
