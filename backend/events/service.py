"""Writing events down, and reading them back in order."""

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from backend.auth.tables import User
from backend.database import Base, at_commit
from backend.events.schemas import AuditLog, EventOut
from backend.events.tables import Event

# After the counts (annotations.counts): whoever holds the lock below waits for nobody any more.
COMMIT_RANK = 9
# The first half of PostgreSQL's advisory lock, the project's id is the second.
EVENT_LOCK = 5301


def record(
    session: Session,
    project_id: int,
    kind: str,
    data: dict[str, Any],
    *,
    actor_id: int | None = None,
    is_audit: bool = False,
) -> None:
    """Adds an event to the caller's transaction; it gets its id when that commits.

    Ids of one project become visible in their own order: a reader that remembers the last one it saw misses none.
    `data` must be JSON; `actor_id` None: a policy or a worker did it.
    """
    row = Event(project_id=project_id, kind=kind, actor_id=actor_id, data=data, is_audit=is_audit)
    session.info.setdefault(_write, []).append(row)
    at_commit(session, COMMIT_RANK, _write)


def _write(session: Session) -> None:
    rows: list[Event] = session.info.pop(_write)
    if session.get_bind().dialect.name == "postgresql":
        # A sequence hands ids out before their transactions end; SQLite has one writer at a time anyway.
        projects = Base.metadata.tables["projects"]  # of a feature above this one
        for project_id in sorted({row.project_id for row in rows}):
            # The inserts' own lock on the project first: a promotion holds it back and waits for the second one.
            key_share = (
                select(projects.c.id).where(projects.c.id == project_id).with_for_update(read=True, key_share=True)
            )
            session.execute(key_share)
            session.execute(select(func.pg_advisory_xact_lock(EVENT_LOCK, project_id)))
    for row in rows:
        # One by one: the ids follow the order of the calls.
        session.add(row)
        session.flush()


def last_event_id(session: Session, project_id: int) -> int:
    """The project's newest event; 0 when nothing has happened yet."""
    return session.scalar(select(func.max(Event.id)).where(Event.project_id == project_id)) or 0


def read_events(session: Session, project_id: int, *, after_id: int, limit: int) -> list[EventOut]:
    """Up to `limit` events after that one, oldest first."""
    conditions = (Event.project_id == project_id, Event.id > after_id)
    rows = session.execute(_with_actors().where(*conditions).order_by(Event.id).limit(limit))
    return [EventOut.of(event, name) for event, name in rows]


def read_audit_log(session: Session, project_id: int, *, before_id: int | None, limit: int) -> AuditLog:
    """A page of what people and policies decided, newest first."""
    statement = _with_actors().where(Event.project_id == project_id, Event.is_audit)
    if before_id is not None:
        statement = statement.where(Event.id < before_id)
    rows = session.execute(statement.order_by(Event.id.desc()).limit(limit + 1)).all()
    items = [EventOut.of(event, name) for event, name in rows[:limit]]
    return AuditLog(items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


def _with_actors() -> Select[Any, Any]:
    return select(Event, User.name).outerjoin(User, User.id == Event.actor_id)
