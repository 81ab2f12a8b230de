"""The queue: urgent first, like with like, nothing twice."""

import threading
from collections.abc import Iterator

import pytest

from model_server.engine.workers import Job, Priority, Workers

WAIT_SECONDS = 120


class Gate:
    """A job that keeps the only thread busy until it is opened, while others queue up behind."""

    def __init__(self, workers: Workers) -> None:
        self._open, entered = threading.Event(), threading.Event()

        def run(_: list[Job]) -> None:
            entered.set()
            self._open.wait(WAIT_SECONDS)

        workers.submit(Job(run, Priority.CLICK))
        assert entered.wait(WAIT_SECONDS)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers("test", thread_count=1, batch_limit=3)
    yield workers
    workers.close()


class Diary:
    """Jobs that write down what ran, and with whom."""

    def __init__(self) -> None:
        self.entries: list[list[str]] = []
        self._done = threading.Condition()

    def job(self, name: str, priority: Priority, batch_key: str | None = None) -> Job:
        return Job(self._note, priority, batch_key, item=name)

    def _note(self, jobs: list[Job]) -> None:
        with self._done:
            self.entries.append([job.item for job in jobs])
            self._done.notify_all()

    def wait(self, count: int) -> list[list[str]]:
        with self._done:
            assert self._done.wait_for(lambda: sum(map(len, self.entries)) >= count, WAIT_SECONDS)
            return self.entries


def test_urgent_first_and_in_order(workers: Workers) -> None:
    gate, diary = Gate(workers), Diary()
    names = [("bulk", Priority.BULK), ("ahead", Priority.LOOKAHEAD), ("click 1", Priority.CLICK)]
    for name, priority in [*names, ("click 2", Priority.CLICK)]:
        workers.submit(diary.job(name, priority))
    gate.open()
    assert diary.wait(4) == [["click 1"], ["click 2"], ["ahead"], ["bulk"]]


def test_a_hurried_job_overtakes_and_runs_once(workers: Workers) -> None:
    gate, diary = Gate(workers), Diary()
    first, second = diary.job("first", Priority.BULK), diary.job("second", Priority.BULK)
    for job in (first, second, diary.job("last", Priority.BULK)):
        workers.submit(job)
    workers.hurry(second, Priority.CLICK)
    workers.hurry(second, Priority.LOOKAHEAD)
    gate.open()
    assert diary.wait(3) == [["second"], ["first"], ["last"]]
    workers.hurry(first, Priority.CLICK)
    workers.submit(diary.job("end", Priority.BULK))
    assert diary.wait(4)[-1] == ["end"]


def test_like_jobs_run_together_up_to_the_limit(workers: Workers) -> None:
    gate, diary = Gate(workers), Diary()
    for i in range(4):
        workers.submit(diary.job(f"a{i}", Priority.BULK, "a"))
        workers.submit(diary.job(f"b{i}", Priority.BULK, "b"))
    workers.submit(diary.job("urgent a", Priority.CLICK, "a"))
    gate.open()
    assert diary.wait(9) == [["urgent a"], ["a0", "a1", "a2"], ["b0", "b1", "b2"], ["a3"], ["b3"]]


def test_a_failing_job_does_not_stop_the_thread(workers: Workers, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: list[Job]) -> None:
        raise RuntimeError("on purpose")

    diary = Diary()
    workers.submit(Job(fail, Priority.CLICK))
    workers.submit(diary.job("after", Priority.CLICK))
    assert diary.wait(1) == [["after"]]
    assert "on purpose" in caplog.text
