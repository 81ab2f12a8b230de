"""Snapshots of a project's masks, and the runs that train on them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.database import Base, UtcDateTime, utc_now
from backend.jobs.tables import Job


class Snapshot(Base):
    """A frozen, numbered version of a project's accepted masks: a COCO json in the store, ready when `key` is set.

    Its pictures are the store's own blobs. `counts`: images and masks of the train and frozen parts.
    """

    __tablename__ = "snapshots"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    number: Mapped[int]
    note: Mapped[str] = mapped_column(Text)
    frozen_share: Mapped[float]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"))
    key: Mapped[str | None] = mapped_column(String(200))
    sha256: Mapped[str | None] = mapped_column(String(64))
    byte_size: Mapped[int | None] = mapped_column(BigInteger)
    counts: Mapped[dict[str, int] | None] = mapped_column(JSON)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    job: Mapped[Job | None] = relationship(lazy="joined")


class TrainingPolicy(Base):
    """When a project retrains, how, and what the gate asks for (schemas.Policy as JSON). No row: the defaults."""

    __tablename__ = "training_policies"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    policy: Mapped[dict[str, Any]] = mapped_column(JSON)
    revision: Mapped[int] = mapped_column(default=1)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, onupdate=utc_now)


class TrainingRun(Base):
    """One round of the loop: train on a snapshot, compare with the live version, promote or refuse.

    `kind`: model or detector. `state`: queued > snapshotting > training > evaluating > promoted | refused | candidate
    (passed, waits for an administrator's word), or failed, cancelled. `curve`: points {step, loss, iou, seconds}.
    `metrics`: schemas.RunMetrics. `reason`: why it was refused, failed, or promoted.
    """

    __tablename__ = "training_runs"
    __table_args__ = (Index("ix_training_runs_project_id", "project_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(String(12))
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshots.id"))
    base_version: Mapped[str | None] = mapped_column(String(120))
    candidate_version: Mapped[str | None] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(12))
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    trigger: Mapped[str] = mapped_column(String(12))
    mask_count: Mapped[int]
    curve: Mapped[list[dict[str, float]]] = mapped_column(JSON)
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    reason: Mapped[str | None] = mapped_column(Text)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    job: Mapped[Job | None] = relationship(lazy="joined")
