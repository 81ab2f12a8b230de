"""What a network is shown: the same for the same number, pixels and masks in step, whatever the picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model_server.contract import masks as rle
from model_server.contract.view import FINEST
from model_server.dataset import Dataset, Mask, Picture, UnusableDataset, read_dataset
from model_server.training.augment import Augmentation, View, change_colours, choose_closer_view, choose_view
from model_server.training.samples import Samples, Sampling, Source
from model_server.training.scenes import paste_instances, procedural_scene

SIZE = 64


def samples(folder: Path, *, seed: int = 0, **changes: object) -> Samples:
    sampling = {"input_size": SIZE, "prompts_per_image": 3, "stretched": True, **changes}
    return Samples([Source(dataset=read_dataset(folder), weight=1.0)], Sampling(**sampling), seed=seed)  # type: ignore[arg-type]


def test_a_sample_depends_on_seed_and_number_alone(shapes: Callable[..., Path], tmp_path: Path) -> None:
    folder = shapes()
    made = {
        "augmentation": Augmentation(colour=1.0, stretch=1.5),
        "region_share": 0.4,
        "region_cache": tmp_path / "regions",
        "scene_share": 0.2,
        "paste_share": 0.5,
    }
    one, other = samples(folder, **made), samples(folder, **made)
    one[7]  # what came before does not matter
    for number in (12, 3, 9):
        for a, b in zip(one[number], other[number], strict=True):
            assert torch.equal(a, b)
    assert not torch.equal(one[3][0], samples(folder, seed=1, **made)[3][0])


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_pixels_and_masks_are_cut_alike(seed: int, stretched: bool) -> None:
    """A picture that is white where its mask is: in every view the mask is where the pixels are white."""
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(20, 90, 2))
    y, x = np.mgrid[:height, :width]
    mask = ((x - width / 2) / width) ** 2 + ((y - height / 2) / height) ** 2 < 0.09
    picture = Image.fromarray(np.repeat(mask[..., None] * np.uint8(255), 3, 2))
    augmentation = Augmentation(scale=(0.3, 2.0), stretch=1.5)
    view = choose_view((height, width), SIZE, augmentation, rng, stretched=stretched)
    pixels, seen = view.of_picture(picture), view.of_mask(mask)
    is_white = pixels[..., 0] > 127
    assert (is_white != seen).mean() < 0.02


@given(st.integers(0, 2**32 - 1), st.integers(8, 600), st.integers(8, 600))
def test_who_zooms_in_sees_the_object(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    w, h = int(rng.integers(1, width + 1)), int(rng.integers(1, height + 1))
    x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    view = choose_closer_view([x, y, w, h], (height, width), SIZE, Augmentation(), rng)
    if view is None:
        assert w > width / 16 or h > height / 16 or FINEST * max(height, width) <= SIZE
        return
    x1, y1, x2, y2 = view.window_xyxy
    assert 0 <= x1 <= x
    assert 0 <= y1 <= y
    assert x + w <= x2 <= width
    assert y + h <= y2 <= height
    assert x2 - x1 <= -(-width // 2)


def test_samples_of_those_who_zoom_in_show_small_objects_large(tmp_path: Path) -> None:
    mask = np.zeros((400, 400), np.bool_)
    mask[200:220, 300:320] = True
    Image.fromarray(np.repeat(mask[..., None] * np.uint8(255), 3, 2)).save(tmp_path / "one.png")
    segmentation = rle.encode(mask)
    one = Mask(annotation_id=1, segmentation=segmentation, area=400, annotator=None, kind=None)
    picture = Picture(
        image_id=1, file_name="one.png", path=tmp_path / "one.png", size_hw=(400, 400), split=None, masks=(one,)
    )
    dataset = Dataset(name="one", folder=tmp_path, pictures=(picture,), fingerprint="0", skipped=())
    source = Source(dataset=dataset, weight=1.0)
    same = Augmentation(scale=(1, 1), flip=False)
    closer, whole = (
        Samples([source], Sampling(input_size=SIZE, prompts_per_image=1, stretched=True, augmentation=same,
                                   closer_share=share, min_area=4), seed=0)
        for share in (1.0, 0.0)
    )  # fmt: skip
    for number in range(8):
        pixels, masks, which = closer[number]
        assert masks.sum() >= 4 * whole[number][1].sum()
        assert ((pixels[0] > 127) == masks[0]).float().mean() > 0.98
        assert which == -1, "no two looks are the same"


def test_a_whole_picture_without_changes_is_what_is_served() -> None:
    """Stretched to the square as in the SAM 2 network's own preparation."""
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (50, 90, 3), dtype=np.uint8))
    plain = Augmentation(scale=(1.0, 1.0), flip=False)
    view = choose_view((50, 90), SIZE, plain, rng, stretched=True)
    served = picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(view.of_picture(picture), np.asarray(served))


def test_a_picture_shrunk_for_memory_gives_nearly_the_same_view() -> None:
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)).resize(
        (600, 400), Image.Resampling.BICUBIC
    )
    view = View((90.0, 60.0, 490.0, 360.0), True, SIZE)
    half = view.scaled((0.5, 0.5)).of_picture(smooth.resize((300, 200), Image.Resampling.BOX))
    assert np.abs(half.astype(int) - view.of_picture(smooth).astype(int)).mean() < 1.5


def one_picture(
    tmp_path: Path, mask: np.ndarray, *, photo: np.ndarray | None = None, input_size: int = SIZE
) -> Samples:
    plain_photo = np.full((*mask.shape, 3), (40, 80, 120), np.uint8)
    Image.fromarray(plain_photo if photo is None else photo).save(tmp_path / "a.png")
    found = Mask(annotation_id=1, segmentation=rle.encode(mask), area=int(mask.sum()), annotator=None, kind=None)
    picture = Picture(
        image_id=1, file_name="a.png", path=tmp_path / "a.png", size_hw=mask.shape, split=None, masks=(found,)
    )
    source = Source(dataset=Dataset("one", tmp_path, (picture,), "", ()), weight=1.0)
    plain = Augmentation(scale=(1.0, 1.0), flip=False)
    sampling = Sampling(input_size=input_size, prompts_per_image=4, stretched=True, augmentation=plain)
    return Samples([source], sampling, seed=0)


def test_one_mask_on_one_picture_is_enough(tmp_path: Path) -> None:
    mask = np.zeros((64, 64), np.bool_)
    mask[10:30, 20:50] = True
    pixels, masks, _ = one_picture(tmp_path, mask)[0]
    assert pixels.shape == (3, SIZE, SIZE)
    assert masks.shape == (4, SIZE, SIZE)
    assert all(np.array_equal(one, mask) for one in masks.numpy())


def test_a_wide_picture_is_as_sharp_as_it_is_served(tmp_path: Path) -> None:
    """Stretched to a square, it loses no row."""
    photo = np.random.default_rng(0).integers(0, 256, (SIZE, 2 * SIZE, 3), np.uint8)
    mask = np.zeros((SIZE, 2 * SIZE), np.bool_)
    mask[:9] = True
    served = Image.fromarray(photo).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    pixels = one_picture(tmp_path, mask, photo=photo)[0][0]
    np.testing.assert_array_equal(pixels.numpy(), np.asarray(served).transpose(2, 0, 1))


@pytest.mark.parametrize("size", [SIZE, 1024])
def test_a_picture_is_as_sharp_as_it_is_served(tmp_path: Path, size: int) -> None:
    """Noise of single pixels, in a picture of the size of the input and of twice that."""
    for side in (size, 2 * size):
        photo = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
        pixels = one_picture(
            tmp_path, np.eye(side, dtype=np.bool_) | (np.mgrid[:side, :side][0] < 9), photo=photo, input_size=size
        )[0][0]
        served = Image.fromarray(photo).resize((size, size), Image.Resampling.BOX)
        np.testing.assert_array_equal(pixels.numpy(), np.asarray(served).transpose(2, 0, 1))


def test_pictures_in_memory_are_bounded_by_their_bytes(
    shapes: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = samples(shapes(pictures=6, size_hw=(64, 80)))
    monkeypatch.setattr("model_server.training.samples.KEPT_BYTES", 2 * 3 * 64 * 80)
    for number in range(20):
        made[number]
        assert 1 <= len(made._kept) <= 2


def test_objects_that_no_view_of_the_whole_shows_are_learnt_from_parts(tmp_path: Path) -> None:
    """A cell on a photo of a microscope: as the people see it who zoom in to it, from the photo itself."""
    mask = np.zeros((1000, 1000), np.bool_)
    mask[500:514, 300:314] = True
    photo = np.repeat(mask[..., None] * np.uint8(255), 3, 2)
    pixels, masks, number = one_picture(tmp_path, mask, photo=photo)[0]
    assert (number.item(), masks.flatten(1).sum(1).min().item() >= 100) == (-1, True)
    assert ((pixels[0] > 127) != masks[0]).float().mean() < 0.02, "sharp: not cut out of a smaller copy"


@pytest.mark.parametrize("whole", [True, False])
def test_one_pixel_and_the_whole_image_cannot_be_learnt_and_are_named(tmp_path: Path, whole: bool) -> None:
    mask = np.full((64, 64), whole)
    mask[5, 5] = True
    with pytest.raises(UnusableDataset) as caught:
        one_picture(tmp_path, mask)[0]
    assert caught.value.code == "masks_unusable"


@given(st.integers(0, 2**32 - 1))
def test_scenes_masks_do_not_overlap_unless_one_is_part_of_the_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    texture = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    pixels, masks = procedural_scene(SIZE, rng, texture)
    assert pixels.shape == texture.shape
    assert pixels.dtype == np.uint8
    for i, a in enumerate(masks):
        for b in masks[i + 1 :]:
            both = a & b
            assert not both.any() or (both == b).all() or (both == a).all()


def test_what_is_pasted_covers_what_was_there() -> None:
    rng = np.random.default_rng(0)
    below = np.zeros((SIZE, SIZE, 3), np.uint8)
    cut_out = np.full((10, 10, 3), 255, np.uint8), np.ones((10, 10), np.bool_)
    pixels, masks = paste_instances(below, [np.ones((SIZE, SIZE), np.bool_)], [cut_out], rng)
    assert not (masks[0] & masks[1]).any()
    np.testing.assert_array_equal(pixels[..., 0] == 255, masks[1])


def test_no_colour_change_means_none() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert change_colours(pixels, 0.0, np.random.default_rng(0)) is pixels
