"""Celery and Redis only wake: with them a job starts at once, without them a little later, never not at all."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3

from backend.auth import service as auth
from backend.database import Database
from backend.images.tables import Image
from backend.jobs.queue import enqueue
from backend.jobs.tables import Job
from backend.projects.service import create_project
from tests.reliability.processes import Installation
from tests.running import REPOSITORY, free_port, wait_until


@pytest.fixture
def redis_port(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A Redis of the test's own, which it may kill and stop."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    line = [binary, "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(tmp_path)]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    yield port, process
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait(60)


@pytest.fixture
def installation(
    redis_port: tuple[int, subprocess.Popen[bytes]], database_url: str, storage_dir: Path, tmp_path: Path
) -> Iterator[Installation]:
    environment = {
        "SEGLOOP_DATA_DIR": str(tmp_path / "data"),
        "SEGLOOP_DATABASE_URL": database_url,
        "SEGLOOP_STORAGE_URL": str(storage_dir),
        "SEGLOOP_MODEL_SERVER_URL": "http://127.0.0.1:9",
        "SEGLOOP_BROKER_URL": f"redis://127.0.0.1:{redis_port[0]}/0",
    }
    started = Installation(environment, free_port(), tmp_path / "log.txt")
    started.start("backend")
    worker = [sys.executable, "-m", "celery", "-A", "backend.worker", "worker", "--pool", "threads", "-c", "2"]
    with (tmp_path / "worker.txt").open("wb") as log:
        started.running["worker"] = subprocess.Popen(
            worker, env=os.environ | environment, cwd=REPOSITORY, stdout=log, stderr=log, start_new_session=True
        )
    try:
        started.wait_until_ready()
        wait_until(lambda: b"worker ready" in (tmp_path / "worker.txt").read_bytes(), seconds=180, what="the worker")
        yield started
    finally:
        started.stop()


@pytest.fixture
def embed(database_url: str, installation: Installation) -> Iterator[Callable[[], float]]:
    """Uploads nothing but asks for work over HTTP, which enqueues a job; gives the seconds until it was started."""
    database = Database(database_url)
    admin = auth.ensure_first_admin(database)
    with database.write() as session:
        _, token = auth.create_token(session, admin, name="test")
        project_id = create_project(session, name="Broker", description="", created_by=admin.id).id
        session.flush()
    # A request does not wait for a broker that hangs.
    http, headers = urllib3.PoolManager(timeout=60, retries=False), {"Authorization": f"Bearer {token}"}
    count = 0

    def ask() -> float:
        nonlocal count
        count += 1
        with database.write() as session:
            image = Image(
                project_id=project_id,
                sha256=f"{count:064x}",
                file_name="a.png",
                height=4,
                width=4,
                format="PNG",
                byte_size=1,
                is_plain=True,
            )
            session.add(image)
            session.flush()
            job_id = enqueue(session, "embed", {"image_ids": []}, project_id=project_id).id
            image_id = image.id
        # The row above was written by this process, which has no bell; a request of the server's rings it.
        started = time.monotonic()
        url = f"{installation.url}/api/projects/{project_id}/exports"
        answer = http.request("POST", url, json={"format": "coco", "include_images": False}, headers=headers)
        assert answer.status == 201, (answer.data, image_id)

        def is_done() -> bool:
            with database.read() as session:
                job = session.get(Job, job_id)
                return job is not None and job.state == "done"

        wait_until(is_done, seconds=180, what="the job")
        return time.monotonic() - started

    yield ask
    database.close()


def test_a_broker_wakes_and_its_loss_only_delays(
    embed: Callable[[], float], redis_port: tuple[int, subprocess.Popen[bytes]]
) -> None:
    process = redis_port[1]
    wait_until(lambda: embed() < 2.0, seconds=180, what="a job woken by the broker, well before the poll")
    process.send_signal(signal.SIGSTOP)
    embed()
    process.send_signal(signal.SIGCONT)
    embed()
    process.kill()
    process.wait(60)
    embed()
