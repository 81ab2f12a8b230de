"""Snapshots: a project's accepted masks at one moment, as a COCO json in the store that never changes again.

Which images are never trained on ("frozen") their checksum decides alone, so an image stays on its side for ever,
whoever uploads it, in whatever order, into however many snapshots.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.annotations.tables import Annotation
from backend.errors import Conflict, Gone, NotFound
from backend.events.service import record
from backend.exports.archive import Member
from backend.exports.coco import FileNames, annotation_entry, category_entries, write_document
from backend.exports.dataset import Dataset, MaskRow, open_dataset
from backend.exports.outgoing import named_faults, outgoing_file
from backend.jobs.runner import JobRun
from backend.projects.service import get_project
from backend.projects.tables import Project
from backend.settings import VERSION
from backend.storage import BlobNotFound, BlobStore, snapshot_key
from backend.training.frozen import SPLITS, is_yardstick, split_of
from backend.training.policies import frozen_share
from backend.training.schemas import Changes, MaskChanges, SnapshotDiff
from backend.training.tables import Snapshot


def is_checked(row: MaskRow) -> bool:
    """Whether a person made, changed, accepted or audited this mask."""
    if row.origin != "automatic" or row.is_audited or row.author_id is not None:
        return True
    return bool(row.proposal and row.proposal["rle"]["counts"] != row.counts)


def create_snapshot(session: Session, project_id: int, *, note: str, created_by: int | None) -> Snapshot:
    """The row of a project's next snapshot; the first one fixes which images are frozen. Raises NotFound."""
    session.scalar(select(Project.id).where(Project.id == project_id).with_for_update())
    get_project(session, project_id)
    last = session.scalar(select(func.max(Snapshot.number)).where(Snapshot.project_id == project_id)) or 0
    share = frozen_share(session, project_id)
    snapshot = Snapshot(project_id=project_id, number=last + 1, note=note, frozen_share=share, created_by=created_by)
    session.add(snapshot)
    session.flush()
    return snapshot


def get_snapshot(session: Session, snapshot_id: int) -> Snapshot:
    """The snapshot with its job. Raises NotFound."""
    snapshot = session.get(Snapshot, snapshot_id)
    if snapshot is None:
        raise NotFound("snapshot_not_found", f"There is no snapshot {snapshot_id}.")
    return snapshot


def list_snapshots(session: Session, project_id: int) -> list[Snapshot]:
    """All snapshots of a project, newest first."""
    statement = select(Snapshot).where(Snapshot.project_id == project_id).order_by(Snapshot.number.desc())
    return list(session.scalars(statement))


def file_key(store: BlobStore, snapshot: Snapshot) -> str:
    """Where its json lies. Raises Conflict while there is none, Gone when it was removed."""
    job = snapshot.job
    if snapshot.key is None and job is not None and job.state in ("dead", "cancelled"):
        raise Conflict("snapshot_failed", f"This snapshot was not made: {job.error or 'it was cancelled'}")
    if snapshot.key is None:
        raise Conflict("snapshot_not_ready", "This snapshot is still being made.")
    if not store.exists(snapshot.key):
        raise Gone("snapshot_file_gone", f"The file of snapshot {snapshot.number} is not in the storage any more.")
    return snapshot.key


def write_snapshot(run: JobRun, snapshot: Snapshot) -> Callable[[Session], None]:
    """Makes the json and stores it; gives what the transaction that ends this work is to write."""
    store, counts = run.resources.store, Counter[str]()
    key = snapshot_key(snapshot.id, run.job.attempt)
    with named_faults(), outgoing_file(run.resources.settings.data_dir, f"snapshot-{snapshot.id}-") as path:
        with path.open("wb") as file, open_dataset(run.resources.database, snapshot.project_id) as dataset:
            member = Member(file)
            _write(run, dataset, snapshot, member, counts)
        store.put_file(key, path)
    try:
        run.heartbeat()
        run.progress("snapshot", 1, 1)
    except BaseException:
        store.delete(key)
        raise
    for attempt in range(1, run.job.attempt):  # a worker killed between storing and finishing leaves its file
        store.delete(snapshot_key(snapshot.id, attempt))
    names = [f"{split}_{what}" for split in SPLITS for what in ("images", "masks")] + ["automatic_masks"]

    def finish(session: Session) -> None:
        row = get_snapshot(session, snapshot.id)
        row.key, row.sha256, row.byte_size = key, member.sha256, member.byte_size
        row.counts = {name: counts[name] for name in names}
        data = {"snapshot_id": row.id, "number": row.number, "counts": row.counts}
        record(session, row.project_id, "snapshot.made", data, actor_id=row.created_by, is_audit=True)

    return finish


def _write(run: JobRun, dataset: Dataset, snapshot: Snapshot, member: Member, counts: Counter[str]) -> None:
    accepted = (Annotation.project_id == snapshot.project_id, Annotation.state == "accepted")
    with_masks = set(dataset.session.scalars(select(Annotation.image_id).where(*accepted).distinct()))
    categories, extra_id = category_entries(dataset)
    done = 0

    def images() -> Iterator[dict[str, Any]]:
        names = FileNames()
        for image, _ in dataset.images():
            run.progress("snapshot", 0, dataset.mask_count)
            if image.id in with_masks:
                yield {
                    "id": image.id,
                    "file_name": names.take(image.file_name, image.id),
                    "width": image.width,
                    "height": image.height,
                    "split": split_of(image.sha256, snapshot.frozen_share),
                    "segloop": {"sha256": image.sha256, "is_plain": image.is_plain},
                }

    def masks() -> Iterator[dict[str, Any]]:
        nonlocal done
        for image, rows in dataset.images_with_masks():
            split, used = split_of(image.sha256, snapshot.frozen_share), 0
            for row in rows:
                run.progress("snapshot", done, dataset.mask_count)
                done += 1
                entry = annotation_entry(row, extra_id)
                entry["segloop"] |= {"is_audited": row.is_audited, "is_checked": is_checked(row)}
                is_used = is_yardstick(entry) if split == "frozen" else is_checked(row)
                used += is_used
                counts["automatic_masks"] += not is_used
                yield entry
            counts[f"{split}_masks"] += used
            counts[f"{split}_images"] += used > 0

    info = {
        "description": dataset.project_name,
        "version": f"Segloop {VERSION}",
        "date_created": snapshot.created_at.isoformat(),
        "segloop": {"snapshot": snapshot.number, "note": snapshot.note, "frozen_share": snapshot.frozen_share},
    }
    write_document(member, info, categories, images(), masks())


def read_entries(store: BlobStore, key: str) -> Iterator[tuple[Literal["images", "annotations"], dict[str, Any]]]:
    """A snapshot's images, then its annotations, one by one: `write_document` gives each a line of its own."""
    section: Literal["images", "annotations", ""] = ""
    for line in _lines(store, key):
        if line.startswith(b'"images":['):
            section = "images"
        elif line.startswith(b'"annotations":['):
            section = "annotations"
        elif section and line.startswith(b"{"):
            yield section, json.loads(line.rstrip(b","))


def _lines(store: BlobStore, key: str) -> Iterator[bytes]:
    try:
        chunks = store.chunks(key)
    except BlobNotFound:
        raise Gone("snapshot_file_gone", "The file of this snapshot is not in the storage any more.") from None
    rest: list[bytes] = []
    for chunk in chunks:
        first, *more = chunk.split(b"\n")
        rest.append(first)
        for line in more:
            yield b"".join(rest)
            rest = [line]
    yield b"".join(rest)


def compare(store: BlobStore, first: Snapshot, second: Snapshot) -> SnapshotDiff:
    """What happened from `first` to `second`. Raises Conflict while one is not made, Gone."""
    (images_before, masks_before), (images_after, masks_after) = (
        _digests(store, file_key(store, one)) for one in (first, second)
    )
    shared = masks_before.keys() & masks_after.keys()
    images, both = images_before.keys() & images_after.keys(), (images_before, images_after)
    return SnapshotDiff(
        images=Changes(added=len(images_after) - len(images), removed=len(images_before) - len(images)),
        masks=MaskChanges(
            added=len(masks_after) - len(shared),
            removed=len(masks_before) - len(shared),
            changed=sum(masks_before[mask] != masks_after[mask] for mask in shared),
        ),
        split_moves=sum(both[0][image] != both[1][image] for image in images),
    )


def _digests(store: BlobStore, key: str) -> tuple[dict[str, str], dict[int, bytes]]:
    """The split of every picture by its checksum, and of every mask by id what tells it from a changed one."""
    splits: dict[str, str] = {}
    masks: dict[int, bytes] = {}
    for section, entry in read_entries(store, key):
        if section == "images":
            splits[entry["segloop"]["sha256"]] = entry["split"]
        else:
            content = f"{entry['category_id']} {entry['segmentation']['counts']}"
            masks[entry["id"]] = hashlib.blake2b(content.encode(), digest_size=8).digest()
    return splits, masks
