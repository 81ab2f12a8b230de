"""From low-resolution logits to masks at the image's resolution, without making the full-size logits.

Exactly what bilinear upsampling of the whole image (half-pixel centres, clamped at the border, as
torch.nn.functional.interpolate with align_corners=False) and a threshold give. Along one image column the upsampled
logits are linear between two rows of the low-resolution grid, so each such stretch changes its sign at most once, at a
row that can be computed. Work and memory grow with width x low-resolution rows, not with the number of pixels, and the
changes come out column by column, as run-length encoding wants them.
"""

from collections.abc import Sequence
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

    def changes(self, logits: Floats, thresholds: Sequence[float]) -> list[list[Positions]]:
        """For every mask of `logits` (masks, low_size, low_size) and every threshold, where `logits > threshold` turns.

        Column-major positions, rising, as `contract.masks.from_changes` takes them.
        """
        height, width = self.size_hw
        levels = np.array(thresholds, np.float32)
        mask_of, x_of, columns = self._upsampled_columns(logits, above=float(levels.min()))
        low_rows = columns.shape[1]
        inside = np.zeros((len(levels), len(columns), low_rows + 2), np.bool_)
        np.greater(columns, levels[:, None, None], out=inside[:, :, 1:-1])
        turned = np.flatnonzero(inside[:, :, 1:] != inside[:, :, :-1])  # far faster than nonzero in three dimensions
        level_column, node = np.divmod(turned, low_rows + 1)
        level, column = np.divmod(level_column, len(columns))
        row = np.where(node == 0, 0, height)
        between = np.flatnonzero((node > 0) & (node < low_rows))
        upper_node = node[between] - 1
        row[between] = self._crossing_rows(
            upper_node,
            columns[column[between], upper_node],
            columns[column[between], upper_node + 1],
            levels[level[between]],
        )
        # One position more than pixels per mask and level keeps the end of one apart from the start of the next.
        span = height * width + 1
        positions: Positions = (level * len(logits) + mask_of[column]) * span + x_of[column] * height + row
        positions = _cancel_pairs(positions)
        ends = np.searchsorted(positions, np.arange(len(levels) * len(logits) + 1) * span)
        groups = [positions[ends[i] : ends[i + 1]] - i * span for i in range(len(levels) * len(logits))]
        groups = [group[:-1] if group.size and group[-1] == span - 1 else group for group in groups]
        return [groups[mask :: len(logits)] for mask in range(len(logits))]

    def _upsampled_columns(self, logits: Floats, *, above: float) -> tuple[Positions, Positions, Floats]:
        """Interpolated along x only, where a mask can exceed `above`: (mask, image column, logits over low rows)."""
        axis, low_columns = self._columns, np.ascontiguousarray(logits[:, : self._low_rows].transpose(0, 2, 1))
        reachable: npt.NDArray[np.bool_] = np.any(low_columns > above, axis=2)
        reachable[:, 1:] |= reachable[:, :-1].copy()  # a low column reaches into the stretch before it and its own
        reachable[:, :-1] |= reachable[:, 1:].copy()
        mask, x = np.nonzero(reachable[:, axis.first])
        weight = axis.weight[x, None]
        return mask, x, low_columns[mask, axis.first[x]] * (1 - weight) + low_columns[mask, axis.second[x]] * weight

    def _crossing_rows(self, low_row: Positions, upper: Floats, lower: Floats, threshold: Floats) -> Positions:
        """The first row after the turn from `upper` at low_row to `lower` at low_row + 1, in the stretch's rows."""
        rows = self._rows
        start, end = rows.starts[low_row], rows.starts[low_row + 1]
        begins_inside = upper > threshold

        def has_turned(row: Positions) -> npt.NDArray[np.bool_]:
            weight = rows.weight[np.clip(row, 0, rows.weight.size - 1)]
            turned: npt.NDArray[np.bool_] = (upper * (1 - weight) + lower * weight > threshold) != begins_inside
            return turned

        # Where the line meets the threshold, turned into a row; rounding can put it one row off.
        share = (threshold - upper.astype(np.float64)) / (lower.astype(np.float64) - upper)
        meeting = (low_row + share + 0.5) / self._low_step_y - 0.5
        row: Positions = np.clip(np.floor(meeting).astype(np.int64) + 1, start, end)
        row -= (row > start) & has_turned(row - 1)
        row += (row < end) & ~has_turned(row)
        return row


def _cancel_pairs(positions: Positions) -> Positions:
    """Equal positions cancel two by two: two turns between the same pixels are none, and adjoining columns join."""
    if positions.size == 0:
        return positions
    firsts = np.flatnonzero(np.concatenate(([True], positions[1:] != positions[:-1])))
    is_odd = np.diff(np.append(firsts, positions.size)) % 2 == 1
    kept: Positions = positions[firsts[is_odd]]
    return kept
