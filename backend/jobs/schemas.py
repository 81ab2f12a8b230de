"""Jobs as JSON."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from backend.jobs.tables import Job

JobState = Literal["queued", "running", "done", "dead", "cancelled"]


class Progress(BaseModel):
    """How far a job is; `total` 0 means not known yet."""

    phase: str
    done: int
    total: int


class JobOut(BaseModel):
    """One job."""

    id: int
    project_id: int | None
    kind: str
    state: JobState
    attempt: int
    max_attempts: int
    progress: Progress
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> "JobOut":
        """The row as JSON."""
        progress = Progress(phase=job.phase, done=job.done, total=job.total)
        # The fencing number means nothing to people: turns that a long job takes would look like failures.
        computed = {"progress": progress, "attempt": job.tries}
        return cls.model_validate({name: getattr(job, name) for name in cls.model_fields.keys() - computed} | computed)
