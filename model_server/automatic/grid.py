"""Where to look: crops of an image, and a grid of points on each (segment_anything/utils/amg.py)."""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from model_server.contract.automatic import AutomaticOptions, points_per_side

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of the image, x1 < x2 and y1 < y2 in image pixels. Layer 0 is the image itself."""

    box_xyxy: Box
    layer: int

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width."""
        x1, y1, x2, y2 = self.box_xyxy
        return y2 - y1, x2 - x1

    @property
    def box_xywh(self) -> Box:
        """Left, top, width, height."""
        x1, y1, x2, y2 = self.box_xyxy
        return x1, y1, x2 - x1, y2 - y1

    @property
    def area(self) -> int:
        """In pixels."""
        return self.size_hw[0] * self.size_hw[1]


def crops_of(size_hw: tuple[int, int], options: AutomaticOptions) -> list[Crop]:
    """The image, then the crops of each layer, left to right and top to bottom within each column of crops.

    Crops of no pixels, which an image smaller than the number of crops has, are left out.
    """
    height, width = size_hw
    crops = [Crop((0, 0, width, height), 0)]
    for layer in range(1, options.crop_n_layers + 1):
        count = 2**layer
        overlap = int(options.crop_overlap_ratio * min(size_hw) * (2 / count))
        crop_height, crop_width = (math.ceil((overlap * (count - 1) + side) / count) for side in size_hw)
        lefts = [(crop_width - overlap) * i for i in range(count)]
        tops = [(crop_height - overlap) * i for i in range(count)]
        boxes = [(x, y, min(x + crop_width, width), min(y + crop_height, height)) for x, y in product(lefts, tops)]
        crops += [Crop(box, layer) for box in boxes if box[0] < box[2] and box[1] < box[3]]
    return crops


def points_of(crop: Crop, options: AutomaticOptions) -> npt.NDArray[np.float32]:
    """Points (n, 2) in pixels of the crop, row by row: the middles of n by n equal parts."""
    count = points_per_side(options, crop.layer)
    places = (np.arange(count) + 0.5) / count
    height, width = crop.size_hw
    xy = np.stack(np.meshgrid(places * width, places * height), axis=-1)
    return xy.reshape(-1, 2).astype(np.float32)
