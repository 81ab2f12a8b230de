"""Which image comes next, without lending it: a page shows it before it is lent, and then prefers it."""

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from backend.stages.giving_back import lease_ran_out
from backend.stages.schemas import StageName
from backend.stages.service import LENDING_ORDER, sent_back_to
from backend.stages.tables import WorkItem


def find_upcoming(session: Session, project_id: int, user_id: int, stage: StageName | None) -> WorkItem | None:
    """The item probably lent next to this person; None when nothing waits.

    What a reviewer sent back to them goes first, as in lending. Else people at work are told of different images, each
    by their place among them, so that what one fetches ahead is seldom taken by another. Where fewer images wait than
    people work, the last one.
    """
    stages = LENDING_ORDER if stage is None else (stage,)
    item = session.scalar(
        select(WorkItem).where(sent_back_to(project_id, user_id, stages)).order_by(WorkItem.rank, WorkItem.id).limit(1)
    )
    if item is not None:
        return item
    others_before = select(func.count(distinct(WorkItem.claimed_by))).where(
        WorkItem.project_id == project_id, WorkItem.state == "claimed", WorkItem.claimed_by < user_id
    )
    wanted = session.scalar(others_before) or 0
    last: WorkItem | None = None
    for one in stages:
        # One state a statement, as for lending: each walks the index in order and stops early.
        for is_free in (lease_ran_out(), WorkItem.state == "ready"):
            of_stage = (WorkItem.project_id == project_id, WorkItem.stage == one, is_free)
            found = select(WorkItem).where(*of_stage).order_by(WorkItem.rank, WorkItem.id).limit(wanted + 1)
            waiting = session.scalars(found).all()
            if len(waiting) > wanted:
                return waiting[wanted]
            wanted -= len(waiting)
            last = waiting[-1] if waiting else last
    return last
