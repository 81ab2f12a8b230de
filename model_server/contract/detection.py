"""The JSON of proposals: boxes of a detector, and what the live model makes of each."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from model_server.contract.masks import Rle
from model_server.contract.messages import Message, Sha256, Side

Share = Annotated[float, Field(ge=0, le=1)]
DetectorKind = Literal["box_head", "huggingface"]


class ProposeOptions(Message):
    """Which proposals are worth a person's look. `min_score` is on the detector's score, `min_predicted_iou` on the
    mask's; of boxes and of masks that overlap by more than a threshold the one with the higher score stays. `closer`:
    small boxes are answered on parts of the image that are encoded for themselves: sharper, for an encoding a part."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    min_score: Share = 0.3
    min_predicted_iou: Share = 0.5
    box_nms_thresh: Share = 0.7
    mask_nms_thresh: Share = 0.7
    max_proposals: Annotated[int, Field(ge=1, le=1000)] = 100
    closer: bool = False


class ProposeRequest(Message):
    """Propose masks on an image. `size_hw` is its (height, width) as the caller knows it; model_version null is the
    default model; detector_version null is refused as `no_detector`."""

    image_sha256: Sha256
    size_hw: tuple[Side, Side]
    model_version: str | None = None
    detector_version: str | None = None
    options: ProposeOptions = ProposeOptions()


class Proposal(Message):
    """One mask, the detector's box (image pixels) that it was made from, and that box's score."""

    rle: Rle
    bbox_xywh: tuple[int, int, int, int]
    area: int
    predicted_iou: float
    stability_score: float
    box_xyxy: tuple[float, float, float, float]
    score: float


class ProposeTimings(Message):
    """Milliseconds: all of it, encoding the image (0 when it was cached), finding boxes, making masks of them."""

    total: float
    encode: float
    detect: float
    masks: float


class ProposeResponse(Message):
    """Proposals by score, the highest first; an empty list where nothing was found."""

    model_version: str
    detector_version: str
    proposals: list[Proposal]
    timings_ms: ProposeTimings


class DetectorFacts(Message):
    """A box_head reads the embeddings of one encoder and goes only with models of this `encoder_fingerprint`; a
    huggingface detector reads the picture itself, and its fingerprint is null."""

    detector_version: str
    name: str
    encoder_fingerprint: str | None
    kind: DetectorKind


class DetectorsResponse(Message):
    """The detectors this server can use."""

    detectors: list[DetectorFacts]
