"""The worker: works through the job rows, woken by Celery or by a short poll.

With a broker: `celery -A backend.worker worker --pool threads`. Without one: `python -m backend.worker`.
"""

import logging
import signal
import threading
from types import FrameType

from celery.signals import worker_ready, worker_shutting_down

import backend.exports.tasks
import backend.segmentation.tasks
from backend.jobs.bell import WAKE_TASK, make_celery, wait_for_ring
from backend.jobs.resources import Resources, open_resources
from backend.jobs.runner import drain
from backend.settings import Settings

logger = logging.getLogger("segloop.worker")

# Importing these registered their handlers.
TASKS = (backend.exports.tasks, backend.segmentation.tasks)
# With a broker the poll only finds what a lost message missed.
BROKER_POLL_SECONDS = 5.0

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
            drain(resources, _is_stopping)
        except Exception as error:
            logger.warning("the queue does not answer, trying again: %s", error)
        wait_for_ring(seconds)


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
    for thread in threads:
        thread.start()
    logger.info("worker ready: %d threads, polling every %.1f s", len(threads), seconds)
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
    drain(_open_once(), _is_stopping)


@worker_ready.connect  # type: ignore[untyped-decorator]
def _start_poll(**kwargs: object) -> None:
    _log_to_stderr()
    resources = _open_once()
    threading.Thread(target=poll, args=(resources, BROKER_POLL_SECONDS), name="poll", daemon=True).start()
    logger.info("worker ready: woken by the broker, polling every %.0f s", BROKER_POLL_SECONDS)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop_poll(**kwargs: object) -> None:
    _is_stopping.set()


if __name__ == "__main__":
    run_polling_worker()
