"""Exports: what was asked for and, once its job is done, what came out."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backend.database import Base, UtcDateTime, utc_now
from backend.jobs.tables import Job


class Export(Base):
    """One dataset archive. It can be downloaded when `key` is set."""

    __tablename__ = "exports"
    __table_args__ = (Index("ix_exports_project_id", "project_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    format: Mapped[str] = mapped_column(String(12))
    include_images: Mapped[bool]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id"))
    key: Mapped[str | None] = mapped_column(String(200))
    image_count: Mapped[int | None]
    mask_count: Mapped[int | None]
    byte_size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    job: Mapped[Job | None] = relationship(lazy="joined")
