"""Queries and rules of images. (Being written.)"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from backend.database import Base, epoch_now
from backend.errors import NotFound
from backend.images.schemas import ImageOut
from backend.images.tables import Image

# Features above this one add what they need for new images (work items, embeddings ahead of need),
# in the same transaction; each gets the session and the new rows with their ids.
ADDED_HOOKS: list[Callable[[Session, list[Image]], None]] = []


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


def described_images() -> Select[Any]:
    """Rows of (Image, count of accepted masks, state of the newest work item)."""
    # Annotations and work items belong to features above this one; only their numbers are wanted here.
    annotations, work_items = Base.metadata.tables["annotations"], Base.metadata.tables["work_items"]
    accepted = (annotations.c.image_id == Image.id, annotations.c.state == "accepted")
    count = select(func.count()).select_from(annotations).where(*accepted).correlate(Image).scalar_subquery()
    lease_ran_out = (work_items.c.state == "claimed") & (work_items.c.lease_until < epoch_now())
    state = case((lease_ran_out, "ready"), else_=work_items.c.state)
    newest = select(state).where(work_items.c.image_id == Image.id).order_by(work_items.c.id.desc()).limit(1)
    return select(Image, count, func.coalesce(newest.correlate(Image).scalar_subquery(), "ready"))


def image_out(row: Any) -> ImageOut:
    """One row of `described_images` as JSON."""
    image, annotation_count, state = row
    names = ImageOut.model_fields.keys() - {"annotation_count", "state"}
    plain = {name: getattr(image, name) for name in names}
    return ImageOut(**plain, annotation_count=annotation_count, state=state)
