"""Projects and their categories."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.database import Base, UtcDateTime, utc_now


class Project(Base):
    """A set of images with one goal. Deleting hides it; nothing is destroyed."""

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, default="")
    # How to annotate, as Markdown, shown beside the photo.
    guidelines: Mapped[str] = mapped_column(Text, default="", server_default="")
    # The live model version; None = the model server's default.
    model_version: Mapped[str | None] = mapped_column(String(120))
    # The live detector; None = the model server's own, which looks for nothing.
    detector_version: Mapped[str | None] = mapped_column(String(120))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Category(Base):
    """A name that masks of a project may carry; `position` gives its hue."""

    __tablename__ = "categories"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(120))
    position: Mapped[int]
