"""What proposals of the project's detector saved people, in clicks, and what another least score would have saved."""

import math
from collections import Counter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.annotations.proposal_counts import SCORE_THRESHOLDS
from backend.annotations.tables import MaskCount, ProposalCount
from backend.projects.service import get_project
from backend.stages.audit import Z_95
from backend.stages.policies import STAGES
from backend.stages.service import live_model_version
from backend.statistics.schemas import ProposalFigures, ScoreRow
from backend.statistics.tally import DRAWN, mean, read_tallies
from backend.training.schemas import Interval

# Below this many decided proposals, or masks drawn with the live model, a mean of clicks says too little.
LEAST_MASKS = 30
# Keeping and rejecting a proposal are one key or click each.
DECISION_CLICKS = 1


def read_proposals(session: Session, project_id: int) -> ProposalFigures:
    """Decided proposals of the detector in use. A true one saves the clicks of a mask drawn by hand, and costs those
    of its correction; a false one costs the click that rejects it."""
    detector_version = get_project(session, project_id).detector_version
    outcomes = _read_outcomes(session, project_id, detector_version or "")
    by_hand = _clicks_by_hand(session, project_id)
    rows = [_row(outcomes, step, by_hand) for step in range(1, len(SCORE_THRESHOLDS) + 1)]
    # Of thresholds that leave the same proposals only the strictest.
    stricter = [*(row.proposals for row in rows[1:]), 0]
    rows = [row for row, fewer in zip(rows, stricter, strict=True) if row.proposals > fewer]
    judged = [row for row in rows if row.proposals >= LEAST_MASKS and row.saved_clicks is not None]
    best = max(judged, key=lambda row: (_saved_in_all(row), row.min_score), default=None)
    return ProposalFigures(
        detector_version=detector_version,
        proposals=sum(sum(cells.values()) for cells in outcomes.values()),
        need=LEAST_MASKS,
        clicks_by_hand=by_hand,
        best_min_score=best.min_score if best is not None and _saved_in_all(best) > 0 else None,
        by_score=rows,
    )


def _read_outcomes(session: Session, project_id: int, detector_version: str) -> dict[int, Counter[tuple[str, int]]]:
    """By score step: decided proposals by outcome and clicks."""
    of_detector = (ProposalCount.project_id == project_id, ProposalCount.detector_version == detector_version)
    columns = (ProposalCount.score_step, ProposalCount.outcome, ProposalCount.clicks, ProposalCount.count)
    outcomes: dict[int, Counter[tuple[str, int]]] = {}
    for step, outcome, clicks, count in session.execute(select(*columns).where(*of_detector, ProposalCount.count != 0)):
        outcomes.setdefault(step, Counter())[outcome, clicks] += count
    return outcomes


def _clicks_by_hand(session: Session, project_id: int) -> float | None:
    """Mean clicks of a mask that people drew with the live model in the first stage, for what is drawn where there are
    proposals is what a detector missed, the harder objects; before there are enough, with any model, then anywhere."""
    drawn = (MaskCount.outcome == DRAWN, MaskCount.model_version != "")
    for conditions in ((*drawn, MaskCount.stage == STAGES[0]), drawn):
        tallies: dict[Any, Any] = read_tallies(session, project_id, MaskCount, MaskCount.model_version, *conditions)
        live = tallies.get(live_model_version(session, project_id))
        if live is not None and live.count(DRAWN) >= LEAST_MASKS:
            return mean(live.clicks)
        clicks: Counter[float] = sum((tally.clicks for tally in tallies.values()), Counter())
        if clicks.total() >= LEAST_MASKS:
            return mean(clicks)
    return None


def _row(outcomes: dict[int, Counter[tuple[str, int]]], step: int, by_hand: float | None) -> ScoreRow:
    """Of the proposals whose scores reach so many thresholds."""
    passing: Counter[tuple[str, int]] = Counter()
    for other, cells in outcomes.items():
        if other >= step:
            passing += cells
    by_outcome: Counter[str] = Counter()
    for (outcome, _), count in passing.items():
        by_outcome[outcome] += count
    return ScoreRow(
        min_score=SCORE_THRESHOLDS[step - 1],
        proposals=passing.total(),
        kept=by_outcome["kept"],
        edited=by_outcome["edited"],
        rejected=by_outcome["rejected"],
        saved_clicks=None if by_hand is None or not passing else _saved(passing, by_hand),
    )


def _saved(passing: Counter[tuple[str, int]], by_hand: float) -> Interval:
    """Mean clicks saved by a proposal, with a 95 % normal interval over proposals."""
    total = passing.total()
    saved = {cell: _saved_by_one(*cell, by_hand=by_hand) for cell in passing}
    value = sum(saved[cell] * count for cell, count in passing.items()) / total
    squares = sum((saved[cell] - value) ** 2 * count for cell, count in passing.items())
    half = Z_95 * math.sqrt(squares / max(1, total - 1) / total)
    return Interval(value=value, low=value - half, high=value + half)


def _saved_by_one(outcome: str, clicks: int, *, by_hand: float) -> float:
    if outcome == "rejected":
        return -DECISION_CLICKS
    return by_hand - (clicks if outcome == "edited" else DECISION_CLICKS)


def _saved_in_all(row: ScoreRow) -> float:
    assert row.saved_clicks is not None
    return row.proposals * row.saved_clicks.value
