"""What tests and benchmarks need to run the real thing: migrations, free ports, waiting without guessing."""

import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from backend.database import Database

REPOSITORY = Path(__file__).resolve().parent.parent


def migrate(database_url: str, revision: str = "head") -> None:
    """Brings the database to `revision` by the real migrations."""
    config = Config(toml_file=str(REPOSITORY / "pyproject.toml"))
    config.attributes["database_url"] = database_url
    command.upgrade(config, revision)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(is_true: Callable[[], bool], *, seconds: float = 60.0, what: str = "the condition") -> None:
    """Polls until `is_true()`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)


def wait_until_blocked(database: Database) -> None:
    """Waits until a statement waits for another transaction's lock; SQLite has no such waiting, so not at all there."""
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def is_blocked() -> bool:
        with database.read() as session:
            return bool(session.scalar(blocked))

    if not database.is_sqlite:
        wait_until(is_blocked, what="a statement that waits for a lock")


def answers(url: str) -> bool:
    """Whether a GET of this address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return bool(response.status == 200)
    except OSError:
        return False
