"""Exports as JSON."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from backend.auth.schemas import Strict
from backend.exports.tables import Export
from backend.jobs.schemas import JobOut, JobState, Progress

ExportFormat = Literal["coco", "sa1b"]


class ExportIn(Strict):
    """What to export: the project's accepted masks, with or without the pictures' own bytes."""

    format: ExportFormat
    include_images: bool = True


class ExportOut(BaseModel):
    """An export; counts, size and checksum are there once it is done."""

    id: int
    project_id: int
    format: ExportFormat
    include_images: bool
    state: JobState
    job_id: int
    progress: Progress
    image_count: int | None
    mask_count: int | None
    byte_size: int | None
    sha256: str | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, export: Export) -> "ExportOut":
        """The row and its job as JSON."""
        assert export.job is not None, "an export is inserted together with its job"
        job = JobOut.of(export.job)
        of_job = {name: getattr(job, name) for name in ("state", "progress", "error", "finished_at")}
        of_export = {name: getattr(export, name) for name in cls.model_fields.keys() - of_job.keys()}
        return cls.model_validate(of_export | of_job)


class ExportList(BaseModel):
    """A page of exports, newest first."""

    items: list[ExportOut]
    next_cursor: str | None
    total: int
