"""Stages, admissions and work items as JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from backend.auth.schemas import Strict
from backend.images.schemas import ImageOut
from model_server.contract.automatic import MAX_POINTS, AutomaticOptions, PresetName, point_count
from model_server.contract.detection import ProposeOptions

StageName = Literal["assisted_manual", "semi_automatic", "fully_automatic"]
QueueOrder = Literal["oldest", "newest", "random", "uncertain"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Id = Annotated[int, Field(ge=1, lt=2**31)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]
MAX_NAMED_IMAGES = 10_000
MAX_NAMED_MASKS = 1000
LeaseToken = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class LeaseIn(Strict):
    """The token the item was lent with."""

    lease_token: LeaseToken


class FinishedIn(LeaseIn):
    """The item that is done, with the token it was lent with."""

    work_id: Id


class NextIn(Strict):
    """Which image to lend: the next of the queue, or this one. `after`: not this item again (it was put aside).

    `finish`: what is done first, in one step with the lending. `prefer`: this image if it still waits, else the next;
    what `upcoming` named.
    Without `stage`: proposals to review first, then images to annotate by hand, then audits.
    """

    image_id: Id | None = None
    after: Id | None = None
    finish: FinishedIn | None = None
    prefer: Id | None = None
    stage: StageName | None = None


class SkipIn(LeaseIn):
    """Why the image is put aside."""

    reason: Reason = ""


class ReviewIn(Strict):
    """What a reviewer decides of a finished image; sent back, `reason` says why and goes to the named masks, too.

    `seen`: the revision of each mask that was looked at, by its id; without it whatever stands now is accepted.
    """

    decision: Literal["accept", "send_back"]
    reason: Reason = ""
    annotation_ids: list[Id] = Field(default_factory=list, max_length=MAX_NAMED_MASKS)
    seen: dict[Id, int] | None = None


class Person(BaseModel):
    """Who did it."""

    id: int
    name: str


class ReviewOut(BaseModel):
    """The last review of an image since it was finished. `sent_back_reason` None: it was accepted."""

    by: Person
    sent_back_reason: str | None


class WorkItemOut(BaseModel):
    """One image in one stage. `lease_token` is only there for whom it is lent to.

    `remaining`: how many images of this stage still wait, this one included. `is_audit`: an image of the automatic
    stage whose masks are to be checked. After `hint_seconds` on one mask the page suggests to move on.
    `finished_by`: who finished it, of a finished one. `review` None: nobody has reviewed it.
    """

    id: int
    image: ImageOut
    stage: str
    is_audit: bool
    hint_seconds: float
    state: str
    lease_token: str | None
    lease_until: datetime | None
    lease_seconds: float
    remaining: int
    finished_by: Person | None
    review: ReviewOut | None


class UpcomingOut(BaseModel):
    """What is probably lent next to the one who asks; null: nothing else waits. It is not lent by this."""

    item: WorkItemOut | None


class HeldOut(BaseModel):
    """An image in somebody's hands. `has_run_out`: its lease is over; it stays theirs until somebody asks for work."""

    work_id: int
    image_id: int
    file_name: str
    stage: StageName
    is_audit: bool
    holder: Person
    held_since: datetime
    lease_until: datetime
    has_run_out: bool


class HeldList(BaseModel):
    """A page of them, the newest claim first."""

    items: list[HeldOut]
    next_cursor: str | None


class FreeIn(Strict):
    """From whom an image is taken, as seen in the list, and why."""

    holder_id: Id
    reason: Reason = ""


class ExitRule(Strict):
    """When the images of a stage may go on to the next; for the automatic stage, when its masks can be trusted.

    Every bound that is set must hold: masks kept, images done, median seconds for one mask with the live model. With
    `is_automatic` the next stage is then kept filled with `batch` waiting images. `audit_*` are those of the automatic
    stage: shares of audited masks whose IoU with the person's mask is above 0.75 and above 0.90.
    """

    min_masks: Count | None = None
    min_images: Count | None = None
    max_seconds_per_mask: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None = None
    is_automatic: bool = False
    batch: Annotated[int, Field(ge=1, le=100_000)] = 100
    audit_min_share_75: Share = 0.90
    audit_min_share_90: Share = 0.80
    audit_min_masks: Count = 50


def _not_too_dense(options: AutomaticOptions) -> AutomaticOptions:
    if point_count(options) > MAX_POINTS:
        raise ValueError(f"these options ask for {point_count(options)} points an image; at most {MAX_POINTS} can be")
    return options


GridOptions = Annotated[AutomaticOptions, AfterValidator(_not_too_dense)]


class StagePolicy(Strict):
    """How a stage works; one shape for all three, each stage ignores what it does not use.

    `queue_order` sets what is lent first ("uncertain": the lowest mean predicted IoU of the proposals). No more images
    than `budget_images` are ever admitted; the first stage takes all that are added. `review_share`: of the images with
    automatic masks, how many a person audits. A proposal or automatic mask whose IoU with a person's mask is above
    `human_overlap_iou` is left out.
    """

    queue_order: QueueOrder = "oldest"
    hint_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 30.0
    budget_images: Count | None = None
    review_share: Share = 0.0
    exit: ExitRule = ExitRule()
    propose: ProposeOptions = ProposeOptions()
    automatic: GridOptions = AutomaticOptions()
    human_overlap_iou: Share = 0.5


class PolicyPatch(Strict):
    """What to change of a policy (absent fields stay, at every depth), and the revision it was read at."""

    policy: dict[str, Any]
    revision: Annotated[int, Field(ge=0, lt=2**31)]


class ItemCounts(BaseModel):
    """Images of a stage by state."""

    proposing: int
    ready: int
    claimed: int
    done: int
    skipped: int
    moved: int


class ExitProgress(BaseModel):
    """One bound of an exit rule: what there is and what it asks for. `have` None: not known yet."""

    name: str
    have: float | None
    need: float


class ExitOut(BaseModel):
    """Whether a stage's exit rule holds, and if not, what is missing, in sentences."""

    is_ready: bool
    unmet: list[str]
    progress: list[ExitProgress]


class StageOut(BaseModel):
    """One stage. `revision` 0: nobody has changed its policy yet. `masks`: that stand in the dataset.

    `rate_per_hour`: images finished in the last hour; `seconds_left` for those that wait, at that rate.
    """

    stage: StageName
    policy: StagePolicy
    revision: int
    counts: ItemCounts
    exit: ExitOut
    rate_per_hour: float | None
    seconds_left: float | None
    masks: int


class AutomaticPreset(BaseModel):
    """Options of the automatic stage by a name; `own`: what a new project begins with, the model's own thresholds."""

    name: PresetName
    options: AutomaticOptions


class StageList(BaseModel):
    """The three stages in order, and the versions that are live (None: the model server's default; no detector).

    `detector_fits` False: the detector was trained on another encoder than the live model's. Images wait for proposals
    until a detector is trained on the live model.
    """

    model_config = ConfigDict(protected_namespaces=())

    stages: list[StageOut]
    model_version: str | None
    detector_version: str | None
    detector_fits: bool
    automatic_presets: list[AutomaticPreset]


class AdmitRule(Strict):
    """Which of the images that wait in an earlier stage. Conditions add up; none: all of them, in their queue's order.

    `random_share` takes that share of them, always the same ones. `include_done`: also images that are done there.
    """

    count: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    name_contains: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    random_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    image_ids: Annotated[list[Id], Field(max_length=MAX_NAMED_IMAGES)] | None = None
    include_done: bool = False


class AdmitIn(Strict):
    """Images to move into a stage; with `dry_run` nothing moves."""

    rule: AdmitRule
    reason: Reason = ""
    dry_run: bool = True


class AdmitOut(BaseModel):
    """How many images would move, or have moved, and the first of them."""

    image_count: int
    first: list[ImageOut]
    admission_id: int | None


class RevertIn(Strict):
    """Why an admission is taken back."""

    reason: Reason = ""


class RevertOut(BaseModel):
    """How many images went back to where they came from, and how many of the admission stay."""

    reverted: int
    stay: int


class AdmissionOut(BaseModel):
    """Images moved together. `author` None: the exit rule did it."""

    id: int
    from_stage: StageName
    to_stage: StageName
    rule: AdmitRule
    reason: str
    author: Person | None
    image_count: int
    created_at: datetime
    reverted_at: datetime | None
    reverted_count: int | None


class AdmissionList(BaseModel):
    """The newest admissions, newest first."""

    items: list[AdmissionOut]


class Proportion(BaseModel):
    """A share with its 95 % interval by Wilson's score; all None without masks."""

    value: float | None
    low: float | None
    high: float | None


class ThresholdOut(BaseModel):
    """What the audited masks would have been with other thresholds; of those that keep the same, the strictest."""

    pred_iou_thresh: float
    stability_score_thresh: float
    masks: int
    kept_share: float
    share_75: Proportion
    share_90: Proportion


class AuditOut(BaseModel):
    """What people made of the automatic masks of one version; `need`: how many masks must be audited to pass.

    `versions` with automatic masks, the one that is judged first: the live one, else the newest. `model_version`: the
    one shown; None: there are no automatic masks.
    `share_75`, `share_90`: whose IoU with the person's mask is above 0.75, above 0.90; a rejected mask has IoU 0.
    `added`: masks that were missing. `by_threshold`: a table to choose the stage's thresholds by.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_version: str | None
    versions: list[str]
    masks: int
    images: int
    share_75: Proportion
    share_90: Proportion
    rejected: int
    added: int
    is_passed: bool
    need: int
    by_threshold: list[ThresholdOut]
