"""Masks: byte-identical with pycocotools, and no unsound string reaches its C code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from model_server.contract import masks

# pycocotools' own decode speaks numpy 1; ours does not use it.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@st.composite
def bool_masks(draw: st.DrawFn) -> np.ndarray:
    size_hw = draw(st.tuples(st.integers(1, 17), st.integers(1, 17)))
    if draw(st.booleans()):
        return np.full(size_hw, draw(st.booleans()))
    return draw(hnp.arrays(np.bool_, size_hw))


def reference_encode(mask_hw: np.ndarray) -> dict:
    packed = coco_mask.encode(np.asfortranarray(mask_hw.astype(np.uint8)))
    return {"size": list(packed["size"]), "counts": packed["counts"].decode()}


@given(bool_masks())
@settings(max_examples=400, deadline=None)
def test_agrees_with_pycocotools(mask_hw: np.ndarray) -> None:
    rle = masks.encode(mask_hw)
    reference = reference_encode(mask_hw)
    packed = {"size": rle["size"], "counts": rle["counts"].encode()}
    assert rle == reference
    assert np.array_equal(masks.decode(rle), mask_hw)
    assert masks.area(rle) == int(mask_hw.sum()) == int(coco_mask.area(packed))
    assert masks.bbox_xywh(rle) == [int(v) for v in coco_mask.toBbox(packed)]
    masks.validate(rle, mask_hw.shape, max_bytes=10_000)


@given(st.data(), bool_masks())
@settings(max_examples=300, deadline=None)
def test_a_crop_encodes_like_the_whole_mask(data: st.DataObject, mask_hw: np.ndarray) -> None:
    height, width = mask_hw.shape
    top, left = data.draw(st.integers(0, height)), data.draw(st.integers(0, width))
    bottom, right = data.draw(st.integers(top, height)), data.draw(st.integers(left, width))
    whole = np.zeros_like(mask_hw)
    whole[top:bottom, left:right] = mask_hw[top:bottom, left:right]
    rle = masks.encode_crop(mask_hw[top:bottom, left:right], offset_xy=(left, top), size_hw=(height, width))
    assert rle == reference_encode(whole)


def test_a_crop_must_lie_inside() -> None:
    with pytest.raises(ValueError, match="inside"):
        masks.encode_crop(np.ones((2, 2), np.bool_), offset_xy=(3, 0), size_hw=(4, 4))


@given(bool_masks(), bool_masks())
@settings(max_examples=100, deadline=None)
def test_iou_is_that_of_the_pixels(a: np.ndarray, b: np.ndarray) -> None:
    height, width = min(a.shape[0], b.shape[0]), min(a.shape[1], b.shape[1])
    a, b = a[:height, :width], b[:height, :width]
    union = (a | b).sum()
    expected = (a & b).sum() / union if union else 0.0
    assert masks.iou(masks.encode(a), masks.encode(b)) == pytest.approx(expected)


def sound_by_the_book(counts: str, size_hw: tuple[int, int]) -> bool:
    """A slow reading of maskApi.c's rleFrString in unbounded integers, with our rule that runs are positive."""
    runs: list[int] = []
    value, chars, open_run = 0, 0, False
    for char in counts:
        bits = ord(char) - 48
        if not 0 <= bits < 64:
            return False
        value |= (bits & 31) << (5 * chars)
        chars += 1
        open_run = bool(bits & 32)
        if not open_run:
            if bits & 16:
                value -= 1 << (5 * chars)
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value, chars = 0, 0
    total = size_hw[0] * size_hw[1]
    return not open_run and bool(runs) and sum(runs) == total and runs[0] >= 0 and all(run > 0 for run in runs[1:])


@given(st.data(), bool_masks())
@settings(max_examples=600, deadline=None)
def test_a_changed_string_is_refused_unless_it_is_sound(data: st.DataObject, mask_hw: np.ndarray) -> None:
    counts = masks.encode(mask_hw)["counts"]
    at = data.draw(st.integers(0, len(counts)))
    changed = counts[:at] + data.draw(st.text(max_size=8)) + counts[at + data.draw(st.integers(0, 3)) :]
    refuses_or_agrees(changed, mask_hw.shape)


@given(
    st.text(alphabet=[chr(c) for c in range(48, 112)], max_size=40), st.tuples(st.integers(1, 40), st.integers(1, 40))
)
@settings(max_examples=300, deadline=None)
def test_an_arbitrary_string_is_refused_unless_it_is_sound(counts: str, size_hw: tuple[int, int]) -> None:
    refuses_or_agrees(counts, size_hw)


def _has_an_overlong_run(counts: str) -> bool:
    """More than 7 characters in one run: sound on paper when padded with zeros, and never written by an encoder."""
    lengths, length = [], 0
    for char in counts:
        length += 1
        if ord(char) < 80:
            lengths.append(length)
            length = 0
    return max(lengths, default=0) > 7


def refuses_or_agrees(counts: str, size_hw: tuple[int, int]) -> None:
    rle: masks.Rle = {"size": list(size_hw), "counts": counts}
    try:
        masks.validate(rle, size_hw, max_bytes=10_000)
    except masks.InvalidMask:
        assert not sound_by_the_book(counts, size_hw) or _has_an_overlong_run(counts)
    else:
        assert sound_by_the_book(counts, size_hw)
        reference = coco_mask.decode({"size": list(size_hw), "counts": counts.encode()})
        assert np.array_equal(masks.decode(rle), reference.astype(bool))


@pytest.mark.parametrize(
    ("rle", "code"),
    [
        ({"size": [2, 2], "counts": "4"}, None),
        ({"size": [2, 3], "counts": "6"}, "mask_size_mismatch"),
        ({"size": [2, 2], "counts": "0" * 99}, "mask_too_large"),
        ({"size": [2, 2], "counts": ""}, "mask_malformed"),
        ({"size": [2, 2], "counts": [4]}, "mask_malformed"),
        ({"size": [2, 2], "counts": "é"}, "mask_malformed"),
        ({"size": [2, 2], "counts": "ooooooooooo0"}, "mask_malformed"),
        ({"size": [2, 2], "counts": "T"}, "mask_malformed"),
        ({"size": [2, 2], "counts": "103"}, "mask_malformed"),
        ({"size": [2], "counts": "4"}, "mask_malformed"),
        ({"size": [2, -2], "counts": "4"}, "mask_malformed"),
        ({"size": [2, True], "counts": "4"}, "mask_malformed"),
        ({"size": [2, 2]}, "mask_malformed"),
        ({"counts": "4"}, "mask_malformed"),
    ],
)
def test_refusals_are_named(rle: dict, code: str | None) -> None:
    if code is None:
        masks.validate(rle, (2, 2), max_bytes=50)  # type: ignore[arg-type]
        return
    with pytest.raises(masks.InvalidMask) as caught:
        masks.validate(rle, (2, 2), max_bytes=50)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_a_large_mask_round_trips() -> None:
    rows, columns = np.mgrid[0:3000, 0:4000]
    mask_hw = ((rows - 1500) ** 2 + (columns - 2000) ** 2 < 900**2) & ((rows // 7 + columns // 5) % 3 > 0)
    assert masks.encode(mask_hw) == reference_encode(mask_hw)
    assert np.array_equal(masks.decode(masks.encode(mask_hw)), mask_hw)
