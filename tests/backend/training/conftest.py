"""A project with masks on pictures of shapes, and a small network of the real kind as its live model."""

import fcntl
import io
import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as Picture
from sqlalchemy import delete, select

import backend.training.checks
import backend.training.tasks
from backend.annotations.counts import cell_of, count_change
from backend.annotations.tables import Annotation
from backend.events.tables import Event
from backend.jobs.resources import Resources
from backend.jobs.runner import drain
from backend.jobs.tables import Job
from backend.models.service import promote, record_version
from backend.settings import Settings
from backend.training.frozen import split_of
from model_server.contract import masks
from model_server.networks.registry import read_network_facts
from tests.model_server.training.conftest import draw_shapes, small_sam2

assert backend.training.tasks
assert backend.training.checks

SIZE_HW = (64, 80)
FROZEN_SHARE = 0.4
OPTIONS: dict[str, Any] = {"steps": 20, "batch_size": 1, "augment": False, "rate": 1e-3}
ANY_WILL_DO = {"min_gain": -1, "max_general_loss": 1}


def write_published_detector(folder: Path) -> None:
    """YOLOS at random, as transformers saves it."""
    import torch
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    config = YolosConfig(**sizes, image_size=[64, 64], num_detection_tokens=10, num_labels=3)
    YolosForObjectDetection(config).save_pretrained(folder)
    preparation = {"size": {"height": 64, "width": 64}, "do_normalize": False}
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation))


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small network in half precision, as a published model would be."""
    folder = tmp_path_factory.mktemp("published") / "small"
    small_sam2().half().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def general_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures that no project has."""
    folder = tmp_path_factory.mktemp("general") / "general"
    folder.mkdir()
    images, annotations = [], []
    for number in range(2):
        pixels, drawn = draw_shapes(SIZE_HW, np.random.default_rng((9, number)))
        Picture.fromarray(pixels).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "height": SIZE_HW[0], "width": SIZE_HW[1]})
        annotations += [
            {"id": 2 * number + n, "image_id": number, "segmentation": masks.encode(mask)}
            for n, mask in enumerate(drawn)
        ]
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    return folder


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, general_set: Path) -> Settings:
    """As elsewhere, with a storage of its own and one thread for trainers."""
    changes = {"storage_url": str(tmp_path / "storage"), "general_set": str(general_set), "training_threads": 1}
    return settings.model_copy(update=changes)


@pytest.fixture
def resources(client: TestClient) -> Resources:
    """What the worker works with."""
    found: Resources = client.app.state.resources  # type: ignore[attr-defined]
    return found


@pytest.fixture
def add_mask(resources: Resources) -> Callable[..., int]:
    """Keeps a mask as a row, counted as the page's own are; gives its id."""

    def add(image: dict[str, Any], mask_hw: np.ndarray, **values: Any) -> int:
        rle = masks.encode(mask_hw)
        row: dict[str, Any] = {
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
            "is_audited": False,
        }
        with resources.database.write() as session:
            kept = Annotation(**(row | values))
            session.add(kept)
            session.flush()
            count_change(session, None, cell_of(kept))
            return kept.id

    return add


@dataclass(frozen=True)
class Filled:
    """A project with images and masks: `frozen` and `train` images, and the live model's version."""

    project_id: int
    images: list[dict[str, Any]]
    live: str


@pytest.fixture
def filled(
    client: TestClient, project_id: int, resources: Resources, add_mask: Callable[..., int], small_model: Path
) -> Filled:
    """Images with two masks each, at least six frozen ones and six others; the small network is live."""
    images: list[dict[str, Any]] = []
    seed = 0
    while min(_sides(images)) < 6:
        pixels, drawn = draw_shapes(SIZE_HW, np.random.default_rng(seed))
        images.append(add_picture(client, project_id, f"{seed}.png", pixels))
        for mask in drawn:
            add_mask(images[-1], mask)
        seed += 1
    live = install_model(resources, small_model)
    with resources.database.write() as session:
        session.execute(delete(Job))
        promote(session, project_id, "model", live, reason="to begin with", author_id=None)
        session.execute(delete(Job))
    changes = {"min_masks": 5, "frozen_share": FROZEN_SHARE}
    address = f"/api/projects/{project_id}/training-policy"
    assert client.patch(address, json={"policy": changes, "revision": 0}).status_code == 200
    return Filled(project_id, images, live)


def _sides(images: list[dict[str, Any]]) -> tuple[int, int]:
    sides = [split_of(image["sha256"], FROZEN_SHARE) for image in images]
    return sides.count("frozen"), sides.count("train")


def add_picture(client: TestClient, project_id: int, name: str, pixels: np.ndarray) -> dict[str, Any]:
    """Uploads a picture and gives the image."""
    file = io.BytesIO()
    Picture.fromarray(pixels).save(file, "PNG")
    answer = client.post(f"/api/projects/{project_id}/images", files=[("files", (name, file.getvalue()))])
    image: dict[str, Any] = answer.json()["created"][0]
    return image


def install_model(resources: Resources, folder: Path, name: str | None = None) -> str:
    """Puts a model into the models folder and the table; gives its version."""
    target = resources.settings.resolved_models_dir / (name or folder.name)
    shutil.copytree(folder, target)
    facts = read_network_facts(target)
    names = ("model_version", "name", "family", "image_size", "encoder_fingerprint", "parameters")
    with resources.database.write() as session:
        record_version(session, {one: getattr(facts, one) for one in names})
    return facts.model_version


def start(client: TestClient, project_id: int, **body: Any) -> dict[str, Any]:
    """Starts a run and gives it."""
    answer = client.post(f"/api/projects/{project_id}/training-runs", json=body)
    assert answer.status_code == 201, answer.text
    run: dict[str, Any] = answer.json()
    return run


def read_run(client: TestClient, run_id: int) -> dict[str, Any]:
    """The run as it is now."""
    run: dict[str, Any] = client.get(f"/api/training-runs/{run_id}").json()
    return run


def work(resources: Resources) -> int:
    """Runs every due job as a worker does; gives their number."""
    return drain(resources, threading.Event())


def make_snapshot(client: TestClient, resources: Resources, project_id: int, note: str = "") -> dict[str, Any]:
    """Makes a snapshot and gives it."""
    asked = client.post(f"/api/projects/{project_id}/snapshots", json={"note": note})
    assert asked.status_code == 201, asked.text
    work(resources)
    made: dict[str, Any] = client.get(f"/api/snapshots/{asked.json()['id']}").json()
    return made


def events(resources: Resources) -> list[str]:
    """The kinds of all events, oldest first."""
    with resources.database.read() as session:
        return list(session.scalars(select(Event.kind).order_by(Event.id)))


def is_free(folder: Path) -> bool:
    """Whether no program holds a run's folder."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
