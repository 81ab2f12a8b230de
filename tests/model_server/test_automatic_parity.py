"""The same masks as the published generators on equal random weights, in full precision."""

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from model_server.automatic import Generated, Generator
from model_server.contract import masks
from model_server.contract.automatic import SAM, SAM2, AutomaticOptions
from tests.model_server.automatic_reference import Both, build_both, gap_near
from tests.model_server.reference import HIERA_TINY, SMALL_SAM, build_sam, build_sam2, randomise
from tests.model_server.test_parity import set_image_size

SIZE_HW = (97, 131)
POINTS = 4


@pytest.fixture(scope="module")
def sam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    reference = randomise(build_sam(**SMALL_SAM))
    head = reference.mask_decoder.iou_prediction_head.layers[-1]
    head.weight.data *= 0.1  # scores that a threshold of 0..1 can part
    head.bias.data[:] = 0.5
    both = build_both(tmp_path_factory.mktemp("sam"), reference, SIZE_HW)
    yield both
    both.engine.close()


@pytest.fixture(scope="module")
def sam2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    reference = randomise(build_sam2(HIERA_TINY, image_size=256))
    folder = tmp_path_factory.mktemp("sam2")
    both = build_both(folder, reference, SIZE_HW, lambda config: set_image_size(config, 256))
    yield both
    both.engine.close()


def ours(both: Both, options: AutomaticOptions) -> Generated:
    run = Generator(both.engine).generate(both.image_sha256, SIZE_HW, options, model_version=None)
    return asyncio.run(run)


def thresholds(everything: list[dict[str, Any]], *, iou_share: float, stable_share: float) -> dict[str, float]:
    """Quantiles of the reference's own scores, as random weights make scores that no fixed threshold parts."""
    pred_iou_thresh = gap_near([mask["predicted_iou"] for mask in everything], iou_share)
    stable = [mask["stability_score"] for mask in everything if mask["predicted_iou"] > pred_iou_thresh]
    return {"pred_iou_thresh": pred_iou_thresh, "stability_score_thresh": gap_near(stable, stable_share)}


def differing_pixels(rle: masks.Rle, other: masks.Rle) -> int:
    return int((masks.decode(rle) != masks.decode(other)).sum())


def assert_same_masks(made: Generated, expected: list[dict[str, Any]]) -> None:
    """Each mask of the reference once, from the same point, with the same scores, but for rounding at the border."""
    assert len(made.selected) == len(expected) > 0
    left = list(expected)
    for one in made.selected:
        candidate = one.candidate
        theirs = min(
            left,
            key=lambda mask: (
                abs(mask["predicted_iou"] - candidate.predicted_iou)
                + np.abs(np.subtract(mask["point_coords"][0], candidate.point_xy)).max()
            ),
        )
        left.remove(theirs)
        assert abs(theirs["predicted_iou"] - candidate.predicted_iou) < 1e-4
        assert np.allclose(theirs["point_coords"][0], candidate.point_xy, atol=1e-3)
        assert abs(theirs["stability_score"] - candidate.stability_score) < 2e-3
        assert list(candidate.crop.box_xywh) == [int(value) for value in theirs["crop_box"]]
        assert differing_pixels(one.rle, theirs["segmentation"]) <= 3
        assert one.candidate.area == masks.area(one.rle)
        assert list(one.bbox_xywh) == masks.bbox_xywh(one.rle)
        x, y, width, height = theirs["bbox"]  # without the last column and row
        assert np.abs(np.subtract(one.bbox_xywh, (x, y, width + 1, height + 1))).max() <= 1


GRID = {"points_per_side": POINTS, "points_per_batch": 7}
UNFILTERED = GRID | {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "box_nms_thresh": 1.0}
CROPS = {"crop_n_layers": 1, "crop_n_points_downscale_factor": 2}


@pytest.fixture(scope="module")
def everything(sam: Both) -> list[dict[str, Any]]:
    return sam.theirs(SAM.model_copy(update=UNFILTERED))


@pytest.mark.parametrize(
    ("changes", "iou_share"),
    [({}, 0.6), (CROPS, 0.2), (CROPS | {"min_mask_region_area": 9, "box_nms_thresh": 0.9}, 0.8)],
    ids=["grid", "crops", "crops and cleanup"],
)
def test_sam_makes_the_masks_of_segment_anything(
    sam: Both, everything: list[dict[str, Any]], changes: dict[str, Any], iou_share: float
) -> None:
    chosen = thresholds(everything, iou_share=iou_share, stable_share=0.7)
    options = SAM.model_copy(update=GRID | changes | chosen)
    assert_same_masks(ours(sam, options), sam.theirs(options))


def test_sam_without_filters(sam: Both, everything: list[dict[str, Any]]) -> None:
    """And what upsampling once is: SAM's own code goes over its input size. Random masks show it at its worst."""
    options = SAM.model_copy(update=UNFILTERED)
    made = ours(sam, options)
    assert made.counts.candidates == made.counts.after_edge == len(everything) == 3 * POINTS**2
    assert_same_masks(made, everything)
    in_two_steps = sorted(sam.theirs(options, two_steps=True), key=lambda mask: -mask["predicted_iou"])
    ious = [masks.iou(a.rle, b["segmentation"]) for a, b in zip(made.selected, in_two_steps, strict=True)]
    assert np.median(ious) > 0.98


def test_sam2_makes_the_masks_of_sam2(sam2: Both) -> None:
    everything = sam2.theirs(SAM2.model_copy(update=UNFILTERED))
    chosen = thresholds(everything, iou_share=0.4, stable_share=0.7)
    options = SAM2.model_copy(update=GRID | CROPS | chosen)
    assert_same_masks(ours(sam2, options), sam2.theirs(options))
