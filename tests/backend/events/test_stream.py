"""Server-sent events: told as they happen, resumed after a break, bounded, ended at shutdown."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from fastapi.testclient import TestClient

from backend.events import stream
from backend.jobs import queue
from backend.settings import Settings
from tests.reliability.processes import Installation
from tests.running import free_port, wait_until


def test_a_listener_hears_what_another_process_records(listen: Callable[..., Any], happen: Callable[..., None]) -> None:
    happen("stage.admitted", image_count=1)
    first, second = listen(), listen()
    happen("model.promoted", to="nano-1")
    for heard in (first, second):
        wait_until(lambda heard=heard: heard.kinds() == ["model.promoted"], what="the event")  # type: ignore[misc]
        message = next(message for message in heard.messages if "id" in message)
        assert message["id"] == str(message["data"]["id"])
        assert message["data"]["data"] == {"to": "nano-1"}
        assert message["data"]["actor"] is None
        assert heard.response.headers["content-type"].startswith("text/event-stream")
        assert heard.response.headers["x-accel-buffering"] == "no"


def test_it_resumes_after_the_last_event_it_saw(listen: Callable[..., Any], happen: Callable[..., None]) -> None:
    happen("snapshot.made", number=1)
    happen("training.started")
    happen("training.finished")
    heard = listen(last_event_id=1)
    wait_until(lambda: heard.kinds() == ["training.started", "training.finished"], what="what it had missed")
    happen("model.promoted")
    wait_until(lambda: heard.kinds()[2:] == ["model.promoted"], what="what comes after")


def test_a_senseless_last_event_id_hides_nothing(listen: Callable[..., Any], happen: Callable[..., None]) -> None:
    streams = [listen(last_event_id=senseless) for senseless in ("x", "-1", "9" * 30, "999999999")]
    happen("audit.passed")
    for heard in streams:
        wait_until(lambda heard=heard: heard.kinds() == ["audit.passed"], what="the event")  # type: ignore[misc]


def test_jobs_and_work_are_told_when_they_change(
    listen: Callable[..., Any], client: TestClient, project_id: int, add_image: Callable[..., int]
) -> None:
    heard = listen()
    wait_until(lambda: heard.states("jobs") == [{"items": [], "ended": []}], what="the first state")
    database = client.app.state.resources.database  # type: ignore[attr-defined]
    with database.write() as session:
        queue.enqueue(session, "none", {}, project_id=project_id)
    add_image()
    wait_until(lambda: "none" in [job["kind"] for job in heard.states("jobs")[-1]["items"]], what="the job")
    waiting = {"stage": "assisted_manual", "state": "ready", "count": 1}
    wait_until(lambda: heard.states("work")[-1] == {"counts": [waiting]}, what="the count")
    assert len(heard.states("work")) <= 2


def test_a_job_that_is_done_between_two_looks_is_told(
    listen: Callable[..., Any], client: TestClient, project_id: int
) -> None:
    heard = listen()
    wait_until(lambda: len(heard.states("jobs")) == 1, what="the first state")
    database = client.app.state.resources.database  # type: ignore[attr-defined]
    for times in (1, 2):
        with database.write() as session:
            queue.enqueue(session, "none", {}, project_id=project_id)
            job = queue.claim(session, lease_seconds=60, only=["none"])
            assert job is not None
            queue.finish(session, job)
        wait_until(lambda times=times: len(heard.states("jobs")[-1]["ended"]) == times, what="its end")  # type: ignore[misc]


def test_each_project_hears_its_own(
    listen: Callable[..., Any], happen: Callable[..., None], client: TestClient
) -> None:
    other = client.post("/api/projects", json={"name": "Other"}).json()["id"]
    heard, heard_there = listen(last_event_id=0), listen(last_event_id=0, project=other)
    happen("audit.passed")
    happen("model.refused", project=other)
    wait_until(lambda: heard.kinds() == ["audit.passed"], what="this project's event")
    wait_until(lambda: heard_there.kinds() == ["model.refused"], what="the other project's event")


class TestFewListeners:
    """An installation that lets two pages listen."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"event_listeners": 2})

    def test_too_many_listeners_are_refused_until_one_leaves(self, listen: Callable[..., Any]) -> None:
        first, _ = listen(), listen()
        refused = listen().response
        assert (refused.status, refused.json()["error"]["code"]) == (503, "too_many_listeners")
        assert refused.headers["retry-after"]
        first.leave()
        wait_until(lambda: listen().response.status == 200, what="the place of the one who left")


def test_who_may_no_longer_listen_is_cut_off(
    listen: Callable[..., Any], client: TestClient, project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "COMMENT_SECONDS", 0.1)
    heard = listen()
    wait_until(lambda: heard.comments[-1:] == ["still here"], what="a comment")
    assert not heard.is_over
    client.delete(f"/api/projects/{project_id}")
    wait_until(lambda: heard.is_over, what="the end of the stream")


def test_open_streams_do_not_hold_up_the_end_at_sigterm(
    settings: Settings, client: TestClient, project_id: int, tmp_path: Path
) -> None:
    environment = {"SEGLOOP_DATABASE_URL": settings.database_url, "SEGLOOP_DATA_DIR": str(tmp_path / "data")}
    installation = Installation(environment, free_port(), tmp_path / "log.txt")
    installation.start("backend")
    installation.wait_until_ready()
    pool = urllib3.PoolManager(retries=False)
    headers = {"Authorization": client.headers["Authorization"]}
    streams = [
        pool.request(
            "GET", f"{installation.url}/api/projects/{project_id}/events", headers=headers, preload_content=False
        )
        for _ in range(3)
    ]
    assert [stream.status for stream in streams] == [200] * 3
    process = installation.running.pop("backend")
    os.kill(process.pid, signal.SIGTERM)
    process.wait(60)  # for ever, if it waited for the listeners to leave
    pool.clear()
