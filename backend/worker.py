"""The worker: works through the job rows, woken by Celery or by a short poll.

With a broker: `celery -A backend.worker worker --pool threads`. Without one: `python -m backend.worker`.
"""

import logging
import signal
import threading
from collections.abc import Callable
from importlib.util import find_spec
from types import FrameType

from celery.signals import worker_ready, worker_shutting_down

import backend.events.tasks
import backend.exports.tasks
import backend.segmentation.tasks
import backend.stages.checks
import backend.stages.tasks
import backend.training.checks
import backend.training.tasks
from backend.jobs.bell import WAKE_TASK, make_celery, wait_for_ring
from backend.jobs.periodic import run_periodic
from backend.jobs.resources import Resources, open_resources
from backend.jobs.runner import LONG_KINDS, drain
from backend.settings import Settings

logger = logging.getLogger("segloop.worker")

# Importing these registered their handlers.
TASKS = (
    backend.events.tasks,
    backend.exports.tasks,
    backend.segmentation.tasks,
    backend.stages.checks,
    backend.stages.tasks,
    backend.training.checks,
    backend.training.tasks,
)
# With a broker the poll only finds what a lost message missed.
BROKER_POLL_SECONDS = 5.0
LONG_POLL_SECONDS = 1.0
PERIODIC_SECONDS = 1.0

_is_stopping = threading.Event()
_resources: Resources | None = None
_resources_lock = threading.Lock()


def _open_once() -> Resources:
    global _resources
    with _resources_lock:
        if _resources is None:
            _resources = open_resources(Settings())
        return _resources


def poll(resources: Resources, seconds: float) -> None:
    """Drains the queue every `seconds` until the worker stops; a database that is away is waited for."""
    while not _is_stopping.is_set():
        try:
            drain(resources, _is_stopping, leave=LONG_KINDS)
        except Exception as error:
            logger.warning("the queue does not answer, trying again: %s", error)
        wait_for_ring(seconds)


def _repeat(act: Callable[[], object], seconds: float) -> None:
    while not _is_stopping.wait(seconds):
        try:
            act()
        except Exception as error:
            logger.warning("the database does not answer, trying again: %s", error)


def _own_threads(resources: Resources) -> list[threading.Thread]:
    """What must not wait for other jobs, nor they for it: periodic checks, and training where torch is installed."""
    threads = [
        threading.Thread(target=_repeat, args=(lambda: run_periodic(resources), PERIODIC_SECONDS), name="periodic")
    ]
    if find_spec("torch") is None:
        logger.info("torch is not installed here: this worker leaves training to others")
    else:
        long = (lambda: drain(resources, _is_stopping, only=LONG_KINDS), LONG_POLL_SECONDS)
        threads.append(threading.Thread(target=_repeat, args=long, name="training"))
    return threads


def run_polling_worker() -> None:
    """The worker of an installation without a broker; SIGTERM and Ctrl-C hand the running job back."""
    _log_to_stderr()
    resources = _open_once()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, _stop)
    seconds = resources.settings.job_poll_seconds
    threads = [
        threading.Thread(target=poll, args=(resources, seconds), name=f"worker-{n}")
        for n in range(resources.settings.job_threads)
    ]
    threads += _own_threads(resources)
    for thread in threads:
        thread.start()
    logger.info("worker ready: %d threads, polling every %.1f s", resources.settings.job_threads, seconds)
    for thread in threads:
        thread.join()


def _log_to_stderr() -> None:
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")  # Celery has set up its own already
    logging.getLogger("segloop").setLevel(logging.INFO)


def _stop(signum: int, frame: FrameType | None) -> None:
    _is_stopping.set()


app = make_celery(Settings().broker_url)


@app.task(name=WAKE_TASK, ignore_result=True)  # type: ignore[untyped-decorator]
def wake() -> None:
    """Says that there may be new rows; a lost or doubled message harms nothing."""
    drain(_open_once(), _is_stopping, leave=LONG_KINDS)


@worker_ready.connect  # type: ignore[untyped-decorator]
def _start_poll(**kwargs: object) -> None:
    _log_to_stderr()
    resources = _open_once()
    threading.Thread(target=poll, args=(resources, BROKER_POLL_SECONDS), name="poll", daemon=True).start()
    for thread in _own_threads(resources):
        thread.start()  # no daemons: a trainer is given the time to keep what it has
    logger.info("worker ready: woken by the broker, polling every %.0f s", BROKER_POLL_SECONDS)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_poll(**kwargs: object) -> None:
    _is_stopping.set()


if __name__ == "__main__":
    run_polling_worker()
