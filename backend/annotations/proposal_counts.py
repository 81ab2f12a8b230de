"""Where a decided proposal is counted: by the detector that found it, the thresholds its score passes, and what people
made of it, so that the score worth asking for is read without reading masks.

Who changes a threshold writes a migration that counts anew.
"""

from typing import NamedTuple

from backend.annotations.tables import Annotation

# Of the detector's score: what the semi-automatic stage could be set to instead.
SCORE_THRESHOLDS = tuple(step / 20 for step in range(1, 20))


class ProposalCell(NamedTuple):
    """The key of one row of ProposalCount; `score_step`: how many of the thresholds the score reaches."""

    project_id: int
    detector_version: str
    outcome: str
    score_step: int
    clicks: int


def proposal_cell_of(row: Annotation, *, outcome: str, clicks: int) -> ProposalCell | None:
    """Where this mask is counted as a proposal; None for one that nobody has decided on, or of an unknown detector."""
    proposal = row.proposal or {}
    detector_version, score = proposal.get("detector_version"), proposal.get("score")
    if row.origin != "detector" or outcome == "proposed" or detector_version is None or score is None:
        return None
    return ProposalCell(
        project_id=row.project_id,
        detector_version=detector_version,
        outcome=outcome,
        # As the model server does: scores of at least the least one.
        score_step=sum(score >= bound for bound in SCORE_THRESHOLDS),
        clicks=clicks if outcome == "edited" else 0,
    )
