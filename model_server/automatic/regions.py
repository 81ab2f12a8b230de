"""Masks freed of islands and holes, by runs along their columns."""

from model_server.contract.masks import Positions
from model_server.contract.regions import areas
from model_server.contract.runs import changes_of, joined, runs_of


def remove_small(changes: Positions, *, size_hw: tuple[int, int], min_area: int) -> Positions:
    """Holes of fewer than `min_area` pixels filled, then islands of fewer removed, both 8-connected.

    As segment_anything's remove_small_regions, with one difference: islands go even if nothing is left.
    """
    holes = runs_of(changes, size_hw=size_hw, outside=True)
    is_small = areas(holes) < min_area
    if is_small.any():
        filled, small = runs_of(changes, size_hw=size_hw), holes.where(is_small)
        changes = changes_of(joined(filled, small), size_hw=size_hw)
    islands = runs_of(changes, size_hw=size_hw)
    is_small = areas(islands) < min_area
    return changes_of(islands.where(~is_small), size_hw=size_hw) if is_small.any() else changes
