"""What the charts show, as JSON.

Medians and means are of the masks that people drew; those of a model are judged, not drawn. Seconds come from buckets
and are exact to 9 % of (1 + seconds); clicks count as 20 from 20 on. None where there is nothing to take a median of.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from backend.stages.schemas import StageName
from backend.training.schemas import Figure, Interval


class Effort(BaseModel):
    """What masks cost people, in seconds of active work and clicks."""

    median_seconds: float | None
    mean_seconds: float | None
    median_clicks: float | None
    mean_clicks: float | None


class StageOverview(BaseModel):
    """One stage: images by state, masks by outcome, effort.

    `masks_per_image`: masks that stand for each image finished here, also of those that moved on since.
    """

    stage: StageName
    images: dict[str, int]
    masks: dict[str, int]
    median_seconds: float | None
    median_clicks: float | None
    masks_per_image: float | None


class Overview(BaseModel):
    """A project at a glance; `total_masks` stand in the dataset."""

    stages: list[StageOverview]
    total_masks: int


class VersionFigures(BaseModel):
    """How a version did on the project's frozen masks."""

    iou_1: Interval
    iou_3: Interval
    iou_5: Interval
    noc_85: Interval
    calibration_error: float | None


class Change(BaseModel):
    """A candidate beside the version that was live then: `live` on the same masks, `difference` to it mask by mask.

    `model_version` None: which one it was, was not written down.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_version: str | None
    live: VersionFigures
    difference: dict[Figure, Interval]


class RunFigures(VersionFigures):
    """The figures of a version and the run that measured it. Each run has more frozen masks than the one before:
    figures of two runs cannot be subtracted. `change` None: it was measured as the live version.
    """

    id: int
    change: Change | None


class Round(Effort):
    """The work done with one model version, since it was first promoted (None: live from the beginning, or never).

    `masks` stand in the dataset: kept, edited, added and those that nobody looked at. Counts of outcomes leave the
    automatic stage out, whose audit has its own figures.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_version: str
    promoted_at: datetime | None
    masks: int
    masks_per_image: float | None
    kept: int
    edited: int
    rejected: int
    added: int
    run: RunFigures | None


class Flywheel(BaseModel):
    """One round for each model version, in order of promotion."""

    rounds: list[Round]


class ScoreRow(BaseModel):
    """Decided proposals of at least this score: how many were kept untouched, edited and rejected, and the mean clicks
    that one of them saved (below 0: cost), None before it is known what a mask costs by hand."""

    min_score: float
    proposals: int
    kept: int
    edited: int
    rejected: int
    saved_clicks: Interval | None


class ProposalFigures(BaseModel):
    """What people made of the proposals of the detector in use, by least score.

    `best_min_score` would have saved most clicks in all, of those with `need` decided proposals or more; None: none
    saves any, or too few are decided yet. Of scores below the stage's own only earlier decisions are known.
    """

    detector_version: str | None
    proposals: int
    need: int
    clicks_by_hand: float | None
    best_min_score: float | None
    by_score: list[ScoreRow]


class PersonFigures(BaseModel):
    """What one person did."""

    id: int
    name: str
    masks: int
    median_seconds: float | None
    median_clicks: float | None
    kept: int
    edited: int
    rejected: int


class People(BaseModel):
    """Everybody who made or judged a mask, by name: nobody is ranked."""

    people: list[PersonFigures]
