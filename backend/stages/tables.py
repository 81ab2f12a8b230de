"""Stages of a project and their work items: one image in one stage, lent to one person at a time."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, UtcDateTime, utc_now

# Finished by a person: what a model finished is audited, by its share, and not reviewed.
TO_REVIEW = "state = 'done' AND reviewed_by IS NULL AND claimed_by IS NOT NULL"
# Ready for people although no detector has looked at it, and nobody has had it.
UNPROPOSED = "stage = 'semi_automatic' AND state = 'ready' AND NOT is_proposed AND claimed_at IS NULL"
SENT_BACK = "sent_back_reason IS NOT NULL"


class Stage(Base):
    """The policy of one stage of one project (schemas.StagePolicy as JSON). No row: the stage's defaults."""

    __tablename__ = "stages"
    __table_args__ = (UniqueConstraint("project_id", "stage"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    stage: Mapped[str] = mapped_column(String(20))
    policy: Mapped[dict[str, Any]] = mapped_column(JSON)
    revision: Mapped[int] = mapped_column(default=1)
    # When its exit rule first held; None while it does not.
    exit_reached_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)


class Admission(Base):
    """Images moved into a stage together, by a person or by a rule; it can be taken back for those that no person
    has worked on.

    `from_stage` is the latest stage that one of them came from.
    """

    __tablename__ = "admissions"
    __table_args__ = (Index("ix_admissions_project_id", "project_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    from_stage: Mapped[str] = mapped_column(String(20))
    to_stage: Mapped[str] = mapped_column(String(20))
    rule: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(Text)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    image_count: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    reverted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reverted_count: Mapped[int | None]


class WorkItem(Base):
    """proposing > ready > claimed > done (or skipped), or moved: the image went on to a later stage (by `moved_by`).

    Of all items of an image one at most is not moved.

    A claim is a lease: `lease_until` by the database's clock, `lease_token` changes with every claim, so that a holder
    who lost it cannot finish it; `claimed_at`: when that claim began, by the same clock. What was done or skipped when
    it was claimed is so again afterwards unless a mask of the image has changed: `state_before`, `claimed_by_before`
    and the sum of the masks' revisions are remembered meanwhile, and `finished_at` stays. The queue lends the smallest
    (`rank`, `id`) first; the stage's order sets `rank`. `is_audit` marks images of the automatic stage that a person
    looks at. `model_version`: live when it was finished, and of automatic masks the one that made them.
    `is_proposed`: a detector has looked at it, whatever it found. `uncertainty`: 1 - mean predicted IoU of the
    proposals, None without. `reviewed_by` looked at it since it was
    finished: with `sent_back_reason` they sent it back (it is ready again, `claimed_by` still tells whose it was),
    without they accepted it. Finishing it anew asks for another review.
    """

    __tablename__ = "work_items"
    __table_args__ = (
        UniqueConstraint("image_id", "stage"),
        Index("ix_work_items_queue", "project_id", "stage", "state", "rank", "id"),
        Index("ix_work_items_state", "project_id", "state", "image_id"),
        Index("ix_work_items_admission_id", "admission_id"),
        Index("ix_work_items_moved_by", "moved_by"),
        Index("ix_work_items_claimed_by", "claimed_by", "state"),
        Index("ix_work_items_finished_at", "project_id", "stage", "finished_at"),
        Index(
            "ix_work_items_to_review",
            "project_id",
            "image_id",
            sqlite_where=text(TO_REVIEW),
            postgresql_where=text(TO_REVIEW),
        ),
        Index(
            "ix_work_items_unproposed",
            "project_id",
            "id",
            sqlite_where=text(UNPROPOSED),
            postgresql_where=text(UNPROPOSED),
        ),
        # In the queue's order: without it who asks for work would walk past all that wait.
        Index(
            "ix_work_items_sent_back",
            "project_id",
            "claimed_by",
            "state",
            "rank",
            "id",
            sqlite_where=text(SENT_BACK),
            postgresql_where=text(SENT_BACK),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    stage: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12))
    rank: Mapped[float] = mapped_column(default=0.0)
    uncertainty: Mapped[float | None]
    admission_id: Mapped[int | None] = mapped_column(ForeignKey("admissions.id"))
    moved_by: Mapped[int | None] = mapped_column(ForeignKey("admissions.id"))
    is_audit: Mapped[bool] = mapped_column(default=False)
    is_proposed: Mapped[bool] = mapped_column(default=False, server_default=false())
    model_version: Mapped[str | None] = mapped_column(String(120))
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    lease_token: Mapped[str | None] = mapped_column(String(64))
    claimed_at: Mapped[float | None]
    lease_until: Mapped[float | None]
    state_before: Mapped[str | None] = mapped_column(String(12))
    claimed_by_before: Mapped[int | None]
    revisions_before: Mapped[int | None] = mapped_column(BigInteger)
    skip_reason: Mapped[str | None] = mapped_column(Text)
    reviewed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    sent_back_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WorkCount(Base):
    """How many work items are where, kept by every statement that moves one: no page counts a million rows.

    `state`: the item's, or moved_done of one that was done before it moved on. `model_version` is '' but for these and
    done items.
    """

    __tablename__ = "work_counts"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(20), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), primary_key=True)
    model_version: Mapped[str] = mapped_column(String(120), primary_key=True)
    count: Mapped[int]
