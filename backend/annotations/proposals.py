"""Masks that a model made on its own: added for people to judge, accepted, rejected, audited."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from backend.annotations.counts import cell_of, count_audited_image, count_change, count_many
from backend.annotations.service import (
    GONE,
    MODEL_ORIGINS,
    LostAgainstNewer,
    find_version,
    get_annotation,
    is_undecided,
    proposal_iou,
    write_version,
)
from backend.annotations.tables import Annotation, AnnotationRevision
from backend.auth.authorize import Principal
from backend.errors import Conflict
from backend.images.tables import Image
from model_server.contract import masks
from model_server.contract.masks import Rle

ModelOrigin = Literal["detector", "automatic"]
REJECTED = {"state": "rejected", "proposal_iou": 0.0}


@dataclass(frozen=True, slots=True)
class Found:
    """A mask that a model found; `prompts`: what it was asked with (JSON), `score`: that of `detector_version`."""

    rle: Rle
    area: int
    bbox_xywh: tuple[int, int, int, int]
    predicted_iou: float
    stability_score: float
    prompts: list[dict[str, Any]]
    score: float | None = None
    detector_version: str | None = None

    def as_proposal(self) -> dict[str, Any]:
        """What is kept of it beside the mask that stands."""
        proposal = {
            "rle": dict(self.rle),
            "predicted_iou": self.predicted_iou,
            "stability_score": self.stability_score,
        }
        of_box = {"score": self.score, "detector_version": self.detector_version}
        return proposal | {name: value for name, value in of_box.items() if value is not None}


def add_found(
    session: Session, image: Image, found: Sequence[Found], *, origin: ModelOrigin, stage: str, model_version: str
) -> None:
    """Adds masks of a detector as proposals, and automatic ones as accepted, by nobody."""
    rows = [
        Annotation(
            project_id=image.project_id,
            image_id=image.id,
            height=image.height,
            width=image.width,
            counts=one.rle["counts"],
            area=one.area,
            bbox_xywh=list(one.bbox_xywh),
            state="proposed" if origin == "detector" else "accepted",
            origin=origin,
            stage=stage,
            model_version=model_version,
            prompts=one.prompts,
            clicks=0,
            active_seconds=0.0,
            proposal=one.as_proposal(),
            is_audited=False,
        )
        for one in found
    ]
    session.add_all(rows)
    count_many(session, filter(None, map(cell_of, rows)))


def without_overlaps(session: Session, image_id: int, found: Sequence[Found], *, max_iou: float) -> list[Found]:
    """Those that no mask a person drew or accepted covers with more than `max_iou`: people's masks always win."""
    by_people = Annotation.origin != "automatic"
    statement = select(Annotation.height, Annotation.width, Annotation.counts, Annotation.area, Annotation.bbox_xywh)
    theirs = session.execute(
        statement.where(Annotation.image_id == image_id, Annotation.state == "accepted", by_people)
    ).all()

    def is_covered(one: Found) -> bool:
        for row in theirs:
            # The boxes bound the IoU from above: few pairs need their pixels compared.
            most = _shared_area(one.bbox_xywh, row.bbox_xywh) / max(one.area, row.area, 1)
            if most > max_iou:
                rle: Rle = {"size": [row.height, row.width], "counts": row.counts}
                if masks.iou(one.rle, rle) > max_iou:
                    return True
        return False

    return [one for one in found if not is_covered(one)]


def _shared_area(a_xywh: Sequence[int], b_xywh: Sequence[int]) -> int:
    width = min(a_xywh[0] + a_xywh[2], b_xywh[0] + b_xywh[2]) - max(a_xywh[0], b_xywh[0])
    height = min(a_xywh[1] + a_xywh[3], b_xywh[1] + b_xywh[3]) - max(a_xywh[1], b_xywh[1])
    return max(0, width) * max(0, height)


def accept(
    session: Session, annotation_id: int, author: Principal, *, expected_revision: int
) -> Annotation | LostAgainstNewer:
    """Accepts a proposal, also a rejected one, as it is. Repeating it is no error. Raises NotFound, Conflict."""
    row = _get_proposal(session, annotation_id)
    is_repeated = row.state == "accepted" and row.author_id == author.user_id and row.revision == expected_revision + 1
    if is_repeated:
        return row
    if row.revision != expected_revision:
        return LostAgainstNewer(row, None)
    if row.state == "accepted":
        return row
    return write_version(session, row, _accepted(row), author_id=author.user_id)


def reject(
    session: Session, annotation_id: int, author: Principal, *, expected_revision: int
) -> Annotation | LostAgainstNewer:
    """Rejects a model's mask. Repeating it is no error. Raises NotFound, Conflict."""
    row = _get_proposal(session, annotation_id)
    if row.state in GONE:
        return row
    if row.revision != expected_revision:
        return LostAgainstNewer(row, None)
    return write_version(session, row, dict(REJECTED), author_id=author.user_id)


def propose(session: Session, annotation_id: int, *, expected_revision: int) -> Annotation | LostAgainstNewer:
    """Makes a mask the proposal again that it was, with the pixels it had then: the way back from a decision.

    Repeating it is no error. Raises NotFound, Conflict.
    """
    row = _get_proposal(session, annotation_id)
    if row.state == "proposed":
        return row
    if row.revision != expected_revision:
        return LostAgainstNewer(row, None)
    of_row = (AnnotationRevision.annotation_id == row.id, AnnotationRevision.is_conflict.is_(False))
    statement = select(AnnotationRevision.content).where(*of_row).order_by(AnnotationRevision.revision)
    proposed = next((content for content in session.scalars(statement) if content["state"] == "proposed"), None)
    if proposed is None:
        raise Conflict("never_proposed", "This mask was never a proposal; reject it instead.")
    return write_version(session, row, proposed | {"proposal_iou": None}, author_id=None)


def accept_all(session: Session, image_id: int, author: Principal) -> list[int]:
    """Accepts all undecided proposals of the image; returns their ids."""
    rows = _proposed(session, image_id)
    for row in rows:
        write_version(session, row, _accepted(row), author_id=author.user_id)
    return [row.id for row in rows]


def reject_all(session: Session, image_id: int, author: Principal) -> list[int]:
    """Rejects all undecided proposals of the image; returns their ids."""
    rows = _proposed(session, image_id)
    for row in rows:
        write_version(session, row, dict(REJECTED), author_id=author.user_id)
    return [row.id for row in rows]


def undo_all(
    session: Session, image_id: int, ids: Sequence[int], author: Principal, *, decided: Literal["accepted", "rejected"]
) -> list[int]:
    """Makes proposals again of those among `ids` that this person accepted, or rejected, and nobody touched since."""
    mine = (Annotation.state == decided, Annotation.author_id == author.user_id)
    statement = select(Annotation).where(Annotation.image_id == image_id, Annotation.id.in_(ids), *mine)
    rows = session.scalars(statement.order_by(Annotation.id).with_for_update(of=Annotation)).all()
    undone = []
    for row in rows:
        before = find_version(session, row, row.revision - 1)
        if before.get("state") == "proposed" and before["counts"] == row.counts:
            write_version(session, row, {"state": "proposed", "proposal_iou": None}, author_id=None)
            undone.append(row.id)
    return undone


def mark_audited(session: Session, image_id: int, *, stage: str, model_version: str) -> None:
    """A person has looked at all automatic masks of the image: those they left as they were agree with them wholly.

    What they drew in this `stage` was missing. All of it speaks of `model_version`, which made the automatic masks.
    """
    was_missing = and_(Annotation.stage == stage, Annotation.origin.in_(("model", "manual")))
    is_meant = (Annotation.image_id == image_id, or_(Annotation.origin == "automatic", was_missing))
    statement = select(Annotation).where(*is_meant).order_by(Annotation.id)
    rows = session.scalars(statement.with_for_update(of=Annotation)).all()
    automatic = [row for row in rows if row.origin == "automatic"]
    if automatic and not any(row.is_audited for row in automatic):
        count_audited_image(session, automatic[0].project_id, model_version, 1)
    for row in rows:
        before = cell_of(row)
        row.audited_version = model_version
        if row.origin == "automatic":
            row.is_audited = True
            row.proposal_iou = 1.0 if row.proposal_iou is None else row.proposal_iou
        count_change(session, before, cell_of(row))


def _proposed(session: Session, image_id: int) -> Sequence[Annotation]:
    statement = select(Annotation).where(Annotation.image_id == image_id, is_undecided())
    return session.scalars(statement.order_by(Annotation.id).with_for_update(of=Annotation)).all()


def _accepted(row: Annotation) -> dict[str, Any]:
    rle: Rle = {"size": [row.height, row.width], "counts": row.counts}
    return {"state": "accepted", "proposal_iou": proposal_iou(row.proposal, rle)}


def _get_proposal(session: Session, annotation_id: int) -> Annotation:
    row = get_annotation(session, annotation_id, for_change=True)
    if row.origin not in MODEL_ORIGINS:
        raise Conflict("not_a_proposal", "A person drew this mask; change or delete it instead.")
    return row
