"""A work item as JSON."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from backend.auth.tables import User
from backend.images.service import read_image
from backend.stages.policies import as_stage, read_policy
from backend.stages.schemas import Person, ReviewOut, WorkItemOut
from backend.stages.tables import WorkItem


def item_out(session: Session, item: WorkItem, *, remaining: int, lease_seconds: float = 0.0) -> WorkItemOut:
    """The item with its image, the names it carries and what its stage says; `lease_seconds` 0: it is not lent."""
    reviewer = _person(session, item.reviewed_by)
    return WorkItemOut(
        id=item.id,
        image=read_image(session, item.image_id),
        stage=item.stage,
        is_audit=item.is_audit,
        hint_seconds=read_policy(session, item.project_id, as_stage(item.stage)).hint_seconds,
        state=item.state,
        lease_token=item.lease_token if lease_seconds else None,
        lease_until=None if item.lease_until is None else datetime.fromtimestamp(item.lease_until, UTC),
        lease_seconds=lease_seconds,
        remaining=remaining,
        finished_by=_person(session, item.claimed_by) if item.state == "done" else None,
        review=None if reviewer is None else ReviewOut(by=reviewer, sent_back_reason=item.sent_back_reason),
    )


def _person(session: Session, user_id: int | None) -> Person | None:
    user = None if user_id is None else session.get(User, user_id)
    return None if user is None else Person(id=user.id, name=user.name)
