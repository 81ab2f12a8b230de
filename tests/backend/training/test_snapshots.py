"""Snapshots: what is in one, that none ever changes, and which side an image is on."""

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, update

from backend.annotations.tables import Annotation
from backend.errors import Conflict
from backend.jobs import queue
from backend.jobs.resources import Resources
from backend.jobs.runner import JobRun
from backend.jobs.tables import Job
from backend.storage import image_key
from backend.training.folders import write_folder
from backend.training.frozen import split_of
from backend.training.snapshots import get_snapshot
from model_server.contract import masks
from model_server.dataset import read_dataset
from tests.backend.training.conftest import SIZE_HW, add_picture, events, make_snapshot, work

ALL = np.ones(SIZE_HW, np.bool_)


@pytest.fixture
def images(client: TestClient, project_id: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(3)
    return [
        add_picture(client, project_id, "same.png", rng.integers(0, 255, (*SIZE_HW, 3), dtype=np.uint8))
        for _ in range(6)
    ]


def download(client: TestClient, snapshot: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"/api/snapshots/{snapshot['id']}/download")
    assert answer.status_code == 200, answer.text
    assert hashlib.sha256(answer.content).hexdigest() == snapshot["sha256"]
    assert answer.headers["etag"] == f'"{snapshot["sha256"]}"'
    coco: dict[str, Any] = json.loads(answer.content)
    return coco


def write(resources: Resources, snapshot: dict[str, Any], folder: Path, *, use_automatic: bool = False) -> None:
    """As a worker with a job of its own."""
    with resources.database.write() as session:
        queue.enqueue(session, "none", {}, project_id=snapshot["project_id"])
        job = queue.claim(session, lease_seconds=60, only=("none",))
        assert job is not None
        row = get_snapshot(session, snapshot["id"])
    write_folder(JobRun(job, resources, threading.Event()), row, folder, use_automatic=use_automatic)


def test_a_snapshot_is_the_masks_of_its_moment_for_ever(
    client: TestClient,
    project_id: int,
    resources: Resources,
    images: list[dict[str, Any]],
    add_mask: Callable[..., int],
) -> None:
    kept, changed, deleted = (add_mask(images[0], ALL) for _ in range(3))
    first = make_snapshot(client, resources, project_id, "the first")
    before = download(client, first)
    assert (first["number"], first["job_state"], first["note"]) == (1, "done", "the first")
    assert [one["id"] for one in before["annotations"]] == [kept, changed, deleted]
    assert [one["id"] for one in before["images"]] == [images[0]["id"]], "only images with masks"
    assert (
        before["annotations"][0]["segloop"] | {"origin": "manual", "is_checked": True}
        == (before["annotations"][0]["segloop"])
    )
    half = ALL.copy()
    half[:, 10:] = False
    with resources.database.write() as session:
        session.execute(update(Annotation).where(Annotation.id == deleted).values(state="deleted"))
    other = add_mask(images[1], half)
    with resources.database.write() as session:
        counts = session.get_one(Annotation, other).counts
        session.execute(update(Annotation).where(Annotation.id == changed).values(counts=counts))
    second = make_snapshot(client, resources, project_id)
    assert download(client, first) == before
    assert [one["id"] for one in download(client, second)["annotations"]] == [kept, changed, other]
    diff = client.get(f"/api/snapshots/{first['id']}/diff/{second['id']}").json()
    assert diff == {
        "images": {"added": 1, "removed": 0},
        "masks": {"added": 1, "removed": 1, "changed": 1},
        "split_moves": 0,
    }
    listed = client.get(f"/api/projects/{project_id}/snapshots").json()["items"]
    assert [one["number"] for one in listed] == [2, 1]
    assert events(resources).count("snapshot.made") == 2


def test_the_side_of_an_image_is_its_checksums(
    client: TestClient,
    project_id: int,
    resources: Resources,
    images: list[dict[str, Any]],
    add_mask: Callable[..., int],
) -> None:
    for image in images:
        add_mask(image, ALL)
    snapshot = make_snapshot(client, resources, project_id)
    coco = download(client, snapshot)
    assert {one["id"]: one["split"] for one in coco["images"]} == {
        image["id"]: split_of(image["sha256"], 0.2) for image in images
    }
    assert len({one["file_name"] for one in coco["images"]}) == len(images)
    frozen = sum(one["split"] == "frozen" for one in coco["images"])
    assert (snapshot["counts"]["frozen_images"], snapshot["counts"]["train_images"]) == (frozen, len(images) - frozen)
    address = f"/api/projects/{project_id}/training-policy"
    refused = client.patch(address, json={"policy": {"frozen_share": 0.3}, "revision": 0})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "frozen_share_fixed")
    shares = [split_of(hashlib.sha256(str(n).encode()).hexdigest(), 0.2) for n in range(2000)]
    assert 0.17 < shares.count("frozen") / 2000 < 0.23


def test_unseen_automatic_masks_train_nothing_unless_asked(
    client: TestClient,
    project_id: int,
    resources: Resources,
    images: list[dict[str, Any]],
    add_mask: Callable[..., int],
    tmp_path: Path,
) -> None:
    train = [image for image in images if split_of(image["sha256"], 0.2) == "train"]
    unseen = add_mask(train[0], ALL, origin="automatic", proposal=None)
    audited = add_mask(train[1], ALL, origin="automatic", is_audited=True)
    snapshot = make_snapshot(client, resources, project_id)
    assert (snapshot["counts"]["automatic_masks"], snapshot["counts"]["train_masks"]) == (1, 1)

    def ids(folder: Path) -> list[int]:
        return [mask.annotation_id for picture in read_dataset(folder).pictures for mask in picture.masks]

    write(resources, snapshot, tmp_path / "checked")
    write(resources, snapshot, tmp_path / "all", use_automatic=True)
    assert ids(tmp_path / "checked") == [audited]
    assert ids(tmp_path / "all") == [unseen, audited]


def test_no_model_is_measured_by_automatic_masks_that_nobody_changed(
    client: TestClient,
    project_id: int,
    resources: Resources,
    images: list[dict[str, Any]],
    add_mask: Callable[..., int],
    tmp_path: Path,
) -> None:
    address = f"/api/projects/{project_id}/training-policy"
    client.patch(address, json={"policy": {"frozen_share": 0.5}, "revision": 0})
    frozen, other, *_ = (image for image in images if split_of(image["sha256"], 0.5) == "frozen")
    train = next(image for image in images if split_of(image["sha256"], 0.5) == "train")
    half = ALL.copy()
    half[:, 10:] = False
    own: dict[str, Any] = {"proposal": {"rle": dict(masks.encode(ALL))}, "proposal_iou": 1.0}
    corrected: dict[str, Any] = own | {"proposal_iou": masks.iou(masks.encode(ALL), masks.encode(half))}
    add_mask(frozen, ALL, origin="automatic", is_audited=True, **own)
    add_mask(other, ALL, origin="automatic", is_audited=True, **own)
    expected = [
        add_mask(frozen, half, origin="automatic", is_audited=True, **corrected),
        add_mask(frozen, ALL, origin="detector", **own),
        add_mask(frozen, ALL),
        add_mask(train, ALL, origin="automatic", is_audited=True, **own),
    ]
    snapshot = make_snapshot(client, resources, project_id)
    assert snapshot["counts"] == {
        "train_images": 1,
        "train_masks": 1,
        "frozen_images": 1,
        "frozen_masks": 3,
        "automatic_masks": 2,
    }
    write(resources, snapshot, tmp_path / "folder", use_automatic=True)
    pictures = read_dataset(tmp_path / "folder").pictures
    assert sorted(mask.annotation_id for picture in pictures for mask in picture.masks) == sorted(expected)


def test_a_snapshot_outlives_its_images_and_names_a_lost_file(
    client: TestClient,
    project_id: int,
    resources: Resources,
    images: list[dict[str, Any]],
    add_mask: Callable[..., int],
    tmp_path: Path,
) -> None:
    mask = add_mask(images[0], ALL)
    add_mask(images[1], ALL)
    snapshot = make_snapshot(client, resources, project_id)
    with resources.database.write() as session:
        session.execute(update(Annotation).where(Annotation.id == mask).values(state="deleted"))
    assert client.delete(f"/api/images/{images[0]['id']}").status_code == 204
    write(resources, snapshot, tmp_path / "whole")
    assert len(read_dataset(tmp_path / "whole").pictures) == 2
    resources.store.put(image_key(images[0]["sha256"]), b"something else")
    with pytest.raises(Conflict, match=r"'same.png' .* of snapshot 1 is damaged"):
        write(resources, snapshot, tmp_path / "damaged")
    resources.store.delete(image_key(images[0]["sha256"]))
    with pytest.raises(Conflict, match=r"'same.png' .* of snapshot 1 is not in the storage any more"):
        write(resources, snapshot, tmp_path / "lost")
    assert not (tmp_path / "lost" / "annotations.json").exists()


def test_what_is_not_there_is_named(client: TestClient, project_id: int, resources: Resources) -> None:
    asked = client.post(f"/api/projects/{project_id}/snapshots", json={}).json()
    address = f"/api/snapshots/{asked['id']}"
    assert client.get(f"{address}/download").json()["error"]["code"] == "snapshot_not_ready"
    other = client.post("/api/projects", json={"name": "Other"}).json()["id"]
    elsewhere = client.post(f"/api/projects/{other}/snapshots", json={}).json()
    assert client.get(f"{address}/diff/{elsewhere['id']}").status_code == 404
    with resources.database.write() as session:
        session.execute(delete(Job).where(Job.kind == "embed"))
    work(resources)
    made = client.get(address).json()
    assert sum(made["counts"].values()) == 0
    resources.store.delete(f"snapshots/{asked['id']}-1.json")
    assert client.get(f"{address}/download").json()["error"]["code"] == "snapshot_file_gone"
    assert client.get(f"{address}/diff/{asked['id']}").status_code == 410
