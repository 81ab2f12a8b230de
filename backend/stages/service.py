"""The annotators' queue: images are lent by lease, so that nobody works on the same one and none gets lost."""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from backend.annotations.proposals import mark_audited
from backend.auth.tables import User
from backend.database import epoch_now, utc_now
from backend.errors import Conflict, NotFound
from backend.images.service import ADDED_HOOKS, REMOVED_HOOKS
from backend.images.tables import Image
from backend.models.service import default_version
from backend.projects.tables import Project
from backend.segmentation.service import embed_ahead
from backend.stages.counts import count_in, counted_state, move_count, read_counts
from backend.stages.giving_back import NOTHING, give_back, give_back_all, lease_ran_out, was_looked_at, what_it_was
from backend.stages.policies import read_policy
from backend.stages.ranks import rank_of
from backend.stages.schemas import StageName
from backend.stages.tables import WorkItem

ASSISTED_MANUAL: StageName = "assisted_manual"
# Without a wish: proposals are lent first (a model's work waits to be used), audits last (they add least).
LENDING_ORDER: tuple[StageName, ...] = ("semi_automatic", "assisted_manual", "fully_automatic")
# How many images beyond the lent one get their embedding made, and how many right after an upload.
LOOK_AHEAD = 3
FIRST_LOOK_AHEAD = 16


def add_work_items(session: Session, images: Sequence[Image]) -> None:
    """New images enter the first stage; the first ones' embeddings are made at once."""
    if not images:
        return
    project_id = images[0].project_id
    order = read_policy(session, project_id, ASSISTED_MANUAL).queue_order
    session.add_all(
        WorkItem(
            project_id=project_id,
            image_id=image.id,
            stage=ASSISTED_MANUAL,
            state="ready",
            rank=rank_of(order, image.id),
        )
        for image in images
    )
    move_count(session, project_id, ASSISTED_MANUAL, None, "ready", n=len(images))
    embed_ahead(session, project_id, [image.id for image in images[:FIRST_LOOK_AHEAD]])


def uncount_work_items(session: Session, image: Image) -> None:
    """The image is about to be removed with its items."""
    of_image = select(WorkItem).where(WorkItem.image_id == image.id).with_for_update()
    for item in session.scalars(of_image):
        state = counted_state(item)
        move_count(session, item.project_id, item.stage, state, None, model_version=item.model_version or "")


ADDED_HOOKS.append(add_work_items)
REMOVED_HOOKS.append(uncount_work_items)


def lend_next(
    session: Session,
    project_id: int,
    user_id: int,
    *,
    lease_seconds: float,
    after: int | None = None,
    prefer: int | None = None,
    stage: StageName | None = None,
) -> WorkItem | None:
    """Lends the item this person still holds, else the next one that waits; None when nothing is left.

    An item whose lease ran out waits again, before all others. `after`: an item they have just put aside, not to be
    given back at once. `prefer`: an image they are ready for, lent first if it waits. What a reviewer sent back goes
    first, to whoever had finished it. With `stage` only items of that stage, else those of LENDING_ORDER in turn.
    """
    stages = LENDING_ORDER if stage is None else (stage,)
    held = and_(WorkItem.project_id == project_id, WorkItem.claimed_by == user_id, WorkItem.state == "claimed")
    item = _claim(session, and_(held, WorkItem.stage.in_(stages)), user_id, lease_seconds, keep_token=True)
    if item is None:
        theirs = and_(sent_back_to(project_id, user_id, stages), WorkItem.id != (after or 0))
        item = _claim(session, theirs, user_id, lease_seconds)
    if item is None:
        of_stages = and_(WorkItem.project_id == project_id, WorkItem.stage.in_(stages))
        give_back_all(session, of_stages, was_looked_at())
    if item is None and prefer is not None:
        of_image = and_(WorkItem.project_id == project_id, WorkItem.image_id == prefer, WorkItem.stage.in_(stages))
        is_waiting = or_(lease_ran_out(), WorkItem.state == "ready")
        item = _claim(session, and_(of_image, is_waiting), user_id, lease_seconds)
    if item is None:
        item = _claim_waiting(session, project_id, stages, user_id, lease_seconds, but_not=after)
        if item is None and after is not None:
            item = _claim_waiting(session, project_id, stages, user_id, lease_seconds, but_not=None)
    if item is not None:
        _release_others(session, item, user_id)
        _look_ahead(session, item)
    return item


def lend_image(session: Session, project_id: int, image_id: int, user_id: int, *, lease_seconds: float) -> WorkItem:
    """Lends this image, also one that was finished. Raises NotFound, Conflict when somebody else works on it."""
    of_image = and_(WorkItem.project_id == project_id, WorkItem.image_id == image_id, WorkItem.state != "moved")
    mine = and_(of_image, WorkItem.state == "claimed", WorkItem.claimed_by == user_id)
    item = _claim(session, mine, user_id, lease_seconds, keep_token=True)
    if item is None:
        give_back_all(session, of_image, was_looked_at())
        is_available = or_(lease_ran_out(), WorkItem.state.in_(("ready", "done", "skipped")))
        item = _claim(session, and_(of_image, is_available), user_id, lease_seconds)
    if item is None:
        raise _refusal_of_image(session, of_image, image_id)
    _release_others(session, item, user_id)
    _look_ahead(session, item)
    return item


def renew_lease(session: Session, work_id: int, lease_token: str, *, lease_seconds: float) -> WorkItem:
    """Keeps an item lent for another `lease_seconds`. Raises Conflict when somebody else has it now."""
    return _change_held(session, work_id, lease_token, lease_until=epoch_now() + lease_seconds)


def finish(session: Session, work_id: int, lease_token: str, *, project_id: int | None = None) -> WorkItem:
    """The image is done. Saying it twice is no error. Raises Conflict when the item was lent to somebody else.

    With an audit the image's automatic masks are audited. Raises NotFound for an item of another project than this one.
    """
    if project_id is not None and get_item(session, work_id).project_id != project_id:
        raise NotFound("work_not_found", f"There is no work item {work_id} in this project.")
    return _end(session, work_id, lease_token, state="done", skip_reason=None)


def skip(session: Session, work_id: int, lease_token: str, reason: str) -> WorkItem:
    """The image is put aside with a reason; an admin finds it there."""
    return _end(session, work_id, lease_token, state="skipped", skip_reason=reason)


def release(session: Session, work_id: int, lease_token: str) -> WorkItem:
    """Gives the item back to the queue; its masks stay. One that was finished and only looked at stays finished."""
    item = _change_held(session, work_id, lease_token, lease_until=None)
    give_back(session, item)
    session.flush()
    return item


def get_item(session: Session, work_id: int) -> WorkItem:
    """The item. Raises NotFound."""
    item = session.get(WorkItem, work_id, populate_existing=True)
    if item is None:
        raise NotFound("work_not_found", f"There is no work item {work_id}.")
    return item


def count_remaining(session: Session, item: WorkItem) -> int:
    """How many items of the same stage still wait or are being worked on."""
    return count_in(read_counts(session, item.project_id), item.stage, "ready", "claimed")


def live_model_version(session: Session, project_id: int) -> str | None:
    """The project's model version, or the one that is the model server's default; None while nobody has asked it."""
    chosen = session.scalar(select(Project.model_version).where(Project.id == project_id))
    return chosen or default_version(session)


def sent_back_to(project_id: int, user_id: int, stages: Sequence[StageName]) -> ColumnElement[bool]:
    """What a reviewer sent back goes to whoever had finished it."""
    of_person = and_(WorkItem.project_id == project_id, WorkItem.claimed_by == user_id, WorkItem.stage.in_(stages))
    return and_(of_person, WorkItem.state == "ready", WorkItem.sent_back_reason.is_not(None))


def _claim_waiting(
    session: Session,
    project_id: int,
    stages: Sequence[StageName],
    user_id: int,
    lease_seconds: float,
    *,
    but_not: int | None,
) -> WorkItem | None:
    for stage in stages:
        of_stage = and_(WorkItem.project_id == project_id, WorkItem.stage == stage)
        if but_not is not None:
            of_stage = and_(of_stage, WorkItem.id != but_not)
        # One state a statement: each walks the index in order and stops at the first row, of a million too.
        for is_free in (lease_ran_out(), WorkItem.state == "ready"):
            item = _claim(session, and_(of_stage, is_free), user_id, lease_seconds)
            if item is not None:
                return item
    return None


def _claim(
    session: Session,
    condition: ColumnElement[bool],
    user_id: int,
    lease_seconds: float,
    *,
    keep_token: bool = False,
) -> WorkItem | None:
    found = select(WorkItem).where(condition).order_by(WorkItem.rank, WorkItem.id).limit(1)
    found = found.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    item = session.scalar(found)
    if item is None:
        return None
    values: dict[str, Any] = {"state": "claimed", "claimed_by": user_id, "lease_until": epoch_now() + lease_seconds}
    if item.state != "claimed":
        move_count(session, item.project_id, item.stage, item.state, "claimed", model_version=item.model_version or "")
        values |= what_it_was(session, item)
    if not keep_token:
        values |= {"lease_token": secrets.token_urlsafe(16), "claimed_at": epoch_now()}
    return _update_item(session, (WorkItem.id == item.id,), values)


def _release_others(session: Session, item: WorkItem, user_id: int) -> None:
    """One person holds one item of a project: what they held before is given back."""
    of_person = and_(WorkItem.project_id == item.project_id, WorkItem.claimed_by == user_id)
    give_back_all(session, of_person, WorkItem.id != item.id, skips_locked=False)


def _look_ahead(session: Session, item: WorkItem) -> None:
    following = (
        select(WorkItem.image_id)
        .where(
            WorkItem.project_id == item.project_id,
            WorkItem.stage == item.stage,
            WorkItem.state == "ready",
            WorkItem.rank >= item.rank,
            WorkItem.id != item.id,
        )
        .order_by(WorkItem.rank, WorkItem.id)
        .limit(LOOK_AHEAD)
    )
    embed_ahead(session, item.project_id, [item.image_id, *session.scalars(following)])


def _update_item(
    session: Session, conditions: Sequence[ColumnElement[bool]], values: dict[str, Any]
) -> WorkItem | None:
    statement = update(WorkItem).where(*conditions).values(**values).returning(WorkItem)
    return session.scalar(statement.execution_options(synchronize_session=False, populate_existing=True))


def _change_held(session: Session, work_id: int, lease_token: str, **values: Any) -> WorkItem:
    held = (WorkItem.id == work_id, WorkItem.lease_token == lease_token, WorkItem.state == "claimed")
    item = _update_item(session, held, values)
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
    values |= NOTHING | {"reviewed_by": None, "sent_back_reason": None}
    if not item.is_audit:  # an audit belongs to the version that made the masks
        values["model_version"] = live_model_version(session, item.project_id)
    item = _change_held(session, work_id, lease_token, **values)
    move_count(session, item.project_id, item.stage, "claimed", state, model_version=item.model_version or "")
    if item.is_audit and state == "done":
        mark_audited(session, item.image_id, stage=item.stage, model_version=item.model_version or "")
    return item


def _refusal_of_image(session: Session, of_image: ColumnElement[bool], image_id: int) -> NotFound | Conflict:
    rows = session.execute(
        select(WorkItem.state, User.name).outerjoin(User, User.id == WorkItem.claimed_by).where(of_image)
    )
    found = rows.first()
    if found is None:
        return NotFound("image_not_found", f"There is no image {image_id} in this project.")
    if found.state == "proposing":
        return Conflict("still_proposing", "The model is still preparing this image; take another one meanwhile.")
    name = found.name or "Somebody"  # a claim that is being made this moment has no name yet
    return Conflict("already_claimed", f"{name} works on this image now.", by=name)
