"""What audits say about the automatic masks: how many a person left as they were, nearly or not at all."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from backend.annotations.tables import Annotation, MaskCount
from backend.stages.policies import STAGES, read_policy
from backend.stages.schemas import AuditOut, ExitRule, Proportion, ThresholdOut

AUTOMATIC_STAGE = STAGES[-1]
# The 97.5 % point of the normal distribution.
Z_95 = 1.959963984540054
IOU_THRESHOLDS = (0.80, 0.84, 0.88, 0.92, 0.96)
STABILITY_THRESHOLDS = (0.90, 0.95, 0.97)


@dataclass(frozen=True)
class Shares:
    """Audited masks, and how many of them have an IoU above 0.75 and above 0.90 with what the person left."""

    masks: int
    above_75: int
    above_90: int


def read_shares(session: Session, project_id: int) -> Shares:
    """The audited masks of a project, counted by the database."""
    above = [func.count().filter(Annotation.proposal_iou > bound) for bound in (0.75, 0.90)]
    row = session.execute(select(func.count(), above[0], above[1]).where(_is_audited(project_id))).one()
    return Shares(masks=row[0], above_75=row[1], above_90=row[2])


def read_audit(session: Session, project_id: int) -> AuditOut:
    """The audit of a project, with a table of what other thresholds would have given."""
    rule = read_policy(session, project_id, AUTOMATIC_STAGE).exit
    shares = read_shares(session, project_id)
    counted = select(
        func.count(Annotation.image_id.distinct()), func.count().filter(Annotation.state == "rejected")
    ).where(_is_audited(project_id))
    images, rejected = session.execute(counted).one()
    of_stage = (MaskCount.project_id == project_id, MaskCount.stage == AUTOMATIC_STAGE, MaskCount.outcome == "added")
    return AuditOut(
        masks=shares.masks,
        images=images,
        share_75=wilson(shares.above_75, shares.masks),
        share_90=wilson(shares.above_90, shares.masks),
        rejected=rejected,
        added=session.scalar(select(func.coalesce(func.sum(MaskCount.count), 0)).where(*of_stage)) or 0,
        is_passed=is_passed(shares, rule),
        need=rule.audit_min_masks,
        by_threshold=_by_threshold(session, project_id),
    )


def is_passed(shares: Shares, rule: ExitRule) -> bool:
    """Whether enough masks were audited and enough of them were good."""
    if shares.masks < rule.audit_min_masks:
        return False
    is_good = shares.above_75 >= rule.audit_min_share_75 * shares.masks
    return is_good and shares.above_90 >= rule.audit_min_share_90 * shares.masks


def wilson(count: int, total: int) -> Proportion:
    """A share with its 95 % score interval (Wilson 1927), which stays inside 0..1 and holds for few masks too."""
    if total == 0:
        return Proportion(value=None, low=None, high=None)
    share, z2 = count / total, Z_95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z_95 / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return Proportion(value=share, low=max(0.0, centre - half), high=min(1.0, centre + half))


def _is_audited(project_id: int) -> ColumnElement[bool]:
    return and_(Annotation.project_id == project_id, Annotation.is_audited, Annotation.state != "deleted")


def _by_threshold(session: Session, project_id: int) -> list[ThresholdOut]:
    """Among the audited masks: those above stricter thresholds, and how good they are."""
    scores = (Annotation.proposal["predicted_iou"].as_float(), Annotation.proposal["stability_score"].as_float())
    rows: Sequence[tuple[float, float, float]] = [
        (row[0] or 0.0, row[1] or 0.0, row[2] or 0.0)
        for row in session.execute(select(*scores, Annotation.proposal_iou).where(_is_audited(project_id)))
    ]
    table = []
    for iou_bound in IOU_THRESHOLDS if rows else ():
        for stability_bound in STABILITY_THRESHOLDS:
            # As the generator does: predicted IoU above its threshold, stability at least its own.
            ious = [iou for predicted, stability, iou in rows if predicted > iou_bound and stability >= stability_bound]
            table.append(
                ThresholdOut(
                    pred_iou_thresh=iou_bound,
                    stability_score_thresh=stability_bound,
                    masks=len(ious),
                    kept_share=len(ious) / len(rows),
                    share_75=wilson(sum(iou > 0.75 for iou in ious), len(ious)),
                    share_90=wilson(sum(iou > 0.90 for iou in ious), len(ious)),
                )
            )
    return table
