"""The queue of job rows: run once, retried, buried, cancelled, fenced, woken by a broker or by a poll."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from backend.database import epoch_now
from backend.errors import Unavailable, Unprocessable
from backend.jobs import queue
from backend.jobs.resources import Resources
from backend.jobs.runner import HANDLERS, Finish, JobInterrupted, JobRun, drain, job_handler
from backend.jobs.tables import Job
from backend.projects.tables import Project

STARTED: list[int] = []


@pytest.fixture
def resources(client: TestClient, project_id: int) -> Resources:
    found: Resources = client.app.state.resources  # type: ignore[attr-defined]
    return found


@pytest.fixture
def handler() -> Iterator[Callable[[Callable[[JobRun], Finish | None]], None]]:
    """Registers a handler for jobs of kind `test` and takes it away afterwards."""
    STARTED.clear()

    def register(function: Callable[[JobRun], Finish | None]) -> None:
        job_handler("test")(function)

    yield register
    HANDLERS.pop("test", None)


def add(resources: Resources, **options: object) -> int:
    with resources.database.write() as session:
        project_id = session.scalar(select(Project.id))
        args = {"name": "made by the job"}
        return queue.enqueue(session, "test", args, project_id=project_id, **options).id  # type: ignore[arg-type]


def work(resources: Resources) -> int:
    return drain(resources, threading.Event())


def make_due(resources: Resources, **values: object) -> None:
    with resources.database.write() as session:
        session.execute(update(Job).values(run_after=0.0, **values))


def make_project(run: JobRun) -> Finish:
    STARTED.append(run.job.id)
    return lambda session: session.add(Project(name=run.args["name"], description=""))


def projects(resources: Resources) -> list[str]:
    with resources.database.read() as session:
        return list(session.scalars(select(Project.name).where(Project.name != "Test")))


def state(client: TestClient, job_id: int) -> str:
    found: str = client.get(f"/api/jobs/{job_id}").json()["state"]
    return found


def test_a_job_runs_once_and_writes_with_its_finish(
    client: TestClient, resources: Resources, handler: Callable[..., None]
) -> None:
    handler(make_project)
    job_id = add(resources)
    assert work(resources) == 1
    assert work(resources) == 0
    assert (state(client, job_id), projects(resources)) == ("done", ["made by the job"])


def test_pages_go_through_all_jobs_once_and_stay_in_place_as_jobs_are_added(
    client: TestClient, resources: Resources, project_id: int
) -> None:
    added = [add(resources) for _ in range(5)]
    address = f"/api/projects/{project_id}/jobs?limit=2"
    pages = [client.get(address).json()]
    add(resources)
    while pages[-1]["next_cursor"]:
        pages.append(client.get(f"{address}&cursor={pages[-1]['next_cursor']}").json())
    assert [job["id"] for page in pages for job in page["items"]] == added[::-1]
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    client.post(f"/api/jobs/{added[0]}/cancel")
    cancelled = client.get(f"{address}&state=cancelled").json()
    assert ([job["id"] for job in cancelled["items"]], cancelled["next_cursor"]) == ([added[0]], None)


def test_a_cursor_that_can_be_no_id_is_refused(client: TestClient, project_id: int) -> None:
    refused = client.get(f"/api/projects/{project_id}/jobs?cursor=99999999999999999999")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request")


def test_a_job_that_is_rolled_back_never_existed(resources: Resources, handler: Callable[..., None]) -> None:
    handler(make_project)

    def enqueue_and_fail() -> None:
        with resources.database.write() as session:
            queue.enqueue(session, "test", {})
            raise Unprocessable("no", "no")

    with pytest.raises(Unprocessable):
        enqueue_and_fail()
    assert work(resources) == 0


def test_the_same_open_job_is_not_queued_twice(resources: Resources, handler: Callable[..., None]) -> None:
    handler(make_project)
    assert add(resources, dedupe_key="k") == add(resources, dedupe_key="k")
    assert work(resources) == 1
    add(resources, dedupe_key="k")
    assert work(resources) == 1, "a finished job does not stand in the way"


def test_a_job_is_not_retried_while_a_newer_one_does_the_same(
    client: TestClient, resources: Resources, handler: Callable[..., None]
) -> None:
    handler(make_project)
    cancelled = add(resources, dedupe_key="k")
    client.post(f"/api/jobs/{cancelled}/cancel")
    add(resources, dedupe_key="k")
    refused = client.post(f"/api/jobs/{cancelled}/retry")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "job_replaced")
    assert state(client, cancelled) == "cancelled"
    work(resources)
    assert client.post(f"/api/jobs/{cancelled}/retry").json()["state"] == "queued"


def test_higher_priority_first(resources: Resources, handler: Callable[..., None]) -> None:
    handler(make_project)
    low, high = add(resources, priority=0), add(resources, priority=5)
    work(resources)
    assert [high, low] == STARTED


def test_eight_workers_share_the_rows(resources: Resources, handler: Callable[..., None]) -> None:
    handler(make_project)
    ids = [add(resources) for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: work(resources), range(8)))
    assert (sum(counts), sorted(STARTED)) == (40, ids)


def test_a_failure_is_retried_and_then_dead_with_its_reason(
    client: TestClient, resources: Resources, handler: Callable[..., None]
) -> None:
    def fail(run: JobRun) -> None:
        raise Unavailable("away", "The model server is away.")

    handler(fail)
    job_id = add(resources, max_attempts=2)
    assert work(resources) == 1, "it waits before it is tried again"
    assert state(client, job_id) == "queued"
    make_due(resources)
    work(resources)
    job = client.get(f"/api/jobs/{job_id}").json()
    assert (job["state"], job["attempt"], job["error"]) == ("dead", 2, "The model server is away.")

    handler(make_project)
    assert client.post(f"/api/jobs/{job_id}/retry").json()["state"] == "queued"
    work(resources)
    assert state(client, job_id) == "done"
    refused = client.post(f"/api/jobs/{job_id}/retry")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "job_not_retryable")


def test_a_final_refusal_is_not_retried(client: TestClient, resources: Resources, handler: Callable[..., None]) -> None:
    def refuse(run: JobRun) -> None:
        raise Unprocessable("nothing", "There is nothing to do.")

    handler(refuse)
    job_id = add(resources)
    work(resources)
    assert state(client, job_id) == "dead"


def test_a_job_that_kills_its_worker_is_buried(
    client: TestClient, resources: Resources, handler: Callable[..., None]
) -> None:
    handler(make_project)
    job_id = add(resources, max_attempts=3)
    for _ in range(3):
        with resources.database.write() as session:
            assert queue.claim(session, lease_seconds=60) is not None
        make_due(resources, lease_until=1.0)  # the worker died: nobody renewed the lease
    assert work(resources) == 0
    job = client.get(f"/api/jobs/{job_id}").json()
    assert (job["state"], job["error"][:24]) == ("dead", "The worker died during e")


def test_a_worker_that_comes_back_too_late_writes_nothing(
    client: TestClient, resources: Resources, handler: Callable[..., None]
) -> None:
    def be_overtaken(run: JobRun) -> Finish:
        if run.job.attempt == 1:
            make_due(resources, lease_until=1.0)
            assert work(resources) == 1  # another worker takes the orphan over and finishes it
        return make_project(run)

    handler(be_overtaken)
    job_id = add(resources)
    work(resources)
    assert (state(client, job_id), projects(resources)) == ("done", ["made by the job"])


def test_cancelling(client: TestClient, resources: Resources, handler: Callable[..., None]) -> None:
    def be_cancelled(run: JobRun) -> Finish:
        assert client.post(f"/api/jobs/{run.job.id}/cancel").json()["state"] == "running"
        run.progress("working", 1, 10)
        raise AssertionError("progress() must have stopped it")

    handler(be_cancelled)
    waiting = add(resources)
    assert client.post(f"/api/jobs/{waiting}/cancel").json()["state"] == "cancelled"
    running = add(resources)
    work(resources)
    assert (state(client, running), projects(resources)) == ("cancelled", [])


def test_a_stopping_worker_hands_its_job_back(
    client: TestClient, resources: Resources, handler: Callable[..., None]
) -> None:
    is_stopping = threading.Event()

    def be_stopped(run: JobRun) -> Finish:
        is_stopping.set()
        run.progress("working", 1, 10)
        raise AssertionError("progress() must have stopped it")

    handler(be_stopped)
    job_id = add(resources, max_attempts=1)
    drain(resources, is_stopping)
    assert state(client, job_id) == "queued"
    handler(make_project)
    work(resources)
    assert state(client, job_id) == "done", "the interrupted attempt did not count"


def test_turns_of_a_job_that_gets_on_are_no_failures(
    client: TestClient, resources: Resources, handler: Callable[..., None]
) -> None:
    def take_a_turn(run: JobRun) -> None:
        if run.job.done == 30:
            raise Unavailable("away", "The model server is away.")
        run.progress("working", run.job.done + 1, 30)
        raise JobInterrupted

    handler(take_a_turn)
    job_id = add(resources, max_attempts=2)
    assert work(resources) == 31
    with resources.database.read() as session:
        assert session.scalar(select(Job.run_after - epoch_now() <= 2)), "its first failure"
    assert client.get(f"/api/jobs/{job_id}").json()["attempt"] == 1
    make_due(resources)
    work(resources)
    job = client.get(f"/api/jobs/{job_id}").json()
    assert (job["state"], job["attempt"], job["error"]) == ("dead", 2, "The model server is away.")


def test_failures_of_a_job_that_gets_on_are_all_its_first(
    client: TestClient, resources: Resources, handler: Callable[..., None]
) -> None:
    """It is dead once it fails twice at the same place, however short its attempts are."""

    def fail_further_on(run: JobRun) -> None:
        run.progress("working", 0, 30)
        run.progress("working", min(run.job.done + 1, 4), 30)
        raise Unavailable("away", "The model server is away.")

    handler(fail_further_on)
    job_id = add(resources, max_attempts=2)
    for done in (1, 2, 3, 4):
        work(resources)
        assert client.get(f"/api/jobs/{job_id}").json()["progress"]["done"] == done
        assert state(client, job_id) == "queued"
        make_due(resources)
    work(resources)
    assert state(client, job_id) == "dead"


def test_handing_back_without_getting_on_forgives_no_earlier_kill(
    client: TestClient, resources: Resources, handler: Callable[..., None]
) -> None:
    handler(make_project)
    job_id = add(resources, max_attempts=2)
    for is_killed in (True, False, True):
        with resources.database.write() as session:
            job = queue.claim(session, lease_seconds=60)
            assert job is not None
            if not is_killed:
                queue.hand_back(session, job)
        make_due(resources, lease_until=1.0)
    assert (work(resources), state(client, job_id)) == (0, "dead")


def test_progress_is_seen_while_the_job_runs(
    client: TestClient, resources: Resources, handler: Callable[..., None]
) -> None:
    seen: list[dict[str, object]] = []

    def look(run: JobRun) -> None:
        run.progress("counting", 3, 10)
        seen.append(client.get(f"/api/jobs/{run.job.id}").json()["progress"])

    handler(look)
    add(resources)
    work(resources)
    assert seen == [{"phase": "counting", "done": 3, "total": 10}]
