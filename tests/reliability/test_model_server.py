"""The model server amid work: another version goes live while people click, and kill -9 while it prepares images."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from sqlalchemy import func, select, update

from backend.annotations.tables import Annotation
from backend.auth import service as auth
from backend.database import Database
from backend.jobs.tables import Job
from backend.model_client import ModelClient
from backend.projects.service import create_project
from backend.projects.tables import Project
from backend.stages.tables import WorkItem
from tests.backend.stages.conftest import check_counts
from tests.backend.stages.models import write_detector
from tests.model_server.conftest import disc_png, write_tiny
from tests.reliability.processes import Installation
from tests.running import free_port, wait_until

HEIGHT, WIDTH = SIZE_HW = (96, 128)
PEOPLE = 4


@dataclass(frozen=True)
class Site:
    """A running installation with a project, called by its administrator."""

    installation: Installation
    folder: Path
    database: Database
    project_id: int
    call: Callable[..., Any]


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    port = free_port()
    environment = {
        "SEGLOOP_DATA_DIR": str(tmp_path / "data"),
        "SEGLOOP_DATABASE_URL": database_url,
        "SEGLOOP_STORAGE_URL": str(tmp_path / "storage"),
        "SEGLOOP_MODEL_SERVER_URL": f"http://127.0.0.1:{port}",
        "SEGLOOP_MODELS": "tiny",
        "SEGLOOP_MODELS_LOADED": "2",
        "SEGLOOP_JOB_POLL_SECONDS": "0.1",
        "SEGLOOP_BROKER_URL": "",
    }
    installation = Installation(environment, free_port(), tmp_path / "log.txt", model_server_port=port)
    database = Database(database_url)
    admin = auth.ensure_first_admin(database)
    with database.write() as session:
        _, token = auth.create_token(session, admin, name="swaps")
        project_id = create_project(session, name="Swaps", description="", created_by=admin.id).id
    http = urllib3.PoolManager(retries=False, timeout=60, maxsize=PEOPLE, headers={"Authorization": f"Bearer {token}"})

    def call(method: str, path: str, expected: int = 200, **options: Any) -> Any:
        answer = http.request(method, f"{installation.url}/api{path}", **options)
        assert answer.status == expected, answer.data
        return answer.json()

    try:
        for name in ("backend", "model_server"):
            installation.start(name)
        installation.wait_until_ready()
        yield Site(installation, tmp_path / "data", database, project_id, call)
    finally:
        installation.stop()
        database.close()


def upload(site: Site, count: int) -> list[int]:
    fields = [("files", (f"{number}.png", disc_png(SIZE_HW, seed=number))) for number in range(count)]
    made = site.call("POST", f"/projects/{site.project_id}/images", fields=fields)["created"]
    return [one["id"] for one in made]


def install(site: Site, number: int) -> str:
    """Puts another model beside the server, as a training run would: whole at once. Two encoders take turns."""
    made = write_tiny(site.folder / "made", f"round{number}", reach=(4.0, 9.0 + number, 30.0), scale=1 + number % 2)
    (site.folder / "models").mkdir(exist_ok=True)
    shutil.move(made, site.folder / "models" / made.name)
    versions = [one["id"] for one in site.call("GET", "/models")["items"]]
    return next(version for version in versions if version.startswith(f"round{number}-"))


def test_a_promotion_amid_clicks_fails_none_and_mixes_none(site: Site) -> None:
    """Whoever clicks is answered by one version, the old or the new; after the promotion's answer by the new one."""
    (image_id,) = upload(site, 1)
    points = np.random.default_rng(0).uniform(0, [WIDTH, HEIGHT], (6, 2))
    prompts = [{"type": "point", "x": float(x), "y": float(y), "label": 1} for x, y in points]
    questions = [[one] for one in prompts[:3]] + [[prompts[i], prompts[i + 3] | {"label": 0}] for i in range(3)]

    def click(question: int, model_version: str | None = None) -> Any:
        body = {"prompts": questions[question], "model_version": model_version}
        return site.call("POST", f"/images/{image_id}/predict", json=body)

    log: list[tuple[int, int, Any]] = []  # promotions answered before the click began, question, answer
    live = [site.call("GET", "/models")["items"][0]["id"]]
    is_over = threading.Event()

    def person(seed: int) -> None:
        random = np.random.default_rng(seed)
        while not is_over.is_set():
            question, known = int(random.integers(len(questions))), len(live) - 1
            log.append((known, question, click(question)))

    with ThreadPoolExecutor(PEOPLE) as pool:
        people = [pool.submit(person, seed) for seed in range(PEOPLE)]
        try:
            for number in range(8):
                version = install(site, number)
                body = {"project_id": site.project_id, "reason": "it gains"}
                site.call("POST", f"/models/{version}/promote", expected=201, json=body)
                live.append(version)
                before = len(log)  # counted from here: each person's next click but one begins after the promotion
                wait_until(
                    lambda before=before: len(log) >= before + 3 * PEOPLE or any(one.done() for one in people),
                    what="clicks",
                )
        finally:
            is_over.set()
    for one in people:
        one.result()
    expected = {
        (version, question): click(question, version)["masks"] for version in live for question in range(len(questions))
    }
    assert len({json.dumps(masks) for masks in expected.values()}) > len(live), "versions differ in their masks"
    for known, question, answer in log:
        assert live.index(answer["model_version"]) in (known, known + 1)
        assert answer["masks"] == expected[answer["model_version"], question]
    assert {answer["model_version"] for *_, answer in log} == set(live)


PHOTOS = 24
OPTIONS = {"min_score": 0.0, "min_predicted_iou": 0.0, "box_nms_thresh": 0.6, "mask_nms_thresh": 0.9}


def prepare_detector(site: Site) -> str:
    """A detector that proposes much on every photo, live in the project."""
    url = site.installation.environment["SEGLOOP_MODEL_SERVER_URL"]
    model = ModelClient(url, 60)
    fingerprint = model.models()["models"][0]["encoder_fingerprint"]
    write_detector(site.folder / "detectors" / "squares", encoder_fingerprint=fingerprint)
    version = str(model.detectors()["detectors"][0]["detector_version"])
    with site.database.write() as session:
        session.execute(update(Project).where(Project.id == site.project_id).values(detector_version=version))
    stage = site.call("GET", f"/projects/{site.project_id}/stages")["stages"][1]
    policy = {"policy": {"propose": OPTIONS}, "revision": stage["revision"]}
    site.call("PATCH", f"/projects/{site.project_id}/stages/semi_automatic", json=policy)
    return version


def test_kills_amid_a_pre_fill_lose_nothing_and_double_nothing(site: Site) -> None:
    """Every photo has in the end what a model server that nobody disturbs proposes on it."""
    images = upload(site, PHOTOS)
    detector = prepare_detector(site)
    body = {"rule": {}, "reason": "to be prepared", "dry_run": False}
    site.call("POST", f"/projects/{site.project_id}/stages/semi_automatic/admit", json=body)

    def count(state: str) -> int:
        of_stage = (WorkItem.stage == "semi_automatic", WorkItem.state == state)
        with site.database.read() as session:
            return session.scalar(select(func.count()).where(*of_stage)) or 0

    def job() -> Job:
        with site.database.read() as session:
            return session.scalars(select(Job).where(Job.kind == "propose")).one()

    site.installation.start("worker")
    for ready in (2, 10):
        wait_until(lambda ready=ready: count("ready") >= ready, seconds=120, what="some prepared photos")
        site.installation.kill("model_server")
        assert count("proposing") > 0, "the job was over too soon"
        wait_until(lambda: "does not answer" in (job().error or ""), what="the job's own word for it")
        site.installation.start("model_server")
        site.installation.wait_until_ready()
        with site.database.write() as session:  # without the pause before the next attempt
            session.execute(update(Job).where(Job.state == "queued").values(run_after=0.0))
    wait_until(lambda: job().state == "done", seconds=120, what="the end of the job")

    assert (count("ready"), count("proposing"), count("skipped")) == (PHOTOS, 0, 0)
    assert job().error is None
    assert job().attempt > 2, "each kill cost an attempt, and how long the start takes may cost more"
    for image_id in images:
        image = site.call("GET", f"/images/{image_id}")
        request = {"image_sha256": image["sha256"], "size_hw": SIZE_HW, "detector_version": detector}
        url = site.installation.environment["SEGLOOP_MODEL_SERVER_URL"]
        answer = ModelClient(url, 60).propose(json.dumps(request | {"options": OPTIONS}).encode())
        proposed = [(one["rle"]["counts"], one["predicted_iou"]) for one in json.loads(answer)["proposals"]]
        with site.database.read() as session:
            rows = session.scalars(select(Annotation).where(Annotation.image_id == image_id)).all()
        assert sorted((row.counts, (row.proposal or {})["predicted_iou"]) for row in rows) == sorted(proposed)
        assert {row.state for row in rows} == {"proposed"}
        assert len(rows) > 1
    check_counts(site.database)
