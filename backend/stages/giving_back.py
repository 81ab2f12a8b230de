"""Lent images that are given back, or whose lease ran out: a finished one that was only looked at stays finished."""

from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from backend.annotations.tables import Annotation
from backend.database import epoch_now
from backend.stages.counts import move_count
from backend.stages.tables import WorkItem

# What is remembered of an item that is not lent, and of one that waited before it was.
NOTHING: dict[str, Any] = {"state_before": None, "claimed_by_before": None, "revisions_before": None}


def what_it_was(session: Session, item: WorkItem) -> dict[str, Any]:
    """What to remember of an item that is about to be lent: a finished one may only be looked at, and one that was sent
    back stays whose it was."""
    if item.sent_back_reason is not None:
        return NOTHING | {"claimed_by_before": item.claimed_by}
    if item.state not in ("done", "skipped"):
        return NOTHING
    revisions = _count_revisions(session, item.image_id)
    return {"state_before": item.state, "claimed_by_before": item.claimed_by, "revisions_before": revisions}


def give_back(session: Session, item: WorkItem) -> None:
    """Ends the lease of a locked item: it waits; one that was finished is so again if no mask has changed since."""
    was = item.state_before
    if was is not None and _count_revisions(session, item.image_id) == item.revisions_before:
        # The token goes: whoever looked cannot finish it late.
        item.state, item.claimed_by, item.lease_token = was, item.claimed_by_before, None
    else:
        owner = item.claimed_by_before if item.sent_back_reason is not None else None
        item.state, item.claimed_by, item.finished_at = "ready", owner, None
    for name, value in (NOTHING | {"lease_until": None}).items():
        setattr(item, name, value)
    version = item.model_version or ""
    move_count(session, item.project_id, item.stage, "claimed", item.state, model_version=version)


def give_back_all(session: Session, *conditions: ColumnElement[bool], skips_locked: bool = True) -> None:
    """Gives these lent items back, but for those that somebody changes this moment: at most as many as people work."""
    statement = select(WorkItem).where(WorkItem.state == "claimed", *conditions).order_by(WorkItem.id)
    locked = statement.with_for_update(skip_locked=skips_locked).execution_options(populate_existing=True)
    for item in session.scalars(locked).all():
        give_back(session, item)
    session.flush()


def lease_ran_out() -> ColumnElement[bool]:
    """Waits again: nobody came back to it. Not so what was only looked at, see `was_looked_at`."""
    return and_(is_lost(), WorkItem.state_before.is_(None))


def was_looked_at() -> ColumnElement[bool]:
    """Finished, then lent, and nobody came back to it: to be given back before anybody is lent it as work."""
    return and_(is_lost(), WorkItem.state_before.is_not(None))


def is_lost() -> ColumnElement[bool]:
    return and_(WorkItem.state == "claimed", WorkItem.lease_until < epoch_now())


def _count_revisions(session: Session, image_id: int) -> int:
    """Grows with every change of a mask of the image: masks are added and changed, never removed."""
    of_image = Annotation.image_id == image_id
    return session.scalar(select(func.coalesce(func.sum(Annotation.revision), 0)).where(of_image)) or 0
