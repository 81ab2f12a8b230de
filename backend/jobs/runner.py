"""Works through the rows: claim, run the handler of its kind, write results under the fencing token."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from backend.errors import AppError, Unavailable
from backend.jobs import queue
from backend.jobs.resources import Resources
from backend.jobs.tables import Job

logger = logging.getLogger("segloop.jobs")

PROGRESS_SECONDS = 1.0


class JobCancelled(Exception):
    """Somebody asked the job to stop, or a newer attempt has taken it over."""


class JobInterrupted(Exception):
    """The worker is stopping."""


@dataclass
class JobRun:
    """One attempt at one job, as its handler sees it."""

    job: Job
    resources: Resources
    is_stopping: threading.Event
    _phase: str = ""
    _done: int = 0
    _total: int = 0
    _published: float = 0.0
    _is_lost: bool = field(default=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._phase, self._done, self._total = self.job.phase, self.job.done, self.job.total

    @property
    def args(self) -> dict[str, Any]:
        """What the job was enqueued with."""
        return self.job.args

    @property
    def done(self) -> int:
        """How far this attempt says it is; before it has said so, how far the ones before were."""
        return self._done

    def progress(self, phase: str, done: int, total: int) -> None:
        """Says how far it is; call often, it writes at most once a second.

        Raises JobCancelled or JobInterrupted when the work is to end: leave nothing half-done.
        """
        self._phase, self._done, self._total = phase, done, total
        if self.is_stopping.is_set():
            raise JobInterrupted
        if time.monotonic() - self._published >= PROGRESS_SECONDS:
            self.heartbeat()
        if self._is_lost:
            raise JobCancelled

    def heartbeat(self) -> None:
        """Renews the lease with the latest progress."""
        with self._lock:
            self._published = time.monotonic()
            lease_seconds = self.resources.settings.job_lease_seconds
            with self.resources.database.write() as session:
                is_ours = queue.renew(
                    session,
                    self.job,
                    lease_seconds=lease_seconds,
                    phase=self._phase,
                    done=self._done,
                    total=self._total,
                )
            self._is_lost = not is_ours


# A handler does the work without holding a transaction and returns what to write in the finishing one (or None).
Finish = Callable[[Session], None]
Handler = Callable[[JobRun], Finish | None]
HANDLERS: dict[str, Handler] = {}


def job_handler(kind: str) -> Callable[[Handler], Handler]:
    """Registers the function that does jobs of this kind. It may run twice: make it repeatable."""

    def register(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return register


# Jobs that take minutes to hours: workers do them one at a time, in a thread that does nothing else.
LONG_KINDS = frozenset(("train",))


def drain(
    resources: Resources,
    is_stopping: threading.Event,
    *,
    only: Collection[str] | None = None,
    leave: Collection[str] = (),
) -> int:
    """Runs due jobs until none is left or the worker stops; returns how many were run. Kinds: see `queue.claim`."""
    count = 0
    lease_seconds = resources.settings.job_lease_seconds
    while not is_stopping.is_set():
        with resources.database.write() as session:
            job = queue.claim(session, lease_seconds=lease_seconds, only=only, leave=leave)
        if job is None:
            break
        _run(job, resources, is_stopping)
        count += 1
    return count


def _run(job: Job, resources: Resources, is_stopping: threading.Event) -> None:
    run = JobRun(job, resources, is_stopping)
    logger.info("job %d %s: attempt %d", job.id, job.kind, job.attempt)
    try:
        handler = HANDLERS.get(job.kind)
        if handler is None:
            raise Unavailable("unknown_job_kind", f"This worker does not know jobs of kind {job.kind!r}.")
        with _Heartbeat(run):
            write_results = handler(run)
        with resources.database.write() as session:
            if not queue.finish(session, job):
                raise JobCancelled
            if write_results is not None:
                write_results(session)
    except Exception as error:
        _settle(run, error)
    else:
        logger.info("job %d %s: done", job.id, job.kind)


def _settle(run: JobRun, error: Exception) -> None:
    job = run.job
    with run.resources.database.write() as session:
        if isinstance(error, JobInterrupted):
            is_ours = queue.hand_back(session, job)
        elif isinstance(error, JobCancelled):
            is_ours = queue.end_cancelled(session, job)
        else:
            is_final = isinstance(error, AppError) and not isinstance(error, Unavailable)
            reason = error.message if isinstance(error, AppError) else f"{type(error).__name__}: {error}"
            is_ours = queue.fail(session, job, reason[:2000], is_final=is_final, done=run.done)
    if isinstance(error, JobInterrupted | JobCancelled):
        logger.info("job %d %s: %s", job.id, job.kind, "stopped" if is_ours else "taken over by a newer attempt")
    else:
        unnamed = None if isinstance(error, AppError) else error
        logger.warning("job %d %s: attempt %d failed: %s", job.id, job.kind, job.attempt, error, exc_info=unnamed)


class _Heartbeat:
    """Renews a run's lease from a thread while its handler works."""

    def __init__(self, run: JobRun) -> None:
        self._run = run
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{run.job.id}", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _beat(self) -> None:
        seconds = self._run.resources.settings.job_lease_seconds / 4
        while not self._is_over.wait(seconds):
            try:
                self._run.heartbeat()
            except Exception as error:
                # The lease may now run out; then another worker repeats the job and this one's results are fenced off.
                logger.warning("job %d: lease not renewed: %s", self._run.job.id, error)
