"""Masks with their evidence, and every revision of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.auth.tables import User
from backend.database import Base, UtcDateTime, utc_now

# Masks that models may be measured by, as training.frozen.is_yardstick says it of a snapshot's.
YARDSTICK = "state = 'accepted' AND (origin <> 'automatic' OR proposal_iou < 1)"


class Annotation(Base):
    """A mask on an image at its own resolution, with how it came about. Deleting keeps the row."""

    __tablename__ = "annotations"
    __table_args__ = (
        Index("ix_annotations_image_id", "image_id", "state"),
        Index("ix_annotations_project_id", "project_id", "state"),
        Index(
            "ix_annotations_yardstick",
            "project_id",
            "image_id",
            sqlite_where=text(YARDSTICK),
            postgresql_where=text(YARDSTICK),
        ),
        UniqueConstraint("author_id", "idempotency_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))
    height: Mapped[int]
    width: Mapped[int]
    counts: Mapped[str] = mapped_column(Text)
    area: Mapped[int] = mapped_column(BigInteger)
    bbox_xywh: Mapped[list[int]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(12))
    origin: Mapped[str] = mapped_column(String(12))
    stage: Mapped[str] = mapped_column(String(20))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    model_version: Mapped[str | None] = mapped_column(String(120))
    prompts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    clicks: Mapped[int]
    active_seconds: Mapped[float]
    candidate: Mapped[int | None]
    # What the model proposed: {rle, predicted_iou, stability_score}, made of a box {score, detector_version}, too; the
    # person's final mask stands above.
    proposal: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    # How well the proposal agrees with the mask that stands; None without a proposal, 0 when it was rejected.
    proposal_iou: Mapped[float | None]
    # A person has looked at it in an audit of automatic masks.
    is_audited: Mapped[bool] = mapped_column(default=False)
    # Whose audit it is in, also as a mask that was missing: the version that made the image's automatic masks.
    audited_version: Mapped[str | None] = mapped_column(String(120))
    # What its maker says of it: some of schemas.Flag in their order, and words for the reviewer.
    flags: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    comment: Mapped[str] = mapped_column(Text, default="", server_default="")
    revision: Mapped[int] = mapped_column(default=1)
    idempotency_key: Mapped[str | None] = mapped_column(String(100))
    request_sha256: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)
    author: Mapped[User | None] = relationship(lazy="joined")


class AnnotationRevision(Base):
    """One version of an annotation as it stood, or one that lost against a newer one (`is_conflict`)."""

    __tablename__ = "annotation_revisions"
    __table_args__ = (Index("ix_annotation_revisions_annotation_id", "annotation_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"))
    revision: Mapped[int]
    is_conflict: Mapped[bool] = mapped_column(default=False)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class MaskCount(Base):
    """Masks counted by what the charts ask for, kept by every change of a mask: the charts never read the masks.

    `model_version` '': none. `outcome`: proposed, rejected, kept (a proposal untouched), edited (a proposal changed),
    added (by a person, with the model or by hand), automatic (by a policy), imported. `clicks` are at most 20.
    `seconds_bucket`: floor(4 log2(1 + seconds)), at most 60.
    """

    __tablename__ = "mask_counts"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(20), primary_key=True)
    model_version: Mapped[str] = mapped_column(String(120), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(12), primary_key=True)
    clicks: Mapped[int] = mapped_column(primary_key=True)
    seconds_bucket: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]


class AuthorCount(Base):
    """The masks of people, counted by author. A table of its own: authors times versions would be a hundred times
    as many rows to sum up for each chart."""

    __tablename__ = "author_counts"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(12), primary_key=True)
    clicks: Mapped[int] = mapped_column(primary_key=True)
    seconds_bucket: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]


class AuditCount(Base):
    """Audited masks counted by what their figures ask for: how many of the thresholds in audit_counts each passes.

    `model_version` made them. `outcome`: standing, rejected; with all steps 0 added (masks that were missing) and image
    (not masks but audited images).
    """

    __tablename__ = "audit_counts"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    model_version: Mapped[str] = mapped_column(String(120), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(12), primary_key=True)
    predicted_step: Mapped[int] = mapped_column(primary_key=True)
    stability_step: Mapped[int] = mapped_column(primary_key=True)
    iou_step: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]


class ProposalCount(Base):
    """Decided proposals counted by what the choice of a score asks for: how many of the thresholds in proposal_counts
    the score of each reaches.

    `outcome`: kept, edited, rejected. `clicks` of the correction, at most 20; 0 of the others. Proposals from before
    detectors were written down with them are not counted.
    """

    __tablename__ = "proposal_counts"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    detector_version: Mapped[str] = mapped_column(String(120), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(12), primary_key=True)
    score_step: Mapped[int] = mapped_column(primary_key=True)
    clicks: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]
