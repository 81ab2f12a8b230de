"""Model versions the model server has described, and which were live when."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, UtcDateTime, utc_now


class ModelVersion(Base):
    """One checkpoint. `id` is its name and the beginning of its weights' checksum."""

    __tablename__ = "model_versions"

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    family: Mapped[str] = mapped_column(String(20))
    image_size: Mapped[int]
    encoder_fingerprint: Mapped[str] = mapped_column(String(64))
    parameters: Mapped[int] = mapped_column(BigInteger)
    is_default: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class Promotion(Base):
    """A version became a project's live one, by a gate or by a person's word. The newest of a kind says what is live.

    `kind` is `model` or `detector`; versions None: the model server's default.
    """

    __tablename__ = "promotions"
    __table_args__ = (Index("ix_promotions_project_id", "project_id", "kind", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(String(12))
    from_version: Mapped[str | None] = mapped_column(String(120))
    to_version: Mapped[str | None] = mapped_column(String(120))
    is_rollback: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    run_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
