"""The JSON of fully automatic masks: a grid of points over an image and its crops, and what survives the filters.

Names and meanings are those of Segment Anything's SamAutomaticMaskGenerator (segment_anything 1.0).
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from model_server.contract.masks import Rle
from model_server.contract.messages import Message, Sha256, Side

MAX_POINTS = 65_536  # of one image, over all its crops; a CPU answers some hundred a second

Share = Annotated[float, Field(ge=0, le=1)]
Offset = Annotated[float, Field(ge=0, le=10)]


class AutomaticThresholds(Message):
    """What a model's masks must reach where nobody says otherwise. Models differ in how sure they are of themselves, so
    a model's config.json may name its own under `automatic`; these made SA-1B (Segment Anything, appendix B)."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    pred_iou_thresh: Share = 0.88
    stability_score_thresh: Share = 0.95
    stability_score_offset: Offset = 1.0


class AutomaticOptions(Message):
    """Defaults are those that made SA-1B (Segment Anything, appendix B), but without crops.

    - `points_per_side`: of the grid on the whole image; on crops of layer n it is divided by
      `crop_n_points_downscale_factor` to the power of n.
    - `points_per_batch`: how many points' masks are in memory at once.
    - `pred_iou_thresh`, `stability_score_thresh`: what the predicted IoU must exceed and the stability reach; 0 turns
      a filter off. Stability is the IoU of the masks cut at +- `stability_score_offset` logits. Null, any of the three
      is the model's own (AutomaticThresholds).
    - `box_nms_thresh`, `crop_nms_thresh`: of masks whose boxes overlap more, the one of higher predicted IoU stays
      (within a crop), or the one of the smaller crop (between crops). `mask_nms_thresh`: the same for the masks
      themselves, by predicted IoU; null turns it off.
    - `crop_n_layers`: layer n cuts the image into 2^n by 2^n crops, which overlap by `crop_overlap_ratio` of the
      image's short side in the first layer, and half as much in each further one.
    - `min_mask_region_area`: islands and holes of fewer pixels are removed, 0 for none; `max_area_share`: masks of that
      share of the image or more are left out, 1 for none.
    - `max_masks`: at most so many, those of the highest predicted IoU.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    points_per_side: int = Field(32, ge=1, le=128)
    points_per_batch: int = Field(64, ge=1, le=1024)
    pred_iou_thresh: Share | None = None
    stability_score_thresh: Share | None = None
    stability_score_offset: Offset | None = None
    box_nms_thresh: Share = 0.7
    crop_n_layers: int = Field(0, ge=0, le=3)
    crop_nms_thresh: Share = 0.7
    crop_overlap_ratio: Share = 512 / 1500
    crop_n_points_downscale_factor: int = Field(1, ge=1, le=16)
    min_mask_region_area: int = Field(100, ge=0, le=1_000_000)
    max_area_share: float = Field(0.95, gt=0, le=1)
    mask_nms_thresh: Share | None = None
    max_masks: int | None = Field(None, ge=1, le=10_000)


SA_1B_THRESHOLDS = AutomaticThresholds().model_dump()
SAM = AutomaticOptions(min_mask_region_area=0, max_area_share=1.0, **SA_1B_THRESHOLDS)
"""SamAutomaticMaskGenerator's defaults."""
SAM2 = SAM.model_copy(update={"pred_iou_thresh": 0.8})
"""SAM2AutomaticMaskGenerator's defaults."""
SA_1B = AutomaticOptions(crop_n_layers=2, crop_n_points_downscale_factor=2, **SA_1B_THRESHOLDS)
"""What made SA-1B: 32 x 32 points on the image, 16 x 16 on each of 4 crops, 8 x 8 on each of 16."""

PresetName = Literal["own", "sam", "sam2", "sa_1b"]
PRESETS: dict[PresetName, AutomaticOptions] = {"own": AutomaticOptions(), "sam": SAM, "sam2": SAM2, "sa_1b": SA_1B}
"""Options by name; `own` leaves the thresholds to the model."""


def thresholds_of(options: AutomaticOptions, own: AutomaticThresholds) -> AutomaticThresholds:
    """The options' thresholds, and the model's own where they name none."""
    named = {name: getattr(options, name) for name in AutomaticThresholds.model_fields}
    return own.model_copy(update={name: value for name, value in named.items() if value is not None})


def points_per_side(options: AutomaticOptions, layer: int) -> int:
    """The side of a crop's grid; at least one point, where the published code fails on none."""
    return max(1, int(options.points_per_side / options.crop_n_points_downscale_factor**layer))


def point_count(options: AutomaticOptions) -> int:
    """All points of an image, layer 0 being the image itself. An image of a few pixels has fewer crops."""
    return sum(4**layer * points_per_side(options, layer) ** 2 for layer in range(options.crop_n_layers + 1))


class AutomaticRequest(Message):
    """Mask everything in an image. `size_hw` is its (height, width) as the caller knows it."""

    image_sha256: Sha256
    size_hw: tuple[Side, Side]
    model_version: str | None = None
    options: AutomaticOptions = AutomaticOptions()


class AutomaticMask(Message):
    """One mask, the point it was made from, and the crop that the network saw, in image pixels."""

    rle: Rle
    bbox_xywh: tuple[int, int, int, int]
    area: int
    predicted_iou: float
    stability_score: float
    point_xy: tuple[float, float]
    crop_box_xywh: tuple[int, int, int, int]


class AutomaticCounts(Message):
    """How many masks were left after each step; three candidates per point.

    `after_edge`: without empty ones, those cut by a crop's edge and those too large; `after_nms`: box and mask
    suppression; `after_cleanup`: islands and holes removed, what then repeats left out, and `max_masks`.
    """

    candidates: int = 0
    after_iou: int = 0
    after_stability: int = 0
    after_edge: int = 0
    after_nms: int = 0
    after_cleanup: int = 0


class AutomaticTimings(Message):
    """Milliseconds: all of it, waiting for embeddings of image and crops (the image's is 0 when cached), decoding on
    the device, making masks of logits and filtering them, suppression and cleanup. Decoding and masks overlap."""

    total: float
    encode: float
    decode: float
    masks: float
    cleanup: float


class AutomaticResponse(Message):
    """Masks by predicted IoU, the highest first. `model_thresholds`: its own, for what the options left open."""

    model_version: str
    model_thresholds: AutomaticThresholds
    masks: list[AutomaticMask]
    counts: AutomaticCounts
    timings_ms: AutomaticTimings
