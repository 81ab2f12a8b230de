"""kill -9 of backend and worker while people import, click, save and export: nothing acknowledged is lost, and nothing
is there twice. `SEGLOOP_KILLS=50` for the figure of docs/figures.md; each kill is like the others."""

import hashlib
import io
import json
import os
import random
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import PIL.Image
import pytest
from sqlalchemy import func, select, text

from backend.annotations.tables import Annotation
from backend.auth import service as auth
from backend.database import Database
from backend.images.tables import Image
from backend.jobs.tables import Job
from backend.projects.service import create_project
from backend.stages.tables import WorkItem
from backend.storage import image_key, thumbnail_key
from model_server.contract import masks
from model_server.contract.blobs import LocalBlobs
from tests.reliability.processes import Installation, StubbornClient
from tests.running import free_port, wait_until

KILLS = int(os.environ.get("SEGLOOP_KILLS", "10"))
HEIGHT, WIDTH = 60, 80


def picture(seed: int) -> bytes:
    """A small PNG; every seed gives other bytes."""
    pixels = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def some_mask() -> dict[str, Any]:
    """A random rectangle."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    top, left = random.randrange(HEIGHT - 5), random.randrange(WIDTH - 5)
    mask[top : top + 5, left : left + 5] = True
    return dict(masks.encode(mask))


@pytest.fixture
def installation(database_url: str, storage_dir: Path, model_server_url: str, tmp_path: Path) -> Iterator[Installation]:
    environment = {
        "SEGLOOP_DATA_DIR": str(tmp_path / "data"),
        "SEGLOOP_DATABASE_URL": database_url,
        "SEGLOOP_STORAGE_URL": str(storage_dir),
        "SEGLOOP_MODEL_SERVER_URL": model_server_url,
        "SEGLOOP_JOB_LEASE_SECONDS": "1.5",
        "SEGLOOP_JOB_POLL_SECONDS": "0.1",
        "SEGLOOP_BROKER_URL": "",
    }
    started = Installation(environment, free_port(), tmp_path / "log.txt")
    started.start("backend")
    started.start("worker")
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.stop()


class People:
    """What everybody was told had been kept."""

    def __init__(self, client: StubbornClient, project_id: int, first_image_id: int) -> None:
        self.client, self.project_id, self.first_image_id = client, project_id, first_image_id
        self.kept: dict[str, int] = {}
        self.imported: set[str] = set()
        self.exports: list[tuple[int, int]] = []
        self.clicks: Counter[int] = Counter()
        self.problems: list[str] = []

    def save(self) -> None:
        key, body = uuid4().hex, {"rle": some_mask(), "clicks": 1}
        address = f"/api/images/{self.first_image_id}/annotations"
        answer = self.client.send("POST", address, json=body, headers={"Idempotency-Key": key})
        if answer is not None:
            self._expect(answer, 201)
            self.kept[key] = answer.json()["id"]

    def import_photos(self) -> None:
        photos = [picture(random.randrange(2**60)) for _ in range(3)]
        fields = [("files", (f"{uuid4().hex[:8]}.png", photo)) for photo in photos]
        answer = self.client.send("POST", f"/api/projects/{self.project_id}/images", fields=fields)
        if answer is not None:
            self._expect(answer, 200, 201)
            told = answer.json()
            if len(told["created"]) + len(told["duplicates"]) != 3:
                self.problems.append(f"import: {told}")
            self.imported.update(hashlib.sha256(photo).hexdigest() for photo in photos)

    def click(self) -> None:
        prompt = {"type": "point", "x": random.uniform(0, WIDTH), "y": random.uniform(0, HEIGHT), "label": 1}
        answer = self.client.send("POST", f"/api/images/{self.first_image_id}/predict", json={"prompts": [prompt]})
        if answer is not None:
            self._expect(answer, 200)
            self.clicks[answer.status] += 1

    def export(self) -> None:
        known = len(self.kept)
        address = f"/api/projects/{self.project_id}/exports"
        answer = self.client.send("POST", address, json={"format": "coco", "include_images": False})
        if answer is None:
            return
        self._expect(answer, 201)
        export_id = answer.json()["id"]
        self.exports.append((export_id, known))
        while not self.client.is_over():
            state = self.client.send("GET", f"/api/exports/{export_id}")
            if state is None or state.json()["state"] in ("done", "dead", "cancelled"):
                return
            time.sleep(0.1)

    def _expect(self, answer: Any, *statuses: int) -> None:
        if answer.status not in statuses:
            self.problems.append(f"{answer.status}: {answer.data[:300]!r}")


def keep_busy(work: Callable[[], None], is_over: threading.Event) -> threading.Thread:
    def repeat() -> None:
        while not is_over.is_set():
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    return thread


def test_kills_lose_nothing_and_double_nothing(
    installation: Installation, database_url: str, storage_dir: Path
) -> None:
    database = Database(database_url)
    admin = auth.ensure_first_admin(database)
    with database.write() as session:
        _, token = auth.create_token(session, admin, name="kills")
        project_id = create_project(session, name="Kills", description="", created_by=admin.id).id
    is_over = threading.Event()
    client = StubbornClient(installation.url, {"Authorization": f"Bearer {token}"}, is_over.is_set)
    photo = {"files": ("first.png", picture(1))}
    created = client.send("POST", f"/api/projects/{project_id}/images", fields=photo)
    assert created is not None
    people = People(client, project_id, created.json()["created"][0]["id"])

    threads = [keep_busy(work, is_over) for work in (people.save, people.import_photos, people.click, people.export)]
    for _ in range(KILLS // 2):
        # Ready for a moment of work, then both die, at moments of their own.
        installation.wait_until_ready()
        time.sleep(random.uniform(0.1, 0.8))
        for name in random.sample(("backend", "worker"), 2):
            installation.kill(name)
            installation.start(name)
            time.sleep(random.uniform(0.0, 0.2))
    installation.wait_until_ready()
    wait_until(lambda: len(people.exports) > 0 and len(people.kept) > 0, seconds=180)
    is_over.set()
    for thread in threads:
        thread.join(180)

    def open_jobs() -> int:
        with database.read() as session:
            return session.scalar(select(func.count()).where(Job.state.in_(("queued", "running")))) or 0

    wait_until(lambda: open_jobs() == 0, seconds=300, what="the end of all jobs")
    installation.stop()
    assert people.problems == []
    check(database, people, storage_dir)
    database.close()
    print(
        f"{KILLS} kills: {len(people.kept)} masks, {len(people.imported)} photos, {people.clicks[200]} clicks, "
        f"{len(people.exports)} exports acknowledged, {client.repeats} requests repeated"
    )


def check(database: Database, people: People, storage_dir: Path) -> None:
    """What was acknowledged is there, once, and whole."""
    store = LocalBlobs(storage_dir)
    with database.read() as session:
        keys = Counter(session.scalars(select(Annotation.idempotency_key)))
        shas = Counter(session.scalars(select(Image.sha256).where(Image.project_id == people.project_id)))
        items = Counter(session.scalars(select(WorkItem.image_id)))
        images = set(session.scalars(select(Image.id)))
        dead = session.execute(select(Job.kind, Job.error).where(Job.state == "dead")).all()
        results = {row.id: row for row in session.execute(text("SELECT id, key, mask_count, sha256 FROM exports"))}
        if database.is_sqlite:
            assert session.scalar(text("PRAGMA integrity_check")) == "ok"
    assert set(people.kept) <= set(keys), "an acknowledged mask is lost"
    assert max(keys.values()) == 1, "a mask was kept twice"
    assert people.imported <= set(shas), "an acknowledged photo is lost"
    assert max(shas.values()) == 1, "a photo is there twice"
    assert set(items) == images, "an image without work"
    assert max(items.values()) == 1, "an image with work twice"
    for sha256 in shas:
        assert hashlib.sha256(store.get(image_key(sha256))).hexdigest() == sha256
        assert store.get(thumbnail_key(sha256))
    assert all(error for _, error in dead), "a job died without a reason"
    for export_id, known_before in people.exports:
        row = results[export_id]
        if row.key is None:
            assert dead, "an export ended without a file and without a reason"
            continue
        data = store.get(row.key)
        assert hashlib.sha256(data).hexdigest() == row.sha256
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            coco = json.loads(archive.read("annotations.json"))
        ids = [one["id"] for one in coco["annotations"]]
        assert len(ids) == len(set(ids)) == row.mask_count >= known_before
