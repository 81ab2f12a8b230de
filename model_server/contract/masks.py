"""Masks as COCO run-length encoding: lossless, column by column, at the image's own resolution.

Our own numpy proves every string sound before pycocotools' C code, which trusts its input, may read it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask
from typing_extensions import TypedDict

Bools = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]

_MAX_CHARS_PER_RUN = 7  # 35 bits; pictures have far fewer than 2^32 pixels
MAX_PIXELS = 2**32 - 1  # pycocotools counts in 32 bits


class Rle(TypedDict):
    """COCO's compressed run-length encoding. `size` is [height, width]."""

    size: list[int]
    counts: str


class InvalidMask(Exception):
    """An encoding that is not a mask; codes: mask_malformed, mask_size_mismatch, mask_too_large."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def encode(mask_hw: Bools) -> Rle:
    """Encode a whole mask (height, width) of bools; byte-identical with pycocotools."""
    height, width = mask_hw.shape
    return encode_crop(mask_hw, offset_xy=(0, 0), size_hw=(height, width))


def encode_crop(crop_hw: Bools, *, offset_xy: tuple[int, int], size_hw: tuple[int, int]) -> Rle:
    """Encode a mask that is empty outside `crop_hw`, whose top-left pixel lies at `offset_xy`.

    No array of the full size is made. Fastest when the crop is the transpose of a contiguous (width, height) array.
    """
    return from_changes(_changes_of_crop(crop_hw, offset_xy=offset_xy, size_hw=size_hw), size_hw=size_hw)


def _changes_of_crop(crop_hw: Bools, *, offset_xy: tuple[int, int], size_hw: tuple[int, int]) -> Positions:
    (height, width), (crop_height, crop_width), (left, top) = size_hw, crop_hw.shape, offset_xy
    if left < 0 or top < 0 or left + crop_width > width or top + crop_height > height:
        raise ValueError("the crop does not lie inside the image")
    if crop_hw.size == 0:
        return np.empty(0, np.int64)
    # A False below each column ends every run inside its own column and stands for the False above the next one.
    columns = np.zeros((crop_width, crop_height + 1), np.bool_)
    columns[:, :crop_height] = crop_hw.T
    flat = columns.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[0]:
        changes = np.concatenate(([0], changes))
    column, row = np.divmod(changes, crop_height + 1)
    positions = (left + column) * height + top + row
    if crop_height == height:  # a run that goes on in the next column: its end and its start cancel out
        joined = np.flatnonzero(positions[1:] == positions[:-1])
        positions = np.delete(positions, np.concatenate((joined, joined + 1)))
    return positions[:-1] if positions.size and positions[-1] == height * width else positions


def from_changes(changes: Positions, *, size_hw: tuple[int, int]) -> Rle:
    """Compress a mask given by its changes: column-major positions, rising, of pixels unlike the one before.

    The pixel before the first counts as outside; positions are below height x width.
    """
    height, width = size_hw
    runs = np.diff(changes, prepend=0, append=height * width)
    packed: Any = coco_mask.frPyObjects({"size": [height, width], "counts": runs.tolist()}, height, width)
    return {"size": [height, width], "counts": packed["counts"].decode("ascii")}


def to_runs(rle: Rle) -> Positions:
    """Run lengths of an encoding, proved sound. Raises InvalidMask.

    The format (COCO API, maskApi.c, rleFrString): 5 bits a character from "0" up, lowest first, bit 6 says that more
    follow, the last one carries the sign; from the fourth run on a value is the difference to the run two before.
    """
    height, width = _size_hw(rle)
    counts = rle["counts"]
    if not isinstance(counts, str) or not counts:
        raise InvalidMask("mask_malformed", "The mask's counts are not a run-length string.")
    try:
        chars = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError as error:
        raise _malformed("it has characters that the format does not use") from error
    if chars.min() < 0 or chars.max() > 63:
        raise _malformed("it has characters that the format does not use")
    ends = np.flatnonzero(chars < 32)
    if ends.size == 0 or ends[-1] != chars.size - 1:
        raise _malformed("it is cut off")
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > _MAX_CHARS_PER_RUN:
        raise _malformed("a run is too long")
    shifts = 5 * (np.arange(chars.size) - np.repeat(starts, lengths))
    values = np.add.reduceat((chars & 31) << shifts, starts)
    values -= np.where(chars[ends] & 16, np.int64(1) << (5 * lengths), 0)
    runs = _undo_differences(values)
    if runs.min() < 0 or np.any(runs[1:] == 0):
        raise _malformed("a run has a length below 1")
    if runs.max() > height * width or int(runs.sum()) != height * width:
        raise _malformed(f"its runs do not add up to {height} x {width} pixels")
    return runs


def _undo_differences(values: Positions) -> Positions:
    """runs[i] = values[i] + runs[i - 2] for i > 2; int64 cannot overflow before 2^28 runs of 35 bits."""
    runs = values.copy()
    runs[1::2] = np.cumsum(values[1::2])
    runs[2::2] = np.cumsum(values[2::2])
    return runs


def _malformed(reason: str) -> InvalidMask:
    return InvalidMask("mask_malformed", f"The mask's run-length string is not valid: {reason}.")


def _size_hw(rle: Rle) -> tuple[int, int]:
    size = rle.get("size")
    if (
        not isinstance(size, list | tuple)
        or len(size) != 2
        or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in size)
        or size[0] * size[1] > MAX_PIXELS
        or "counts" not in rle
    ):
        raise InvalidMask("mask_malformed", "A mask needs a size [height, width] of positive numbers and counts.")
    return size[0], size[1]


def validate(rle: Rle, size_hw: tuple[int, int], *, max_bytes: int) -> None:
    """Refuse anything but a canonical encoding of a mask of `size_hw`; no C code is reached. Raises InvalidMask."""
    height, width = _size_hw(rle)
    if (height, width) != tuple(size_hw):
        raise InvalidMask(
            "mask_size_mismatch",
            f"The mask is {height} x {width} pixels (height x width), the image {size_hw[0]} x {size_hw[1]}.",
        )
    if len(rle["counts"]) > max_bytes:
        raise InvalidMask("mask_too_large", f"The mask's encoding is longer than {max_bytes} bytes.")
    to_runs(rle)


def decode(rle: Rle) -> Bools:
    """The mask as bools (height, width), in column-major memory order. Raises InvalidMask."""
    runs = to_runs(rle)
    height, width = rle["size"]
    values = (np.arange(runs.size) & 1).astype(np.bool_)
    return np.repeat(values, runs).reshape(width, height).T


def area(rle: Rle) -> int:
    """Pixels inside the mask. Raises InvalidMask."""
    return int(to_runs(rle)[1::2].sum())


def bbox_xywh(rle: Rle) -> list[int]:
    """The tightest box [x, y, width, height]; [0, 0, 0, 0] for an empty mask. Raises InvalidMask."""
    return bbox_of_changes(np.cumsum(to_runs(rle))[:-1], size_hw=(rle["size"][0], rle["size"][1]))


def area_of_changes(changes: Positions, *, size_hw: tuple[int, int]) -> int:
    """Pixels inside a mask given as in `from_changes`."""
    starts, ends = _starts_and_ends(changes, size_hw)
    return int((ends - starts).sum())


def bbox_of_changes(changes: Positions, *, size_hw: tuple[int, int]) -> list[int]:
    """The box [x, y, width, height] of a mask given as in `from_changes`."""
    if changes.size == 0:
        return [0, 0, 0, 0]
    starts, ends = _starts_and_ends(changes, size_hw)
    height, last = size_hw[0], ends - 1
    left, right = int(starts[0] // height), int(last[-1] // height)
    if np.any(starts // height != last // height):  # some run goes through the bottom into the next column
        top, bottom = 0, height - 1
    else:
        top, bottom = int((starts % height).min()), int((last % height).max())
    return [left, top, right - left + 1, bottom - top + 1]


def _starts_and_ends(changes: Positions, size_hw: tuple[int, int]) -> tuple[Positions, Positions]:
    if changes.size % 2:
        changes = np.append(changes, size_hw[0] * size_hw[1])
    return changes[0::2], changes[1::2]


def iou(a: Rle, b: Rle) -> float:
    """Intersection over union of two masks of one size; two empty masks give 0. Raises InvalidMask."""
    if list(a["size"]) != list(b["size"]):
        raise InvalidMask("mask_size_mismatch", "The two masks are not of the same size.")
    to_runs(a), to_runs(b)
    packed: list[Any] = [{"size": list(rle["size"]), "counts": rle["counts"].encode("ascii")} for rle in (a, b)]
    return float(np.asarray(coco_mask.iou(packed[:1], packed[1:], [False]))[0, 0])
