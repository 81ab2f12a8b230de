"""Takes the files of a multipart request to disk as they arrive, with a few hundred kilobytes of memory.

Not Starlette's form: that reads the body before anyone asked who sends it, keeps up to 1 MiB of each file in memory
and every file open.
"""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

from fastapi import Depends, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from backend.errors import TooLarge, Unprocessable
from backend.images.archives import too_large
from backend.images.files import Refusal, Source, clean_name, make_incoming_folder
from backend.settings import Settings

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_FILES = 10_000
MAX_HEADER_BYTES = 64 << 10
WRITE_BYTES = 512 << 10


async def _receive(request: Request) -> AsyncIterator[list[Source | Refusal]]:
    settings: Settings = request.app.state.resources.settings
    boundary = _boundary(request)
    folder = await run_in_threadpool(make_incoming_folder, settings)
    receiver = _Receiver(folder, settings)
    try:
        receiver.begin(boundary)
        pending = bytearray()
        async for chunk in request.stream():
            pending += chunk
            if len(pending) >= WRITE_BYTES:
                await run_in_threadpool(receiver.write, bytes(pending))
                pending.clear()
        await run_in_threadpool(receiver.write, bytes(pending))
        yield receiver.finish()
    except ClientDisconnect:
        raise Unprocessable("upload_incomplete", "The upload broke off. Nothing was saved; send it again.") from None
    finally:
        receiver.close()
        await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)


# scope="function": the temporary files are gone before the answer leaves.
ReceivedFiles = Annotated[list[Source | Refusal], Depends(_receive, scope="function")]


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Unprocessable("no_files", "Send pictures or .zip archives as multipart/form-data, in parts called files.")
    return options[b"boundary"]


class _Receiver:
    """Writes each part called `files` to a file of its own."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._received: list[Source | Refusal] = []
        self._is_complete = False
        self._file: BinaryIO | None = None
        self._source: Source | None = None
        self._written = 0
        self._limit = settings.max_file_bytes
        self._header = b""
        self._header_value = b""
        self._disposition = b""

    def begin(self, boundary: bytes) -> None:
        """Expects parts between these boundaries. Raises Unprocessable."""
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_header_field,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open_file,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks, max_header_size=MAX_HEADER_BYTES)
        except FormParserError as error:
            raise _malformed() from error

    def write(self, data: bytes) -> None:
        """Takes the next bytes of the body. Raises Unprocessable, TooLarge, OSError."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _malformed() from error

    def finish(self) -> list[Source | Refusal]:
        """All files in the order sent. Raises Unprocessable when there is none or the last one is cut off."""
        if not self._is_complete:
            raise _malformed()
        if not self._received:
            raise Unprocessable("no_files", "The request holds no files; send them in parts called files.")
        return self._received

    def close(self) -> None:
        """Closes what an interrupted upload left open."""
        if self._file is not None:
            self._file.close()

    def _begin_part(self) -> None:
        self._disposition = b""

    def _add_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header = self._header_value = b""

    def _open_file(self) -> None:
        _, options = parse_options_header(self._disposition)
        sent_name = options.get(b"filename", b"")
        if options.get(b"name") != b"files" or not sent_name:
            return
        if len(self._received) == MAX_FILES:
            raise TooLarge("too_many_files", f"One request may carry {MAX_FILES:,} files. Send fewer at a time.")
        name = clean_name(sent_name.decode("utf-8", "replace"))
        self._source = Source(name, self._folder / f"file-{len(self._received)}", is_temporary=True)
        self._file = self._source.path.open("wb")
        self._written = 0
        self._limit = self._settings.max_file_bytes

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            return
        if self._written == 0 and data[start : start + 2] == b"PK":
            self._limit = self._settings.max_upload_bytes  # an archive: its entries are measured one by one
        self._written += end - start
        if self._written <= self._limit:
            self._file.write(memoryview(data)[start:end])

    def _end_part(self) -> None:
        if self._file is None or self._source is None:
            return
        self._file.close()
        self._file = None
        if self._written <= self._limit:
            self._received.append(self._source)
            return
        self._source.path.unlink()
        refused = too_large(self._settings)
        self._received.append(Refusal(self._source.file_name, refused.code, refused.reason))

    def _end(self) -> None:
        self._is_complete = True


def _malformed() -> Unprocessable:
    return Unprocessable("malformed_upload", "The upload is cut off or not well-formed. Nothing was saved.")
