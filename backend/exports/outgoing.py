"""Files on their way into the storage: made in the data folder, gone afterwards whatever happens."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import Unavailable, is_disk_full


@contextmanager
def outgoing_file(data_dir: Path, name: str) -> Iterator[Path]:
    """A new file in the data folder's `outgoing`, gone afterwards whatever happens.

    Its lock says that its worker lives: what killed workers left is cleared away first. A second lock keeps one
    process from clearing what another has made but not locked yet.
    """
    folder = data_dir.resolve() / "outgoing"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        for left in folder.glob("export-*"):
            _remove_if_abandoned(left)
        file = tempfile.NamedTemporaryFile(prefix=f"export-{name}", suffix=".part", dir=folder, delete=False)  # noqa: SIM115
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield Path(file.name)
    finally:
        Path(file.name).unlink(missing_ok=True)
        file.close()


def _remove_if_abandoned(path: Path) -> None:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except (BlockingIOError, FileNotFoundError):
        return  # its worker is at it, or has just ended


@contextmanager
def named_faults() -> Iterator[None]:
    """Names a full disk. Raises Unavailable: the job is tried again."""
    try:
        yield
    except OSError as error:
        if not is_disk_full(error):
            raise
        message = "The disk is full where exports are made. Free some space there and retry."
        raise Unavailable("storage_full", message) from error
