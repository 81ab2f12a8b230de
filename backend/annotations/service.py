"""Keeping masks: checked against the image, never overwritten silently, every version kept."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.annotations.schemas import AnnotationIn
from backend.annotations.tables import Annotation, AnnotationRevision
from backend.auth.authorize import Principal
from backend.database import Base
from backend.errors import NotFound, Unprocessable
from backend.images.service import get_image
from backend.images.tables import Image
from backend.projects.service import get_category
from model_server.contract import masks
from model_server.contract.geometry import InvalidPrompt, validate_prompts
from model_server.contract.masks import InvalidMask

ASSISTED_MANUAL = "assisted_manual"
MAX_MASK_BYTES = 16_000_000
VERSIONED = (
    "category_id",
    "height",
    "width",
    "counts",
    "area",
    "bbox_xywh",
    "state",
    "model_version",
    "prompts",
    "clicks",
    "active_seconds",
    "candidate",
    "proposal",
)


@dataclass(frozen=True)
class LostAgainstNewer:
    """A change that was made to an older revision: what stands now, and where the losing version is kept."""

    current: Annotation
    kept_as: int | None


def list_annotations(session: Session, image_id: int) -> list[Annotation]:
    """The masks of an image that stand (accepted or proposed), oldest first."""
    standing = Annotation.state.in_(("accepted", "proposed"))
    statement = select(Annotation).where(Annotation.image_id == image_id, standing).order_by(Annotation.id)
    return list(session.scalars(statement))


def get_annotation(session: Session, annotation_id: int, *, for_change: bool = False) -> Annotation:
    """The annotation, also a deleted one; locked against other writers when `for_change`. Raises NotFound."""
    statement = select(Annotation).where(Annotation.id == annotation_id)
    if for_change:
        statement = statement.with_for_update(of=Annotation)
    row = session.scalar(statement)
    if row is None:
        raise NotFound("annotation_not_found", f"There is no annotation {annotation_id}.")
    return row


def create_annotation(
    session: Session, image_id: int, body: AnnotationIn, author: Principal, *, idempotency_key: str | None
) -> tuple[Annotation, bool]:
    """Keeps a mask; returns it and whether it is new.

    The same key again gives the annotation of the first time, whatever has become of it since.
    Raises Unprocessable when mask, prompts, category or work item do not fit the image.
    """
    request_sha256 = hashlib.sha256(f"{image_id}:{body.model_dump_json()}".encode()).hexdigest()
    if idempotency_key is not None:
        earlier = _find_repeat(session, author.user_id, idempotency_key, request_sha256)
        if earlier is not None:
            return earlier, False
    image = get_image(session, image_id)
    row = Annotation(
        project_id=image.project_id,
        image_id=image.id,
        state="accepted",
        origin="manual" if body.model_version is None else "model",
        stage=_stage(session, image, body.work_item_id),
        author_id=author.user_id,
        idempotency_key=idempotency_key,
        request_sha256=request_sha256,
        **_checked(session, image, body),
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        # The same request ran at the same time and was first.
        earlier = _find_repeat(session, author.user_id, idempotency_key or "", request_sha256)
        if earlier is None:
            raise
        return earlier, False
    session.refresh(row)
    return row, True


def change_annotation(
    session: Session, annotation_id: int, body: AnnotationIn, author: Principal, *, expected_revision: int
) -> Annotation | LostAgainstNewer:
    """Replaces a mask that is still at `expected_revision`; else keeps the losing version beside it."""
    row = get_annotation(session, annotation_id, for_change=True)
    image = get_image(session, row.image_id)
    values = _checked(session, image, body)
    if row.revision != expected_revision:
        lost = AnnotationRevision(
            annotation_id=row.id,
            revision=expected_revision,
            is_conflict=True,
            author_id=author.user_id,
            content=values | {"state": row.state},
        )
        session.add(lost)
        session.flush()
        return LostAgainstNewer(row, lost.id)
    _keep_version(session, row)
    for name, value in values.items():
        setattr(row, name, value)
    row.state = "accepted"
    return _next_revision(session, row, author)


def delete_annotation(
    session: Session, annotation_id: int, author: Principal, *, expected_revision: int
) -> LostAgainstNewer | None:
    """Takes a mask out of the dataset; it can be restored. Deleting twice is no error."""
    row = get_annotation(session, annotation_id, for_change=True)
    if row.state == "deleted":
        return None
    if row.revision != expected_revision:
        return LostAgainstNewer(row, None)
    _keep_version(session, row)
    row.state = "deleted"
    _next_revision(session, row, author)
    return None


def restore_annotation(session: Session, annotation_id: int, author: Principal) -> Annotation:
    """Brings a deleted mask back; one that stands stays as it is."""
    row = get_annotation(session, annotation_id, for_change=True)
    if row.state == "deleted":
        _keep_version(session, row)
        row.state = "accepted"
        _next_revision(session, row, author)
    return row


def list_revisions(session: Session, annotation_id: int) -> list[AnnotationRevision]:
    """Earlier and losing versions, oldest first."""
    statement = select(AnnotationRevision).where(AnnotationRevision.annotation_id == annotation_id)
    return list(session.scalars(statement.order_by(AnnotationRevision.id)))


def _find_repeat(session: Session, author_id: int, key: str, request_sha256: str) -> Annotation | None:
    statement = select(Annotation).where(Annotation.author_id == author_id, Annotation.idempotency_key == key)
    row = session.scalar(statement)
    if row is not None and row.request_sha256 != request_sha256:
        message = "This Idempotency-Key was used for another mask already; make a new one for each mask."
        raise Unprocessable("idempotency_key_reused", message)
    return row


def _checked(session: Session, image: Image, body: AnnotationIn) -> dict[str, Any]:
    """The row's values, with area and box computed from the mask and never believed."""
    size_hw = (image.height, image.width)
    rle = body.rle.to_rle()
    try:
        masks.validate(rle, size_hw, max_bytes=MAX_MASK_BYTES)
        if body.proposal is not None:
            masks.validate(body.proposal.rle.to_rle(), size_hw, max_bytes=MAX_MASK_BYTES)
        if body.prompts:
            validate_prompts(body.prompts, size_hw)
    except (InvalidMask, InvalidPrompt) as error:
        raise Unprocessable(error.code, error.message) from error
    area = masks.area(rle)
    if area == 0:
        raise Unprocessable("empty_mask", "This mask has no pixels; there is nothing to keep.")
    if body.category_id is not None:
        get_category(session, image.project_id, body.category_id)
    return {
        "height": image.height,
        "width": image.width,
        "counts": rle["counts"],
        "area": area,
        "bbox_xywh": [int(value) for value in masks.bbox_xywh(rle)],
        "category_id": body.category_id,
        "model_version": body.model_version,
        "prompts": [asdict(prompt) for prompt in body.prompts],
        "clicks": body.clicks,
        "active_seconds": body.active_seconds,
        "candidate": body.candidate,
        "proposal": body.proposal.model_dump() if body.proposal else None,
    }


def _stage(session: Session, image: Image, work_item_id: int | None) -> str:
    if work_item_id is None:
        return ASSISTED_MANUAL
    work_items = Base.metadata.tables["work_items"]
    of_image = (work_items.c.id == work_item_id, work_items.c.image_id == image.id)
    stage: str | None = session.scalar(select(work_items.c.stage).where(*of_image))
    if stage is None:
        raise Unprocessable("work_item_of_other_image", f"Work item {work_item_id} does not belong to this image.")
    return stage


def _keep_version(session: Session, row: Annotation) -> None:
    content = {name: getattr(row, name) for name in VERSIONED}
    kept = AnnotationRevision(annotation_id=row.id, revision=row.revision, author_id=row.author_id, content=content)
    session.add(kept)


def _next_revision(session: Session, row: Annotation, author: Principal) -> Annotation:
    row.revision += 1
    row.author_id = author.user_id
    session.flush()
    session.refresh(row)
    return row
