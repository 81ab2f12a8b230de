"""Which image comes next, without lending it: a page fetches it ahead and then prefers it."""

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from backend.stages.schemas import StageName
from backend.stages.service import LENDING_ORDER, lease_ran_out
from backend.stages.tables import WorkItem


def find_upcoming(session: Session, project_id: int, user_id: int, stage: StageName | None) -> int | None:
    """The image probably lent next to this person; None when nothing waits.

    People at work are told of different images, each by their place among them, so that what one fetches ahead is
    seldom taken by another. Where fewer images wait than people work, the last one.
    """
    others_before = select(func.count(distinct(WorkItem.claimed_by))).where(
        WorkItem.project_id == project_id, WorkItem.state == "claimed", WorkItem.claimed_by < user_id
    )
    wanted = session.scalar(others_before) or 0
    last: int | None = None
    for one in LENDING_ORDER if stage is None else (stage,):
        # One state a statement, as for lending: each walks the index in order and stops early.
        for is_free in (lease_ran_out(), WorkItem.state == "ready"):
            of_stage = (WorkItem.project_id == project_id, WorkItem.stage == one, is_free)
            found = select(WorkItem.image_id).where(*of_stage).order_by(WorkItem.rank, WorkItem.id).limit(wanted + 1)
            waiting = session.scalars(found).all()
            if len(waiting) > wanted:
                return waiting[wanted]
            wanted -= len(waiting)
            last = waiting[-1] if waiting else last
    return last
