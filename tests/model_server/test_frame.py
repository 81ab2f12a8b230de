"""Where a mask lies on a network's grid."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model_server.networks.frame import padded, stretched


@given(
    place=st.sampled_from([padded, stretched]),
    size_hw=st.tuples(st.integers(20, 200), st.integers(20, 200)),
    shares=st.tuples(*[st.floats(0, 0.7)] * 2, *[st.floats(0.2, 0.3)] * 2),
)
def test_the_point_deep_inside_a_mask_is_inside(
    place: object, size_hw: tuple[int, int], shares: tuple[float, ...]
) -> None:
    """Also of one that touches the image's edges."""
    height, width = size_hw
    top, left = int(shares[0] * height), int(shares[1] * width)
    mask = np.zeros(size_hw, np.bool_)
    mask[top : top + max(2, int(shares[2] * height)), left : left + max(2, int(shares[3] * width))] = True
    frame = place(size_hw, input_size=256, low_size=64)  # type: ignore[operator]
    found = frame.deep_inside(frame.mask_to_low(mask))
    assert found is not None
    assert mask[min(int(found[1]), height - 1), min(int(found[0]), width - 1)]


def test_a_disc_has_it_in_the_middle_and_nothing_has_none() -> None:
    rows, columns = np.mgrid[:128, :128]
    frame = stretched((128, 128), input_size=256, low_size=64)
    found = frame.deep_inside(frame.mask_to_low(np.hypot(rows - 60, columns - 80) < 30))
    assert found is not None
    assert np.hypot(found[0] - 80, found[1] - 60) < 6
    assert frame.deep_inside(frame.mask_to_low(np.zeros((128, 128), np.bool_))) is None
