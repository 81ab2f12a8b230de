"""One image, one model: asks the model server for its masks and writes them, once however often it is asked."""

from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from backend.annotations.proposals import Found, ModelOrigin, add_found, without_overlaps
from backend.database import utc_now
from backend.errors import AppError, Conflict, NotFound, Unavailable, Unprocessable
from backend.images.tables import Image
from backend.jobs.resources import Resources
from backend.stages.counts import move_count
from backend.stages.policies import AUTOMATIC_STAGE
from backend.stages.ranks import rank_of
from backend.stages.schemas import StageName, StagePolicy
from backend.stages.tables import WorkItem
from model_server.contract.automatic import AutomaticRequest, AutomaticResponse
from model_server.contract.detection import ProposeRequest, ProposeResponse
from model_server.contract.geometry import BoxPrompt, PointPrompt

# Refusals that speak of the policy or the versions, not of this image: another image would fare no better.
NOT_OF_THE_IMAGE = frozenset(
    (
        "unknown_model_version",
        "unknown_detector_version",
        "no_detector",
        "detector_of_other_encoder",
        "detector_unusable",
        "malformed_request",
        "too_many_points",
        "not_found",
        "http_error",
    )
)
# The model server gave this image all the time there is.
TIMED_OUT = "timed_out"
NOTHING_KEPT = "No mask reached the thresholds of automatic masks."


@dataclass(frozen=True)
class Waiting:
    """An image that waits for a model, and the versions that are live for it."""

    work_id: int
    admission_id: int | None
    image_id: int
    rank: float
    sha256: str
    size_hw: tuple[int, int]
    model_version: str | None
    detector_version: str | None


@dataclass(frozen=True)
class Answer:
    """What a model found on an image, or why the image cannot be looked at."""

    found: list[Found]
    model_version: str | None
    skip_reason: str | None = None


def ask(resources: Resources, stage: StageName, policy: StagePolicy, image: Waiting) -> Answer:
    """The model's masks for one image; no transaction is held. Raises Unavailable, and AppError for wrong settings."""
    try:
        if stage == AUTOMATIC_STAGE:
            return _ask_automatic(resources, policy, image)
        if image.detector_version is None:  # taken out of use meanwhile: people find everything themselves
            return Answer([], None)
        return _ask_detector(resources, policy, image)
    except (NotFound, Unprocessable, Conflict, Unavailable) as error:
        if error.code in NOT_OF_THE_IMAGE or (isinstance(error, Unavailable) and error.code != TIMED_OUT):
            raise
        return put_aside(error)


def put_aside(error: AppError) -> Answer:
    """The answer for an image that the model cannot look at."""
    return Answer([], None, skip_reason=f"The model could not look at it: {error.message}"[:1000])


def still_waits(waiting: Waiting) -> tuple[ColumnElement[bool], ...]:
    """The item is still the one that was asked for: SQLite gives the id of one that was taken back to the next."""
    return (
        WorkItem.id == waiting.work_id,
        WorkItem.image_id == waiting.image_id,
        WorkItem.admission_id.is_not_distinct_from(waiting.admission_id),
        WorkItem.state == "proposing",
    )


def write(session: Session, stage: StageName, policy: StagePolicy, waiting: Waiting, answer: Answer) -> bool:
    """Writes the answer and moves the item on; False when the item no longer waits: it was moved, removed or done."""
    statement = select(WorkItem).where(*still_waits(waiting)).with_for_update()
    item = session.scalar(statement.execution_options(populate_existing=True))
    image = session.get(Image, waiting.image_id)
    if item is None or image is None:
        return False
    item.is_proposed = stage != AUTOMATIC_STAGE and waiting.detector_version is not None
    if answer.skip_reason is not None:
        item.state, item.skip_reason, item.finished_at = "skipped", answer.skip_reason, utc_now()
    else:
        origin: ModelOrigin = "automatic" if stage == AUTOMATIC_STAGE else "detector"
        found = without_overlaps(session, image.id, answer.found, max_iou=policy.human_overlap_iou)
        if found:
            add_found(session, image, found, origin=origin, stage=stage, model_version=answer.model_version or "")
        if stage == AUTOMATIC_STAGE:
            item.model_version = answer.model_version
        is_done = stage == AUTOMATIC_STAGE and not is_audited(image.sha256, policy.review_share)
        item.is_audit = stage == AUTOMATIC_STAGE and not is_done
        item.state, item.finished_at = ("done", utc_now()) if is_done else ("ready", None)
        item.uncertainty = 1 - sum(one.predicted_iou for one in found) / len(found) if found else None
        item.rank = rank_of(policy.queue_order, image.id, uncertainty=item.uncertainty)
    version = item.model_version or ""
    move_count(session, item.project_id, item.stage, "proposing", item.state, model_version=version)
    return True


def is_audited(sha256: str, share: float) -> bool:
    """Whether an image is drawn for the audit: by its checksum, which nobody can choose and everybody can repeat.

    By other digits than training.frozen.split_of: else all that is audited would be frozen and never learnt.
    """
    return int(sha256[8:16], 16) < share * 2**32


def _ask_automatic(resources: Resources, policy: StagePolicy, image: Waiting) -> Answer:
    request = AutomaticRequest(
        image_sha256=image.sha256,
        size_hw=image.size_hw,
        model_version=image.model_version,
        options=policy.automatic,
    )
    response = AutomaticResponse.model_validate_json(resources.model.automatic(request.model_dump_json().encode()))
    if not response.masks and not is_audited(image.sha256, policy.review_share):
        # To be done without a mask would look like an image of nothing.
        return Answer([], response.model_version, skip_reason=NOTHING_KEPT)
    found = [
        Found(
            rle=one.rle,
            area=one.area,
            bbox_xywh=one.bbox_xywh,
            predicted_iou=one.predicted_iou,
            stability_score=one.stability_score,
            prompts=[asdict(PointPrompt(x=one.point_xy[0], y=one.point_xy[1], label=1))],
        )
        for one in response.masks
    ]
    return Answer(found, response.model_version)


def _ask_detector(resources: Resources, policy: StagePolicy, image: Waiting) -> Answer:
    request = ProposeRequest(
        image_sha256=image.sha256,
        size_hw=image.size_hw,
        model_version=image.model_version,
        detector_version=image.detector_version,
        options=policy.propose,
    )
    response = ProposeResponse.model_validate_json(resources.model.propose(request.model_dump_json().encode()))
    found = []
    for one in response.proposals:
        x1, y1, x2, y2 = one.box_xyxy
        found.append(
            Found(
                rle=one.rle,
                area=one.area,
                bbox_xywh=one.bbox_xywh,
                predicted_iou=one.predicted_iou,
                stability_score=one.stability_score,
                prompts=[asdict(BoxPrompt(x1=x1, y1=y1, x2=x2, y2=y2))],
                score=one.score,
                detector_version=response.detector_version,
            )
        )
    return Answer(found, response.model_version)
