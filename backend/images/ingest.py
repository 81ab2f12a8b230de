"""From files to images: check, decode, store the bytes, then one transaction for all rows.

Bytes first: a crash leaves blobs without rows, which the next import of the same files uses, never the reverse.
"""

import hashlib
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.images.archives import archive_files, is_archive, too_large
from backend.images.decoders import Decoders, Derived, get_decoders
from backend.images.derivatives import needs_display
from backend.images.files import FileRefused, Refusal, Source, make_incoming_folder
from backend.images.schemas import DuplicateOut, ImportOut, RejectedOut
from backend.images.service import ADDED_HOOKS, read_images
from backend.images.tables import Image
from backend.jobs.resources import Resources
from backend.projects.service import get_project
from backend.projects.tables import Project
from backend.storage import BlobStore, display_key, image_key, thumbnail_key

# Beyond one for each decoding process: these hash and write meanwhile.
EXTRA_THREADS = 2
CHECKSUMS_PER_QUERY = 1000


@dataclass(frozen=True)
class _Stored:
    """A picture whose bytes are in the storage."""

    file_name: str
    sha256: str
    byte_size: int
    derived: Derived


@dataclass(frozen=True)
class _Known:
    """A picture this project has already."""

    file_name: str
    sha256: str
    image_id: int


@dataclass(frozen=True)
class _Repeated:
    """The same bytes as an earlier file of this import."""

    file_name: str
    sha256: str


_Fate = _Stored | _Known | Refusal
_Outcome = _Fate | _Repeated


def ingest_files(
    resources: Resources, project_id: int, user_id: int | None, sources: Iterable[Source | Refusal]
) -> ImportOut:
    """Imports pictures and the pictures in .zip archives; each is created, a duplicate or rejected, in order.

    Files in `sources` stay unless they are temporary. Raises NotFound when there is no such project (any more) and
    OSError when the disk is full; then no image was added.
    """
    folder = make_incoming_folder(resources.settings)
    try:
        preparation = _Preparation(resources, project_id, folder)
        outcomes = [preparation.settled(outcome) for outcome in list(preparation.run(sources))]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with resources.database.write() as session:
        return _record(session, project_id, user_id, outcomes)


class _Preparation:
    """Brings the bytes of all files into the storage, several at a time."""

    def __init__(self, resources: Resources, project_id: int, folder: Path) -> None:
        self.resources = resources
        self.settings = resources.settings
        self.project_id = project_id
        self.folder = folder
        self.decoders: Decoders = get_decoders(resources.settings)
        # What became of the first file with each checksum; None while it is being prepared.
        self.fates: dict[str, _Fate | None] = {}
        self._lock = threading.Lock()

    def run(self, sources: Iterable[Source | Refusal]) -> Iterator[_Outcome]:
        """The outcome of each file, in order; never more of an archive on disk than the threads work on."""
        threads = self.settings.decode_processes + EXTRA_THREADS
        waiting: deque[Future[_Outcome] | Refusal] = deque()
        with ThreadPoolExecutor(threads, thread_name_prefix="import") as pool:
            try:
                for picture in self._pictures(sources):
                    if isinstance(picture, Refusal):
                        waiting.append(picture)
                    else:
                        waiting.append(pool.submit(self._prepare, picture))
                    if len(waiting) >= 2 * threads:
                        yield _result(waiting.popleft())
                while waiting:
                    yield _result(waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def settled(self, outcome: _Outcome) -> _Fate:
        """A repeated file shares the fate of the first with its bytes. Only once all have run."""
        if not isinstance(outcome, _Repeated):
            return outcome
        first = self.fates[outcome.sha256]
        assert first is not None
        return replace(first, file_name=outcome.file_name)

    def _pictures(self, sources: Iterable[Source | Refusal]) -> Iterator[Source | Refusal]:
        for number, source in enumerate(sources):
            if isinstance(source, Source) and is_archive(source.path, source.file_name):
                folder = self.folder / f"archive-{number}"
                folder.mkdir()
                yield from archive_files(source, folder, self.settings)
            else:
                yield source

    def _prepare(self, source: Source) -> _Outcome:
        try:
            return self._store(source)
        finally:
            if source.is_temporary:
                source.path.unlink(missing_ok=True)

    def _store(self, source: Source) -> _Outcome:
        byte_size = source.path.stat().st_size
        if byte_size > self.settings.max_file_bytes:
            refused = too_large(self.settings)
            return Refusal(source.file_name, refused.code, refused.reason)
        with source.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        with self._lock:
            if sha256 in self.fates:
                return _Repeated(source.file_name, sha256)
            self.fates[sha256] = None
        outcome = self._store_first(source, sha256, byte_size)
        self.fates[sha256] = outcome
        return outcome

    def _store_first(self, source: Source, sha256: str, byte_size: int) -> _Fate:
        with self.resources.database.read() as session:
            of_file = (Image.project_id == self.project_id, Image.sha256 == sha256)
            known = session.scalar(select(Image).where(*of_file))
        # What the storage has lost, or holds cut off, comes back with the file.
        if known is not None and self._is_stored(known, byte_size):
            return _Known(source.file_name, sha256, known.id)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            try:
                derived = self.decoders.derive(source.path, Path(folder))
            except FileRefused as refused:
                return Refusal(source.file_name, refused.code, refused.reason)
            store = self.resources.store
            _put_new(store, image_key(sha256), source.path)
            _put_new(store, thumbnail_key(sha256), derived.thumbnail_path)
            if derived.display_path is not None:
                _put_new(store, display_key(sha256), derived.display_path)
        if known is not None:
            return _Known(source.file_name, sha256, known.id)
        return _Stored(source.file_name, sha256, byte_size, derived)

    def _is_stored(self, image: Image, byte_size: int) -> bool:
        store = self.resources.store
        has_display = needs_display(is_plain=image.is_plain, size_hw=(image.height, image.width))
        derived = (thumbnail_key(image.sha256), *((display_key(image.sha256),) if has_display else ()))
        return store.size(image_key(image.sha256)) == byte_size and all(map(store.exists, derived))


def _result(waiting: Future[_Outcome] | Refusal) -> _Outcome:
    return waiting if isinstance(waiting, Refusal) else waiting.result()


def _put_new(store: BlobStore, key: str, path: Path) -> None:
    """Also over one of another size, which is cut off or damaged: a key names its content."""
    if store.size(key) != path.stat().st_size:
        store.put_file(key, path)


def _known_ids(session: Session, project_id: int, checksums: Sequence[str]) -> dict[str, int]:
    """Ids of the project's images among these checksums."""
    known: dict[str, int] = {}
    for start in range(0, len(checksums), CHECKSUMS_PER_QUERY):
        some = checksums[start : start + CHECKSUMS_PER_QUERY]
        rows = session.execute(
            select(Image.sha256, Image.id).where(Image.project_id == project_id, Image.sha256.in_(some))
        )
        known |= {row.sha256: row.id for row in rows}
    return known


def _record(session: Session, project_id: int, user_id: int | None, fates: Sequence[_Fate]) -> ImportOut:
    """Adds the rows of what was stored. Imports into one project take turns here, so the same bytes never meet."""
    get_project(session, project_id)
    session.execute(select(Project.id).where(Project.id == project_id).with_for_update(key_share=True))
    ids = _known_ids(session, project_id, [fate.sha256 for fate in fates if isinstance(fate, _Stored)])
    images: dict[str, Image] = {}
    duplicates: list[tuple[str, str]] = []
    rejected: list[RejectedOut] = []
    for fate in fates:
        match fate:
            case Refusal():
                rejected.append(RejectedOut(file_name=fate.file_name, code=fate.code, reason=fate.reason))
            case _Stored() if fate.sha256 not in ids and fate.sha256 not in images:
                images[fate.sha256] = _new_image(project_id, user_id, fate)
            case _Known():
                ids[fate.sha256] = fate.image_id
                duplicates.append((fate.file_name, fate.sha256))
            case _:
                duplicates.append((fate.file_name, fate.sha256))
    _add(session, list(images.values()))
    created_ids = [image.id for image in images.values()]
    ids |= dict(zip(images, created_ids, strict=True))
    return ImportOut(
        created=read_images(session, created_ids),
        duplicates=[DuplicateOut(file_name=name, image_id=ids[sha256]) for name, sha256 in duplicates],
        rejected=rejected,
    )


def _add(session: Session, images: list[Image]) -> None:
    session.add_all(images)
    session.flush()
    if images:
        for hook in ADDED_HOOKS:
            hook(session, images)
        session.flush()


def _new_image(project_id: int, user_id: int | None, stored: _Stored) -> Image:
    height, width = stored.derived.size_hw
    return Image(
        project_id=project_id,
        sha256=stored.sha256,
        file_name=stored.file_name,
        width=width,
        height=height,
        format=stored.derived.format,
        byte_size=stored.byte_size,
        is_plain=stored.derived.is_plain,
        created_by=user_id,
    )
