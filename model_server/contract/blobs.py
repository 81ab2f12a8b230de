"""Blobs by key, in a local folder or an S3 bucket. Keys are made by us from checksums, never from people's file names.

A put is all or nothing: readers see either no blob or the whole one, also after a kill or a full disk.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

CHUNK_BYTES = 1 << 20
PART_PREFIX = ".part-"
# No put takes so long: what is older was left by a process that was killed amid it.
PART_SECONDS = 24 * 3600.0


class BlobNotFound(KeyError):
    """No blob has this key."""


def image_key(sha256: str) -> str:
    """Key of an uploaded image's original bytes. `sha256`: 64 lower-case hex digits."""
    return f"images/{sha256[:2]}/{sha256[2:4]}/{sha256}"


class StorageAway(Exception):
    """The storage does not answer, or not in time."""


class BlobStore(Protocol):
    """What backend and model server need of a storage. Every call may raise StorageAway."""

    def get(self, key: str) -> bytes:
        """The whole blob. Raises BlobNotFound."""

    def chunks(self, key: str) -> Iterator[bytes]:
        """The blob in pieces of about 1 MiB. Raises BlobNotFound before the first piece."""

    def put(self, key: str, data: bytes) -> None: ...

    def put_file(self, key: str, path: Path) -> None:
        """Stores a copy of the file at `path`."""

    def exists(self, key: str) -> bool: ...

    def size(self, key: str) -> int | None:
        """Bytes of the blob; None where there is none."""

    def delete(self, key: str) -> None:
        """Removes the blob; one that is not there is no error."""

    def local_path(self, key: str) -> Path | None:
        """Where the blob lies as a file on this machine, or None when the storage has no such files."""


class LocalBlobs:
    """Blobs as files below one folder: written beside, synced to disk, then renamed into place."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, key: str) -> Path:
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise ValueError(f"blob key leaves the storage folder: {key!r}")
        return path

    def get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            raise BlobNotFound(key) from None

    def chunks(self, key: str) -> Iterator[bytes]:
        try:
            file = self._path(key).open("rb")
        except FileNotFoundError:
            raise BlobNotFound(key) from None
        return _read_chunks(file)

    def put(self, key: str, data: bytes) -> None:
        self._write(key, iter([data]))

    def put_file(self, key: str, path: Path) -> None:
        with path.open("rb") as source:
            self._write(key, iter(lambda: source.read(CHUNK_BYTES), b""))

    def _write(self, key: str, pieces: Iterator[bytes]) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_old_parts(path.parent)
        handle, temporary = tempfile.mkstemp(prefix=PART_PREFIX, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as target:
                for piece in pieces:
                    target.write(piece)
                target.flush()
                os.fsync(target.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def size(self, key: str) -> int | None:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return None

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def local_path(self, key: str) -> Path | None:
        return self._path(key)


def _remove_old_parts(folder: Path) -> None:
    oldest = time.time() - PART_SECONDS
    for part in folder.glob(f"{PART_PREFIX}*"):
        with suppress(OSError):  # gone, or another's
            if part.stat().st_mtime < oldest:
                part.unlink()


class S3Blobs:
    """Blobs in an S3 bucket; credentials and region by the usual AWS_* variables."""

    def __init__(self, bucket: str, prefix: str, endpoint: str | None) -> None:
        from obstore.store import S3Store

        # The usual 30 s are for a whole body, gone on with for three minutes; who reads an export slowly takes longer.
        client: dict[str, Any] = {"timeout": "24h", "read_timeout": "30s"}
        # Somebody waits: two tries more, for ten seconds at most.
        retry = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
        options: dict[str, Any] = {"client_options": client, "retry_config": retry}
        if endpoint:
            client["allow_http"] = endpoint.startswith("http://")
            options["endpoint"] = endpoint
        self.store = S3Store(bucket, prefix=prefix or None, **options)

    def get(self, key: str) -> bytes:
        with _named(key):
            return bytes(self.store.get(key).bytes())

    def chunks(self, key: str) -> Iterator[bytes]:
        with _named(key):
            answer = self.store.get(key)
        return (bytes(piece) for piece in answer.stream(min_chunk_size=CHUNK_BYTES))

    def put(self, key: str, data: bytes) -> None:
        with _named(key):
            self.store.put(key, data)

    def put_file(self, key: str, path: Path) -> None:
        with _named(key):
            self.store.put(key, path)

    def exists(self, key: str) -> bool:
        return self.size(key) is not None

    def size(self, key: str) -> int | None:
        try:
            with _named(key):
                return int(self.store.head(key)["size"])
        except BlobNotFound:
            return None

    def delete(self, key: str) -> None:
        with _named(key):
            self.store.delete(key)

    def local_path(self, key: str) -> Path | None:
        return None


@contextmanager
def _named(key: str) -> Iterator[None]:
    """The bucket's failures by our names."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError:
        raise BlobNotFound(key) from None
    except BaseError as error:
        raise StorageAway(f"The storage does not answer ({type(error).__name__}).") from error


def open_store(url: str, *, s3_endpoint: str | None = None) -> BlobStore:
    """Opens the storage at `url`: a folder (plain path or file://) or s3://bucket/prefix. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return S3Blobs(parts.netloc, parts.path.strip("/"), s3_endpoint or os.environ.get("SEGLOOP_S3_ENDPOINT"))
    if parts.scheme in ("", "file"):
        root = Path(parts.path if parts.scheme else url)
        root.mkdir(parents=True, exist_ok=True)
        return LocalBlobs(root)
    raise ValueError(f"SEGLOOP_STORAGE_URL must be a folder or s3://bucket/prefix, not {url!r}")


def _read_chunks(file: Any) -> Iterator[bytes]:
    with file:
        while piece := file.read(CHUNK_BYTES):
            yield piece


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
