"""Measures, intervals and samples against values worked out by hand, and against the slow way."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_server.contract.masks import encode
from model_server.dataset import Dataset, Mask, Picture
from model_server.evaluation.comparison import sentence
from model_server.evaluation.intervals import RESAMPLES, Estimate, estimates, resampled_means
from model_server.evaluation.measures import calibration, falls, histograms, measures_of, of_sizes
from model_server.evaluation.sampling import Limits, draw
from model_server.evaluation.scoring import Scores


def scores_of(ious: list[list[float]], candidates: list[list[float]]) -> Scores:
    scores = Scores.empty(len(ious), len(ious[0]))
    scores.ious[:] = ious
    scores.candidate_ious[:] = candidates
    return scores


def test_measures_have_the_right_step() -> None:
    nan = float("nan")
    steps = [0.1, 0.2, 0.3, 0.4, 0.5]
    clicks = measures_of("center", scores_of([steps], [[0.1, 0.6, nan]]))
    assert {name: values[0] for name, values in clicks.items()} == {
        "center_1": 0.1, "center_2": 0.2, "center_3": 0.3, "center_5": 0.5, "center_1_best": 0.6
    }  # fmt: skip
    box = measures_of("box", scores_of([steps], [[0.1, nan, nan]]))
    assert {name: values[0] for name, values in box.items()} == {"box": 0.1, "box_1": 0.2, "box_2": 0.3, "box_3": 0.4}


def test_sizes_are_split_at_32_and_96_squared() -> None:
    areas = np.array([1, 1023, 1024, 9215, 9216])
    found = of_sizes(np.arange(5.0), areas)
    kept = {size: np.flatnonzero(~np.isnan(part)).tolist() for size, part in found.items()}
    assert kept == {"all": [0, 1, 2, 3, 4], "small": [0, 1], "medium": [2, 3], "large": [4]}


def test_falls_count_the_masks_that_were_asked() -> None:
    nan = float("nan")
    scores = scores_of([[0.5, 0.4, 0.6], [0.5, 0.5, nan], [0.5, 0.3, 0.2]], [[nan] * 3] * 3)
    assert falls(scores, "center") == pytest.approx([2 / 3, 1 / 2])


def test_calibration_of_a_hand_worked_example() -> None:
    """Bin 0.2 to 0.3 holds two masks, means 0.25 and 0.5; bin 0.9 to 1 one that is right, and one above 1."""
    found = calibration(np.array([0.2, 0.3 - 1e-9, 0.9, 1.1, np.nan]), np.array([0.4, 0.6, 0.9, 0.9, 0.1]))
    assert found is not None
    assert found["masks"] == 4
    assert found["mean_absolute_error"] == pytest.approx((0.2 + 0.3 + 0 + 0.2) / 4)
    assert found["mean_error"] == pytest.approx((-0.2 - 0.3 + 0 + 0.2) / 4)
    assert found["expected_calibration_error"] == pytest.approx((2 * 0.25 + 2 * 0.1) / 4)
    assert [row["masks"] for row in found["bins"]] == [0, 0, 2, 0, 0, 0, 0, 0, 0, 2]
    assert calibration(np.array([np.nan]), np.array([0.5])) is None


def test_histograms_count_every_mask_once() -> None:
    scores = scores_of([[0.0], [0.049], [0.05], [1.0]], [[0.0, 1.0, np.nan]] * 4)
    assert histograms(scores)["chosen"] == [2, 1] + [0] * 17 + [1]
    assert histograms(scores)["best"][-1] == 4


def test_resampling_is_what_resampling_images_one_by_one_gives() -> None:
    """The same draws of images, their masks put together and averaged."""
    generator = np.random.default_rng(5)
    image_of_mask = np.repeat(np.arange(6), [1, 4, 2, 2, 3, 1])
    values = generator.random((13, 2))
    values[[0, 7], 1] = np.nan
    means = resampled_means(values, image_of_mask, seed=9)
    draws = np.random.default_rng(9).multinomial(6, np.full(6, 1 / 6), size=RESAMPLES)
    assert means.shape == (RESAMPLES, 2)
    for drawn, mean in list(zip(draws, means, strict=True))[:50]:
        rows = np.concatenate([np.flatnonzero(image_of_mask == i) for i in range(6) for _ in range(drawn[i])])
        assert mean == pytest.approx(np.nanmean(values[rows], axis=0))


def test_intervals_have_the_width_theory_gives() -> None:
    """400 images of one mask: the standard error of the mean, from the spread itself."""
    values = np.random.default_rng(1).normal(0.5, 0.1, (400, 1))
    (found,), _ = estimates(values, np.arange(400), seed=0)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.08)
    assert found.low < values.mean() < found.high


def test_masks_of_one_image_are_no_new_evidence() -> None:
    """Every mask ten times over changes no interval; as separate images they would."""
    values = np.random.default_rng(1).normal(0.5, 0.1, (40, 1))
    (once,), _ = estimates(values, np.arange(40), seed=0)
    (tenfold,), _ = estimates(np.repeat(values, 10, axis=0), np.repeat(np.arange(40), 10), seed=0)
    (apart,), _ = estimates(np.repeat(values, 10, axis=0), np.arange(400), seed=0)
    assert once is not None
    assert tenfold is not None
    assert apart is not None
    assert (tenfold.low, tenfold.high) == pytest.approx((once.low, once.high))
    assert apart.high - apart.low < 0.5 * (once.high - once.low)  # type: ignore[operator]


def test_one_image_has_no_interval_and_no_value_no_mean() -> None:
    found, _ = estimates(np.array([[0.2, np.nan], [0.4, np.nan]]), np.zeros(2, np.int64), seed=0)
    assert found == [Estimate(pytest.approx(0.3), None, None, 2, 1), None]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1)), min_size=2, max_size=30))
def test_intervals_hold_their_means_when_all_are_equal(rows: list[tuple[int, float]]) -> None:
    images = np.unique([image for image, _ in rows], return_inverse=True)[1]
    values = np.full((len(rows), 1), rows[0][1])
    (found,), _ = estimates(values, images, seed=0)
    assert found is not None
    assert found.mean == pytest.approx(rows[0][1])
    if len(set(images.tolist())) > 1:
        assert (found.low, found.high) == pytest.approx((rows[0][1], rows[0][1]))


@pytest.mark.parametrize(
    ("estimate", "is_lower_better", "end"),
    [
        (Estimate(0.1, 0.05, 0.15, 9, 3), False, "better."),
        (Estimate(-0.1, -0.15, -0.05, 9, 3), False, "worse."),
        (Estimate(-2.0, -3.0, -1.0, 9, 3), True, "better."),
        (Estimate(0.1, -0.05, 0.25, 9, 3), False, "no difference is shown."),
        (Estimate(0.1, None, None, 9, 1), False, "one image alone gives no interval."),
    ],
)
def test_verdicts_say_what_the_interval_allows(estimate: Estimate, is_lower_better: bool, end: str) -> None:
    assert sentence("With one click", estimate, "new", "old", is_lower_better=is_lower_better).endswith(end)


def dataset_of(mask_counts: list[int]) -> Dataset:
    rle = encode(np.ones((2, 2), np.bool_))
    pictures = tuple(
        Picture(
            image_id=number,
            file_name=f"{number}.png",
            path=Path(f"{number}.png"),
            size_hw=(2, 2),
            split=None,
            masks=tuple(
                Mask(annotation_id=100 * number + i, segmentation=rle, area=4, annotator=None, kind=None)
                for i in range(count)
            ),
        )
        for number, count in enumerate(mask_counts)
    )
    return Dataset("drawn", Path(), pictures, "", ())


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=12),
    st.integers(1, 20),
    st.integers(1, 12),
    st.integers(1, 6),
    st.integers(0, 3),
)
def test_samples_keep_their_limits(counts: list[int], masks: int, images: int, per_image: int, seed: int) -> None:
    dataset = dataset_of(counts)
    limits = Limits(images=images, masks=masks, masks_per_image=per_image)
    drawn = draw(dataset, limits, seed=seed)
    assert drawn == draw(dataset, limits, seed=seed)
    ids = [picture.image_id for picture in drawn]
    assert ids == sorted(set(ids))
    assert 1 <= len(drawn) <= images
    assert all(len(picture.masks) == min(per_image, counts[picture.image_id]) for picture in drawn)
    known = {mask.annotation_id for picture in dataset.pictures for mask in picture.masks}
    kept = [mask.annotation_id for picture in drawn for mask in picture.masks]
    assert len(set(kept) & known) == len(kept)
    total = sum(len(picture.masks) for picture in drawn)
    assert total < masks + per_image, "the last image may pass the limit, no other"
    assert len(drawn) in (images, len(counts)) or total >= masks
    assert draw(dataset, Limits(), seed=seed) == list(dataset.pictures)


def test_small_masks_can_be_left_out() -> None:
    dataset = dataset_of([2, 1])
    assert draw(dataset, Limits(min_area=4), seed=0) == list(dataset.pictures)
    assert draw(dataset, Limits(min_area=5), seed=0) == []
