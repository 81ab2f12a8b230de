"""Queries and rules of images."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, func, select
from sqlalchemy.orm import Session

from backend.database import Base, epoch_now
from backend.errors import Conflict, NotFound
from backend.images.schemas import ImageList, ImageOut, ImageState
from backend.images.tables import Image

IDS_PER_QUERY = 1000

# Features above this one add what they need for new images (work items, embeddings ahead of need),
# in the same transaction; each gets the session and the new rows with their ids.
ADDED_HOOKS: list[Callable[[Session, list[Image]], None]] = []
# Features that keep counts of an image's rows take them out of these; called before the rows go.
REMOVED_HOOKS: list[Callable[[Session, Image], None]] = []


def get_image(session: Session, image_id: int) -> Image:
    """The image. Raises NotFound."""
    image = session.get(Image, image_id)
    if image is None:
        raise NotFound("image_not_found", f"There is no image {image_id}.")
    return image


def read_image(session: Session, image_id: int) -> ImageOut:
    """The image as JSON, with its masks counted. Raises NotFound."""
    row = session.execute(described_images().where(Image.id == image_id)).first()
    if row is None:
        raise NotFound("image_not_found", f"There is no image {image_id}.")
    return image_out(row)


def read_images(session: Session, image_ids: Sequence[int]) -> list[ImageOut]:
    """These images as JSON, in order of id."""
    images: list[ImageOut] = []
    for start in range(0, len(image_ids), IDS_PER_QUERY):
        some = Image.id.in_(image_ids[start : start + IDS_PER_QUERY])
        images += [image_out(row) for row in session.execute(described_images().where(some).order_by(Image.id))]
    return images


def list_images(
    session: Session, project_id: int, *, after_id: int | None, limit: int, state: ImageState | None
) -> ImageList:
    """A page of the project's images in order of id, from the one after `after_id`."""
    statement = described_images().order_by(Image.id)
    if state is None:
        of_project = (Image.project_id == project_id, Image.id > (after_id or 0))
        rows = session.execute(statement.where(*of_project).limit(limit + 1)).all()
    else:
        ids = _ids_in_state(session, project_id, state, after_id=after_id or 0, limit=limit + 1)
        rows = session.execute(statement.where(Image.id.in_(ids))).all()
    items = [image_out(row) for row in rows[:limit]]
    more = str(items[-1].id) if len(rows) > limit else None
    return ImageList(items=items, next_cursor=more, total=_count_images(session, project_id, state))


def _ids_in_state(session: Session, project_id: int, state: ImageState, *, after_id: int, limit: int) -> list[int]:
    """The next images whose current work item is in this state; a lease that ran out leaves it ready."""
    items = Base.metadata.tables["work_items"]
    found: list[int] = []
    # One query for each stored state, so that an index gives each in order.
    for condition in _stored_as(state):
        next_ids = select(items.c.image_id).where(items.c.project_id == project_id, condition)
        next_ids = next_ids.where(items.c.image_id > after_id).order_by(items.c.image_id).limit(limit)
        found += session.scalars(next_ids)
    return sorted(found)[:limit]


def _count_images(session: Session, project_id: int, state: ImageState | None) -> int:
    """How many images the project has (in this state), from the counts that are kept of their work items."""
    counts, items = Base.metadata.tables["work_counts"], Base.metadata.tables["work_items"]
    is_meant = counts.c.state == state if state is not None else counts.c.state.not_in(("moved", "moved_done"))
    count = session.scalar(select(func.sum(counts.c.count)).where(counts.c.project_id == project_id, is_meant)) or 0
    if state in ("ready", "claimed"):
        lost = (items.c.project_id == project_id, items.c.state == "claimed", items.c.lease_until < epoch_now())
        lost_count = session.scalar(select(func.count()).select_from(items).where(*lost)) or 0
        count += lost_count if state == "ready" else -lost_count
    return int(count)


def _stored_as(state: ImageState) -> list[ColumnElement[bool]]:
    items = Base.metadata.tables["work_items"]
    is_claimed, is_lost = items.c.state == "claimed", items.c.lease_until < epoch_now()
    if state == "claimed":
        return [is_claimed & ~is_lost]
    return [items.c.state == state] + ([is_claimed & is_lost] if state == "ready" else [])


def delete_image(session: Session, image_id: int) -> None:
    """Removes an image with its work items and the masks nobody accepted. Raises NotFound, Conflict.

    Its bytes stay in the storage: other projects may show the same picture, or be about to.
    """
    annotations, work_items = Base.metadata.tables["annotations"], Base.metadata.tables["work_items"]
    # Whoever adds masks to it holds one of these until they are in: after that they are counted below, or refused.
    items = select(work_items.c.id).where(work_items.c.image_id == image_id).order_by(work_items.c.id)
    session.execute(items.with_for_update())
    session.execute(select(Image.id).where(Image.id == image_id).with_for_update())
    image = get_image(session, image_id)
    revisions = Base.metadata.tables["annotation_revisions"]
    of_image = annotations.c.image_id == image_id
    count = session.scalar(
        select(func.count()).select_from(annotations).where(of_image, annotations.c.state == "accepted")
    )
    if count:
        raise Conflict("image_has_masks", f"{count} masks were drawn on this image; delete them first.")
    for hook in REMOVED_HOOKS:
        hook(session, image)
    ids = select(annotations.c.id).where(of_image)
    session.execute(delete(revisions).where(revisions.c.annotation_id.in_(ids)))
    session.execute(delete(annotations).where(of_image))
    session.execute(delete(work_items).where(work_items.c.image_id == image_id))
    session.delete(image)


def described_images() -> Select[Any]:
    """Rows of (Image, count of accepted masks, state, why it was put aside)."""
    # Annotations belong to a feature above this one; only their number is wanted here.
    annotations = Base.metadata.tables["annotations"]
    accepted = (annotations.c.image_id == Image.id, annotations.c.state == "accepted")
    count = select(func.count()).select_from(annotations).where(*accepted).correlate(Image).scalar_subquery()
    work_items = Base.metadata.tables["work_items"]
    # A lease that ran out leaves it ready.
    lease_ran_out = (work_items.c.state == "claimed") & (work_items.c.lease_until < epoch_now())
    state = _of_newest_item(case((lease_ran_out, "ready"), else_=work_items.c.state))
    return select(Image, count, func.coalesce(state, "ready"), _of_newest_item(work_items.c.skip_reason))


def _of_newest_item(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What an image's newest work item says."""
    work_items = Base.metadata.tables["work_items"]
    # "+ 0": an order by the bare id tempts PostgreSQL to walk all work items backwards for each image.
    of_image = select(column).where(work_items.c.image_id == Image.id)
    return of_image.order_by((work_items.c.id + 0).desc()).limit(1).correlate(Image).scalar_subquery()


def image_out(row: Any) -> ImageOut:
    """One row of `described_images` as JSON."""
    image, annotation_count, state, skip_reason = row
    computed = {"annotation_count": annotation_count, "state": state, "skip_reason": skip_reason or None}
    plain = {name: getattr(image, name) for name in ImageOut.model_fields.keys() - computed}
    return ImageOut.model_validate(plain | computed)
