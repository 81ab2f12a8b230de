"""Masks from low-resolution logits equal bilinear upsampling of the whole image and a threshold, pixel for pixel."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from model_server.contract import masks
from model_server.networks.frame import Frame, padded, stretched
from model_server.networks.upsample import Upsampler

THRESHOLDS = (1.0, 0.0, -1.0)


def whole_image(logits: np.ndarray, frame: Frame) -> np.ndarray:
    """The reference: upsample everything, padding too, then cut the image out."""
    step_y, step_x = frame.low_step_hw
    upsampled = functional.interpolate(
        torch.from_numpy(logits)[None, None],
        scale_factor=(1 / step_y, 1 / step_x),
        mode="bilinear",
        align_corners=False,
        recompute_scale_factor=False,
    )[0, 0].numpy()
    height, width = frame.size_hw
    missing = (max(0, height - upsampled.shape[0]), max(0, width - upsampled.shape[1]))
    assert max(missing) <= 1  # 1 / (1 / step) may round down to one row less
    return np.pad(upsampled, ((0, missing[0]), (0, missing[1])), mode="edge")[:height, :width]


def smooth(low_size: int, seed: int) -> np.ndarray:
    coarse = torch.from_numpy(np.random.default_rng(seed).normal(0, 4, (1, 1, 9, 9)).astype(np.float32))
    return functional.interpolate(coarse, (low_size, low_size), mode="bicubic")[0, 0].numpy()


def noise(low_size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, (low_size, low_size)).astype(np.float32)


SIZES_HW = [(1, 1), (1, 300), (300, 1), (17, 23), (64, 64), (63, 65), (97, 331), (480, 640), (1201, 799)]


@pytest.mark.parametrize("size_hw", SIZES_HW)
@pytest.mark.parametrize("make", [smooth, noise])
@pytest.mark.parametrize("place", [stretched, padded])
@pytest.mark.parametrize("low_size", [16, 64, 128])
def test_equals_the_whole_image(size_hw: tuple[int, int], make, place, low_size: int) -> None:
    frame = place(size_hw, input_size=4 * low_size, low_size=low_size)
    for seed in range(3):
        logits = make(low_size, seed)
        upsampler = Upsampler(frame)
        expected = whole_image(logits, frame)
        beside = np.flip(logits)  # a second mask in the same call, which must not touch the first
        for threshold, changes in zip(
            THRESHOLDS, upsampler.changes(np.stack([logits, beside]), THRESHOLDS)[0], strict=True
        ):
            mask = masks.decode(masks.from_changes(changes, size_hw=size_hw))
            differs = mask != (expected > threshold)
            # torch sums in another order: only a logit within rounding of the threshold may fall to the other side
            assert np.abs(expected[differs] - threshold).max(initial=0) < 2e-5
            assert differs.sum() <= 2
            assert masks.area_of_changes(changes, size_hw=size_hw) == mask.sum()


@pytest.mark.parametrize("value", [-5.0, 0.0, 5.0])
def test_constant_logits(value: float) -> None:
    frame = stretched((50, 70), input_size=64, low_size=16)
    upsampler = Upsampler(frame)
    ((changes, _),) = upsampler.changes(np.full((1, 16, 16), value, np.float32), (0.0, -1.0))
    assert masks.area_of_changes(changes, size_hw=(50, 70)) == (3500 if value > 0 else 0)
    assert masks.bbox_of_changes(changes, size_hw=(50, 70)) == ([0, 0, 70, 50] if value > 0 else [0, 0, 0, 0])


def test_a_hundred_megapixels_need_little_memory() -> None:
    import tracemalloc

    frame = stretched((10_000, 10_000), input_size=1024, low_size=256)
    logits = smooth(256, 0)
    tracemalloc.start()
    upsampler = Upsampler(frame)
    ((changes, _, _),) = upsampler.changes(logits[None], (0.0, 1.0, -1.0))
    rle = masks.from_changes(changes, size_hw=frame.size_hw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert masks.area(rle) > 10_000_000
    assert peak < 60_000_000


def test_frames_place_the_image() -> None:
    letterbox = padded((600, 801), input_size=1024, low_size=256)
    assert letterbox.resized_hw == (767, 1024)
    assert letterbox.to_input(np.array([[801, 600]], np.float32)).tolist() == [[1024, 767]]
    square = stretched((600, 801), input_size=1024, low_size=256)
    assert square.to_input(np.array([[801, 600]], np.float32)).tolist() == [[1024, 1024]]


@pytest.mark.parametrize("place", [stretched, padded])
def test_a_mask_goes_down_where_it_came_up(place) -> None:
    frame = place((300, 200), input_size=256, low_size=64)
    mask = np.zeros((300, 200), np.bool_)
    mask[60:180, 40:100] = True
    cover = frame.mask_to_low(np.asfortranarray(mask))
    upsampler = Upsampler(frame)
    ((changes,),) = upsampler.changes((2 * cover - 1)[None], (0.0,))
    back = masks.decode(masks.from_changes(changes, size_hw=(300, 200)))
    assert (back & mask).sum() / (back | mask).sum() > 0.93
