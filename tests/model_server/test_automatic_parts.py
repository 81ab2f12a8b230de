"""What a run of automatic masks is made of: grid and crops, runs of pixels, clean-up, suppression, filters."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from model_server.automatic.candidates import Candidate, CropFilter, suppress
from model_server.automatic.grid import Crop, crops_of, points_of
from model_server.automatic.regions import remove_small
from model_server.automatic.selection import select
from model_server.contract import masks
from model_server.contract.automatic import (
    SA_1B,
    AutomaticCounts,
    AutomaticOptions,
    AutomaticThresholds,
    point_count,
    thresholds_of,
)
from model_server.contract.runs import changes_of, runs_of, uncrop
from model_server.networks.frame import stretched
from model_server.networks.network import Survivors
from tests.model_server.reference import reference_module

SIZE_HW = (96, 128)
WAIT_SECONDS = 120
LOOSE = AutomaticOptions(points_per_side=4, stability_score_thresh=0.3, min_mask_region_area=0)

quick = settings(deadline=None, max_examples=50)  # time is the machine's, not the code's
sizes = st.integers(1, 3000)
layers = st.integers(0, 3)


def amg() -> Any:
    return reference_module("segment_anything.utils.amg")


# --- where to look


@quick
@given(sizes, sizes, layers, st.floats(0, 1))
def test_crops_cover_the_image_and_nothing_else(height: int, width: int, n_layers: int, ratio: float) -> None:
    crops = crops_of((height, width), AutomaticOptions(crop_n_layers=n_layers, crop_overlap_ratio=ratio))
    assert crops[0].box_xyxy == (0, 0, width, height)
    for layer in range(n_layers + 1):
        boxes = [crop.box_xyxy for crop in crops if crop.layer == layer]
        assert 1 <= len(boxes) <= 4**layer
        assert all(0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height for x1, y1, x2, y2 in boxes)
        columns, rows = {box[0::2] for box in boxes}, {box[1::2] for box in boxes}
        assert len(columns) * len(rows) == len(set(boxes))
        for stretches, side in ((columns, width), (rows, height)):
            end = 0
            for start, stop in sorted(stretches):
                assert start <= end  # no gap
                end = max(end, stop)
            assert end == side


@quick
@given(st.integers(64, 3000), st.integers(64, 3000), layers, st.integers(1, 40), st.integers(1, 4))
def test_crops_and_points_are_those_of_the_published_code(
    height: int, width: int, n_layers: int, side: int, factor: int
) -> None:
    options = AutomaticOptions(crop_n_layers=n_layers, points_per_side=side, crop_n_points_downscale_factor=factor)
    boxes, layer_of = amg().generate_crop_boxes((height, width), n_layers, options.crop_overlap_ratio)
    crops = crops_of((height, width), options)
    assert [(list(crop.box_xyxy), crop.layer) for crop in crops] == list(zip(boxes, layer_of, strict=True))
    for crop in crops[:: 4**n_layers]:
        count = int(side / factor**crop.layer)
        if count > 0:
            expected = amg().build_point_grid(count) * np.array(crop.size_hw)[::-1]
            assert np.allclose(points_of(crop, options), expected, atol=1e-3)
    assert sum(len(points_of(crop, options)) for crop in crops) == point_count(options)


def test_sa_1b_is_three_times_a_thousand_points() -> None:
    assert point_count(SA_1B) == 3072
    assert len(crops_of((3300, 4950), SA_1B)) == 21


# --- masks as runs

SMALL = st.integers(1, 14)
random_masks = st.tuples(SMALL, SMALL, st.integers(0, 2**32), st.floats(0.05, 0.95))


def mask_of(given: tuple[int, int, int, float]) -> np.ndarray:
    height, width, seed, share = given
    return np.random.default_rng(seed).random((height, width)) < share


def changes_in(mask: np.ndarray) -> np.ndarray:
    return np.cumsum(masks.to_runs(masks.encode(mask)))[:-1]


def to_mask(changes: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    return masks.decode(masks.from_changes(changes, size_hw=size_hw))


@quick
@given(random_masks)
def test_runs_are_the_mask(given: tuple[int, int, int, float]) -> None:
    mask = mask_of(given)
    changes = changes_in(mask)
    inside, outside = (runs_of(changes, size_hw=mask.shape, outside=flag) for flag in (False, True))
    assert inside.lengths.sum() == mask.sum()
    assert outside.lengths.sum() == (~mask).sum()
    assert np.array_equal(changes_of(inside, size_hw=mask.shape), changes)
    assert np.array_equal(to_mask(changes_of(outside, size_hw=mask.shape), mask.shape), ~mask)


@quick
@given(random_masks, st.integers(0, 9), st.integers(0, 9), st.integers(0, 3), st.integers(0, 3))
def test_a_crop_s_mask_in_the_image(
    given: tuple[int, int, int, float], left: int, top: int, right: int, bottom: int
) -> None:
    mask = mask_of(given)
    image = np.pad(mask, ((top, bottom), (left, right)))
    moved = uncrop(changes_in(mask), crop_hw=mask.shape, offset_xy=(left, top), size_hw=image.shape)
    assert np.array_equal(to_mask(moved, image.shape), image)


@quick
@given(random_masks, st.integers(1, 12))
def test_cleanup_is_that_of_the_published_code(given: tuple[int, int, int, float], area: int) -> None:
    """But for masks of small islands only, which are deleted."""
    mask = mask_of(given)
    cleaned = to_mask(remove_small(changes_in(mask), size_hw=mask.shape, min_area=area), mask.shape)
    filled, _ = amg().remove_small_regions(mask, area, "holes")
    expected, _ = amg().remove_small_regions(filled, area, "islands")
    if expected.sum() < area:
        expected = np.zeros_like(mask)
    assert np.array_equal(cleaned, expected)


def test_cleanup_on_a_drawing() -> None:
    ring = np.zeros((40, 50), np.bool_)
    ring[5:25, 5:25] = True
    ring[12:15, 12:15] = False  # a hole of 9
    ring[14, 14] = True  # which a corner now parts into 8 that touch
    ring[30:33, 40:43] = True  # an island of 9
    ring[25, 25] = True  # joined by a corner
    clean = to_mask(remove_small(changes_in(ring), size_hw=ring.shape, min_area=9), ring.shape)
    expected = ring.copy()
    expected[12:15, 12:15] = True
    assert np.array_equal(clean, expected)
    cleaner = to_mask(remove_small(changes_in(ring), size_hw=ring.shape, min_area=10), ring.shape)
    expected[30:33, 40:43] = False
    assert np.array_equal(cleaner, expected)
    assert remove_small(changes_in(ring), size_hw=ring.shape, min_area=500).size == 0


def test_cleanup_of_noise_is_quick() -> None:
    noise = np.random.default_rng(0).random((600, 600)) < 0.5
    clean = to_mask(remove_small(changes_in(noise), size_hw=noise.shape, min_area=100), noise.shape)
    assert 0 < (clean != noise).sum() < noise.size / 10


# --- filters and suppression, on drawn masks


def candidate(
    mask: np.ndarray, *, iou: float = 0.9, crop: Crop | None = None, offset_xy: tuple[int, int] = (0, 0)
) -> Candidate:
    crop = crop or Crop((0, 0, mask.shape[1], mask.shape[0]), 0)
    x, y, width, height = masks.bbox_xywh(masks.encode(mask))
    left, top = offset_xy
    return Candidate(
        changes=changes_in(mask),
        area=int(mask.sum()),
        box_xyxy=(left + x, top + y, left + x + width - 1, top + y + height - 1),
        predicted_iou=iou,
        stability_score=1.0,
        point_xy=(0.0, 0.0),
        crop=crop,
    )


def rectangle(x1: int, y1: int, x2: int, y2: int, size_hw: tuple[int, int] = SIZE_HW) -> np.ndarray:
    mask = np.zeros(size_hw, np.bool_)
    mask[y1:y2, x1:x2] = True
    return mask


def selected(crops: list[list[Candidate]], **changes: Any) -> list[Candidate]:
    options, counts = LOOSE.model_copy(update=changes), AutomaticCounts()
    chosen = select(crops, size_hw=SIZE_HW, options=options, counts=counts)
    assert counts.after_cleanup == len(chosen)
    assert [one.candidate.area for one in chosen] == [masks.area(one.rle) for one in chosen]
    return [one.candidate for one in chosen]


@quick
@given(st.integers(0, 2**32), st.integers(0, 40), st.floats(0, 1))
def test_suppression_is_its_definition(seed: int, count: int, threshold: float) -> None:
    random = np.random.default_rng(seed)
    drawn = [
        candidate(rectangle(x, y, x + w, y + h), iou=score)
        for x, y, w, h, score in zip(
            *(random.integers(0, 40, count) for _ in "xy"),
            *(random.integers(2, 50, count) for _ in "wh"),
            random.choice([0.5, 0.6, 0.7, 0.8], count),
            strict=True,
        )
    ]
    kept = suppress(drawn, (one.predicted_iou for one in drawn), threshold=threshold)
    expected: list[Candidate] = []
    for one in sorted(drawn, key=lambda one: -one.predicted_iou):
        if all(overlap(one, other) <= threshold for other in expected):
            expected.append(one)
    assert [id(one) for one in kept] == [id(one) for one in expected]


def overlap(a: Candidate, b: Candidate) -> float:
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = a.box_xyxy, b.box_xyxy
    common = max(0, min(ax2, bx2) - max(ax1, bx1)) * max(0, min(ay2, by2) - max(ay1, by1))
    return common / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - common)


def test_between_crops_the_smaller_crop_wins() -> None:
    whole = candidate(rectangle(20, 20, 60, 60), iou=0.99)
    crop = Crop((10, 10, 90, 90), 1)
    part = candidate(rectangle(10, 10, 50, 50, (80, 80)), iou=0.5, crop=crop, offset_xy=(10, 10))
    (kept,) = selected([[whole], [part]])
    assert kept.crop is crop
    assert np.array_equal(to_mask(kept.changes, SIZE_HW), rectangle(20, 20, 60, 60))
    assert len(selected([[whole], [part]], crop_nms_thresh=1.0)) == 2


def test_suppression_of_masks_looks_at_masks() -> None:
    triangle = np.triu(np.ones((50, 50), np.bool_))
    one, other = np.zeros((2, *SIZE_HW), np.bool_)
    one[10:60, 10:60], other[10:60, 10:60] = triangle, triangle.T  # one box, almost nothing in common
    drawn = [candidate(one, iou=0.8), candidate(other, iou=0.9), candidate(one, iou=0.7)]
    assert [mask.predicted_iou for mask in selected([drawn])] == [0.9, 0.8, 0.7]
    assert [mask.predicted_iou for mask in selected([drawn], mask_nms_thresh=0.5)] == [0.9, 0.8]
    assert [mask.predicted_iou for mask in selected([drawn], max_masks=1)] == [0.9]


def test_after_cleanup_the_mask_that_needed_none_stays() -> None:
    clean = rectangle(10, 10, 60, 60)
    dirty = clean | rectangle(100, 80, 103, 83)
    drawn = [candidate(dirty, iou=0.95), candidate(clean, iou=0.9), candidate(rectangle(80, 10, 85, 14), iou=0.99)]
    assert len(selected([drawn])) == 3
    assert [mask.predicted_iou for mask in selected([drawn], min_mask_region_area=30)] == [0.9]


def filtered(blob: tuple[int, int, int, int], crop: Crop, size_hw: tuple[int, int], **changes: Any) -> AutomaticCounts:
    """What becomes of one rectangle of low-resolution pixels, a low-resolution pixel being one of the crop."""
    height, width = crop.size_hw
    assert height == width
    x1, y1, x2, y2 = blob
    logits = np.full((1, height, width), -9, np.float32)
    logits[0, y1:y2, x1:x2] = 9
    counts = AutomaticCounts()
    frame = stretched(crop.size_hw, input_size=4 * height, low_size=height)
    options = LOOSE.model_copy(update=changes)
    keep = CropFilter(crop, frame, size_hw, options, thresholds_of(options, AutomaticThresholds())).keep
    made = keep(Survivors(np.array([0]), np.array([0.9], np.float32), logits), np.zeros((1, 2), np.float32), counts)
    assert len(made) == counts.after_edge
    return counts


def test_what_a_crop_cuts_is_left_out() -> None:
    crop = Crop((0, 50, 100, 150), 1)  # at the image's left edge
    for box, kept in [
        ((5, 30, 40, 60), True),  # near the edge that is the image's too
        ((5, 20, 40, 60), False),  # 20 pixels from the crop's top
        ((5, 21, 40, 60), True),
        ((50, 30, 81, 60), False),  # its last column 20 from the crop's right side
        ((50, 30, 80, 60), True),
    ]:
        assert filtered(box, crop, (200, 200)).after_edge == kept, box
    assert filtered((0, 0, 100, 100), Crop((0, 0, 100, 100), 0), (100, 100), max_area_share=1.0).after_edge == 1


def test_too_large_empty_and_unstable_masks_are_left_out() -> None:
    whole = Crop((0, 0, 100, 100), 0)
    assert filtered((0, 0, 100, 95), whole, (100, 100)).after_edge == 0
    assert filtered((0, 0, 100, 94), whole, (100, 100)).after_edge == 1
    empty = filtered((0, 0, 0, 0), whole, (100, 100), stability_score_thresh=0.0)
    assert (empty.after_stability, empty.after_edge) == (1, 0)
    assert filtered((0, 0, 0, 0), whole, (100, 100)).after_stability == 0
    thin = filtered((10, 10, 20, 11), whole, (100, 100), stability_score_offset=9.5, stability_score_thresh=0.9)
    assert thin.after_stability == 0


# --- a run on the engine
