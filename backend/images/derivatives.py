"""Sizes of what is made of every picture: a thumbnail, and a derivative where a browser cannot draw the original."""

THUMBNAIL_SIDE = 256
DISPLAY_SIDE = 4096


def needs_display(*, is_plain: bool, size_hw: tuple[int, int]) -> bool:
    """Whether the page draws a derivative: the original looks different in a browser, or is very large."""
    return not is_plain or max(size_hw) > DISPLAY_SIDE


def fitted_hw(size_hw: tuple[int, int], side: int) -> tuple[int, int]:
    """(height, width) of the same shape with its long side at most `side`, never 0."""
    scale = min(1.0, side / max(size_hw))
    return max(1, round(size_hw[0] * scale)), max(1, round(size_hw[1] * scale))
