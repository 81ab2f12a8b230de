"""A project with pictures and masks in it, and the real worker code that exports them."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from fastapi.testclient import TestClient
from PIL import Image as Picture

import backend.exports.tasks
from backend.annotations.tables import Annotation
from backend.jobs.resources import Resources
from backend.jobs.runner import drain
from backend.settings import Settings
from model_server.contract import masks

assert backend.exports.tasks

HEIGHT, WIDTH = 48, 64
Bools = npt.NDArray[np.bool_]


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """As elsewhere, but with a storage of its own: these tests look at what is stored."""
    return settings.model_copy(update={"storage_url": str(tmp_path / "storage")})


@pytest.fixture
def resources(client: TestClient) -> Resources:
    """What the worker works with."""
    found: Resources = client.app.state.resources  # type: ignore[attr-defined]
    return found


def picture(seed: int, format_: str = "PNG", **options: Any) -> bytes:
    """The bytes of a picture like no other seed's."""
    pixels = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    file = io.BytesIO()
    Picture.fromarray(pixels).save(file, format_, **options)
    return file.getvalue()


@pytest.fixture
def add_image(client: TestClient, project_id: int) -> Callable[[str, bytes], dict[str, Any]]:
    """Uploads one picture and gives the image."""

    def add(name: str, data: bytes) -> dict[str, Any]:
        answer = client.post(f"/api/projects/{project_id}/images", files=[("files", (name, data))])
        image: dict[str, Any] = answer.json()["created"][0]
        return image

    return add


@pytest.fixture
def add_mask(resources: Resources) -> Callable[..., int]:
    """Keeps a mask as a row, so that it may be any mask at all; gives its id."""

    def add(image: dict[str, Any], mask_hw: Bools, **values: Any) -> int:
        rle = masks.encode(mask_hw)
        row = {
            "project_id": image["project_id"],
            "image_id": image["id"],
            "height": mask_hw.shape[0],
            "width": mask_hw.shape[1],
            "counts": rle["counts"],
            "area": masks.area(rle),
            "bbox_xywh": masks.bbox_xywh(rle),
            "state": "accepted",
            "origin": "manual",
            "stage": "assisted_manual",
            "prompts": [],
            "clicks": 0,
            "active_seconds": 0.0,
        }
        with resources.database.write() as session:
            kept = Annotation(**(row | values))
            session.add(kept)
            session.flush()
            return kept.id

    return add


def work(resources: Resources) -> int:
    """Runs every due job as a worker does; gives their number."""
    return drain(resources, threading.Event())


def ask(client: TestClient, project_id: int, format_: str = "coco", **options: Any) -> dict[str, Any]:
    """Asks for an export and gives it."""
    answer = client.post(f"/api/projects/{project_id}/exports", json={"format": format_, **options})
    assert answer.status_code == 201, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


def download(client: TestClient, export_id: int) -> zipfile.ZipFile:
    """The archive of an export that is done."""
    export = client.get(f"/api/exports/{export_id}").json()
    assert export["state"] == "done", export
    data = client.get(f"/api/exports/{export_id}/download").content
    assert (len(data), hashlib.sha256(data).hexdigest()) == (export["byte_size"], export["sha256"])
    return zipfile.ZipFile(io.BytesIO(data))


def left_behind(resources: Resources) -> list[str]:
    """Archives in the storage and temporary files, by name."""
    folders = (Path(resources.settings.storage_url) / "exports", resources.settings.data_dir / "outgoing")
    return [path.name for folder in folders for path in folder.glob("*") if path.name != ".lock"]
