"""Wakes workers after a commit. A lost ring costs one poll interval, never a job."""

import logging
import threading

from celery import Celery

logger = logging.getLogger("segloop.jobs")

WAKE_TASK = "segloop.wake"
BROKER_SECONDS = 1.0


def make_celery(broker_url: str) -> Celery:
    """The Celery app: no results, no retries, early acknowledgement; its one message says "look at the rows"."""
    app = Celery("segloop", broker=broker_url)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=False,
        task_default_queue="segloop",
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=BROKER_SECONDS,
        broker_transport_options={
            "socket_timeout": BROKER_SECONDS,
            "socket_connect_timeout": BROKER_SECONDS,
            "max_retries": 0,
        },
        worker_hijack_root_logger=False,
    )
    return app


class Bell:
    """Publishes wake messages from a thread of its own: a broker that hangs never delays a request."""

    def __init__(self, broker_url: str) -> None:
        self._celery = make_celery(broker_url)
        self._is_rung = threading.Event()
        threading.Thread(target=self._publish_forever, name="bell", daemon=True).start()

    def ring(self) -> None:
        """Returns at once; many rings in a row become one message."""
        self._is_rung.set()

    def _publish_forever(self) -> None:
        while True:
            self._is_rung.wait()
            self._is_rung.clear()
            try:
                self._celery.send_task(WAKE_TASK, retry=False, ignore_result=True)
            except Exception as error:
                logger.warning("broker not reached, workers find the job by polling: %s", error)


_bell: Bell | None = None
_local = threading.Event()


def connect_bell(broker_url: str) -> None:
    """Called once per process; without a broker workers poll."""
    global _bell
    _bell = Bell(broker_url) if broker_url else None


def ring() -> None:
    """Says that there may be a new job."""
    _local.set()
    if _bell is not None:
        _bell.ring()


def wait_for_ring(seconds: float) -> None:
    """Waits for a ring in this very process, at most `seconds`."""
    _local.wait(seconds)
    _local.clear()
