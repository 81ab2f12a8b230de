"""Reviewing finished images: an admin looks at the masks and accepts the image, or sends it back with a reason."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from backend.annotations.schemas import MAX_COMMENT
from backend.annotations.service import write_version
from backend.annotations.tables import Annotation
from backend.auth.authorize import Principal
from backend.errors import Conflict, NotFound, Unprocessable
from backend.events.service import record
from backend.images.tables import Image
from backend.stages.counts import move_count
from backend.stages.policies import AUTOMATIC_STAGE
from backend.stages.service import get_item
from backend.stages.tables import TO_REVIEW, WorkItem

# Counting stops here: a reviewer needs to know whether there is more, not which million.
MOST_COUNTED = 1000


def find_to_review(session: Session, project_id: int, *, after_image: int) -> WorkItem | None:
    """The image with the smallest id above `after_image` that a person finished and nobody reviewed; else of all."""
    waiting = select(WorkItem).where(WorkItem.project_id == project_id, text(TO_REVIEW))
    ordered = waiting.order_by(WorkItem.image_id).limit(1)
    return session.scalar(ordered.where(WorkItem.image_id > after_image)) or session.scalar(ordered)


def get_finished(session: Session, project_id: int, image_id: int) -> WorkItem:
    """The item of a finished image, reviewed or not. Raises NotFound, Conflict when it is not finished."""
    of_image = (WorkItem.project_id == project_id, WorkItem.image_id == image_id, WorkItem.state != "moved")
    item = session.scalar(select(WorkItem).where(*of_image))
    if item is None:
        raise NotFound("image_not_found", f"There is no image {image_id} in this project.")
    if item.state != "done":
        raise _not_finished()
    return item


def count_to_review(session: Session, project_id: int) -> int:
    """How many images that people finished nobody has reviewed; at most MOST_COUNTED."""
    waiting = select(WorkItem.id).where(WorkItem.project_id == project_id, text(TO_REVIEW)).limit(MOST_COUNTED)
    return session.scalar(select(func.count()).select_from(waiting.subquery())) or 0


def accept(session: Session, work_id: int, reviewer: Principal, *, seen: Mapping[int, int] | None = None) -> WorkItem:
    """The masks are right as they are. Saying it twice is no error. `seen`: revisions by mask, as they were looked at.

    Raises NotFound; Conflict not_finished, changed_meanwhile.
    """
    item = _lock(session, work_id)
    if item.state != "done":
        raise _not_finished()
    if seen is not None and seen != _standing(session, item):
        raise Conflict("changed_meanwhile", "Its masks were changed while you looked at them; look once more.")
    if item.reviewed_by is None:
        item.reviewed_by = reviewer.user_id
        _record(session, item, "image.accepted", {}, reviewer)
    return item


def send_back(
    session: Session, work_id: int, reviewer: Principal, *, reason: str, annotation_ids: Sequence[int]
) -> WorkItem:
    """Returns a finished image to its queue; the reason is also added to the comments of the named masks.

    Who finished it is lent it first; what a model finished is lent as an audit. Saying it twice is no error. Raises
    NotFound, Conflict, Unprocessable.
    """
    if not reason:
        raise Unprocessable("reason_missing", "Say what should be changed; the annotator reads it beside the photo.")
    item = _lock(session, work_id)
    if item.state == "ready" and (item.reviewed_by, item.sent_back_reason) == (reviewer.user_id, reason):
        return item
    if item.state != "done":
        raise _not_finished()
    rows = _masks_of(session, item, annotation_ids)
    move_count(session, item.project_id, item.stage, "done", "ready", model_version=item.model_version or "")
    if item.stage == AUTOMATIC_STAGE and item.claimed_by is None:
        item.is_audit = True  # a person is to check all that the model made
    item.state, item.finished_at = "ready", None
    item.reviewed_by, item.sent_back_reason = reviewer.user_id, reason
    for row in rows:
        # The newest words stay whole; what no longer fits is kept in the version before.
        comment = f"{row.comment}\nReviewer: {reason}".strip()[-MAX_COMMENT:]
        write_version(session, row, {"comment": comment}, author_id=row.author_id)
    _record(session, item, "image.sent_back", {"reason": reason, "annotation_ids": [row.id for row in rows]}, reviewer)
    return item


def _lock(session: Session, work_id: int) -> WorkItem:
    statement = select(WorkItem).where(WorkItem.id == work_id).with_for_update()
    return session.scalar(statement.execution_options(populate_existing=True)) or get_item(session, work_id)


def _standing(session: Session, item: WorkItem) -> dict[int, int]:
    """Revisions of the image's masks by their ids."""
    of_image = (Annotation.image_id == item.image_id, Annotation.state == "accepted")
    return {
        row.id: row.revision for row in session.execute(select(Annotation.id, Annotation.revision).where(*of_image))
    }


def _masks_of(session: Session, item: WorkItem, annotation_ids: Sequence[int]) -> list[Annotation]:
    standing = (Annotation.image_id == item.image_id, Annotation.state == "accepted")
    statement = select(Annotation).where(Annotation.id.in_(annotation_ids), *standing).order_by(Annotation.id)
    rows = list(session.scalars(statement.with_for_update(of=Annotation)))
    missing = set(annotation_ids) - {row.id for row in rows}
    if missing:
        raise Unprocessable("annotation_of_other_image", f"These masks are not on this image: {sorted(missing)[:10]}.")
    return rows


def _record(session: Session, item: WorkItem, kind: str, data: dict[str, Any], reviewer: Principal) -> None:
    file_name = session.scalar(select(Image.file_name).where(Image.id == item.image_id))
    known = {"image_id": item.image_id, "file_name": file_name, "stage": item.stage, "finished_by": item.claimed_by}
    record(session, item.project_id, kind, known | data, actor_id=reviewer.user_id, is_audit=True)


def _not_finished() -> Conflict:
    return Conflict("not_finished", "This image is not finished any more; review the next one.")
