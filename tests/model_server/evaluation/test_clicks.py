"""Clicks against examples worked out by hand, and against the rule written out over the whole picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import distance_transform_edt

from model_server.contract.masks import Bools
from model_server.evaluation.clicks import Click, first_click, next_click, random_click, tight_box


def drawn(*rows: str) -> Bools:
    """A mask drawn with `#`."""
    return np.array([[character == "#" for character in row] for row in rows])


NOTHING = drawn(".......", ".......", ".......", ".......", ".......")


def test_the_first_click_is_the_middle_of_the_object() -> None:
    truth = drawn(
        ".......",
        ".#####.",
        ".#####.",
        ".#####.",
        ".......",
    )  # fmt: skip
    # Depths are 1 on the rim and 2 on (2..4, 2): the first of these in row-major order.
    assert first_click(truth) == Click(2, 2, True)


def test_the_picture_s_border_counts_as_outside() -> None:
    assert first_click(np.ones((5, 5), np.bool_)) == Click(2, 2, True)
    assert first_click(np.ones((1, 1), np.bool_)) == Click(0, 0, True)


def test_the_larger_error_is_clicked() -> None:
    truth = drawn(
        "###....",
        "###....",
        "###....",
        ".......",
        ".......",
    )  # fmt: skip
    surplus_everywhere_else = ~truth
    # Missed: a 3 x 3 square, depth 2 at (1, 1). Surplus: 4 columns at the right, depth 2 from (4, 1) on; equal depths
    # are not "larger", so the click is negative, on the first surplus pixel of depth 2.
    assert next_click(truth, surplus_everywhere_else, []) == Click(4, 1, False)
    assert next_click(truth, NOTHING, []) == Click(1, 1, True)


def test_a_clicked_pixel_is_not_clicked_again() -> None:
    truth = drawn(
        ".......",
        ".#####.",
        ".#####.",
        ".#####.",
        ".......",
    )  # fmt: skip
    first = Click(2, 2, True)
    second = next_click(truth, NOTHING, [first])
    assert second == Click(3, 2, True)
    assert next_click(truth, NOTHING, [first, second]) == Click(4, 2, True)
    # Depth 2 is used up: the first pixel of depth 1 follows.
    assert next_click(truth, NOTHING, [first, second, Click(4, 2, True)]) == Click(1, 1, True)


def test_void_pixels_are_no_error() -> None:
    truth = drawn("###....", "###....", "###....", ".......", ".......")
    void = drawn("###....", "###....", ".......", ".......", ".......")
    assert next_click(truth, NOTHING, [], void) == Click(0, 2, True)


def test_with_only_clicked_pixels_wrong_the_top_left_is_clicked_as_ritm_does() -> None:
    truth = drawn("..#....", ".......", ".......", ".......", ".......")
    assert next_click(truth, NOTHING, [Click(2, 0, True)]) == Click(0, 0, False)


masks_hw = st.tuples(st.integers(1, 14), st.integers(1, 14)).flatmap(
    lambda shape: st.tuples(arrays.arrays(np.bool_, shape), arrays.arrays(np.bool_, shape), st.randoms())
)


@given(masks_hw)
def test_the_crop_changes_nothing(case: tuple[Bools, Bools, np.random.Generator]) -> None:
    """The rule over the whole padded picture, with SciPy's exact transform."""
    truth, predicted, chance = case
    height, width = truth.shape
    clicked = [Click(int(chance.random() * width), int(chance.random() * height), True) for _ in range(4)]
    free = np.ones_like(truth)
    for click in clicked:
        free[click.y, click.x] = False
    missed, surplus = (
        distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1] * free
        for region in (truth & ~predicted, predicted & ~truth)
    )
    is_positive = missed.max() > surplus.max()
    depth = missed if is_positive else surplus
    y, x = np.argwhere(depth == depth.max())[0]
    assert next_click(truth, predicted, clicked) == Click(int(x), int(y), bool(is_positive))


def test_random_clicks_cover_the_object_evenly() -> None:
    truth = drawn(".##", "#..")
    generator = np.random.default_rng(0)
    clicks = [random_click(truth, generator) for _ in range(600)]
    counts = {(click.x, click.y): clicks.count(click) for click in clicks}
    assert counts.keys() == {(1, 0), (2, 0), (0, 1)}
    assert all(150 < count < 250 for count in counts.values())  # 200 expected, standard deviation 11.5


def test_clicks_are_at_pixel_centres_and_boxes_at_edges() -> None:
    prompt = Click(3, 5, False).prompt()
    assert (prompt.x, prompt.y, prompt.label) == (3.5, 5.5, 0)
    box = tight_box([4, 6, 1, 1])
    assert (box.x1, box.y1, box.x2, box.y2) == (4, 6, 5, 7)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_whole_pictures_have_a_middle(side: int) -> None:
    assert first_click(np.ones((side, 400), np.bool_)).is_positive
