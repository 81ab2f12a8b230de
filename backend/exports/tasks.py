"""The export job: labels in one reading transaction, then pictures, into a temporary .zip that is stored when whole."""

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy.orm import Session

from backend.errors import Conflict, NotFound, Unavailable
from backend.exports.archive import Archive
from backend.exports.coco import write_coco
from backend.exports.dataset import Dataset, ImageRow, open_dataset
from backend.exports.outgoing import named_faults, outgoing_file
from backend.exports.sa1b import write_sa1b
from backend.exports.service import get_export
from backend.exports.tables import Export
from backend.jobs.runner import Finish, JobRun, job_handler
from backend.settings import VERSION
from backend.storage import BlobNotFound, export_key, image_key

FORMATS = {"coco": write_coco, "sa1b": write_sa1b}
HASH_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Result:
    """What the export row will say."""

    image_count: int
    mask_count: int
    byte_size: int
    sha256: str


@job_handler("export")
def export(run: JobRun) -> Finish:
    """Makes the archive of an export; `args`: export_id. Run again it makes the same under another key."""
    store = run.resources.store
    with run.resources.database.read() as session:
        row = get_export(session, run.args["export_id"])
        if row.job_id != run.job.id:  # SQLite gives a deleted export's number to the next one
            raise NotFound("export_not_found", f"Export {row.id} is not made by this job.")
    key = export_key(row.id, run.job.attempt)
    with named_faults(), outgoing_file(run.resources.settings.data_dir, f"{row.id}-") as path:
        result = _write_archive(run, row, path)
        run.progress("storing", 0, 1)
        store.put_file(key, path)
    try:
        # Storing may have taken long: what a newer attempt or a cancel has overtaken must not stay.
        run.heartbeat()
        run.progress("storing", 1, 1)
    except BaseException:
        store.delete(key)
        raise
    for attempt in range(1, run.job.attempt):  # a worker killed between storing and finishing leaves its archive
        store.delete(export_key(row.id, attempt))

    def finish(session: Session) -> None:
        done = get_export(session, row.id)
        done.key = key
        done.image_count, done.mask_count = result.image_count, result.mask_count
        done.byte_size, done.sha256 = result.byte_size, result.sha256

    return finish


def _write_archive(run: JobRun, row: Export, path: Path) -> Result:
    with tempfile.TemporaryFile(dir=path.parent) as pictures, Archive(path, row.created_at) as archive:
        with open_dataset(run.resources.database, row.project_id) as dataset:
            _write_labels(run, row, dataset, archive, pictures)
        if row.include_images:
            _copy_pictures(run, archive, pictures, dataset.image_count)
        archive.finish(
            {
                "format": row.format,
                "segloop_version": VERSION,
                "export_id": row.id,
                "project": {"id": dataset.project_id, "name": dataset.project_name},
                "created_at": row.created_at.isoformat(),
                "include_images": row.include_images,
                "image_count": dataset.image_count,
                "mask_count": dataset.mask_count,
            }
        )
    byte_size, sha256 = _measure(run, path)
    return Result(dataset.image_count, dataset.mask_count, byte_size, sha256)


def _write_labels(run: JobRun, row: Export, dataset: Dataset, archive: Archive, pictures: IO[bytes]) -> None:
    done = 0

    def on_mask() -> None:
        nonlocal done
        run.progress("masks", done, dataset.mask_count)
        done += 1

    def add_picture(name: str, image: ImageRow) -> None:
        run.progress("masks", done, dataset.mask_count)
        note = {"name": name, "image_id": image.id, "sha256": image.sha256, "is_plain": image.is_plain}
        pictures.write(json.dumps(note).encode() + b"\n")

    write_labels = FORMATS[row.format]
    write_labels(dataset, archive, created_at=row.created_at.isoformat(), add_picture=add_picture, on_mask=on_mask)


def _copy_pictures(run: JobRun, archive: Archive, pictures: IO[bytes], image_count: int) -> None:
    pictures.seek(0)
    for number, line in enumerate(pictures):
        picture: dict[str, Any] = json.loads(line)
        notes = {"image_id": picture["image_id"]} | ({} if picture["is_plain"] else {"is_plain": False})
        try:
            with archive.member(picture["name"], is_packed=False, **notes) as member:
                for piece in run.resources.store.chunks(image_key(picture["sha256"])):
                    run.progress("pictures", number, image_count)
                    member.write(piece)
        except BlobNotFound:
            # Deleted since the labels were read; the next attempt reads them anew. Else the storage lost it.
            message = f"The file of image {picture['image_id']} is not in the storage."
            raise Unavailable("image_file_missing", message) from None
        if member.sha256 != picture["sha256"]:
            raise Conflict("image_file_damaged", f"The stored file of image {picture['image_id']} is damaged.")


def _measure(run: JobRun, path: Path) -> tuple[int, str]:
    """Size and sha256 of the file; read once more, as zipfile goes back to fill in sizes."""
    digest = hashlib.sha256()
    byte_size, total = 0, path.stat().st_size
    with path.open("rb") as file:
        while piece := file.read(HASH_CHUNK_BYTES):
            run.progress("checksum", byte_size >> 20, total >> 20)
            digest.update(piece)
            byte_size += len(piece)
    return byte_size, digest.hexdigest()
