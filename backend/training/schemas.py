"""Snapshots, the training policy and runs as JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from backend.auth.schemas import Strict
from backend.jobs.schemas import JobState
from backend.models.schemas import Kind
from backend.training.tables import Snapshot

RunState = Literal[
    "queued", "snapshotting", "training", "evaluating", "promoted", "candidate", "refused", "failed", "cancelled"
]
Measure = Literal["iou_1", "iou_3", "noc_85"]
Figure = Literal["iou_1", "iou_3", "iou_5", "noc_85", "noc_90"]
Count = Annotated[int, Field(ge=1, le=100_000_000)]
Rate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Version = Annotated[str, StringConstraints(min_length=1, max_length=120)]
ReplayName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(=[0-9.]{1,8})?$")]


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address begins with http:// or https://")
    return url


class SnapshotIn(Strict):
    """What the snapshot is for."""

    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


class SnapshotOut(BaseModel):
    """A numbered, frozen version of a project's accepted masks. Counts, checksum and size are there once it is made.

    `counts`: train_images, train_masks (made or checked by people), frozen_images, frozen_masks (what models are
    measured by), automatic_masks (the rest).
    """

    id: int
    project_id: int
    number: int
    note: str
    frozen_share: float
    counts: dict[str, int] | None
    sha256: str | None
    byte_size: int | None
    job_state: JobState | None
    error: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: Snapshot) -> "SnapshotOut":
        """The row and its job as JSON. The job of one that was made within a run is the run's."""
        state: str | None = "done" if row.key is not None else (row.job.state if row.job else None)
        error = row.job.error if row.job is not None and row.key is None else None
        names = cls.model_fields.keys() - {"job_state", "error"}
        plain = {name: getattr(row, name) for name in names}
        return cls.model_validate(plain | {"job_state": state, "error": error})


class SnapshotList(BaseModel):
    """A project's snapshots, newest first."""

    items: list[SnapshotOut]


class Changes(BaseModel):
    """How many came and went."""

    added: int
    removed: int


class MaskChanges(Changes):
    """`changed`: the same mask with another shape or category."""

    changed: int


class SnapshotDiff(BaseModel):
    """What happened from the first snapshot to the other. `split_moves` is 0: a picture's part depends on it alone."""

    images: Changes
    masks: MaskChanges
    split_moves: int


class Gate(BaseModel):
    """What a candidate must show on the frozen masks to go live, and what it may lose on the general set.

    The 95 % interval of the paired difference of `measure`, the better the larger, must lie above `min_gain` (IoU, or
    clicks for noc_85); the mean IoU on the general set may fall by `max_general_loss`, with the rounds that led to the
    live version. Of a detector, the interval of the difference in average recall of 100 boxes must lie above `min_gain`
    (above 0 where that is in clicks).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    measure: Measure = "iou_1"
    min_gain: float = Field(0.0, ge=-20, le=20, allow_inf_nan=False)
    max_general_loss: float = Field(0.01, ge=0, le=1, allow_inf_nan=False)


# A step of a detector's head costs a small part of a decoder's.
DETECTOR_STEPS = 5  # for each of the model's


class TrainOptions(BaseModel):
    """How a run trains; the defaults are the project's policy. See docs/training.md.

    `steps` are those of a model; a detector makes five for each.
    `base`: the live version, or the one that was live before the first promotion. `augment`: sizes and mirror images;
    without it a run that leaves the encoder alone encodes every picture once. `use_automatic`: learn from automatic
    masks that nobody looked at, too. `replay`: folders of `replay` in the data folder, NAME or NAME=WEIGHT.
    `keep_base`: share of the base's weights in the candidate, against forgetting. `closer`: half of the
    views are parts as the server encodes them for those who zoom in, and versions are compared as such a person clicks.
    `hook_command`: train by the installation's own command.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tune: Literal["decoder", "head", "lora", "full"] = "decoder"
    steps: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    batch_size: Annotated[int, Field(ge=1, le=256)] = 4
    rate: Rate = 1e-4
    base: Literal["live", "first"] = "live"
    max_minutes: Annotated[float, Field(gt=0, le=14 * 24 * 60, allow_inf_nan=False)] = 30.0
    keep_base: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    closer: bool = False
    augment: bool = True
    use_automatic: bool = False
    replay: Annotated[list[ReplayName], Field(max_length=20)] = []
    gate: Gate = Gate()
    auto_promote: bool = False
    hook_command: bool = False


class Policy(TrainOptions):
    """When a project retrains, and how. `frozen_share` of its images is never trained on, fixed by its first snapshot.

    `hook_url` is told of each run and trains in our place (docs/engine.md). `hook_secret` signs what is sent there;
    it is never shown again.
    """

    every_masks: Count | None = None
    every_hours: Annotated[float, Field(ge=0.1, le=10_000, allow_inf_nan=False)] | None = None
    min_masks: Count = 50
    frozen_share: Annotated[float, Field(ge=0.01, le=0.5, allow_inf_nan=False)] = 0.2
    hook_url: Annotated[str, StringConstraints(max_length=2000), AfterValidator(_web_address)] | None = None
    hook_secret: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    train_detector: bool = True


class PolicyIn(Strict):
    """The fields of a policy to change, and the revision they were read with."""

    policy: dict[str, Any]
    revision: Annotated[int, Field(ge=0, lt=2**31)]


class PolicyOut(BaseModel):
    """The policy as it holds now; `has_hook_secret` instead of the secret.

    `frozen_images` have masks to measure models by, counted up to `frozen_images_needed`; with fewer no run starts by
    itself.
    """

    policy: Policy
    revision: int
    has_hook_secret: bool
    is_hook_command_allowed: bool
    frozen_images: int
    frozen_images_needed: int


class RunIn(Strict):
    """A run to start now. `base`: a version to start from; `options`: what differs from the policy.

    `train_anyway`: although there are too few frozen images for its gate to let anything through.
    """

    kind: Kind = "model"
    base: Version | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    train_anyway: bool = False


class Interval(BaseModel):
    """A mean with its 95 % bootstrap interval over images; None where one image allows none."""

    value: float
    low: float | None
    high: float | None


class Measures(BaseModel):
    """One version on one set of masks: mean IoU after 1, 3, 5 clicks, clicks to IoU 0.85 and 0.90."""

    images: int
    masks: int
    iou_1: Interval
    iou_3: Interval
    iou_5: Interval
    noc_85: Interval
    noc_90: Interval
    calibration_error: float | None


class Comparison(BaseModel):
    """Two versions on the same masks; `difference` is candidate minus live, mask by mask."""

    live: Measures
    candidate: Measures
    difference: dict[Figure, Interval]


class GateAnswer(BaseModel):
    """Whether the candidate may go live, and why in a sentence."""

    is_passed: bool
    reason: str


class DetectorFigures(BaseModel):
    """Average recall of the first 10 and 100 boxes, and average precision: over IoU 0.50 to 0.95, at 0.50, at 0.75."""

    ar_10: float
    ar_100: float
    ap: float
    ap_50: float
    ap_75: float


class DetectorMetrics(BaseModel):
    """A detector beside the live one on frozen pictures. `live` None: there was none, or none of the same encoder."""

    pictures: int
    boxes: int
    candidate: DetectorFigures
    live: DetectorFigures | None
    difference: dict[Literal["ar_100"], Interval]


class RunMetrics(BaseModel):
    """What a run was judged by. `frozen` None: there was no frozen mask. `detector`: of a detector run only.

    `compared_with`: the version that was live then; None: there was no detector yet, or it was not written down.
    """

    compared_with: str | None = None
    frozen: Comparison | None
    general: Comparison | None
    gate: GateAnswer
    detector: DetectorMetrics | None = None


class RunJob(BaseModel):
    """How far the run's job is."""

    id: int
    state: JobState
    done: int
    total: int
    phase: str


class RunOut(BaseModel):
    """One round of the loop; `curve`: {step, loss, iou, seconds} while it trains. `trigger`: a person or the policy.

    `planned_steps`: how many the trainer is to make. `waits_for_checkpoint`: it is trained elsewhere, and what comes
    back is sent to its `checkpoint` address.
    """

    id: int
    project_id: int
    kind: Kind
    state: RunState
    trigger: str
    snapshot_id: int | None
    snapshot_number: int | None
    base_version: str | None
    candidate_version: str | None
    options: dict[str, Any]
    planned_steps: int
    curve: list[dict[str, float]]
    metrics: RunMetrics | None
    reason: str | None
    job: RunJob | None
    created_at: datetime
    finished_at: datetime | None
    waits_for_checkpoint: bool
    seconds_left: float | None


class RunList(BaseModel):
    """A project's runs, newest first."""

    items: list[RunOut]
