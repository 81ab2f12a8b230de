"""From low-resolution logits to masks at the image's resolution, without making the full-size logits.

Exactly what bilinear upsampling of the whole image (half-pixel centres, clamped at the border, as
torch.nn.functional.interpolate with align_corners=False) and a threshold give. Along one image column the upsampled
logits are linear between two rows of the low-resolution grid, so each such stretch changes its sign at most once, at a
row that can be computed. Work and memory grow with width x low-resolution rows, not with the number of pixels, and the
changes come out column by column, as run-length encoding wants them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_server.networks.frame import Frame

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Axis:
    """Linear interpolation along one axis: pixel i mixes low[first[i]] and low[second[i]] by weight[i].

    `starts[j]` is the first pixel with first >= j; there are low_count + 1 of them, the last is the pixel count.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    weight: Floats
    starts: npt.NDArray[np.int64]


def interpolation_axis(pixel_count: int, *, low_step: float, low_count: int) -> Axis:
    """Taps for every pixel; `low_step` is the size of an image pixel in low-resolution pixels."""
    position = (np.arange(pixel_count, dtype=np.float32) + np.float32(0.5)) * np.float32(low_step) - np.float32(0.5)
    position = np.clip(position, 0, low_count - 1)
    first = position.astype(np.int64)
    starts = np.searchsorted(first, np.arange(low_count + 1))
    return Axis(first, np.minimum(first + 1, low_count - 1), position - first.astype(np.float32), starts)


class Upsampler:
    """Masks of one image from logits (low_size, low_size); the interpolation tables are made once per frame."""

    def __init__(self, frame: Frame) -> None:
        height, width = frame.size_hw
        step_y, step_x = frame.low_step_hw
        self.size_hw = frame.size_hw
        self._low_step_y = step_y
        self._rows = interpolation_axis(height, low_step=step_y, low_count=frame.low_size)
        self._columns = interpolation_axis(width, low_step=step_x, low_count=frame.low_size)
        self._low_rows = int(self._rows.second[-1]) + 1  # rows below are padding

    def columns_of(self, logits: Floats, *, above: float) -> tuple[int, Floats]:
        """Interpolate along x where any logit can exceed `above`: (first image column, (columns, low rows))."""
        logits = logits[: self._low_rows]
        reachable = np.flatnonzero((logits > above).any(axis=0))
        if reachable.size == 0:
            return 0, np.empty((0, logits.shape[0]), np.float32)
        axis = self._columns
        begin = int(axis.starts[max(0, reachable[0] - 1)])
        end = int(axis.starts[reachable[-1] + 1])
        low_columns = np.ascontiguousarray(logits.T)
        weight = axis.weight[begin:end, None]
        return begin, low_columns[axis.first[begin:end]] * (1 - weight) + low_columns[axis.second[begin:end]] * weight

    def changes(self, begin: int, columns: Floats, threshold: float) -> Positions:
        """Column-major positions at which `logits > threshold` turns over, rising; `columns` of `columns_of`."""
        height = self.size_hw[0]
        count, low_rows = columns.shape
        inside = np.zeros((count, low_rows + 2), np.bool_)
        np.greater(columns, threshold, out=inside[:, 1:-1])
        column, node = np.divmod(np.flatnonzero(inside[:, 1:] != inside[:, :-1]), low_rows + 1)
        row = np.where(node == 0, 0, height)
        between = np.flatnonzero((node > 0) & (node < low_rows))
        row[between] = self._crossing_rows(columns, column[between], node[between] - 1, threshold)
        positions: Positions = (begin + column) * height + row
        # Changes that meet between the same two pixels cancel in pairs: no pixel saw them. Adjoining columns meet too.
        is_first = np.diff(positions, prepend=-1) != 0
        firsts = np.flatnonzero(is_first)
        is_odd = np.diff(firsts, append=positions.size) % 2 == 1
        positions = positions[firsts[is_odd]]
        return positions[:-1] if positions.size and positions[-1] == height * self.size_hw[1] else positions

    def _crossing_rows(self, columns: Floats, column: Positions, low_row: Positions, threshold: float) -> Positions:
        """The first row after the turn between low_row and low_row + 1, in the stretch's rows [start, end]."""
        rows = self._rows
        upper, lower = columns[column, low_row], columns[column, low_row + 1]
        start, end = rows.starts[low_row], rows.starts[low_row + 1]
        begins_inside = upper > threshold

        def has_turned(row: Positions) -> npt.NDArray[np.bool_]:
            weight = rows.weight[np.clip(row, 0, rows.weight.size - 1)]
            turned: npt.NDArray[np.bool_] = (upper * (1 - weight) + lower * weight > threshold) != begins_inside
            return turned

        # Where the line meets the threshold, turned into a row; rounding can put it one row off.
        share = (threshold - upper.astype(np.float64)) / (lower.astype(np.float64) - upper)
        meeting = (low_row + share + 0.5) / self._low_step_y - 0.5
        row = np.clip(np.floor(meeting).astype(np.int64) + 1, start, end)
        row = np.where((row > start) & has_turned(row - 1), row - 1, row)
        return np.where((row < end) & ~has_turned(row), row + 1, row)
