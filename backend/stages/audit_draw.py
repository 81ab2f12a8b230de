"""A larger share to audit: images with automatic masks that are done, and that it draws, become audits."""

from dataclasses import dataclass

from sqlalchemy import and_, select, tuple_, update
from sqlalchemy.orm import Session

from backend.images.tables import Image
from backend.stages.counts import move_count
from backend.stages.policies import AUTOMATIC_STAGE, read_policy
from backend.stages.proposing import is_audited
from backend.stages.ranks import rank_column
from backend.stages.tables import WorkItem

# Images of one statement.
ROWS_AT_ONCE = 5_000
# What a person has had, or a reviewer has accepted, says nothing of the model alone any more.
UNTOUCHED = (WorkItem.claimed_at.is_(None), WorkItem.reviewed_by.is_(None))


@dataclass(frozen=True)
class Drawn:
    """The items that are drawn among so many, and the place of the last one that was looked at."""

    item_ids: list[int]
    looked_at: int
    last: tuple[float, int]


def draw_some(session: Session, project_id: int, share: float, *, after: tuple[float, int] | None) -> Drawn | None:
    """Looks at the next done images behind this place of the queue's order; None when there are none."""
    done = (WorkItem.project_id == project_id, WorkItem.stage == AUTOMATIC_STAGE, WorkItem.state == "done")
    place = (WorkItem.rank, WorkItem.id)
    statement = select(*place, Image.sha256, and_(*UNTOUCHED).label("is_untouched"))
    statement = statement.join(Image, Image.id == WorkItem.image_id).where(*done)
    if after is not None:
        statement = statement.where(tuple_(*place) > after)
    rows = session.execute(statement.order_by(*place).limit(ROWS_AT_ONCE)).all()
    if not rows:
        return None
    drawn = [row.id for row in rows if row.is_untouched and is_audited(row.sha256, share)]
    return Drawn(drawn, looked_at=len(rows), last=(rows[-1].rank, rows[-1].id))


def make_audits(session: Session, project_id: int, item_ids: list[int]) -> None:
    """These items wait for people now, in the order of their queue; those somebody took meanwhile stay as they are."""
    order = read_policy(session, project_id, AUTOMATIC_STAGE).queue_order
    values = {"state": "ready", "is_audit": True, "finished_at": None, "rank": rank_column(order)}
    statement = update(WorkItem).where(WorkItem.id.in_(item_ids), WorkItem.state == "done", *UNTOUCHED).values(**values)
    statement = statement.returning(WorkItem.model_version).execution_options(synchronize_session=False)
    for version in session.scalars(statement).all():
        move_count(session, project_id, AUTOMATIC_STAGE, "done", "ready", model_version=version or "")
