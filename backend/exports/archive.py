"""A .zip that is written in one pass: members are hashed as they stream in, the manifest of their sums comes last."""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

# RLE strings shrink by half at the fastest level already; a higher one costs more time than it saves bytes.
DEFLATE_LEVEL = 1


class Member:
    """One file of the archive while it is written; counts and hashes what passes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()
        self.byte_size = 0

    @property
    def sha256(self) -> str:
        """Checksum of what was written so far."""
        return self._sha256.hexdigest()

    def write(self, data: bytes) -> None:
        """Adds bytes."""
        self._stream.write(data)
        self._sha256.update(data)
        self.byte_size += len(data)

    def write_json(self, value: Any) -> None:
        """Adds a compact JSON value."""
        self.write(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())

    def write_list(self, values: Iterator[Any]) -> None:
        """Adds a JSON list, one value a line, without ever holding two."""
        self.write(b"[")
        for number, value in enumerate(values):
            self.write(b",\n" if number else b"\n")
            self.write_json(value)
        self.write(b"\n]")


class Archive:
    """A new .zip at `path`. The same members give the same bytes: every file carries the time `made_at`."""

    def __init__(self, path: Path, made_at: datetime) -> None:
        self._date_time = (made_at.year, made_at.month, made_at.day, made_at.hour, made_at.minute, made_at.second)
        # What the manifest will say waits in a file without a name: it grows with the dataset, memory must not.
        self._sums = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 -- closed by close()
        self._zip = zipfile.ZipFile(path, "w")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sums.close()
        self._zip.close()

    @contextmanager
    def member(self, name: str, *, is_packed: bool = True, **notes: Any) -> Iterator[Member]:
        """Opens the next file of the archive; one at a time. `notes` go into its line of the manifest."""
        info = self._info(name, is_packed=is_packed)
        with self._zip.open(info, "w", force_zip64=True) as stream:
            member = Member(stream)
            yield member
        line = {"name": name, "byte_size": member.byte_size, "sha256": member.sha256, **notes}
        self._sums.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def finish(self, manifest: dict[str, Any]) -> None:
        """Writes manifest.json: the given facts and, under `files`, every member with its size and sha256."""
        self._sums.seek(0)
        with self._zip.open(self._info("manifest.json", is_packed=True), "w", force_zip64=True) as stream:
            head = json.dumps(manifest, ensure_ascii=False, indent=1)
            stream.write(head.removesuffix("\n}").encode() + b',\n "files": [')
            for number, line in enumerate(self._sums):
                stream.write((b",\n  " if number else b"\n  ") + line.rstrip())
            stream.write(b"\n ]\n}\n")

    def _info(self, name: str, *, is_packed: bool) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._date_time)
        info.compress_type = zipfile.ZIP_DEFLATED if is_packed else zipfile.ZIP_STORED
        info._compresslevel = DEFLATE_LEVEL  # type: ignore[attr-defined]
        info.external_attr = 0o644 << 16
        return info
