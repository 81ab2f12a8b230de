"""Where an image lies in a network's square input: stretched to fill it, or scaled to the long side and padded."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]

COVERED = 0.4  # of a pixel that counts as inside; not a half, which straight edges leave often and roundings decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An image of `size_hw` resized to `resized_hw`, at the top left of a square of `input_size` pixels.

    `low_size` is the side of the network's logits, which cover the same square.
    """

    size_hw: tuple[int, int]
    resized_hw: tuple[int, int]
    input_size: int
    low_size: int

    def to_input(self, xy: Floats) -> Floats:
        """Image pixels to input pixels, shape (..., 2); by the real ratio per axis, as both families do."""
        ratio_xy = np.array([self.resized_hw[1] / self.size_hw[1], self.resized_hw[0] / self.size_hw[0]], np.float64)
        return (xy * ratio_xy).astype(np.float32)

    @property
    def low_step_hw(self) -> tuple[float, float]:
        """How far one image pixel reaches in low-resolution pixels, per axis."""
        low_per_input = self.low_size / self.input_size
        return (
            self.resized_hw[0] / self.size_hw[0] * low_per_input,
            self.resized_hw[1] / self.size_hw[1] * low_per_input,
        )

    def mask_to_low(self, mask_hw: npt.NDArray[np.bool_]) -> Floats:
        """How much of each low-resolution pixel a mask covers, 0..1, (low_size, low_size); 0 in the padding."""
        low_per_input = self.low_size / self.input_size
        height, width = (max(1, round(side * low_per_input)) for side in self.resized_hw)
        # Column-major masks (as RLE decodes) are read transposed, so that no copy of the large side is made.
        picture = Image.fromarray(mask_hw.T.view(np.uint8) * np.uint8(255))
        small = np.asarray(picture.resize((height, width), Image.Resampling.BILINEAR), np.float32) / 255
        cover = np.zeros((self.low_size, self.low_size), np.float32)
        cover[:height, :width] = small.T
        return cover

    def deep_inside(self, cover: Floats) -> tuple[float, float] | None:
        """A point (x, y) in image pixels, deep inside the mask that covers so much of each low-resolution pixel.

        The middle of the pixel farthest from the outside in rows or columns, the first of equals; None without a mask.
        """
        inside = cover > min(COVERED, 0.99 * cover.max())
        if not inside.any():
            return None
        while (within := _eroded(inside)).any():
            inside = within
        row, column = np.argwhere(inside)[0]
        step_y, step_x = self.low_step_hw
        return (column + 0.5) / step_x, (row + 0.5) / step_y


def _eroded(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Without the pixels that have one from outside among their eight neighbours; beyond the array is outside."""
    padded = np.pad(inside, 1)
    across = padded[:, :-2] & padded[:, 1:-1] & padded[:, 2:]
    return across[:-2] & across[1:-1] & across[2:]


def stretched(size_hw: tuple[int, int], *, input_size: int, low_size: int) -> Frame:
    """SAM 2: both sides to `input_size`, whatever the aspect."""
    return Frame(size_hw=size_hw, resized_hw=(input_size, input_size), input_size=input_size, low_size=low_size)


def padded(size_hw: tuple[int, int], *, input_size: int, low_size: int) -> Frame:
    """SAM: the long side to `input_size`, the short side rounded, the rest padding (ResizeLongestSide)."""
    scale = input_size / max(size_hw)
    height, width = (max(1, int(side * scale + 0.5)) for side in size_hw)
    return Frame(size_hw=size_hw, resized_hw=(height, width), input_size=input_size, low_size=low_size)


def resize(image: Image.Image, frame: Frame) -> npt.NDArray[np.uint8]:
    """Antialiased bilinear in 8 bits, as SAM's own preprocessing; (height, width, 3) of `frame.resized_hw`."""
    height, width = frame.resized_hw
    return np.array(image.resize((width, height), Image.Resampling.BILINEAR))
