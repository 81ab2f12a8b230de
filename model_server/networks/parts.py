"""Which parts of an answer are meant: those that were clicked.

A small network sprinkles specks over what looks alike, and its answers are better without the parts that nobody pointed
at (measured in docs/nano.md). Whoever does mean one clicks it. A model asks for this with `"parts": "clicked"` in its
config.json; published checkpoints, whose answers are as in their papers, do not.
"""

import numpy as np
import numpy.typing as npt

from model_server.contract.regions import regions
from model_server.contract.runs import Runs, runs_of
from model_server.networks.frame import Floats, Frame
from model_server.networks.network import Decoded, Logits, PromptTensors

MASK_THRESHOLD = 0.0
UNCLICKED_SHARE = 0.1  # of the largest part, chosen on validation splits: a box may hold an object in pieces
DROPPED_LOGIT = -1.0  # outside of the mask at each threshold of the stability score


def clicked_parts(decoded: Decoded, prompts: PromptTensors, frame: Frame) -> Decoded:
    """Of each candidate only the 8-connected parts under a click on the object; the logits of the others become
    DROPPED_LOGIT.

    With a box, or where no part was clicked, those of at least UNCLICKED_SHARE of the largest stay, too. A mask that
    was given as prompt is answered as it is: it may be in as many pieces as its maker wants.
    """
    has_box = prompts.box_xyxy is not None
    if prompts.prompt_count > len(prompts.points_xy) - prompts.is_placed + has_box:
        return decoded
    places = _low_places(prompts.points_xy[prompts.labels == 1], frame)
    return Decoded(np.stack([_meant(logits, places, has_box) for logits in decoded.logits]), decoded.predicted_iou)


def parts_in_boxes(logits: Logits) -> Logits:
    """The same of masks (K, h, w) of one box each."""
    return np.stack([_meant(one, [], True) for one in logits]) if len(logits) else logits


def parts_at_points(logits: Logits, points_xy: Floats, frame: Frame) -> Logits:
    """The same of masks (K, h, w) of one click (K, 2) in image pixels each."""
    places = _low_places(points_xy, frame)
    meant = [_meant(one, [place], False) for one, place in zip(logits, places, strict=True)]
    return np.stack(meant) if meant else logits


def _low_places(points_xy: Floats, frame: Frame) -> list[tuple[int, int]]:
    """Row and column of the low-resolution pixel under each point of the image."""
    step_y, step_x = frame.low_step_hw
    last = frame.low_size - 1
    return [(min(int(y * step_y), last), min(int(x * step_x), last)) for x, y in points_xy.astype(np.float64)]


def _meant(logits: Logits, places: list[tuple[int, int]], has_box: bool) -> Logits:
    inside = logits > MASK_THRESHOLD
    column_major = inside.T.ravel()
    runs = runs_of(np.flatnonzero(np.diff(column_major, prepend=False)), size_hw=(logits.shape[0], logits.shape[1]))
    if not runs.x.size:
        return logits
    region = regions(runs)
    clicked = region[np.logical_or.reduce([_holds(runs, place) for place in places])] if places else region[:0]
    is_meant = np.isin(region, clicked)
    if has_box or not is_meant.any():
        areas = np.bincount(region, weights=runs.lengths)
        is_meant |= areas[region] >= UNCLICKED_SHARE * areas.max()
    if is_meant.all():
        return logits
    meant = logits.copy()
    for x, top, bottom in zip(*(part[~is_meant] for part in (runs.x, runs.top, runs.bottom)), strict=True):
        meant[top:bottom, x] = DROPPED_LOGIT
    return meant


def _holds(runs: Runs, place: tuple[int, int]) -> npt.NDArray[np.bool_]:
    row, column = place
    holds: npt.NDArray[np.bool_] = (runs.x == column) & (runs.top <= row) & (row < runs.bottom)
    return holds
