"""What must be true before anything starts; each refusal is one sentence that says how to mend it."""

import fcntl
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO

from backend.settings import Settings

LOCK_NAME = "segloop.lock"
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}


class CannotStart(Exception):
    """Why `segloop up` refuses, as a sentence for people."""


def lock_data_dir(settings: Settings) -> IO[str]:
    """Takes the data folder for this process; it is free again when the returned file is closed.

    Raises CannotStart when the folder cannot be written or another supervisor has it.
    """
    folder = settings.data_dir.resolve()
    lock_path = folder / LOCK_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = lock_path.open("a+")
    except OSError as error:
        advice = "Give this user the right to write there, or choose another folder with SEGLOOP_DATA_DIR."
        raise CannotStart(f"The data folder {folder} cannot be written ({error.strerror}). {advice}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        advice = "Use that one or stop it, or start this one with another SEGLOOP_DATA_DIR."
        raise CannotStart(f"The data folder {folder} is in use by {holder}. {advice}") from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()} at {settings.resolved_public_url}\n")
    lock.flush()
    return lock


def check_port(host: str, port: int, advice: str) -> None:
    """Raises CannotStart when nobody could listen there now."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotStart(f"Port {port} of {host} cannot be used ({reason}). {advice}") from None


def free_port(host: str) -> int:
    """A port of this machine on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def check_page(settings: Settings) -> None:
    """Raises CannotStart when the web page is not built."""
    if not (settings.page_dir / "index.html").is_file():
        raise CannotStart(f"The web page is not built: {settings.page_dir} has no index.html. Run `make install`.")


def network_file_system_warning(settings: Settings) -> str | None:
    """A warning when SQLite's file would lie on a network file system, whose locks cannot be relied on."""
    if not settings.resolved_database_url.startswith("sqlite"):
        return None
    folder = settings.data_dir.resolve()
    kind = _file_system(folder)
    if kind not in NETWORK_FILE_SYSTEMS:
        return None
    advice = "Put SEGLOOP_DATA_DIR on a local disk, or use PostgreSQL with SEGLOOP_DATABASE_URL."
    return f"{folder} is on a network file system ({kind}), where SQLite can be damaged. {advice}"


def _file_system(folder: Path) -> str:
    kinds: dict[Path, str] = {}
    with suppress(OSError):
        for line in Path("/proc/self/mounts").read_text().splitlines():  # device, folder, kind, options
            _, mounted_on, kind, *_ = line.split(" ")
            kinds[Path(mounted_on)] = kind
    return next((kinds[path] for path in (folder, *folder.parents) if path in kinds), "")
