"""The annotators' queue: images are lent by lease, so that nobody works on the same one and none gets lost."""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from backend.auth.tables import User
from backend.database import epoch_now, utc_now
from backend.errors import Conflict, NotFound
from backend.images.service import ADDED_HOOKS
from backend.images.tables import Image
from backend.segmentation.service import embed_ahead
from backend.stages.tables import WorkItem

ASSISTED_MANUAL = "assisted_manual"
# How many images beyond the lent one get their embedding made, and how many right after an upload.
LOOK_AHEAD = 3
FIRST_LOOK_AHEAD = 16


def add_work_items(session: Session, images: Sequence[Image]) -> None:
    """New images enter the first stage; the first ones' embeddings are made at once."""
    session.add_all(
        WorkItem(project_id=image.project_id, image_id=image.id, stage=ASSISTED_MANUAL, state="ready")
        for image in images
    )
    if images:
        embed_ahead(session, images[0].project_id, [image.id for image in images[:FIRST_LOOK_AHEAD]])


ADDED_HOOKS.append(add_work_items)


def lend_next(
    session: Session, project_id: int, user_id: int, *, lease_seconds: float, after: int | None = None
) -> WorkItem | None:
    """Lends the item this person still holds, else the next one that waits; None when nothing is left.

    An item whose lease ran out waits again. `after`: an item they have just put aside, not to be given back at once.
    """
    held = and_(WorkItem.state == "claimed", WorkItem.claimed_by == user_id)
    item = _claim(session, and_(WorkItem.project_id == project_id, held), user_id, lease_seconds, keep_token=True)
    if item is None:
        waits = and_(WorkItem.project_id == project_id, _is_free())
        others = and_(waits, WorkItem.id != after) if after is not None else waits
        item = _claim(session, others, user_id, lease_seconds)
        if item is None and after is not None:
            item = _claim(session, waits, user_id, lease_seconds)
    if item is not None:
        _look_ahead(session, item)
    return item


def lend_image(session: Session, project_id: int, image_id: int, user_id: int, *, lease_seconds: float) -> WorkItem:
    """Lends this image, also one that was finished. Raises NotFound, Conflict when somebody else works on it."""
    of_image = and_(WorkItem.project_id == project_id, WorkItem.image_id == image_id)
    mine = and_(of_image, WorkItem.state == "claimed", WorkItem.claimed_by == user_id)
    item = _claim(session, mine, user_id, lease_seconds, keep_token=True)
    if item is None:
        is_available = or_(_is_free(), WorkItem.state.in_(("done", "skipped")))
        item = _claim(session, and_(of_image, is_available), user_id, lease_seconds)
    if item is None:
        _refuse_image(session, of_image, image_id)
        raise AssertionError("unreachable")
    _release_others(session, item, user_id)
    _look_ahead(session, item)
    return item


def renew_lease(session: Session, work_id: int, lease_token: str, *, lease_seconds: float) -> WorkItem:
    """Keeps an item lent for another `lease_seconds`. Raises Conflict when somebody else has it now."""
    return _change_held(session, work_id, lease_token, lease_until=epoch_now() + lease_seconds)


def finish(session: Session, work_id: int, lease_token: str) -> WorkItem:
    """The image is done. Saying it twice is no error. Raises Conflict when the item was lent to somebody else."""
    return _end(session, work_id, lease_token, state="done", skip_reason=None)


def skip(session: Session, work_id: int, lease_token: str, reason: str) -> WorkItem:
    """The image is put aside with a reason; an admin finds it there."""
    return _end(session, work_id, lease_token, state="skipped", skip_reason=reason)


def release(session: Session, work_id: int, lease_token: str) -> WorkItem:
    """Gives the item back to the queue; its masks stay."""
    return _change_held(session, work_id, lease_token, state="ready", claimed_by=None, lease_until=None)


def get_item(session: Session, work_id: int) -> WorkItem:
    """The item. Raises NotFound."""
    item = session.get(WorkItem, work_id, populate_existing=True)
    if item is None:
        raise NotFound("work_not_found", f"There is no work item {work_id}.")
    return item


def count_remaining(session: Session, item: WorkItem) -> int:
    """How many items of the same stage still wait or are being worked on."""
    of_stage = (WorkItem.project_id == item.project_id, WorkItem.stage == item.stage)
    statement = select(func.count()).where(*of_stage, WorkItem.state.in_(("ready", "claimed")))
    return session.scalar(statement) or 0


def _is_free() -> ColumnElement[bool]:
    lease_ran_out = and_(WorkItem.state == "claimed", WorkItem.lease_until < epoch_now())
    return or_(WorkItem.state == "ready", lease_ran_out)


def _claim(
    session: Session,
    condition: ColumnElement[bool],
    user_id: int,
    lease_seconds: float,
    *,
    keep_token: bool = False,
) -> WorkItem | None:
    next_id = select(WorkItem.id).where(condition).order_by(WorkItem.id).limit(1)
    if session.get_bind().dialect.name == "postgresql":
        next_id = next_id.with_for_update(skip_locked=True)
    values: dict[str, Any] = {
        "state": "claimed",
        "claimed_by": user_id,
        "lease_until": epoch_now() + lease_seconds,
        "finished_at": None,
    }
    if not keep_token:
        values["lease_token"] = secrets.token_urlsafe(16)
    statement = update(WorkItem).where(WorkItem.id == next_id.scalar_subquery()).values(**values).returning(WorkItem)
    return session.scalar(statement.execution_options(synchronize_session=False, populate_existing=True))


def _release_others(session: Session, item: WorkItem, user_id: int) -> None:
    """One person holds one item of a project: what they held before goes back to the queue."""
    others = (
        WorkItem.project_id == item.project_id,
        WorkItem.claimed_by == user_id,
        WorkItem.state == "claimed",
        WorkItem.id != item.id,
    )
    values = {"state": "ready", "claimed_by": None, "lease_until": None}
    session.execute(update(WorkItem).where(*others).values(**values).execution_options(synchronize_session=False))


def _look_ahead(session: Session, item: WorkItem) -> None:
    following = select(WorkItem.image_id).where(
        WorkItem.project_id == item.project_id,
        WorkItem.stage == item.stage,
        WorkItem.state == "ready",
        WorkItem.id > item.id,
    )
    image_ids = session.scalars(following.order_by(WorkItem.id).limit(LOOK_AHEAD)).all()
    embed_ahead(session, item.project_id, [item.image_id, *image_ids])


def _change_held(session: Session, work_id: int, lease_token: str, **values: Any) -> WorkItem:
    held = (WorkItem.id == work_id, WorkItem.lease_token == lease_token, WorkItem.state == "claimed")
    statement = update(WorkItem).where(*held).values(**values).returning(WorkItem)
    item = session.scalar(statement.execution_options(synchronize_session=False, populate_existing=True))
    if item is None:
        get_item(session, work_id)
        message = "This image was lent to somebody else meanwhile. Your masks are kept; go on with the next image."
        raise Conflict("lease_lost", message)
    return item


def _end(session: Session, work_id: int, lease_token: str, *, state: str, skip_reason: str | None) -> WorkItem:
    item = get_item(session, work_id)
    if item.state == state and item.lease_token == lease_token:
        return item
    values = {"state": state, "skip_reason": skip_reason, "lease_until": None, "finished_at": utc_now()}
    return _change_held(session, work_id, lease_token, **values)


def _refuse_image(session: Session, of_image: ColumnElement[bool], image_id: int) -> None:
    row = session.execute(select(WorkItem, User.name).outerjoin(User, User.id == WorkItem.claimed_by).where(of_image))
    found = row.first()
    if found is None:
        raise NotFound("image_not_found", f"There is no image {image_id} in this project.")
    raise Conflict("already_claimed", f"{found[1]} works on this image now.", by=found[1])
