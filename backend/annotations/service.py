"""Keeping masks: checked against the image, never overwritten silently, every version kept."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.annotations.counts import cell_of, count_audited_image, count_change
from backend.annotations.schemas import AnnotationIn
from backend.annotations.tables import Annotation, AnnotationRevision
from backend.auth.authorize import Principal
from backend.database import Base, epoch_now
from backend.errors import NotFound, Unprocessable
from backend.images.service import REMOVED_HOOKS, get_image
from backend.images.tables import Image
from backend.projects.service import get_category
from model_server.contract import masks
from model_server.contract.geometry import InvalidPrompt, validate_prompts
from model_server.contract.masks import InvalidMask, Rle

ASSISTED_MANUAL = "assisted_manual"
MAX_MASK_BYTES = 16_000_000
# The most that one change adds to a mask's seconds where no lent image is named: a program may model a person's time.
UNLENT_SECONDS = 3600.0
# Masks that a model made on its own. Who takes one out rejects it, which is counted; what people drew is deleted.
MODEL_ORIGINS = ("detector", "automatic")
GONE = ("deleted", "rejected")
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
    "flags",
    "comment",
)


@dataclass(frozen=True)
class LostAgainstNewer:
    """A change that was made to an older revision: what stands now, and where the losing version is kept."""

    current: Annotation
    kept_as: int | None


def list_annotations(session: Session, image_id: int) -> list[Annotation]:
    """The masks of an image that stand, accepted or undecided, oldest first."""
    stands = or_(Annotation.state == "accepted", is_undecided())
    statement = select(Annotation).where(Annotation.image_id == image_id, stands).order_by(Annotation.id)
    return list(session.scalars(statement))


def is_undecided() -> ColumnElement[bool]:
    """Proposals to be judged. Not those of a stage that the image has left: they are so again once it is taken back."""
    items = Base.metadata.tables["work_items"].c  # of a feature above this one
    of_stage = (items.image_id == Annotation.image_id, items.stage == Annotation.stage)
    has_left = exists().where(*of_stage, items.state == "moved")
    return and_(Annotation.state == "proposed", ~has_left)


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
    count_change(session, None, cell_of(row))
    return row, True


def change_annotation(
    session: Session, annotation_id: int, body: AnnotationIn, author: Principal, *, expected_revision: int
) -> Annotation | LostAgainstNewer:
    """Replaces a mask that is still at `expected_revision`; else keeps the losing version beside it.

    A proposal is accepted by it, corrected, and what the model had proposed stays with it.
    """
    row = get_annotation(session, annotation_id, for_change=True)
    image = get_image(session, row.image_id)
    values = _checked(session, image, body, seconds_before=row.active_seconds)
    if row.origin in MODEL_ORIGINS:
        values |= {"proposal": row.proposal, "model_version": body.model_version or row.model_version}
        values["proposal_iou"] = proposal_iou(values["proposal"], body.rle.to_rle())
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
    return write_version(session, row, values | {"state": "accepted"}, author_id=author.user_id)


def delete_annotation(
    session: Session, annotation_id: int, author: Principal, *, expected_revision: int
) -> LostAgainstNewer | None:
    """Takes a mask out of the dataset; it can be restored. Deleting twice is no error. A model's mask is rejected."""
    row = get_annotation(session, annotation_id, for_change=True)
    if row.state in GONE:
        return None
    if row.revision != expected_revision:
        return LostAgainstNewer(row, None)
    values = {"state": "rejected", "proposal_iou": 0.0} if row.origin in MODEL_ORIGINS else {"state": "deleted"}
    write_version(session, row, values, author_id=author.user_id)
    return None


def restore_annotation(session: Session, annotation_id: int, author: Principal) -> Annotation:
    """Brings a deleted or rejected mask back as it was; one that stands stays as it is."""
    row = get_annotation(session, annotation_id, for_change=True)
    if row.state not in GONE:
        return row
    if find_version(session, row, row.revision - 1).get("state") == "proposed":
        return write_version(session, row, {"state": "proposed", "proposal_iou": None}, author_id=None)
    rle: Rle = {"size": [row.height, row.width], "counts": row.counts}
    values = {"state": "accepted", "proposal_iou": proposal_iou(row.proposal, rle)}
    return write_version(session, row, values, author_id=author.user_id)


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


def _checked(session: Session, image: Image, body: AnnotationIn, *, seconds_before: float = 0.0) -> dict[str, Any]:
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
    proposal = body.proposal.model_dump() if body.proposal else None
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
        "active_seconds": _active_seconds(session, image, body, before=seconds_before),
        "candidate": body.candidate,
        "proposal": proposal,
        "proposal_iou": proposal_iou(proposal, rle),
        "flags": body.flags,
        "comment": body.comment.strip(),
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


def _active_seconds(session: Session, image: Image, body: AnnotationIn, *, before: float) -> float:
    """What the page measured of the mask in all; it grows by no more than the image has been lent this time, by
    UNLENT_SECONDS at most where no item is named or it was never lent.
    """
    items = Base.metadata.tables["work_items"].c
    lent_seconds = select(epoch_now() - items.claimed_at).where(
        items.id == body.work_item_id, items.image_id == image.id
    )
    most = session.scalar(lent_seconds) if body.work_item_id is not None else None
    return min(body.active_seconds, before + (UNLENT_SECONDS if most is None else max(0.0, most)))


def write_version(session: Session, row: Annotation, values: dict[str, Any], *, author_id: int | None) -> Annotation:
    """Changes a locked row: keeps how it stood, counts it where it now belongs, makes the next revision."""
    before = cell_of(row)
    content = {name: getattr(row, name) for name in VERSIONED}
    kept = AnnotationRevision(annotation_id=row.id, revision=row.revision, author_id=row.author_id, content=content)
    session.add(kept)
    for name, value in values.items():
        setattr(row, name, value)
    row.revision += 1
    row.author_id = author_id
    session.flush()
    session.refresh(row)
    count_change(session, before, cell_of(row))
    return row


def find_version(session: Session, row: Annotation, revision: int) -> dict[str, Any]:
    """What the mask was at an earlier revision; empty when it is not known."""
    of_row = (AnnotationRevision.annotation_id == row.id, AnnotationRevision.revision == revision)
    statement = select(AnnotationRevision.content).where(*of_row, AnnotationRevision.is_conflict.is_(False))
    return session.scalar(statement.limit(1)) or {}


def proposal_iou(proposal: dict[str, Any] | None, rle: Rle) -> float | None:
    """How well a mask agrees with what the model had proposed (IoU); None without a proposal."""
    return None if proposal is None else masks.iou(proposal["rle"], rle)


def uncount_annotations(session: Session, image: Image) -> None:
    """The image is about to be removed with its masks."""
    rows = session.scalars(select(Annotation).where(Annotation.image_id == image.id)).all()
    for row in rows:
        count_change(session, cell_of(row), None)
    audited = next((row for row in rows if row.is_audited), None)
    if audited is not None:
        count_audited_image(session, image.project_id, audited.audited_version or "", -1)


REMOVED_HOOKS.append(uncount_annotations)
