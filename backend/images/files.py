"""Files people send: what one is on its way in, how its name is made safe, and how it is refused."""

import re
import shutil
import tempfile
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from backend.settings import Settings

MAX_NAME_LENGTH = 500
STALE_SECONDS = 24 * 3600.0
# Characters that turn the reading direction can make "exe.jpg" of a name that ends otherwise.
_DIRECTION_MARKS = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_DRIVE = re.compile(r"^[A-Za-z]:")


class FileRefused(Exception):
    """One file that does not become an image; `code` is stable, `reason` is a sentence for people."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Source:
    """A file to import: the name people know it by, and where its bytes lie now.

    `is_temporary`: it may be deleted as soon as it is stored.
    """

    file_name: str
    path: Path
    is_temporary: bool = False


@dataclass(frozen=True)
class Refusal:
    """A file that was refused, under the name people know it by."""

    file_name: str
    code: str
    reason: str


def shown_name(name: str) -> str:
    """`name` without what a person could not see: control characters, broken Unicode; at most 500 characters."""
    valid = name.encode("utf-8", "replace").decode("utf-8")
    visible = "".join(c for c in valid.translate(_DIRECTION_MARKS) if unicodedata.category(c) != "Cc")
    return visible[-MAX_NAME_LENGTH:]


def clean_name(name: str) -> str:
    """A relative name with forward slashes, its folders kept, without `..`, drive letters or a leading slash.

    It is only ever shown and exported, never opened: bytes are stored under their checksum.
    """
    parts = _DRIVE.sub("", shown_name(name).replace("\\", "/")).split("/")
    kept = "/".join(part.strip() for part in parts if part.strip() not in ("", ".", ".."))
    return kept or "unnamed"


def is_safe_name(name: str) -> bool:
    """Whether an archive's entry of this name would stay inside the folder it is unpacked to."""
    slashed = name.replace("\\", "/")
    return not (slashed.startswith("/") or _DRIVE.match(slashed) or ".." in slashed.split("/") or "\0" in name)


def make_incoming_folder(settings: Settings) -> Path:
    """A new folder for one import; folders that a killed server left behind long ago are removed."""
    incoming = settings.data_dir.resolve() / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    for folder in incoming.iterdir():
        try:
            if time.time() - folder.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:  # another import has just ended
            continue
    return Path(tempfile.mkdtemp(dir=incoming))
