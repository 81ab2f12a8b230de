"""`segloop import`: files, folders and archives to a running server, in batches; what is there already is skipped."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from backend.commands.server import Refused, Server
from backend.commands.terminal import messages

BATCH_BYTES = 32 << 20
BATCH_FILES = 50
SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".zip"))


@dataclass(frozen=True)
class LocalFile:
    """A file to send, and the name it gets."""

    path: Path
    name: str
    byte_size: int


@dataclass
class Receipt:
    """What became of every file."""

    added: int = 0
    duplicates: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    ignored: int = 0
    seconds: float = 0.0

    def refuse(self, name: str, code: str, reason: str) -> None:
        """Notes a file that was not imported."""
        self.rejected.append({"file_name": name, "code": code, "reason": reason})


def import_paths(server: Server, project_id: int, paths: list[Path]) -> Receipt:
    """Sends everything below `paths`. May be repeated: the same bytes are never added twice."""
    receipt = Receipt()
    files = list(_find_files(paths, receipt))
    started = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("sending", total=sum(file.byte_size for file in files), rate="")
        for batch in _batches(files):
            _send(server, project_id, batch, receipt)
            count = receipt.added + receipt.duplicates + len(receipt.rejected)
            rate = f"{count / (time.monotonic() - started):.1f} images/s"
            progress.update(task, advance=sum(file.byte_size for file in batch), rate=rate)
    receipt.seconds = time.monotonic() - started
    return receipt


def _find_files(paths: list[Path], receipt: Receipt) -> Iterator[LocalFile]:
    """Named files as they are; of folders the pictures and archives, by suffix, in order of their names."""
    for path in paths:
        if not path.is_dir():
            yield LocalFile(path, _sendable(path.name), path.stat().st_size)
            continue
        for found in sorted(path.rglob("*")):
            name = found.relative_to(path).as_posix()
            is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
            if is_hidden or not found.is_file():
                continue
            if found.suffix.lower() not in SUFFIXES:
                receipt.ignored += 1
                continue
            yield LocalFile(found, _sendable(name), found.stat().st_size)


def _sendable(name: str) -> str:
    """The name with a "?" for every byte that is no UTF-8."""
    return name.encode("utf-8", "replace").decode()


def _batches(files: list[LocalFile]) -> Iterator[list[LocalFile]]:
    batch: list[LocalFile] = []
    for file in files:
        is_full = len(batch) == BATCH_FILES or sum(one.byte_size for one in batch) + file.byte_size > BATCH_BYTES
        if batch and is_full:
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _send(server: Server, project_id: int, batch: list[LocalFile], receipt: Receipt) -> None:
    with ExitStack() as opened:
        parts = []
        for file in batch:
            try:
                stream = opened.enter_context(file.path.open("rb"))
            except OSError as error:
                receipt.refuse(file.name, "file_not_readable", f"It cannot be read here: {error.strerror}.")
                continue
            parts.append(("files", (file.name, stream, "application/octet-stream")))
        if not parts:
            return
        try:
            answer = server.call("POST", f"/projects/{project_id}/images", files=parts)
        except Refused as refused:
            if refused.status != 413:
                raise
            for _, (name, *_rest) in parts:  # a batch this large is one file
                receipt.refuse(name, refused.code, str(refused))
            return
    receipt.added += len(answer["created"])
    receipt.duplicates += len(answer["duplicates"])
    receipt.rejected += answer["rejected"]
