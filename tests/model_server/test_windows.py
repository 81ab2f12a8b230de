"""A box's mask is upscaled in a window: the same numbers there, and all of it where it reaches the window's edge."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from model_server.networks.two_way import TwoWayDecoder
from model_server.networks.windows import OUTSIDE_LOGIT, Window, logits_in, windows_of
from tests.model_server.test_networks import drawing_sam2, randomise, small_sam

place = st.floats(-40, 300)


@given(corners=st.lists(st.tuples(place, place, place, place), min_size=1, max_size=4), side=st.integers(1, 24))
def test_a_window_holds_its_box_and_half_of_it_around(
    corners: list[tuple[float, float, float, float]], side: int
) -> None:
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners]
    windows = windows_of(torch.tensor(boxes), input_size=256, side=side)
    for (left, top, right, bottom), (x1, y1, x2, y2) in zip(boxes, windows, strict=True):
        for low, high, first, end in ((left, right, x1, x2), (top, bottom, y1, y2)):
            assert 0 <= first < end <= side
            half = (high - low) / 2
            assert first <= max(0, (low - half) * side / 256)
            assert end >= min(side, (high + half) * side / 256) - 1e-4


@pytest.fixture(params=[small_sam, drawing_sam2], ids=["sam", "sam2"])
def image_side(request: pytest.FixtureRequest) -> tuple[TwoWayDecoder, Tensor, tuple[Tensor, Tensor] | None]:
    """A decoder at random, image features (C, side, side), and for SAM 2 finer ones."""
    make: Callable[[], Any] = request.param
    model = randomise(make())
    position = model.get_image_wide_positional_embeddings()
    channels, side = position.shape[1:3]
    draw = torch.Generator().manual_seed(3)

    def features(count: int, size: int) -> Tensor:
        return torch.randn(count, size, size, generator=draw)

    finer = None if make is small_sam else (features(channels // 8, 4 * side), features(channels // 4, 2 * side))
    return TwoWayDecoder(model.mask_decoder, position), features(channels, side), finer


@pytest.mark.parametrize("window", [(1, 2, 5, 4), (0, 0, 3, 3), (4, 5, 8, 8), (3, 3, 4, 4)])
@torch.inference_mode()
def test_inside_of_its_window_a_mask_is_the_same(image_side: Any, window: Window) -> None:
    decoder, features, finer = image_side
    side = features.shape[-1]
    image, keys = decoder.prepare(features, finer), features.permute(1, 2, 0).contiguous()
    hyper = torch.rand(features.shape[0] // 8, generator=torch.Generator().manual_seed(4))

    def answer(hyper: Tensor, window: Window) -> Tensor:
        return logits_in(window, lambda *given: decoder.upscale(*given).abs(), keys, image, hyper)

    x1, y1, x2, y2 = (4 * end for end in window)
    everywhere = (0, 0, side, side)
    whole, part = answer(-hyper, everywhere), answer(-hyper, window)  # below 0 everywhere
    assert torch.allclose(part[y1:y2, x1:x2], whole[y1:y2, x1:x2], atol=1e-5)
    part[y1:y2, x1:x2] = OUTSIDE_LOGIT
    assert (part == OUTSIDE_LOGIT).all()
    assert torch.allclose(answer(hyper, window), answer(hyper, everywhere), atol=1e-5), "above 0: it goes on"
