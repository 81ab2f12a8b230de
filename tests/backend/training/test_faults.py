"""What goes wrong amid a round: a full disk, a killed trainer, a database that is gone, promotions at the same time."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from backend.jobs.resources import Resources
from backend.jobs.tables import Job
from backend.models.service import promote
from backend.settings import Settings
from backend.training import programs
from backend.training.checks import settle_runs
from backend.training.ending import end_run
from backend.training.schemas import GateAnswer, RunMetrics
from backend.training.service import get_run
from backend.training.tidying import run_folder
from tests.backend.training.conftest import (
    ANY_WILL_DO,
    OPTIONS,
    Filled,
    events,
    install_model,
    read_run,
    start,
    work,
)
from tests.conftest import DATABASE_KIND, POSTGRESQL_URL
from tests.running import wait_until

TRAINER = "model_server.training.train"


def trainers(folder: Path) -> list[psutil.Process]:
    """The processes that train in this folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if TRAINER in line and any(str(folder) in part for part in line):
            found.append(process)
    return found


def go_on(resources: Resources) -> None:
    """Works until nothing is left, without the pauses between attempts."""
    while True:
        with resources.database.write() as session:
            session.execute(update(Job).where(Job.state == "queued").values(run_after=0.0))
            session.execute(update(Job).where(Job.state == "running").values(lease_until=0.0))
        if work(resources) == 0:
            return


@pytest.fixture
def background() -> Iterator[Callable[[Resources], threading.Thread]]:
    """Starts a worker in a thread, which ends before the test does."""
    threads: list[threading.Thread] = []

    def begin(resources: Resources) -> threading.Thread:
        thread = threading.Thread(target=work, args=(resources,))
        thread.start()
        threads.append(thread)
        return thread

    yield begin
    for thread in threads:
        thread.join(300)


def is_training(folder: Path) -> bool:
    file = folder / "out" / "progress.jsonl"
    return file.exists() and '"step"' in file.read_text()


def test_a_killed_trainer_goes_on_from_its_checkpoint(
    client: TestClient,
    resources: Resources,
    filled: Filled,
    background: Callable[[Resources], threading.Thread],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(programs, "REPORT_SECONDS", 0.0)  # so that it can be killed amid the steps
    run = start(client, filled.project_id, options=OPTIONS | {"gate": ANY_WILL_DO})
    folder = run_folder(resources.settings, run["id"])
    worker = background(resources)
    wait_until(lambda: is_training(folder), seconds=180, what="the trainer's first step")
    for process in trainers(folder):
        process.kill()
    worker.join(180)
    waiting = read_run(client, run["id"])
    assert (waiting["state"], waiting["job"]["state"]) == ("training", "queued")
    assert "ended by SIGKILL" in waiting["reason"]
    again = client.post(f"/api/projects/{filled.project_id}/training-runs", json={})
    assert again.json()["error"]["code"] == "run_under_way"
    go_on(resources)
    done = read_run(client, run["id"])
    assert (done["state"], done["curve"][-1]["step"]) == ("candidate", OPTIONS["steps"]), done["reason"]
    assert events(resources).count("training.finished") == 1


@pytest.fixture
def small_disk(settings: Settings) -> Iterator[Path]:
    """Runs are made on a disk of their own, of 16 MB."""
    folder = settings.data_dir / "training"
    folder.mkdir(parents=True)
    line = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(line, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.of_no_database
def test_a_disk_that_is_full_at_a_checkpoint_ends_the_run_by_name_and_a_retry_goes_on(
    client: TestClient, resources: Resources, filled: Filled, small_model: Path, small_disk: Path
) -> None:
    weights = (small_model / "model.safetensors").stat().st_size
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    # Enough for the pictures, too little for weights in full precision.
    (small_disk / "ballast").write_bytes(bytes(free - weights))
    run = start(client, filled.project_id, options=OPTIONS | {"steps": 3, "gate": ANY_WILL_DO})
    work(resources)
    failed = read_run(client, run["id"])
    assert (failed["state"], failed["job"]["state"]) == ("failed", "dead")
    assert (
        failed["reason"] == "The disk of this run's folder is full. Its last checkpoint is kept: make room, then retry."
    )
    live = client.get(f"/api/projects/{filled.project_id}").json()["model_version"]
    assert live == filled.live
    assert not (run_folder(resources.settings, run["id"]) / "out" / "model").exists()
    settle_runs(resources)
    assert events(resources)[-1] == "training.failed"

    (small_disk / "ballast").unlink()
    assert client.post(f"/api/jobs/{failed['job']['id']}/retry").status_code == 200
    go_on(resources)
    done = read_run(client, run["id"])
    assert (done["state"], done["curve"][-1]["step"]) == ("candidate", 3), done["reason"]
    settle_runs(resources)
    kept = sorted(path.name for path in (run_folder(resources.settings, run["id"]) / "out").iterdir())
    assert kept == ["progress.jsonl"]


@pytest.mark.skipif(DATABASE_KIND == "sqlite", reason="SQLite is in the worker's own process: killed with it")
def test_a_database_that_goes_away_amid_a_round_costs_time_only(
    client: TestClient, resources: Resources, filled: Filled
) -> None:
    run = start(client, filled.project_id, options=OPTIONS | {"steps": 4, "gate": ANY_WILL_DO, "auto_promote": True})
    is_over = threading.Event()

    def keep_working() -> None:
        while not is_over.wait(0.1):
            with suppress(SQLAlchemyError):  # the worker's own loop waits for the database, too
                work(resources)

    worker = threading.Thread(target=keep_working)
    worker.start()
    killer = create_engine(POSTGRESQL_URL, isolation_level="AUTOCOMMIT")
    of_test = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :name"
    with killer.connect() as connection:
        for _ in range(6):
            time.sleep(1.1)
            connection.execute(text(of_test), {"name": resources.database.engine.url.database})
    killer.dispose()
    is_over.set()
    worker.join(180)
    go_on(resources)
    done = read_run(client, run["id"])
    assert done["state"] == "promoted", done["reason"]
    assert done["job"]["state"] == "done"
    kinds = ("snapshot.made", "training.finished", "model.promoted")
    assert [events(resources).count(kind) for kind in kinds] == [1, 1, 2], "the first model was promoted, too"


def test_the_gate_does_not_replace_what_an_administrator_promotes_at_the_same_time(
    client: TestClient, resources: Resources, filled: Filled, small_model: Path
) -> None:
    mine = install_model(resources, small_model, "mine")
    run = start(client, filled.project_id)
    with resources.database.write() as session:
        get_run(session, run["id"]).candidate_version = install_model(resources, small_model, "theirs")
    metrics = RunMetrics(frozen=None, general=None, gate=GateAnswer(is_passed=True, reason="It gains."))
    has_promoted, may_commit = threading.Event(), threading.Event()

    def administrator() -> None:
        with resources.database.write() as session:
            promote(session, filled.project_id, "model", mine, reason="by hand", author_id=None)
            has_promoted.set()
            may_commit.wait(1.0)

    def gate() -> None:
        has_promoted.wait(10)
        with resources.database.write() as session:
            end_run(session, get_run(session, run["id"]), metrics, was_live=filled.live, auto_promote=True)

    threads = [threading.Thread(target=act) for act in (administrator, gate)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    ended: dict[str, Any] = read_run(client, run["id"])
    assert ended["state"] == "candidate"
    assert ended["reason"].endswith("another version went live, so this one waits for an administrator.")
    assert client.get(f"/api/projects/{filled.project_id}").json()["model_version"] == mine
    with resources.database.read() as session:
        assert session.scalar(select(Job.state).where(Job.kind == "train")) == "queued"
