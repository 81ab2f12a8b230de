"""`segloop doctor`: what is on this machine and whether each part of the installation works."""

import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from backend.commands.server import Server, connect
from backend.commands.terminal import CommandError, megabytes
from backend.database import Database
from backend.errors import AppError
from backend.jobs.bell import make_celery
from backend.model_client import ModelClient
from backend.settings import Settings
from backend.storage import open_store

LOW_DISK_BYTES = 2 << 30
CLICKS = 9
BROKER_SECONDS = 3


@dataclass(frozen=True)
class Finding:
    """One part: whether it works (None = it is not used) and what was seen."""

    name: str
    is_ok: bool | None
    detail: str


def examine(settings: Settings, *, url: str | None, token: str | None) -> list[Finding]:
    """Looks at every part; one that fails does not hide the others."""
    checks: dict[str, Callable[[], tuple[bool | None, str]]] = {
        "database": lambda: _database(settings),
        "storage": lambda: _storage(settings),
        "disk": lambda: _disk(settings),
        "broker": lambda: _broker(settings),
        "model server": lambda: _model_server(settings),
        "click": lambda: _click(settings, url, token),
    }
    return [_examine_one(name, check) for name, check in checks.items()]


def _examine_one(name: str, check: Callable[[], tuple[bool | None, str]]) -> Finding:
    try:
        return Finding(name, *check())
    except (CommandError, AppError) as error:
        return Finding(name, False, str(error))
    except Exception as error:  # whatever a broken part raises is what the doctor is asked for
        reason = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
        return Finding(name, False, reason[0])


def _database(settings: Settings) -> tuple[bool, str]:
    database = Database(settings.resolved_database_url)
    try:
        kind = "SQLite" if database.is_sqlite else "PostgreSQL"
        if database.is_sqlite and not (settings.database_url or (settings.data_dir / "segloop.sqlite3").exists()):
            return False, f"no database in {settings.data_dir.resolve()} yet; `segloop up` makes it"
        started = time.perf_counter()
        with database.read() as session:
            revision = session.scalar(text("SELECT version_num FROM alembic_version"))
        return True, f"{kind}, schema {revision}, {1000 * (time.perf_counter() - started):.0f} ms"
    finally:
        database.close()


def _storage(settings: Settings) -> tuple[bool, str]:
    store = open_store(settings.resolved_storage_url, s3_endpoint=settings.s3_endpoint)
    key, data = f"doctor/{uuid4().hex}", b"written by segloop doctor"
    store.put(key, data)
    try:
        is_same = store.get(key) == data
    finally:
        store.delete(key)
    return is_same, f"{settings.resolved_storage_url} keeps what is written"


def _disk(settings: Settings) -> tuple[bool, str]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    return free > LOW_DISK_BYTES, f"{free / 1e9:.1f} GB free in {settings.data_dir.resolve()}"


def _broker(settings: Settings) -> tuple[bool | None, str]:
    if not settings.broker_url:
        return None, "none configured; the worker polls"
    with make_celery(settings.broker_url).connection_for_read() as connection:
        connection.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
        return True, f"{connection.transport.driver_type} answers"


def _model_server(settings: Settings) -> tuple[bool, str]:
    url, note = settings.model_server_url, settings.model_server_note
    if "model_server_url" not in settings.model_fields_set and note.exists():
        url = note.read_text()
    answer = ModelClient(url, timeout_seconds=10.0).models()
    models = ", ".join(
        f"{one['model_version']} ({one['image_size']} px, {one['parameters'] / 1e6:.1f} M parameters)"
        for one in answer["models"]
    )
    return True, f"device {answer['device']}; {models or 'no models'}"


def _click(settings: Settings, url: str | None, token: str | None) -> tuple[bool | None, str]:
    """Times clicks through backend and model server on a picture that is there; nothing is kept of them."""
    with connect(url, token, settings) as server:
        image = _find_image(server)
        if image is None:
            return None, "no picture to click on yet"
        seconds = [_time_click(server, image, (n + 0.5) / (CLICKS + 1)) for n in range(CLICKS + 1)]
    return True, (
        f"first {1000 * seconds[0]:.0f} ms, then median {1000 * statistics.median(seconds[1:]):.0f} ms "
        f"on {image['width']} x {image['height']} px ({megabytes(image['byte_size'])})"
    )


def _find_image(server: Server) -> dict[str, Any] | None:
    for project in server.call("GET", "/projects")["items"]:
        if project["image_count"]:
            images: list[dict[str, Any]] = server.call("GET", f"/projects/{project['id']}/images?limit=1")["items"]
            return images[0]
    return None


def _time_click(server: Server, image: dict[str, Any], at: float) -> float:
    point = {"type": "point", "x": image["width"] * at, "y": image["height"] * at, "label": 1, "candidate": None}
    started = time.perf_counter()
    server.call("POST", f"/images/{image['id']}/predict", json={"prompts": [point], "multimask": "auto"})
    return time.perf_counter() - started
