"""What audits say about the automatic masks: how many a person left as they were, nearly or not at all."""

import math
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.annotations.audit_counts import (
    AGREEMENT_BOUNDS,
    IOU_THRESHOLDS,
    STABILITY_THRESHOLDS,
    AuditCell,
    image_cell,
)
from backend.annotations.tables import AuditCount, MaskCount
from backend.errors import NotFound
from backend.models.tables import ModelVersion
from backend.stages.policies import AUTOMATIC_STAGE, read_policy
from backend.stages.schemas import AuditOut, ExitRule, Proportion, ThresholdOut
from backend.stages.service import live_model_version

# The outcomes of automatic masks; the others count what was missing, and images.
MASKS = ("standing", "rejected")
# The 97.5 % point of the normal distribution.
Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Shares:
    """Audited masks, and how many of them have an IoU above 0.75 and above 0.90 with what the person left."""

    masks: int
    above_75: int
    above_90: int


def read_shares(session: Session, project_id: int) -> Shares:
    """The audited masks of the version that is judged."""
    versions = list_versions(session, project_id)
    return _shares(read_audit_counts(session, project_id, versions[0])) if versions else Shares(0, 0, 0)


def read_audit(session: Session, project_id: int, model_version: str | None = None) -> AuditOut:
    """The audit of one version (None: the one that is judged), with a table of what other thresholds would have given.

    Raises NotFound for a version without automatic masks in the project.
    """
    versions = list_versions(session, project_id)
    if model_version is not None and model_version not in versions:
        message = f"This project has no automatic masks of {model_version}."
        raise NotFound("no_automatic_masks", message, versions=versions)
    shown = model_version or next(iter(versions), None)
    rule = read_policy(session, project_id, AUTOMATIC_STAGE).exit
    counts = read_audit_counts(session, project_id, shown or "")
    shares = _shares(counts)
    return AuditOut(
        model_version=shown,
        versions=versions,
        masks=shares.masks,
        images=counts[image_cell(project_id, shown or "")],
        share_75=wilson(shares.above_75, shares.masks),
        share_90=wilson(shares.above_90, shares.masks),
        rejected=sum(count for cell, count in counts.items() if cell.outcome == "rejected"),
        added=sum(count for cell, count in counts.items() if cell.outcome == "added"),
        is_passed=is_passed(shares, rule),
        need=rule.audit_min_masks,
        by_threshold=_by_threshold(counts) if shares.masks else [],
    )


def list_versions(session: Session, project_id: int) -> list[str]:
    """Versions with automatic masks in the project. First the one that is judged: the live one, else the newest."""
    unseen = select(MaskCount.model_version).where(
        MaskCount.project_id == project_id,
        MaskCount.stage == AUTOMATIC_STAGE,
        MaskCount.outcome == "automatic",
        MaskCount.count > 0,
    )
    is_audited = (AuditCount.project_id == project_id, AuditCount.outcome.in_(MASKS), AuditCount.count > 0)
    audited = select(AuditCount.model_version).where(*is_audited)
    found = set(session.scalars(unseen.union(audited)))
    rows = session.execute(select(ModelVersion.id, ModelVersion.created_at).where(ModelVersion.id.in_(found)))
    first_seen = {version: created_at.timestamp() for version, created_at in rows}
    live = live_model_version(session, project_id)

    def recency(version: str) -> tuple[bool, float, str]:
        return version == live, first_seen.get(version, 0.0), version

    return sorted(found, key=recency, reverse=True)


def read_audit_counts(session: Session, project_id: int, model_version: str) -> Counter[AuditCell]:
    """The audited masks and images of one version by cell: some hundred cells at most, however many masks."""
    of_version = (AuditCount.project_id == project_id, AuditCount.model_version == model_version)
    statement = select(*AuditCount.__table__.columns).where(*of_version)
    return Counter({AuditCell(*cell): count for *cell, count in session.execute(statement)})


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


def _shares(counts: Counter[AuditCell], *, predicted_step: int = 0, stability_step: int = 0) -> Shares:
    """Of the masks that pass so many of the thresholds of each kind."""
    by_agreement = [0] * (1 + len(AGREEMENT_BOUNDS))
    for cell, count in counts.items():
        is_counted = cell.predicted_step >= predicted_step and cell.stability_step >= stability_step
        if cell.outcome in MASKS and is_counted:
            by_agreement[cell.iou_step] += count
    below, above_75, above_90 = by_agreement
    return Shares(masks=below + above_75 + above_90, above_75=above_75 + above_90, above_90=above_90)


def _by_threshold(counts: Counter[AuditCell]) -> list[ThresholdOut]:
    """Among the audited masks: those above other thresholds, and how good they are.

    Of thresholds that keep the same masks only the strictest; those that keep none are left out.
    """

    def passing(predicted_step: int, stability_step: int) -> Shares:
        return _shares(counts, predicted_step=predicted_step, stability_step=stability_step)

    total = _shares(counts).masks
    table = []
    for predicted_step, iou_bound in enumerate(IOU_THRESHOLDS, start=1):
        for stability_step, stability_bound in enumerate(STABILITY_THRESHOLDS, start=1):
            shares = passing(predicted_step, stability_step)
            # No mask passes more thresholds than there are, so the last ones are followed by none.
            stricter = (passing(predicted_step + 1, stability_step), passing(predicted_step, stability_step + 1))
            if shares.masks == 0 or shares.masks in [one.masks for one in stricter]:
                continue
            table.append(
                ThresholdOut(
                    pred_iou_thresh=iou_bound,
                    stability_score_thresh=stability_bound,
                    masks=shares.masks,
                    kept_share=shares.masks / total,
                    share_75=wilson(shares.above_75, shares.masks),
                    share_90=wilson(shares.above_90, shares.masks),
                )
            )
    return table
