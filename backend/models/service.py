"""Keeps the table of model versions in step with what the model server serves."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backend.models.tables import ModelVersion


def record_versions(session: Session, described: list[dict[str, Any]]) -> None:
    """Adds versions not seen before and marks which one is the default now; rows are never removed."""
    session.execute(update(ModelVersion).values(is_default=False))
    for one in described:
        row = session.get(ModelVersion, one["model_version"])
        if row is None:
            row = ModelVersion(
                id=one["model_version"],
                name=one["name"],
                family=one["family"],
                image_size=one["image_size"],
                encoder_fingerprint=one["encoder_fingerprint"],
                parameters=one["parameters"],
            )
            session.add(row)
        row.is_default = bool(one["is_default"])


def list_versions(session: Session) -> list[ModelVersion]:
    """All versions ever seen, the default first."""
    return list(session.scalars(select(ModelVersion).order_by(ModelVersion.is_default.desc(), ModelVersion.id)))
