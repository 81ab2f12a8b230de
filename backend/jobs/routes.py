"""Jobs over HTTP: look, cancel, retry."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import select

from backend.database import ReadSession, RowId, WriteSession
from backend.jobs import queue
from backend.jobs.schemas import JobOut, JobState
from backend.jobs.tables import Job

router = APIRouter(tags=["jobs"])


class JobList(BaseModel):
    """A page of jobs, newest first. A project gathers jobs without end, so nobody counts them."""

    items: list[JobOut]
    next_cursor: str | None


@router.get("/projects/{project_id}/jobs")
def list_jobs(
    project_id: RowId,
    session: ReadSession,
    cursor: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    limit: int = Query(50, ge=1, le=200),
    state: JobState | None = None,
) -> JobList:
    """The project's jobs, newest first; pass `next_cursor` back as `cursor` for the next page."""
    conditions = [Job.project_id == project_id] + ([Job.state == state] if state else [])
    if cursor is not None:
        conditions.append(Job.id < cursor)
    jobs = session.scalars(select(Job).where(*conditions).order_by(Job.id.desc()).limit(limit + 1)).all()
    more = str(jobs[limit - 1].id) if len(jobs) > limit else None
    return JobList(items=[JobOut.of(job) for job in jobs[:limit]], next_cursor=more)


@router.get("/jobs/{job_id}")
def read_job(job_id: RowId, session: ReadSession) -> JobOut:
    """One job with its progress."""
    return JobOut.of(queue.get_job(session, job_id))


@router.post("/jobs/{job_id}/cancel")
def cancel_job(job_id: RowId, session: WriteSession) -> JobOut:
    """Asks the job to stop; what it had begun is undone, nothing stays half-done."""
    return JobOut.of(queue.cancel(session, job_id))


@router.post("/jobs/{job_id}/retry")
def retry_job(job_id: RowId, session: WriteSession) -> JobOut:
    """Runs a dead or cancelled job again."""
    return JobOut.of(queue.retry(session, job_id))
