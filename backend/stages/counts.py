"""work_counts: every statement that moves work items moves their counts, so that no page counts a million rows."""

from collections import Counter
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from backend.database import at_commit
from backend.stages.tables import WorkCount, WorkItem

# After the counts of masks: all transactions lock them in this order.
COMMIT_RANK = 2
# Of an item that was done before it moved on: the work in that stage stays done.
MOVED_DONE = "moved_done"
FINISHED = ("done", MOVED_DONE)
MOVED = ("moved", MOVED_DONE)


class Cell(NamedTuple):
    """The key of one row of work_counts; `model_version` is '' but for FINISHED items."""

    project_id: int
    stage: str
    state: str
    model_version: str


def move_count(
    session: Session,
    project_id: int,
    stage: str,
    from_state: str | None,
    to_state: str | None,
    *,
    n: int = 1,
    model_version: str = "",
) -> None:
    """Moves `n` items from state to state; None: they were not there before, or are gone now.

    What goes from `done` to `moved`, or back, is counted as MOVED_DONE. `model_version` belongs to whichever of the two
    states is of FINISHED. Written when the transaction commits, all changes together and in order, so that
    transactions cannot deadlock.
    """
    at_commit(session, COMMIT_RANK, write_counts)
    changes = _pending(session)
    is_done = "done" in (from_state, to_state)
    for state, change in ((from_state, -n), (to_state, n)):
        if state is not None:
            counted = MOVED_DONE if is_done and state == "moved" else state
            changes[Cell(project_id, stage, counted, model_version if counted in FINISHED else "")] += change


def counted_state(item: WorkItem) -> str:
    """The state that an item is counted in."""
    return MOVED_DONE if item.state == "moved" and item.finished_at is not None else item.state


def read_counts(session: Session, project_id: int) -> list[WorkCount]:
    """The project's counts, with what this transaction has changed so far; rows of the caller, not the session's."""
    columns = (WorkCount.stage, WorkCount.state, WorkCount.model_version, WorkCount.count)
    rows = session.execute(select(*columns).where(WorkCount.project_id == project_id))
    counts = Counter({Cell(project_id, row.stage, row.state, row.model_version): row.count for row in rows})
    for cell, change in _pending(session).items():
        if cell.project_id == project_id:
            counts[cell] += change
    return [WorkCount(**cell._asdict(), count=count) for cell, count in sorted(counts.items()) if count > 0]


def count_in(counts: list[WorkCount], stage: str, *states: str) -> int:
    """How many of these are in one of the states of a stage."""
    return sum(one.count for one in counts if one.stage == stage and one.state in states)


def write_counts(session: Session) -> None:
    """Writes the changes that wait for the commit now."""
    changes: Counter[Cell] = session.info.pop(write_counts, Counter())
    rows = [cell._asdict() | {"count": changes[cell]} for cell in sorted(changes) if changes[cell] != 0]
    if rows:
        session.execute(_upsert(rows, is_postgresql=session.get_bind().dialect.name == "postgresql"))


def _pending(session: Session) -> Counter[Cell]:
    changes: Counter[Cell] = session.info.setdefault(write_counts, Counter())
    return changes


def _upsert(rows: list[dict[str, Any]], *, is_postgresql: bool) -> postgresql.Insert | sqlite.Insert:
    statement = postgresql.insert(WorkCount) if is_postgresql else sqlite.insert(WorkCount)
    statement = statement.values(rows)
    values = {"count": WorkCount.count + statement.excluded.count}
    return statement.on_conflict_do_update(index_elements=list(Cell._fields), set_=values)
