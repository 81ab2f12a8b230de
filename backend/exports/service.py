"""Asking for exports, finding them and handing out their archives."""

import re

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.errors import Conflict, Gone, NotFound
from backend.exports.schemas import ExportFormat, ExportList, ExportOut
from backend.exports.tables import Export
from backend.jobs import queue
from backend.jobs.tables import Job
from backend.projects.service import get_project
from backend.storage import BlobStore, export_key

# Somebody waits for it; embeddings ahead of need may wait.
EXPORT_PRIORITY = 20


def create_export(
    session: Session, project_id: int, *, export_format: ExportFormat, include_images: bool, created_by: int
) -> Export:
    """Asks for an export. The same one that still waits is returned instead of a second one.

    One that is running already is not: it shows the project as it was when it began, perhaps before the last mask.
    """
    waiting = (
        select(Export)
        .join(Export.job)
        .where(
            Export.project_id == project_id,
            Export.format == export_format,
            Export.include_images == include_images,
            Job.state == "queued",
        )
    )
    export = session.scalar(waiting.order_by(Export.id).limit(1))
    if export is not None:
        return export
    export = Export(project_id=project_id, format=export_format, include_images=include_images, created_by=created_by)
    session.add(export)
    session.flush()
    export.job = queue.enqueue(
        session,
        "export",
        {"export_id": export.id},
        project_id=project_id,
        priority=EXPORT_PRIORITY,
        created_by=created_by,
    )
    session.flush()
    return export


def get_export(session: Session, export_id: int) -> Export:
    """The export with its job. Raises NotFound."""
    export = session.get(Export, export_id)
    if export is None:
        raise NotFound("export_not_found", f"There is no export {export_id}.")
    return export


def list_exports(session: Session, project_id: int, *, before_id: int | None, limit: int) -> ExportList:
    """A page of the project's exports, newest first."""
    total = session.scalar(select(func.count()).select_from(Export).where(Export.project_id == project_id)) or 0
    statement = select(Export).where(Export.project_id == project_id).order_by(Export.id.desc()).limit(limit + 1)
    if before_id is not None:
        statement = statement.where(Export.id < before_id)
    rows = session.scalars(statement).all()
    more = str(rows[limit - 1].id) if len(rows) > limit else None
    return ExportList(items=[ExportOut.of(row) for row in rows[:limit]], next_cursor=more, total=total)


def get_archive_key(session: Session, store: BlobStore, export_id: int) -> tuple[Export, str]:
    """The export and where its archive lies. Raises Conflict while there is none, Gone when it was removed."""
    export = get_export(session, export_id)
    job = export.job
    if export.key is None and job is not None and job.state == "dead":
        raise Conflict("export_failed", f"This export failed: {job.error}")
    if export.key is None and job is not None and job.state == "cancelled":
        raise Conflict("export_cancelled", "This export was cancelled; ask for a new one.")
    if export.key is None:
        raise Conflict("export_not_ready", "This export is still being made; its `progress` says how far it is.")
    if not store.exists(export.key):
        raise Gone("export_file_gone", "This export's file was removed from the storage; ask for a new one.")
    return export, export.key


def delete_export(session: Session, store: BlobStore, export_id: int) -> None:
    """Removes an export that has ended, its archive first: broken off between, it can be repeated.

    Raises NotFound; Conflict while it is being made.
    """
    export = get_export(session, export_id)
    if export.job is not None and export.job.state in queue.OPEN_STATES:
        raise Conflict("export_not_ready", "This export is still being made; cancel it first.")
    for attempt in range(1, 1 + (0 if export.job is None else export.job.attempt)):  # those of killed ones, too
        store.delete(export_key(export.id, attempt))
    session.delete(export)


def archive_name(session: Session, export: Export) -> str:
    """What the download is called: `segloop-<project>-<format>-<id>.zip`, plain ASCII."""
    project = get_project(session, export.project_id)
    slug = re.sub(r"[^a-z0-9]+", "-", project.name.lower()).strip("-")[:60] or "project"
    return f"segloop-{slug}-{export.format}-{export.id}.zip"
