"""Model versions as JSON."""

from pydantic import BaseModel, ConfigDict


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
