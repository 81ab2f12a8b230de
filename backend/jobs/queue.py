"""The queue's few statements: enqueue, claim, renew, finish, fail, cancel, retry. Same code on both databases."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import CursorResult, and_, case, event, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.database import epoch_now, utc_now
from backend.errors import Conflict, NotFound
from backend.jobs.bell import ring
from backend.jobs.tables import Job

OPEN_STATES = ("queued", "running")


def enqueue(
    session: Session,
    kind: str,
    args: dict[str, Any],
    *,
    project_id: int | None = None,
    dedupe_key: str | None = None,
    priority: int = 0,
    max_attempts: int = 5,
    created_by: int | None = None,
) -> Job:
    """Adds a job in the caller's transaction; whoever waits is woken after its commit.

    With a `dedupe_key` that an open job already has, that job is returned instead. A higher `priority` runs first.
    """
    if dedupe_key is not None:
        open_job = session.scalar(select(Job).where(Job.dedupe_key == dedupe_key, Job.state.in_(OPEN_STATES)))
        if open_job is not None:
            return open_job
    job = Job(
        kind=kind,
        args=args,
        project_id=project_id,
        dedupe_key=dedupe_key,
        priority=priority,
        max_attempts=max_attempts,
        created_by=created_by,
    )
    session.add(job)
    session.flush()
    if not event.contains(session, "after_commit", _ring_after_commit):
        event.listen(session, "after_commit", _ring_after_commit)
    return job


def _ring_after_commit(session: Session) -> None:
    ring()


def claim(
    session: Session, *, lease_seconds: float, only: Collection[str] | None = None, leave: Collection[str] = ()
) -> Job | None:
    """Takes the next job that is due, or whose worker's lease ran out; None when there is none.

    Of the kinds in `only`, if it is given, and of none in `leave`.

    The try is counted here and not at the end, so that a job which kills its worker counts too.
    """
    _bury_killers(session)
    is_due = and_(Job.state == "queued", Job.run_after <= epoch_now())
    is_orphaned = and_(Job.state == "running", Job.lease_until < epoch_now())
    waiting = select(Job.id).where(or_(is_due, is_orphaned))
    if only is not None:
        waiting = waiting.where(Job.kind.in_(only))
    if leave:
        waiting = waiting.where(Job.kind.not_in(leave))
    next_id = waiting.order_by(Job.priority.desc(), Job.id).limit(1)
    if session.get_bind().dialect.name == "postgresql":
        next_id = next_id.with_for_update(skip_locked=True)
    statement = (
        update(Job)
        .where(Job.id == next_id.scalar_subquery())
        .values(
            state="running",
            attempt=Job.attempt + 1,
            tries=Job.tries + 1,
            lease_until=epoch_now() + lease_seconds,
            started_at=utc_now(),
            error=None,
        )
        .returning(Job)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(statement)


def _bury_killers(session: Session) -> None:
    reason = "The worker died during each attempt. Look at its log, then retry."
    session.execute(
        update(Job)
        .where(Job.state == "running", Job.lease_until < epoch_now(), Job.tries >= Job.max_attempts)
        .values(state="dead", error=reason, finished_at=utc_now(), lease_until=None)
        .execution_options(synchronize_session=False)
    )


def renew(session: Session, job: Job, *, lease_seconds: float, phase: str, done: int, total: int) -> bool:
    """Renews the lease and publishes progress; False when the job is no longer ours or is to be cancelled."""
    statement = (
        update(Job)
        .where(_is_held(job))
        .values(lease_until=epoch_now() + lease_seconds, phase=phase, done=done, total=total)
        .returning(Job.is_cancel_requested)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(statement) is False


def finish(session: Session, job: Job) -> bool:
    """Marks the job done in the transaction that writes its results; False when a newer attempt owns it."""
    return _end(session, job, state="done", finished_at=utc_now(), done=Job.total, error=None)


def fail(session: Session, job: Job, reason: str, *, is_final: bool, done: int) -> bool:
    """After a failed attempt: back into the queue with growing delay, or dead with its reason.

    If it got further than any before, to `done`, those do not count any more.
    """
    tries = 1 if done > job.done else job.tries
    if is_final or tries >= job.max_attempts:
        return _end(session, job, state="dead", error=reason, finished_at=utc_now())
    delay_seconds = min(2.0**tries, 300.0)
    run_after = epoch_now() + delay_seconds
    return _end(session, job, state="queued", error=reason, run_after=run_after, tries=tries, done=done)


def hand_back(session: Session, job: Job) -> bool:
    """The worker stops, or others have their turn: the job goes back untouched, and this try does not count against it.

    If it got on meanwhile, earlier ones do not either.
    """
    return _end(session, job, state="queued", tries=case((Job.done > job.done, 0), else_=Job.tries - 1))


def end_cancelled(session: Session, job: Job) -> bool:
    """The handler noticed the cancel request and has stopped."""
    return _end(session, job, state="cancelled", finished_at=utc_now())


def _is_held(job: Job) -> Any:
    return and_(Job.id == job.id, Job.attempt == job.attempt, Job.state == "running")


def _end(session: Session, job: Job, **values: Any) -> bool:
    statement = update(Job).where(_is_held(job)).values(lease_until=None, **values)
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def get_job(session: Session, job_id: int) -> Job:
    """The job. Raises NotFound."""
    job = session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise NotFound("job_not_found", f"There is no job {job_id}.")
    return job


def cancel(session: Session, job_id: int) -> Job:
    """Cancels a waiting job at once and asks a running one to stop; an ended one stays as it is."""
    now = utc_now()
    session.execute(
        update(Job).where(Job.id == job_id, Job.state == "queued").values(state="cancelled", finished_at=now)
    )
    session.execute(update(Job).where(Job.id == job_id, Job.state == "running").values(is_cancel_requested=True))
    return get_job(session, job_id)


def cancel_in_project(session: Session, project_id: int, *, kind: str) -> None:
    """Cancels the project's open jobs of this kind, as `cancel` does."""
    of_kind = (Job.project_id == project_id, Job.kind == kind, Job.state.in_(OPEN_STATES))
    for job_id in session.scalars(select(Job.id).where(*of_kind)).all():
        cancel(session, job_id)


def retry(session: Session, job_id: int) -> Job:
    """Queues a dead or cancelled job again. Raises Conflict for any other, and when a newer job does the same work."""
    statement = (
        update(Job)
        .where(Job.id == job_id, Job.state.in_(("dead", "cancelled")))
        .values(
            state="queued",
            run_after=0.0,
            tries=0,
            is_cancel_requested=False,
            error=None,
            finished_at=None,
            phase="",
            done=0,
            total=0,
        )
    )
    try:
        with session.begin_nested():
            result = session.execute(statement)
    except IntegrityError:  # the index of open dedupe keys
        message = "The same work is queued or running already, as a newer job."
        raise Conflict("job_replaced", message) from None
    assert isinstance(result, CursorResult)
    job = get_job(session, job_id)
    if result.rowcount == 0:
        raise Conflict("job_not_retryable", f"Only a dead or cancelled job can be retried; this one is {job.state}.")
    event.listen(session, "after_commit", _ring_after_commit)
    return job
