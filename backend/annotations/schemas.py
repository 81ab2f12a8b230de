"""Masks with their evidence as JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from backend.annotations.tables import Annotation, AnnotationRevision
from backend.auth.schemas import Strict
from model_server.contract.masks import Rle
from model_server.contract.messages import PromptJson

MAX_PROMPTS = 1000
MAX_COMMENT = 2000
# What a maker may say of a mask: unsure of it, one for many objects, the object goes on beyond the picture.
Flag = Literal["unsure", "crowd", "cut_by_border"]
FLAGS: tuple[Flag, ...] = get_args(Flag)
FiniteSeconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]


def _in_order(flags: list[Flag]) -> list[Flag]:
    return [flag for flag in FLAGS if flag in flags]


# Each at most once, in one order, so that equal flags are equal JSON.
Flags = Annotated[list[Flag], Field(max_length=len(FLAGS)), AfterValidator(_in_order)]


class RleJson(BaseModel):
    """A mask as COCO compressed run-length encoding; `size` is [height, width]."""

    size: Annotated[list[int], Field(min_length=2, max_length=2)]
    counts: Annotated[str, Field(max_length=16_000_000)]

    def to_rle(self) -> Rle:
        """The contract's plain form."""
        return {"size": self.size, "counts": self.counts}


class Proposal(BaseModel):
    """What the model had proposed, before the person changed anything."""

    model_config = ConfigDict(extra="forbid")

    rle: RleJson
    predicted_iou: Share
    stability_score: Share
    # The detector's, of the box it came from, and which detector that was.
    score: Annotated[Share | None, Field(exclude_if=lambda score: score is None)] = None
    detector_version: Annotated[str | None, Field(max_length=120, exclude_if=lambda version: version is None)] = None


class AnnotationIn(Strict):
    """A mask to keep, with its evidence: prompts in order of use, clicks, seconds of active work, what the model
    had answered and which candidate was taken; `flags` and `comment`: what its maker says of it."""

    model_config = ConfigDict(protected_namespaces=())

    rle: RleJson
    prompts: list[PromptJson] = Field(default_factory=list, max_length=MAX_PROMPTS)
    category_id: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    clicks: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    active_seconds: FiniteSeconds = 0.0
    model_version: Annotated[str, Field(max_length=120)] | None = None
    candidate: Annotated[int, Field(ge=0, le=2)] | None = None
    proposal: Proposal | None = None
    # Left out of the JSON when there are none: what an older page sent stays the same request when it is repeated.
    flags: Annotated[Flags, Field(exclude_if=lambda flags: not flags)] = Field([])
    comment: Annotated[str, Field(max_length=MAX_COMMENT, exclude_if=lambda comment: not comment)] = ""
    work_item_id: Annotated[int, Field(ge=1, lt=2**31)] | None = None


class Author(BaseModel):
    """Who made it."""

    id: int
    name: str


class AnnotationOut(BaseModel):
    """A kept or proposed mask. `revision` is its ETag; `proposal_iou`: how well the proposal agrees with the mask."""

    model_config = ConfigDict(protected_namespaces=())

    id: int
    image_id: int
    category_id: int | None
    rle: RleJson
    area: int
    bbox_xywh: list[int]
    state: Literal["accepted", "proposed", "rejected", "deleted"]
    origin: Literal["model", "manual", "imported", "detector", "automatic"]
    stage: str
    author: Author | None
    model_version: str | None
    prompts: list[dict[str, Any]]
    clicks: int
    active_seconds: float
    candidate: int | None
    proposal: Proposal | None
    proposal_iou: float | None
    flags: list[Flag]
    comment: str
    revision: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Annotation) -> "AnnotationOut":
        """The row as JSON."""
        computed = {
            "rle": {"size": [row.height, row.width], "counts": row.counts},
            "author": {"id": row.author.id, "name": row.author.name} if row.author else None,
        }
        plain = {name: getattr(row, name) for name in cls.model_fields.keys() - computed.keys()}
        return cls.model_validate(plain | computed)


class AnnotationList(BaseModel):
    """The masks of an image that stand."""

    items: list[AnnotationOut]


class RevisionOut(BaseModel):
    """An earlier version, or one that lost against a newer one (`is_conflict`)."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    revision: int
    is_conflict: bool
    author_id: int | None
    content: dict[str, Any]
    created_at: datetime


class RevisionList(BaseModel):
    """All earlier versions, oldest first."""

    items: list[RevisionOut]

    @classmethod
    def of(cls, rows: list[AnnotationRevision]) -> "RevisionList":
        """The rows as JSON."""
        return cls(items=[RevisionOut.model_validate(row) for row in rows])


class AcceptedOut(BaseModel):
    """The proposals that were accepted together."""

    accepted: list[int]


class RejectedOut(BaseModel):
    """The proposals that were rejected together."""

    rejected: list[int]


class UndoIn(BaseModel):
    """Proposals that were accepted, or rejected, together by mistake."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[Annotated[int, Field(ge=1, lt=2**31)]], Field(max_length=10_000)]


class UndoneOut(BaseModel):
    """Those that are proposals again; the others were touched since."""

    proposed: list[int]
