"""Model versions the model server has described."""

from datetime import datetime

from sqlalchemy import BigInteger, String
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
