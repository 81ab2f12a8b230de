"""The command lines of the processes; docker-compose.yml runs the same ones."""

import os
import sys
from urllib.parse import urlsplit

from backend.settings import Settings

UVICORN = ("-m", "uvicorn")
# 75 s: longer than proxies and clients keep an idle connection. Whoever closes first must not be the server: a request
# that is on its way just then is lost.
KEEP_ALIVE = ("--timeout-keep-alive", "75")
UVICORN_OPTIONS = ("--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "5", *KEEP_ALIVE)
MIGRATE = ("-m", "backend.supervisor.migrate")
DEMO = ("-m", "backend.demo")


def backend_command(*, host: str, port: int) -> list[str]:
    """Arguments of Python for the backend."""
    return [*UVICORN, "backend.app:app", "--host", host, "--port", str(port), *UVICORN_OPTIONS]


def model_server_command(*, host: str, port: int) -> list[str]:
    """Arguments of Python for the model server."""
    return [*UVICORN, "model_server.app:app", "--host", host, "--port", str(port), *UVICORN_OPTIONS]


def worker_command(*, has_broker: bool, threads: int) -> list[str]:
    """Arguments of Python for the worker: Celery's with a broker, else one that polls."""
    if not has_broker:
        return ["-m", "backend.worker"]
    celery = ["-m", "celery", "-A", "backend.worker", "worker", "--pool", "threads", "--concurrency", str(threads)]
    return [*celery, "--loglevel", "INFO", "--without-gossip", "--without-mingle"]


def model_server_address(settings: Settings) -> tuple[str, int] | None:
    """Host and port of a model server that is to run on this machine; None when its URL names another one."""
    url = urlsplit(settings.model_server_url)
    if url.hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    return url.hostname, url.port or 80


def command_line(arguments: list[str]) -> list[str]:
    """The arguments behind this very Python."""
    return [sys.executable, *arguments]


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment in which children read the same settings, wherever these came from."""
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    given |= {"data_dir": settings.data_dir.resolve(), "model_server_url": settings.model_server_url}
    ours = {f"SEGLOOP_{name.upper()}": str(value) for name, value in given.items() if value is not None}
    # Unless somebody names a proxy, nobody's X-Forwarded-For is believed.
    return {"FORWARDED_ALLOW_IPS": "", "PYTHONUNBUFFERED": "1"} | dict(os.environ) | ours
