"""A mask made on a part of the image: prompts into the part, the mask back into the image."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model_server.contract.geometry import BoxPrompt, PointPrompt, Prompt
from model_server.contract.masks import Positions, decode, encode
from model_server.contract.runs import Box, changes_of, joined, outside_of, runs_of, uncrop


def prompts_in(cell: Box, prompts: Sequence[Prompt]) -> list[Prompt]:
    """The prompts in the cell's own pixels; all of them lie in it."""
    left, top, right, bottom = cell
    moved: list[Prompt] = []
    for prompt in prompts:
        match prompt:
            case PointPrompt(x=x, y=y):
                moved.append(replace(prompt, x=x - left, y=y - top))
            case BoxPrompt(x1=x1, y1=y1, x2=x2, y2=y2):
                moved.append(replace(prompt, x1=x1 - left, y1=y1 - top, x2=x2 - left, y2=y2 - top))
            case _:
                part = np.asfortranarray(decode(prompt.rle)[top:bottom, left:right])
                moved.append(replace(prompt, rle=encode(part)))
    return moved


def is_cut(changes: Positions, cell: Box, size_hw: tuple[int, int]) -> bool:
    """Whether a cell's mask touches an edge of the cell that is no edge of the image: the object goes on there."""
    x1, y1, x2, y2 = cell
    runs = runs_of(changes, size_hw=(y2 - y1, x2 - x1))
    if not runs.x.size:
        return False
    ends = (
        (x1 > 0, int(runs.x.min()) == 0),
        (y1 > 0, int(runs.top.min()) == 0),
        (x2 < size_hw[1], int(runs.x.max()) == x2 - x1 - 1),
        (y2 < size_hw[0], int(runs.bottom.max()) == y2 - y1),
    )
    return any(is_inner and touches for is_inner, touches in ends)


def placed(changes: Positions, cell: Box, size_hw: tuple[int, int], *, whole: Positions | None) -> Positions:
    """A cell's mask as one of the image; outside the cell `whole`, the image's own mask, if it is given."""
    x1, y1, x2, y2 = cell
    inner = uncrop(changes, crop_hw=(y2 - y1, x2 - x1), offset_xy=(x1, y1), size_hw=size_hw)
    if whole is None:
        return inner
    outer = outside_of(runs_of(whole, size_hw=size_hw), cell)
    return changes_of(joined(runs_of(inner, size_hw=size_hw), outer), size_hw=size_hw)
