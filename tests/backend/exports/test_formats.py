"""What is in the archives: pycocotools and SA-1B's readers get back the very masks that were kept."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as Picture
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from backend.jobs.resources import Resources
from tests.backend.exports.conftest import HEIGHT, WIDTH, Bools, ask, download, picture, work

# pycocotools 2.0.11 on NumPy 2 warns about itself.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Image = dict[str, Any]
PROPOSAL = {"rle": {"size": [HEIGHT, WIDTH], "counts": "0"}, "predicted_iou": 0.75, "stability_score": 0.5}
POINT = {"type": "point", "x": 20.5, "y": 10.25, "label": 1, "candidate": None}
BOX = {"type": "box", "x1": 1.0, "y1": 2.0, "x2": 9.0, "y2": 8.0, "candidate": None}


def some_masks() -> list[Bools]:
    """A ring, two parts, one pixel in each corner, everything, noise."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot(rows - 24, columns - 32)
    ring = (distance < 20) & (distance > 8)
    parts = (abs(columns - 10) < 5) | (abs(columns - 50) < 5)
    corners = [np.zeros((HEIGHT, WIDTH), np.bool_) for _ in range(4)]
    for mask, (y, x) in zip(corners, ((0, 0), (0, -1), (-1, 0), (-1, -1)), strict=True):
        mask[y, x] = True
    noise = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.5
    return [ring, parts, *corners, np.ones((HEIGHT, WIDTH), np.bool_), noise]


def test_pycocotools_gets_back_the_same_bits(
    client: TestClient,
    project_id: int,
    resources: Resources,
    add_image: Callable[..., Image],
    add_mask: Callable[..., int],
    tmp_path: Path,
) -> None:
    images = [add_image(f"{n}.png", picture(n)) for n in range(3)]
    kept = {add_mask(images[n % 2], mask): mask for n, mask in enumerate(some_masks())}
    add_mask(images[0], some_masks()[0], state="deleted")
    add_mask(images[0], some_masks()[0], state="proposed")
    asked = ask(client, project_id)
    work(resources)
    with download(client, asked["id"]) as archive:
        archive.extractall(tmp_path / "out")
    coco = COCO(tmp_path / "out" / "annotations.json")
    assert coco.getImgIds() == [image["id"] for image in images], "an image without masks is one of them"
    assert sorted(coco.getAnnIds()) == sorted(kept)
    for annotation in coco.loadAnns(coco.getAnnIds()):
        mask = kept[annotation["id"]]
        assert np.array_equal(coco.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum()
        assert annotation["bbox"] == coco_mask.toBbox(annotation["segmentation"]).tolist()
        assert annotation["iscrowd"] == 0
    for image in coco.loadImgs(coco.getImgIds()):
        data = (tmp_path / "out" / "images" / image["file_name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == image["segloop"]["sha256"]
        assert (image["width"], image["height"]) == (WIDTH, HEIGHT)
    export = client.get(f"/api/exports/{asked['id']}").json()
    assert (export["image_count"], export["mask_count"]) == (3, len(kept))


def test_the_stored_strings_and_the_evidence_come_along(
    client: TestClient,
    project_id: int,
    resources: Resources,
    add_image: Callable[..., Image],
    add_mask: Callable[..., int],
) -> None:
    image = add_image("a.png", picture(1))
    category = client.post(f"/api/projects/{project_id}/categories", json={"name": "cat"}).json()
    evidence: dict[str, Any] = {"clicks": 3, "active_seconds": 4.5, "model_version": "nano-12345678"}
    evidence |= {"origin": "model", "candidate": 1}
    evidence |= {"flags": ["unsure", "crowd"], "comment": "one or two?"}
    add_mask(image, some_masks()[0], **evidence, category_id=category["id"], prompts=[POINT], proposal=PROPOSAL)
    add_mask(image, some_masks()[1])
    stored = [one["rle"]["counts"] for one in client.get(f"/api/images/{image['id']}/annotations").json()["items"]]
    asked = ask(client, project_id, include_images=False)
    work(resources)
    with download(client, asked["id"]) as archive:
        dataset = json.loads(archive.read("annotations.json"))
        assert not [name for name in archive.namelist() if name.startswith("images/")]
    first, second = dataset["annotations"]
    assert [first["segmentation"]["counts"], second["segmentation"]["counts"]] == stored
    assert evidence.items() <= first["segloop"].items()
    assert (first["iscrowd"], second["iscrowd"]) == (1, 0)
    assert (second["segloop"]["flags"], second["segloop"]["comment"]) == ([], "")
    assert (first["segloop"]["prompts"], first["segloop"]["proposal"]) == ([POINT], PROPOSAL)
    assert (first["segloop"]["predicted_iou"], second["segloop"]["predicted_iou"]) == (0.75, None)
    names = {row["id"]: row["name"] for row in dataset["categories"]}
    assert (names[first["category_id"]], names[second["category_id"]]) == ("cat", "object")
    assert dataset["images"][0]["segloop"]["work"] == {"assisted_manual": "ready"}


def test_a_category_called_object_stays_apart_from_none(
    client: TestClient,
    project_id: int,
    resources: Resources,
    add_image: Callable[..., Image],
    add_mask: Callable[..., int],
) -> None:
    image = add_image("a.png", picture(1))
    own = client.post(f"/api/projects/{project_id}/categories", json={"name": "object"}).json()
    add_mask(image, some_masks()[0], category_id=own["id"])
    add_mask(image, some_masks()[1])
    asked = ask(client, project_id)
    work(resources)
    with download(client, asked["id"]) as archive:
        dataset = json.loads(archive.read("annotations.json"))
    assert [row["name"] for row in dataset["categories"]] == ["object", "object (no category)"]
    assert len({one["category_id"] for one in dataset["annotations"]}) == 2


def test_every_picture_has_a_name_of_its_own(
    client: TestClient, project_id: int, resources: Resources, add_image: Callable[..., Image]
) -> None:
    first = add_image("cat.png", picture(1))
    second = add_image("cat.png", picture(2))
    add_image("Cat.PNG", picture(3))
    add_image(f"cat-{second['id']}.png", picture(4))
    add_image("pets/cat.png", picture(5))
    asked = ask(client, project_id)
    work(resources)
    with download(client, asked["id"]) as archive:
        names = [image["file_name"] for image in json.loads(archive.read("annotations.json"))["images"]]
        assert {f"images/{name}" for name in names} <= set(archive.namelist())
    assert len({name.casefold() for name in names}) == 5
    assert (names[0], names[1], names[4]) == (first["file_name"], f"cat-{second['id']}.png", "pets/cat.png")


def test_a_turned_picture_is_marked(
    client: TestClient, project_id: int, resources: Resources, add_image: Callable[..., Image]
) -> None:
    exif = Picture.Exif()
    exif[0x0112] = 6  # turned by a quarter
    add_image("turned.jpg", picture(1, "JPEG", exif=exif))
    asked = ask(client, project_id)
    work(resources)
    with download(client, asked["id"]) as archive:
        image = json.loads(archive.read("annotations.json"))["images"][0]
        manifest = json.loads(archive.read("manifest.json"))
        assert "EXIF" in archive.read("README.txt").decode()
    assert (image["width"], image["height"], image["segloop"]["is_plain"]) == (HEIGHT, WIDTH, False)
    assert [row["is_plain"] for row in manifest["files"] if "is_plain" in row] == [False]


def test_sa1b_has_exactly_its_fields(
    client: TestClient,
    project_id: int,
    resources: Resources,
    add_image: Callable[..., Image],
    add_mask: Callable[..., int],
) -> None:
    image, empty = add_image("a.jpg", picture(1, "JPEG")), add_image("b.png", picture(2))
    clicked = add_mask(image, some_masks()[0], prompts=[BOX, POINT], proposal=PROPOSAL)
    drawn = add_mask(image, some_masks()[0])
    asked = ask(client, project_id, "sa1b")
    work(resources)
    with download(client, asked["id"]) as archive:
        dataset = json.loads(archive.read(f"sa_{image['id']}.json"))
        nothing = json.loads(archive.read(f"sa_{empty['id']}.json"))
        picture_bytes = archive.read(f"sa_{image['id']}.jpg")
    facts = {"image_id": image["id"], "width": WIDTH, "height": HEIGHT, "file_name": f"sa_{image['id']}.jpg"}
    assert dataset["image"] == facts
    assert nothing["annotations"] == []
    assert hashlib.sha256(picture_bytes).hexdigest() == image["sha256"]
    first, second = dataset["annotations"]
    fields = ["id", "segmentation", "bbox", "area", "predicted_iou", "stability_score", "crop_box", "point_coords"]
    assert list(first) == list(second) == fields
    assert (first["id"], second["id"]) == (clicked, drawn)
    assert (first["predicted_iou"], first["stability_score"], first["point_coords"]) == (0.75, 0.5, [[20.5, 10.25]])
    assert (second["predicted_iou"], second["stability_score"]) == (1.0, 1.0)
    assert first["crop_box"] == [0, 0, WIDTH, HEIGHT]
    assert np.array_equal(coco_mask.decode(first["segmentation"]).astype(bool), some_masks()[0])
    ((x, y),) = second["point_coords"]
    assert some_masks()[0][int(y), int(x)], "a mask without a click gets a point inside it"


def test_every_mask_without_a_click_gets_a_point_inside_it(
    client: TestClient,
    project_id: int,
    resources: Resources,
    add_image: Callable[..., Image],
    add_mask: Callable[..., int],
) -> None:
    image = add_image("a.png", picture(1))
    kept = {add_mask(image, mask): mask for mask in some_masks()}
    asked = ask(client, project_id, "sa1b", include_images=False)
    work(resources)
    with download(client, asked["id"]) as archive:
        dataset = json.loads(archive.read(f"sa_{image['id']}.json"))
    for annotation in dataset["annotations"]:
        ((x, y),) = annotation["point_coords"]
        assert kept[annotation["id"]][int(y), int(x)]


def test_the_manifest_names_every_file_with_its_sum(
    client: TestClient,
    project_id: int,
    resources: Resources,
    add_image: Callable[..., Image],
    add_mask: Callable[..., int],
) -> None:
    add_mask(add_image("ü 1.png", picture(1)), some_masks()[0])
    add_image("b.png", picture(2))
    for format_ in ("coco", "sa1b"):
        asked = ask(client, project_id, format_)
        work(resources)
        with download(client, asked["id"]) as archive:
            assert archive.testzip() is None
            assert archive.namelist()[-1] == "manifest.json"
            manifest = json.loads(archive.read("manifest.json"))
            assert [row["name"] for row in manifest["files"]] == archive.namelist()[:-1]
            for row in manifest["files"]:
                data = archive.read(row["name"])
                assert (len(data), hashlib.sha256(data).hexdigest()) == (row["byte_size"], row["sha256"])
        counts = (manifest["format"], manifest["image_count"], manifest["mask_count"])
        assert counts == (format_, 2, 1)
        assert manifest["project"] == {"id": project_id, "name": "Test"}


def test_an_empty_project_is_exported_too(
    client: TestClient, project_id: int, resources: Resources, tmp_path: Path
) -> None:
    asked = ask(client, project_id)
    work(resources)
    with download(client, asked["id"]) as archive:
        archive.extractall(tmp_path / "out")
    assert COCO(tmp_path / "out" / "annotations.json").getAnnIds() == []
