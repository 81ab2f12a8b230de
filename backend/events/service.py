"""Writing events down, and reading them back in order."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.database import at_commit
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
        for project_id in sorted({row.project_id for row in rows}):
            session.execute(select(func.pg_advisory_xact_lock(EVENT_LOCK, project_id)))
    for row in rows:
        # One by one: the ids follow the order of the calls.
        session.add(row)
        session.flush()
