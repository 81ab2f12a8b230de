"""Asking for exports and what may go wrong with them: early, twice, cancelled, killed, overtaken, changed meanwhile."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select, update

from backend.annotations.tables import Annotation
from backend.exports.dataset import open_dataset
from backend.exports.tables import Export
from backend.jobs import queue
from backend.jobs.resources import Resources
from backend.jobs.runner import HANDLERS, JobCancelled, JobRun, drain
from backend.jobs.tables import Job
from backend.storage import export_key, image_key
from tests.backend.exports.conftest import HEIGHT, WIDTH, ask, download, left_behind, picture, work
from tests.running import REPOSITORY, wait_until

ALL = np.ones((HEIGHT, WIDTH), np.bool_)


def read(client: TestClient, export_id: int) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/exports/{export_id}").json()
    return found


def refusal(client: TestClient, export_id: int) -> tuple[int, str]:
    answer = client.get(f"/api/exports/{export_id}/download")
    return answer.status_code, answer.json()["error"]["code"]


def claim(resources: Resources) -> Job:
    """Takes the export's job as a worker would, with a lease that has run out already."""
    with resources.database.write() as session:
        session.execute(delete(Job).where(Job.kind == "embed"))
    with resources.database.write() as session:
        job = queue.claim(session, lease_seconds=-1.0)
        assert job is not None
        return job


def make_due(resources: Resources) -> None:
    with resources.database.write() as session:
        session.execute(update(Job).values(run_after=0.0))


def let_lease_run_out(resources: Resources) -> None:
    with resources.database.write() as session:
        session.execute(update(Job).values(lease_until=0.0))


def test_an_export_is_a_job_with_progress_and_a_download(
    client: TestClient, project_id: int, resources: Resources, add_image: Callable[..., Any]
) -> None:
    image = add_image("a.png", picture(1))
    asked = ask(client, project_id)
    assert (asked["state"], asked["progress"], asked["sha256"]) == (
        "queued",
        {"phase": "", "done": 0, "total": 0},
        None,
    )
    assert refusal(client, asked["id"]) == (409, "export_not_ready")
    work(resources)
    done = read(client, asked["id"])
    assert (done["state"], done["error"], done["finished_at"] is not None) == ("done", None, True)
    assert client.get(f"/api/jobs/{done['job_id']}").json()["kind"] == "export"
    whole = client.get(f"/api/exports/{asked['id']}/download")
    assert whole.headers["content-type"] == "application/zip"
    assert whole.headers["etag"] == f'"{done["sha256"]}"'
    assert f"segloop-test-coco-{asked['id']}.zip" in whole.headers["content-disposition"]
    part = client.get(f"/api/exports/{asked['id']}/download", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert left_behind(resources) == [f"{asked['id']}-1.zip"]
    assert image["id"] == json.loads(download(client, asked["id"]).read("annotations.json"))["images"][0]["id"]


def test_the_same_waiting_export_is_one(client: TestClient, project_id: int, resources: Resources) -> None:
    first = ask(client, project_id)
    assert ask(client, project_id)["id"] == first["id"]
    others = [ask(client, project_id, "sa1b")["id"], ask(client, project_id, include_images=False)["id"]]
    assert len({first["id"], *others}) == 3
    work(resources)
    assert ask(client, project_id)["id"] not in (first["id"], *others), "a new one shows what was added since"


def test_exports_are_listed_newest_first_by_pages(client: TestClient, project_id: int, resources: Resources) -> None:
    made = []
    for _ in range(3):
        made.append(ask(client, project_id)["id"])
        work(resources)
    page = client.get(f"/api/projects/{project_id}/exports?limit=2").json()
    rest = client.get(f"/api/projects/{project_id}/exports?limit=2&cursor={page['next_cursor']}").json()
    assert [one["id"] for one in page["items"] + rest["items"]] == made[::-1]
    assert (page["total"], rest["next_cursor"]) == (3, None)


def test_bad_requests_are_named(client: TestClient, project_id: int, resources: Resources) -> None:
    for body in ({"format": "yolo"}, {}, {"format": "coco", "more": 1}):
        assert client.post(f"/api/projects/{project_id}/exports", json=body).status_code == 422
    assert client.get("/api/exports/99").status_code == 404
    asked = ask(client, project_id)
    work(resources)
    client.delete(f"/api/projects/{project_id}")
    assert refusal(client, asked["id"]) == (410, "project_deleted")


def test_an_archive_that_was_removed_is_named(client: TestClient, project_id: int, resources: Resources) -> None:
    asked = ask(client, project_id)
    work(resources)
    resources.store.delete(export_key(asked["id"], 1))
    assert refusal(client, asked["id"]) == (410, "export_file_gone")


def test_an_export_is_deleted_with_its_archive(client: TestClient, project_id: int, resources: Resources) -> None:
    asked = ask(client, project_id)
    address = f"/api/exports/{asked['id']}"
    early = client.delete(address)
    assert (early.status_code, early.json()["error"]["code"]) == (409, "export_not_ready")
    work(resources)
    assert client.delete(address).status_code == 204
    assert left_behind(resources) == []
    assert client.get(f"/api/projects/{project_id}/exports").json()["total"] == 0
    assert client.delete(address).json()["error"]["code"] == "export_not_found"
    other = ask(client, project_id)
    client.post(f"/api/jobs/{other['job_id']}/cancel")
    assert client.delete(f"/api/exports/{other['id']}").status_code == 204, "one that has no archive, too"


def test_a_deleted_exports_job_touches_no_other(client: TestClient, project_id: int, resources: Resources) -> None:
    """SQLite gives its number to the next one."""
    first = ask(client, project_id)
    client.post(f"/api/jobs/{first['job_id']}/cancel")
    client.delete(f"/api/exports/{first['id']}")
    second = ask(client, project_id)
    work(resources)
    done = read(client, second["id"])
    assert client.post(f"/api/jobs/{first['job_id']}/retry").status_code == 200
    work(resources)
    assert client.get(f"/api/jobs/{first['job_id']}").json()["state"] == "dead"
    assert left_behind(resources) == [f"{second['id']}-1.zip"]
    whole = client.get(f"/api/exports/{second['id']}/download").content
    assert hashlib.sha256(whole).hexdigest() == done["sha256"]


def test_a_project_deleted_meanwhile_ends_the_export(client: TestClient, project_id: int, resources: Resources) -> None:
    asked = ask(client, project_id)
    client.delete(f"/api/projects/{project_id}")
    work(resources)
    with resources.database.read() as session:
        job = session.scalar(select(Job).where(Job.id == asked["job_id"]))
    assert job is not None
    assert (job.state, job.error) == ("dead", f"There is no project {project_id}.")
    assert left_behind(resources) == []


def test_it_is_the_dataset_of_one_moment(
    client: TestClient,
    project_id: int,
    resources: Resources,
    add_image: Callable[..., Any],
    add_mask: Callable[..., int],
) -> None:
    images = [add_image(f"{n}.png", picture(n)) for n in range(2)]
    before = [add_mask(image, ALL) for image in images]
    with open_dataset(resources.database, project_id) as dataset:
        add_mask(images[1], ALL)
        with resources.database.write() as session:
            session.execute(update(Annotation).where(Annotation.id == before[1]).values(state="deleted"))
        client.post(f"/api/projects/{project_id}/images", files=[("files", ("late.png", picture(9)))])
        found = [[row.id for row in rows] for _, rows in dataset.images_with_masks()]
        assert found == [[before[0]], [before[1]]]
        assert (dataset.image_count, dataset.mask_count) == (2, 2)


def test_cancelling_leaves_nothing(
    client: TestClient, project_id: int, resources: Resources, add_image: Callable[..., Any]
) -> None:
    add_image("a.png", picture(1))
    waiting = ask(client, project_id)
    client.post(f"/api/jobs/{waiting['job_id']}/cancel")
    assert (read(client, waiting["id"])["state"], refusal(client, waiting["id"])) == (
        "cancelled",
        (409, "export_cancelled"),
    )
    running = ask(client, project_id)
    job = claim(resources)
    client.post(f"/api/jobs/{running['job_id']}/cancel")
    with pytest.raises(JobCancelled):
        HANDLERS["export"](JobRun(job, resources, threading.Event()))
    assert left_behind(resources) == []


def test_a_stale_worker_is_fenced_off_and_leaves_nothing(
    client: TestClient, project_id: int, resources: Resources
) -> None:
    asked = ask(client, project_id)
    stale = claim(resources)
    assert work(resources) == 1, "its lease ran out: another worker makes the export"
    with pytest.raises(JobCancelled):
        HANDLERS["export"](JobRun(stale, resources, threading.Event()))
    assert left_behind(resources) == [f"{asked['id']}-2.zip"]
    download(client, asked["id"])


def test_a_repeated_export_is_the_same_and_one(
    client: TestClient, project_id: int, resources: Resources, add_image: Callable[..., Any]
) -> None:
    add_image("a.png", picture(1))
    asked = ask(client, project_id)
    killed = claim(resources)
    finish = HANDLERS["export"](JobRun(killed, resources, threading.Event()))  # stored, and killed before it finished
    assert finish is not None
    first = resources.store.get(export_key(asked["id"], 1))
    let_lease_run_out(resources)
    work(resources)
    assert left_behind(resources) == [f"{asked['id']}-2.zip"]
    assert resources.store.get(export_key(asked["id"], 2)) == first


def test_a_picture_missing_in_the_storage_is_named(
    client: TestClient, project_id: int, resources: Resources, add_image: Callable[..., Any]
) -> None:
    image = add_image("a.png", picture(1))
    resources.store.delete(image_key(image["sha256"]))
    asked = ask(client, project_id)
    work(resources)
    assert read(client, asked["id"])["error"] == f"The file of image {image['id']} is not in the storage."
    resources.store.put(image_key(image["sha256"]), b"something else")
    make_due(resources)
    work(resources)
    assert (read(client, asked["id"])["state"], refusal(client, asked["id"])) == ("dead", (409, "export_failed"))
    assert left_behind(resources) == []
    resources.store.put(image_key(image["sha256"]), picture(1))
    client.post(f"/api/jobs/{asked['job_id']}/retry")
    work(resources)
    download(client, asked["id"])


WORKER = """
import resource, sys, threading
import backend.exports.tasks
from backend.jobs.resources import open_resources
from backend.jobs.runner import drain
from backend.settings import Settings
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
drain(open_resources(Settings()), threading.Event())
"""


def start_worker(resources: Resources, max_file_bytes: int) -> subprocess.Popen[bytes]:
    """A worker in a process of its own whose files may grow to `max_file_bytes` only, as on a full disk."""
    settings = resources.settings
    environment = os.environ | {
        "SEGLOOP_DATA_DIR": str(settings.data_dir),
        "SEGLOOP_DATABASE_URL": settings.database_url,
        "SEGLOOP_STORAGE_URL": settings.storage_url,
        "SEGLOOP_JOB_LEASE_SECONDS": "1",
    }
    line = [sys.executable, "-c", WORKER, str(max_file_bytes)]
    return subprocess.Popen(line, env=environment, cwd=REPOSITORY)


@pytest.mark.of_no_database
def test_a_full_disk_is_named_and_mended_by_a_retry(
    client: TestClient, project_id: int, resources: Resources, add_image: Callable[..., Any]
) -> None:
    add_image("big.png", picture(1) + bytes(9 << 20))
    asked = ask(client, project_id)
    with resources.database.write() as session:
        session.execute(delete(Job).where(Job.kind == "embed"))
        session.execute(update(Job).values(max_attempts=2))
    for state in ("queued", "dead"):
        assert start_worker(resources, 6 << 20).wait(180) == 0
        found = read(client, asked["id"])
        assert (found["state"], found["error"]) == (
            state,
            "The disk is full where exports are made. Free some space there and retry.",
        )
        assert left_behind(resources) == []
        make_due(resources)
    client.post(f"/api/jobs/{asked['job_id']}/retry")
    work(resources)
    assert download(client, asked["id"]).testzip() is None


def test_killed_workers_leave_one_whole_export(
    client: TestClient, project_id: int, resources: Resources, add_image: Callable[..., Any]
) -> None:
    for number in range(4):
        add_image(f"{number}.png", picture(number) + bytes(20 << 20))
    asked = ask(client, project_id)
    with resources.database.write() as session:
        session.execute(delete(Job).where(Job.kind == "embed"))
    outgoing = resources.settings.data_dir / "outgoing"
    for attempt in range(3):
        old = set(outgoing.glob("*"))
        worker = start_worker(resources, 1 << 34)
        wait_until(lambda old=old: _is_writing(outgoing, old), seconds=180, what="a growing archive")  # type: ignore[misc]
        worker.send_signal(signal.SIGKILL)
        worker.wait(60)
        assert read(client, asked["id"])["state"] == "running", f"attempt {attempt + 1} was killed in the middle"
        let_lease_run_out(resources)
    assert drain(resources, threading.Event()) == 1
    download(client, asked["id"])
    assert left_behind(resources) == [f"{asked['id']}-4.zip"], "what the killed ones left is cleared away"
    with resources.database.read() as session:
        assert len(session.scalars(select(Export)).all()) == 1


def _is_writing(outgoing: Path, old: set[Path]) -> bool:
    return any(path.stat().st_size > 1 << 20 for path in set(outgoing.glob("export-*")) - old)
