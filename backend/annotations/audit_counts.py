"""Where an audited mask is counted: by whose audit it is in and the thresholds that it passes, so that the audit's
figures never read masks.

Who changes a threshold writes a migration that counts anew.
"""

from typing import NamedTuple

from backend.annotations.tables import Annotation

# Of the mask's own predicted IoU and stability: what the automatic stage could be set to instead. Small models work at
# the lower ones.
IOU_THRESHOLDS = (0.50, 0.60, 0.65, 0.70, 0.75, 0.80, 0.84, 0.88, 0.92, 0.96)
STABILITY_THRESHOLDS = (0.50, 0.65, 0.80, 0.90, 0.95, 0.97)
# Of the IoU between the automatic mask and what the person left.
AGREEMENT_BOUNDS = (0.75, 0.90)


class AuditCell(NamedTuple):
    """The key of one row of AuditCount; a step is how many of its thresholds are passed."""

    project_id: int
    model_version: str
    outcome: str
    predicted_step: int = 0
    stability_step: int = 0
    iou_step: int = 0


def audit_cell_of(row: Annotation) -> AuditCell | None:
    """Where the audit counts this mask; None for one that is in no audit."""
    if row.audited_version is None or row.state == "deleted":
        return None
    if row.origin != "automatic":
        return AuditCell(row.project_id, row.audited_version, "added")
    predicted, stability = ((row.proposal or {}).get(name) or 0.0 for name in ("predicted_iou", "stability_score"))
    agreement = row.proposal_iou or 0.0
    return AuditCell(
        project_id=row.project_id,
        model_version=row.audited_version,
        outcome="rejected" if row.state == "rejected" else "standing",
        # As the generator does: predicted IoU above its threshold, stability at least its own.
        predicted_step=sum(predicted > bound for bound in IOU_THRESHOLDS),
        stability_step=sum(stability >= bound for bound in STABILITY_THRESHOLDS),
        iou_step=sum(agreement > bound for bound in AGREEMENT_BOUNDS),
    )


def image_cell(project_id: int, model_version: str) -> AuditCell:
    """Where an image with audited masks is counted."""
    return AuditCell(project_id, model_version, "image")
