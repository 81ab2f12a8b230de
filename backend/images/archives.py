"""The files in a .zip, streamed one at a time. Nothing is ever unpacked under a name the archive chose.

What could harm is refused by name: bombs and crowds before anything is read, each bad entry for itself.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from backend.errors import is_disk_full
from backend.images.files import FileRefused, Refusal, Source, clean_name, is_safe_name, shown_name
from backend.settings import Settings

CHUNK_BYTES = 1 << 20
# Photos hardly shrink; an archive that grows this much, beyond a size that could not hurt, is a bomb.
MAX_RATIO = 200
HARMLESS_BYTES = 64 << 20
# Names of up to a few hundred bytes for each entry; what lists more is not worth reading.
MAX_LISTING_BYTES_PER_ENTRY = 1000

_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_PICTURE_SIGNATURES = (b"\xff\xd8", b"\x89PNG", b"RIFF", b"II", b"MM")
_LITTER_NAMES = {".ds_store", "thumbs.db", "desktop.ini"}
_END_BYTES, _END64_LOCATOR_BYTES = 22, 20
_ENTRY_BYTES = 46
_DAMAGES = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError, RuntimeError)


def is_archive(path: Path, file_name: str) -> bool:
    """Whether this is a .zip by its first bytes, or only called so: then it is refused as a damaged one."""
    with path.open("rb") as file:
        head = file.read(4)
    is_called_so = file_name.lower().endswith(".zip") and not head.startswith(_PICTURE_SIGNATURES)
    return head in _SIGNATURES or is_called_so


def archive_files(archive: Source, folder: Path, settings: Settings) -> Iterator[Source | Refusal]:
    """The archive's files, each written to `folder` for as long as it is needed, and what is refused of it.

    Raises OSError when the disk is full.
    """
    try:
        _refuse_crowd(archive.path, settings)
        with zipfile.ZipFile(archive.path) as opened:
            entries = [entry for entry in opened.infolist() if not _is_litter(entry)]
            _refuse_bomb(entries, archive.path, settings)
            for number, entry in enumerate(entries):
                yield _unpack(opened, entry, folder / f"entry-{number}", settings)
    except FileRefused as refused:
        yield Refusal(archive.file_name, refused.code, refused.reason)
    except _DAMAGES:
        yield Refusal(archive.file_name, "archive_damaged", "The archive is damaged and cannot be read.")


def _refuse_crowd(path: Path, settings: Settings) -> None:
    """Counts the entries without making an object of each, as ZipFile would."""
    with path.open("rb") as file:
        offset, size = _find_listing(file)
        if size > settings.max_archive_entries * MAX_LISTING_BYTES_PER_ENTRY:
            raise _too_many_entries(settings)
        file.seek(offset)
        listing = file.read(size)
    count = position = 0
    while listing[position : position + 4] == b"PK\x01\x02" and position + _ENTRY_BYTES <= size:
        count += 1
        position += _ENTRY_BYTES + sum(struct.unpack_from("<3H", listing, position + 28))
        if count > settings.max_archive_entries:
            raise _too_many_entries(settings)


def _find_listing(file: IO[bytes]) -> tuple[int, int]:
    """(offset, size) in bytes of the central directory, found the way zipfile finds it."""
    file_size = file.seek(0, 2)
    tail_start = max(0, file_size - _END_BYTES - 0xFFFF)
    file.seek(tail_start)
    tail = file.read()
    at = len(tail) - _END_BYTES
    if not (at >= 0 and tail[at : at + 4] == b"PK\x05\x06" and tail[-2:] == b"\0\0"):
        at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END_BYTES > len(tail):
        raise zipfile.BadZipFile
    (size,) = struct.unpack_from("<I", tail, at + 12)
    end = tail_start + at
    locator = at - _END64_LOCATOR_BYTES
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        file.seek(end - _END64_LOCATOR_BYTES - 56)
        record = file.read(56)
        if record[:4] == b"PK\x06\x06":
            (size,) = struct.unpack_from("<Q", record, 40)
            end -= _END64_LOCATOR_BYTES + 56
    if size > end:
        raise zipfile.BadZipFile
    return end - size, size


def _too_many_entries(settings: Settings) -> FileRefused:
    limit = settings.max_archive_entries
    return FileRefused("archive_too_many_entries", f"The archive holds more than {limit:,} files; split it.")


def _refuse_bomb(entries: list[zipfile.ZipInfo], path: Path, settings: Settings) -> None:
    if not entries:
        raise FileRefused("archive_empty", "The archive holds no files.")
    total = sum(entry.file_size for entry in entries)
    if total > settings.max_archive_bytes:
        limit = settings.max_archive_bytes / (1 << 30)
        raise FileRefused("archive_too_large", f"Unpacked, the archive is larger than {limit:g} GiB; split it.")
    if total > HARMLESS_BYTES and total > MAX_RATIO * path.stat().st_size:
        raise FileRefused("archive_bomb", f"Unpacked, the archive grows more than {MAX_RATIO} times; no photos do.")


def _is_litter(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    is_resource_fork = "__MACOSX" in path.parts or path.name.startswith("._")
    return entry.is_dir() or is_resource_fork or path.name.lower() in _LITTER_NAMES


def _unpack(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, settings: Settings) -> Source | Refusal:
    try:
        _refuse_entry(entry, settings)
        _copy(opened, entry, target, settings)
    except FileRefused as refused:
        target.unlink(missing_ok=True)
        return Refusal(shown_name(entry.orig_filename), refused.code, refused.reason)
    return Source(clean_name(entry.filename), target, is_temporary=True)


def _refuse_entry(entry: zipfile.ZipInfo, settings: Settings) -> None:
    if not is_safe_name(entry.orig_filename):
        raise FileRefused("archive_entry_unsafe_name", "The entry's name points outside of the archive.")
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise FileRefused("archive_entry_link", "The entry is a link or a device, not a file.")
    if entry.flag_bits & 0x1:
        raise FileRefused("archive_entry_encrypted", "The entry is encrypted; send the archive without a password.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Others unpack a whole block at once, however large it grows.
        raise FileRefused("archive_entry_unsupported", "Only stored and deflated entries are read; zip it anew.")
    if entry.filename.lower().endswith(".zip"):
        raise _nested()
    if entry.file_size > settings.max_file_bytes:
        raise too_large(settings)


def _nested() -> FileRefused:
    return FileRefused("archive_nested", "Archives within archives are not opened; send it by itself.")


def too_large(settings: Settings) -> FileRefused:
    """The refusal of a file above the settings' limit."""
    limit = settings.max_file_bytes / (1 << 20)
    return FileRefused("file_too_large", f"The file is larger than {limit:g} MiB, the limit of this installation.")


def _copy(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, settings: Settings) -> None:
    """Streams one entry; the limit holds for what comes out, whatever the header says."""
    with _reading(opened, entry) as source, target.open("wb") as file:
        written = 0
        while piece := _read(source):
            if written == 0 and piece.startswith(_SIGNATURES):
                raise _nested()
            written += len(piece)
            if written > settings.max_file_bytes:
                raise too_large(settings)
            file.write(piece)


def _reading(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    try:
        return opened.open(entry)
    except (*_DAMAGES, OSError) as error:
        raise _damaged_entry(error) from error


def _read(source: IO[bytes]) -> bytes:
    try:
        return source.read(CHUNK_BYTES)
    except (*_DAMAGES, OSError) as error:
        raise _damaged_entry(error) from error


def _damaged_entry(error: Exception) -> Exception:
    if is_disk_full(error):
        return error
    return FileRefused("archive_entry_damaged", "The entry is damaged and cannot be unpacked.")
