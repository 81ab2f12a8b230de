"""One file over HTTP: goes on where it stopped, and is only believed when its checksum is right."""

import errno
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from model_server.networks.weights import file_sha256

CHUNK_BYTES = 1 << 20
SPARE_BYTES = 64 << 20  # a disk filled to its last byte stops everything else on the machine
TRIES = 20  # of a connection that breaks and yet brings something each time
TIMEOUT = httpx.Timeout(30.0, connect=10.0)

Report = Callable[[str, int, int | None], None]  # file name, bytes here, bytes in all if known


class PullFailed(Exception):
    """A model that did not arrive; `code` is stable, `message` is for a person.

    Codes: unknown_model, network_unreachable, not_found, refused, server_error, disk_full, checksum_unknown,
    checksum_mismatch.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file to fetch. `sha256` and `size` in bytes where they are known beforehand."""

    name: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A file that is here and right. `checked_by`: a checksum known beforehand, or the one the server announced."""

    name: str
    sha256: str
    checked_by: Literal["known", "announced"]


def download(client: httpx.Client, url: str, file: RemoteFile, folder: Path, report: Report) -> Arrived:
    """Fetch `file` into `folder`; what has come stays beside it as `NAME.part` when it stops. Raises PullFailed."""
    part = folder / f"{file.name}.part"
    announced = None
    try:
        if file.sha256 is None or _size(part) != file.size:
            announced = _fetch(client, url, file, part, report)
        arrived = _verify(part, file, announced)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PullFailed("disk_full", f"The disk is full; {_kept(part)}.") from error
        raise
    part.rename(folder / file.name)
    return arrived


def _fetch(client: httpx.Client, url: str, file: RemoteFile, part: Path, report: Report) -> str | None:
    """Bring the part to its end; the checksum the server announced, if it did."""
    for _ in range(TRIES):
        before = _size(part)
        try:
            return _transfer(client, url, file, part, report)
        except httpx.InvalidURL as error:
            raise PullFailed("network_unreachable", f"{url} is no address: {error}.") from error
        except httpx.TransportError as error:
            if _size(part) == before:
                reason = f"{url} does not answer ({error or type(error).__name__}); {_kept(part)}."
                raise PullFailed("network_unreachable", reason) from error
    raise PullFailed("network_unreachable", f"{url} broke off {TRIES} times; {_kept(part)}.")


def _transfer(client: httpx.Client, url: str, file: RemoteFile, part: Path, report: Report) -> str | None:
    have = _size(part)
    # Compressed on the way, a range would count other bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as response:
        announced = _announced(response)
        if file.sha256 and announced and len(announced) == 64 and announced != file.sha256:
            raise PullFailed("checksum_mismatch", f"{url} offers another file than the one that is known; not fetched.")
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return announced  # all of it is here, or what is here is not it: the checksum will tell
        _require_success(response, url)
        if have and response.headers.get("Content-Range", "").split("-")[0] != f"bytes {have}":
            have = 0  # the server does not continue
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else file.size
        _require_space(part, (total or 0) - have)
        with part.open("ab" if have else "wb") as out:
            report(file.name, have, total)
            for chunk in response.iter_raw():  # as it comes: nothing waits in a buffer when the line breaks
                out.write(chunk)
                have += len(chunk)
                report(file.name, have, total)
        return announced


def _announced(response: httpx.Response) -> str | None:
    """The checksum in the answer's headers or in those of the redirections to it.

    The Hugging Face hub announces sha256 (64 hex digits) of large files as X-Linked-ETag, git's blob id (40) of small
    ones as ETag.
    """
    hops = [*response.history, response]
    for name in ("X-Linked-ETag", "ETag"):
        for hop in hops:
            tag = hop.headers.get(name, "").removeprefix("W/").strip('"').lower()
            if len(tag) in (40, 64) and set(tag) <= set("0123456789abcdef"):
                return str(tag)
    return None


def _require_success(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if status in (401, 403):
        raise PullFailed("refused", f"{url} refuses to give the file out (HTTP {status}).")
    if status in (404, 410):
        raise PullFailed("not_found", f"There is no {url} (HTTP {status}).")
    if not response.is_success:
        raise PullFailed("server_error", f"{url} answers HTTP {status}; try again later.")


def _require_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed + SPARE_BYTES > free:
        raise PullFailed(
            "disk_full", f"{needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free in {part.parent}."
        )


def _verify(part: Path, file: RemoteFile, announced: str | None) -> Arrived:
    expected = file.sha256 or announced
    if expected is None:
        part.unlink()
        raise PullFailed(
            "checksum_unknown",
            f"{file.name}: no checksum is known and the server announces none, so it was not kept.",
        )
    sha256 = file_sha256(part)
    if expected != (sha256 if len(expected) == 64 else _git_blob_id(part)):
        part.unlink()
        raise PullFailed(
            "checksum_mismatch",
            f"{file.name}: what came is not what it should be (sha256 {sha256}); it was removed. Pull again.",
        )
    return Arrived(name=file.name, sha256=sha256, checked_by="known" if file.sha256 else "announced")


def _git_blob_id(path: Path) -> str:
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _kept(part: Path) -> str:
    return f"{_size(part) / 1e6:.1f} MB of {part.stem} are kept, pulling again goes on from there"
