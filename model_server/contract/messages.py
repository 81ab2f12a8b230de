"""The JSON of the model server's HTTP. Only the model server's app and the backend's client import this."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from model_server.contract.geometry import BoxPrompt, MaskPrompt, PointPrompt
from model_server.contract.masks import Rle

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Side = Annotated[int, Field(ge=1, le=1_000_000)]
Multimask = Literal["auto"] | bool
PromptJson = Annotated[PointPrompt | BoxPrompt | MaskPrompt, Field(discriminator="type")]
Priority = Literal["lookahead", "bulk"]
Place = Annotated[float, Field(ge=-1e7, le=1e7, allow_inf_nan=False)]
View = tuple[Place, Place, Place, Place]


class Message(BaseModel):
    """Names like `model_version` are ours, not pydantic's."""

    model_config = ConfigDict(protected_namespaces=())


class PredictRequest(Message):
    """All prompts of one mask, in order of use. `size_hw` is the image's (height, width) as the caller knows it.

    `view_xyxy`: the part of the image that the person sees, [x1, y1, x2, y2]; small parts are encoded for themselves in
    the background, and answer more sharply as soon as that is done.
    """

    image_sha256: Sha256
    size_hw: tuple[Side, Side]
    model_version: str | None = None
    prompts: list[PromptJson]  # how many, and where: geometry.validate_prompts, which names its errors
    multimask: Multimask = "auto"
    view_xyxy: View | None = None


class PredictedMask(Message):
    """One candidate. `bbox_xywh` is [0, 0, 0, 0] when the mask is empty."""

    rle: Rle
    predicted_iou: float
    stability_score: float
    area: int
    bbox_xywh: tuple[int, int, int, int]


class Timings(Message):
    """Milliseconds: waiting for the device, encoding the image (0 when it was cached), decoding, masks to RLE."""

    total: float
    queue: float
    encode: float
    decode: float
    encode_mask: float


class PredictResponse(Message):
    """Masks in the model's own order.

    `part_xyxy`: the part that was encoded for itself; null: the whole image was. `is_part_pending`: there is a closer
    part for the view asked for, but it is not encoded yet; the same question gets it a moment later.
    """

    model_version: str
    part_xyxy: tuple[int, int, int, int] | None = None
    is_part_pending: bool = False
    masks: list[PredictedMask]
    timings_ms: Timings


class EmbedRequest(Message):
    """Ask for an embedding ahead of need."""

    image_sha256: Sha256
    model_version: str | None = None
    priority: Priority = "lookahead"


class EmbedResponse(Message):
    """`cached`: it was there already. `seconds`: what this request waited."""

    model_version: str
    cached: bool
    seconds: float


class EmbeddingStatus(Message):
    """Whether a click on this image needs no encoding."""

    ready: bool


class ModelFacts(Message):
    """`image_size`: the side, in pixels, of the square the network sees. `parameters`: how many numbers it has."""

    model_version: str
    name: str
    family: str
    image_size: int
    encoder_fingerprint: str
    parameters: int
    is_default: bool


class ModelsResponse(Message):
    """The models this server can answer with."""

    models: list[ModelFacts]
    device: str


class ErrorBody(Message):
    """What went wrong: `code` is stable, `message` is for a person."""

    model_config = ConfigDict(protected_namespaces=(), extra="allow")

    code: str
    message: str


class ErrorResponse(Message):
    """The body of every answer of status 400 and above."""

    error: ErrorBody

    @classmethod
    def of(cls, code: str, message: str, **extra: Any) -> "ErrorResponse":
        """Build the body from its parts."""
        return cls(error=ErrorBody(code=code, message=message, **extra))
