"""Work items: one image in one stage, lent to one person at a time."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, UtcDateTime, utc_now


class WorkItem(Base):
    """proposing > ready > claimed > done (or skipped). A claim is a lease: `lease_until` by the database's clock,
    `lease_token` changes with every claim, so that a holder who lost it cannot finish it."""

    __tablename__ = "work_items"
    __table_args__ = (
        UniqueConstraint("image_id", "stage"),
        Index("ix_work_items_queue", "project_id", "stage", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"))
    stage: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12))
    claimed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    lease_token: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[float | None]
    skip_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
