"""Model versions and promotions as JSON."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.auth.schemas import Strict

# A model answers clicks; a detector says where to ask it.
Kind = Literal["model", "detector"]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class ModelOut(BaseModel):
    """One model version; `id` is what `model_version` says everywhere else."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    family: str
    image_size: int
    encoder_fingerprint: str
    parameters: int
    is_default: bool


class ModelList(BaseModel):
    """All known versions, and whether the model server answers now."""

    items: list[ModelOut]
    device: str | None
    is_model_server_up: bool


class PromoteIn(Strict):
    """Where the version is to be live, and why; the reason stays in the history."""

    project_id: int = Field(ge=1, lt=2**31)
    reason: Reason
    kind: Kind = "model"


class RollbackIn(Strict):
    """What to take back, and why."""

    kind: Kind = "model"
    reason: Reason


class PromotionAuthor(BaseModel):
    """Whose word it was."""

    id: int
    name: str


class PromotionOut(BaseModel):
    """A version that became live. Version None: the model server's default. `author` None: the gate's decision."""

    id: int
    kind: Kind
    from_version: str | None
    to_version: str | None
    is_rollback: bool
    reason: str
    author: PromotionAuthor | None
    run_id: int | None
    created_at: datetime


class PromotionList(BaseModel):
    """A project's promotions, newest first."""

    items: list[PromotionOut]
