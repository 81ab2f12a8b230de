"""Folders of pictures with masks: ours, anyone's, and broken ones."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from model_server.contract import masks as rle
from model_server.dataset import Dataset, UnusableDataset, open_picture, read_dataset

HEIGHT, WIDTH = 12, 20


def square() -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[2:7, 3:9] = True
    return mask


def write(folder: Path, *, annotations: list[dict[str, Any]] | None = None, **changes: Any) -> Path:
    """A folder with one picture and one mask, changed as asked."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (9, 9, 9)).save(folder / "images" / "a.png")
    image = {"id": 1, "file_name": "a.png", "height": HEIGHT, "width": WIDTH, **changes}
    if annotations is None:
        annotations = [{"id": 5, "image_id": 1, "segmentation": rle.encode(square())}]
    (folder / "annotations.json").write_text(json.dumps({"images": [image], "annotations": annotations}))
    return folder


def refused(folder: Path, **options: Any) -> UnusableDataset:
    with pytest.raises(UnusableDataset) as caught:
        read_dataset(folder, **options)
    return caught.value


def only_mask(dataset: Dataset) -> np.ndarray[Any, np.dtype[np.bool_]]:
    (picture,) = dataset.pictures
    (mask,) = picture.masks
    assert mask.area == rle.area(mask.segmentation)
    return rle.decode(mask.segmentation)


def test_all_three_forms_of_coco_masks_are_read_alike(tmp_path: Path) -> None:
    compressed = rle.encode(square())
    runs = rle.to_runs(compressed).tolist()
    polygon = [3, 2, 9, 2, 9, 7, 3, 7]
    listed = {"size": [HEIGHT, WIDTH], "counts": runs}
    with_an_empty_run = {"size": [HEIGHT, WIDTH], "counts": [*runs, 0]}
    for number, segmentation in enumerate((compressed, listed, with_an_empty_run, [polygon])):
        folder = write(tmp_path / str(number), annotations=[{"id": 1, "image_id": 1, "segmentation": segmentation}])
        np.testing.assert_array_equal(only_mask(read_dataset(folder)), square())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pycocotools' own decoder and numpy 2
@given(st.lists(st.floats(-3, 23), min_size=6, max_size=16).filter(lambda values: len(values) % 2 == 0))
def test_polygons_are_pycocotools_polygons(tmp_path_factory: pytest.TempPathFactory, polygon: list[float]) -> None:
    wanted = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([polygon], HEIGHT, WIDTH))).astype(bool)
    annotation = {"id": 1, "image_id": 1, "segmentation": [polygon]}
    folder = write(tmp_path_factory.mktemp("polygon"), annotations=[annotation])
    if wanted.any():
        np.testing.assert_array_equal(only_mask(read_dataset(folder)), wanted)
    else:
        assert refused(folder).code == "dataset_empty"


def test_a_split_is_chosen_and_crowds_are_left_out(tmp_path: Path) -> None:
    mask = {"image_id": 1, "segmentation": rle.encode(square())}
    folder = write(tmp_path, split="val", annotations=[{"id": 1, **mask}, {"id": 2, "iscrowd": 1, **mask}])
    assert [one.annotation_id for one in read_dataset(folder, split="val").pictures[0].masks] == [1]
    assert refused(folder, split="train").code == "dataset_empty"


def test_the_fingerprint_follows_masks_and_pictures(tmp_path: Path) -> None:
    folder = write(tmp_path)
    first = read_dataset(folder).fingerprint
    assert read_dataset(folder).fingerprint == first
    Image.effect_noise((WIDTH, HEIGHT), 50).save(folder / "images" / "a.png")
    assert read_dataset(folder).fingerprint != first


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "dataset_unreadable"),
        ('{"images": [', "dataset_unreadable"),
        ("[]", "dataset_unreadable"),
        ('{"images": []}', "dataset_unreadable"),
        ('{"images": [], "annotations": [3]}', "dataset_unreadable"),
        ('{"images": [], "annotations": []}', "dataset_empty"),
        ('{"images": [7], "annotations": []}', "dataset_damaged"),
        ("[" * 100_000, "dataset_unreadable"),
    ],
)
def test_broken_json_is_named(tmp_path: Path, content: str, code: str) -> None:
    (tmp_path / "annotations.json").write_text(content)
    error = refused(tmp_path)
    assert error.code == code
    assert "annotations.json" in error.message


def test_no_folder_and_no_json_are_named(tmp_path: Path) -> None:
    assert refused(tmp_path).code == "dataset_missing"
    assert refused(tmp_path / "nowhere").code == "dataset_missing"


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        "abc",
        [],
        [[1, 2, 3]],
        [[1, 2, 3, 4, "5", 6]],
        [[1e9, 0, 0, 1e9, 5, 5]],
        {"size": [HEIGHT, WIDTH + 1], "counts": "1"},
        {"size": [HEIGHT, WIDTH], "counts": "~~~"},
        {"size": [HEIGHT, WIDTH], "counts": [3, 4]},
        {"size": [HEIGHT, WIDTH], "counts": [-3, HEIGHT * WIDTH + 3]},
        rle.encode(np.ones((HEIGHT + 1, WIDTH), np.bool_)),
    ],
)
def test_masks_that_do_not_fit_are_named_or_left_out_if_asked(tmp_path: Path, segmentation: Any) -> None:
    good = {"id": 1, "image_id": 1, "segmentation": rle.encode(square())}
    folder = write(tmp_path, annotations=[good, {"id": 77, "image_id": 1, "segmentation": segmentation}])
    error = refused(folder)
    assert error.code == "dataset_damaged"
    assert "77" in error.message
    kept = read_dataset(folder, skip_unusable=True)
    assert [mask.annotation_id for mask in kept.pictures[0].masks] == [1]
    assert len(kept.skipped) == 1


@pytest.mark.parametrize("name", ["missing.png", "../outside.png", "/etc/hostname"])
def test_pictures_missing_or_outside_the_folder_are_named(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "outside.png")
    error = refused(write(tmp_path / "data", file_name=name))
    assert error.code == "dataset_damaged"
    assert name in error.message


def test_a_picture_that_is_not_what_the_json_says_is_named_when_opened(tmp_path: Path) -> None:
    (picture,) = read_dataset(write(tmp_path)).pictures
    assert open_picture(picture).size == (WIDTH, HEIGHT)
    Image.new("RGB", (WIDTH + 1, HEIGHT)).save(picture.path)
    with pytest.raises(UnusableDataset) as other_size:
        open_picture(picture)
    picture.path.write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    with pytest.raises(UnusableDataset) as damaged:
        open_picture(picture)
    assert {other_size.value.code, damaged.value.code} == {"picture_unreadable"}


def test_an_empty_mask_is_counted_and_left_out(tmp_path: Path) -> None:
    empty = {"id": 3, "image_id": 1, "segmentation": rle.encode(np.zeros((HEIGHT, WIDTH), np.bool_))}
    good = {"id": 4, "image_id": 1, "segmentation": rle.encode(square())}
    dataset = read_dataset(write(tmp_path, annotations=[empty, good]))
    assert [mask.annotation_id for mask in dataset.pictures[0].masks] == [4]
    assert "annotation 3" in dataset.skipped[0]
