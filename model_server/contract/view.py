"""Looking closer: which part of an image to encode for what a person has on the screen.

A network sees a small square; an object that fills a hundredth of a large photo has a few of its pixels. Encoding the
part that is looked at gives it more. Parts are cells of a fixed set, so that moving the view a little needs no new one.
"""

from collections.abc import Sequence

from model_server.contract.geometry import BoxPrompt, PointPrompt, Prompt
from model_server.contract.masks import bbox_xywh
from model_server.contract.runs import Box

ViewBox = tuple[float, float, float, float]

STEP_SHARE = 0.25  # cells begin at every quarter of their side: a view of up to 3/4 of it lies whole in one of them
MAX_HALVINGS = 8
# A network's masks are grids coarser than its input, so looking closer also helps where no detail of the photo is lost.
# Of 0 (never), 1, 2 and 4 the best on five open validation sets (docs/figures.md, "Looking closer").
FINEST = 2
ZOOM = 4.0  # an object a person has zoomed in to fills a quarter of the width and height that they see


def closer_cell(view_xyxy: ViewBox, size_hw: tuple[int, int], *, input_size: int) -> Box | None:
    """The smallest cell [x1, y1, x2, y2] that holds the view, both in image pixels.

    Cells halve the image's sides, again and again, as long as what is halved has more than `input_size` / FINEST pixels
    on its longer side. None when the view is too large for the first halving, or the image too small for it.
    """
    x1, y1, x2, y2 = view_xyxy
    found = None
    before = max(size_hw)
    for halvings in range(1, MAX_HALVINGS + 1):
        height, width = (-(-side // 2**halvings) for side in size_hw)
        room = 1 - STEP_SHARE
        if x2 - x1 > room * width or y2 - y1 > room * height or FINEST * before <= input_size:
            break
        before = max(width, height)
        left, top = _begin(x1, width, size_hw[1]), _begin(y1, height, size_hw[0])
        found = (left, top, left + width, top + height)
    return found


def zoomed_view(bbox_xywh: Sequence[float], size_hw: tuple[int, int], *, zoom: float = ZOOM) -> ViewBox:
    """What a person sees who has zoomed in to an object: its box `zoom` times, as far as the image goes."""
    x, y, width, height = bbox_xywh
    right, bottom = zoom * width / 2, zoom * height / 2
    center_x, center_y = x + width / 2, y + height / 2
    return (
        max(0.0, center_x - right),
        max(0.0, center_y - bottom),
        min(float(size_hw[1]), center_x + right),
        min(float(size_hw[0]), center_y + bottom),
    )


def _begin(at: float, side: int, whole: int) -> int:
    """The last cell that begins at or before a place and ends in the image."""
    step = STEP_SHARE * side
    return max(0, min(int(at // step * step), whole - side))


def holds(cell: Box, prompts: Sequence[Prompt]) -> bool:
    """Whether all prompts lie in the cell."""
    return all(_holds(cell, prompt) for prompt in prompts)


def _holds(cell: Box, prompt: Prompt) -> bool:
    x1, y1, x2, y2 = cell
    match prompt:
        case PointPrompt():
            return x1 <= prompt.x < x2 and y1 <= prompt.y < y2
        case BoxPrompt():
            return x1 <= prompt.x1 and prompt.x2 <= x2 and y1 <= prompt.y1 and prompt.y2 <= y2
        case _:
            left, top, width, height = bbox_xywh(prompt.rle)
            return x1 <= left and left + width <= x2 and y1 <= top and top + height <= y2
