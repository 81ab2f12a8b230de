"""`segloop export`: asks for an export, waits for it and downloads it, checked by its sha256."""

import hashlib
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TransferSpeedColumn

from backend.commands.server import Refused, Server, raise_refusal
from backend.commands.terminal import CommandError, messages, say

POLL_SECONDS = 0.25
PATIENCE_SECONDS = 15.0
CHUNK_BYTES = 1 << 20


def wait_for_export(server: Server, export: dict[str, Any]) -> dict[str, Any]:
    """Follows the export to its end; Ctrl-C cancels it. Raises CommandError when there will be no archive."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    started, was_told = time.monotonic(), False
    with (
        _noticed_interrupt() as is_interrupted,
        Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress,
    ):
        task = progress.add_task("waiting", total=None)
        while export["state"] in ("queued", "running"):
            at = export["progress"]
            progress.update(task, description=at["phase"] or "waiting", completed=at["done"], total=at["total"] or None)
            if export["state"] == "queued" and not was_told and time.monotonic() - started > PATIENCE_SECONDS:
                say(export["error"] or "The export waits for a worker. Is one running?")
                was_told = True
            if is_interrupted.wait(POLL_SECONDS):
                _cancel(server, export)
                raise KeyboardInterrupt
            export = server.call("GET", f"/exports/{export['id']}")
    if export["state"] == "dead":
        raise CommandError(f"The export failed: {export['error']}")
    if export["state"] == "cancelled":
        raise CommandError("Somebody cancelled the export.")
    return export


@contextmanager
def _noticed_interrupt() -> Iterator[threading.Event]:
    """Ctrl-C sets the event and interrupts nothing: a request broken off in its middle may lock its connection."""
    is_interrupted = threading.Event()
    before = signal.signal(signal.SIGINT, lambda signum, frame: is_interrupted.set())
    try:
        yield is_interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _cancel(server: Server, export: dict[str, Any]) -> None:
    try:
        server.call("POST", f"/jobs/{export['job_id']}/cancel")
    except Refused:
        say("The export goes on; you may not cancel it.")


def download_export(server: Server, export: dict[str, Any], target: Path) -> None:
    """Writes the archive beside `target` and renames it once its sha256 is right. Raises CommandError."""
    part = target.with_name(target.name + ".part")
    columns = (TextColumn("downloading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    digest = hashlib.sha256()
    try:
        with (
            Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress,
            server.http.stream("GET", f"/exports/{export['id']}/download") as response,
            part.open("wb") as file,
        ):
            if not response.is_success:
                response.read()
                raise_refusal(response)
            task = progress.add_task("", total=export["byte_size"])
            for piece in response.iter_bytes(CHUNK_BYTES):
                file.write(piece)
                digest.update(piece)
                progress.update(task, advance=len(piece))
        if digest.hexdigest() != export["sha256"]:
            raise CommandError("The download does not have the sha256 the server names; nothing was kept. Repeat it.")
        part.replace(target)
    except httpx.RemoteProtocolError as error:
        raise CommandError("The download broke off; nothing was kept. Repeat it.") from error
    finally:
        part.unlink(missing_ok=True)
