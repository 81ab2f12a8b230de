"""How far each stage is: what it holds, how fast it goes, and whether its images may go on. Never counts items."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.annotations.tables import MaskCount
from backend.database import utc_now
from backend.models.service import reads_other_encoder
from backend.projects.service import get_project
from backend.stages.audit import read_shares
from backend.stages.counts import FINISHED, MOVED, count_in, read_counts
from backend.stages.policies import AUTOMATIC_STAGE, DEFAULTS, STAGES, find_row, policy_of
from backend.stages.schemas import (
    AutomaticPreset,
    ExitOut,
    ExitProgress,
    ExitRule,
    ItemCounts,
    StageList,
    StageName,
    StageOut,
)
from backend.stages.service import live_model_version
from backend.stages.tables import WorkCount, WorkItem
from model_server.contract.automatic import PRESETS

STANDING = ("kept", "edited", "added", "automatic", "imported")
# Masks that cost a person time from the first click on; those of a model are judged, not drawn.
DRAWN = ("added",)
RATE_WINDOW = timedelta(hours=1)
# A rate over less time than this says nothing.
LEAST_WINDOW = timedelta(minutes=5)
NO_RULE = "No exit rule is set: images go on when an administrator moves them."


@dataclass(frozen=True)
class MaskTotals:
    """Masks of one stage that stand, and how long those took that people drew with the live model: {bucket: masks}."""

    standing: int
    seconds_buckets: Mapping[int, int]


def describe_stages(session: Session, project_id: int) -> StageList:
    """The three stages of a project. Raises NotFound."""
    project = get_project(session, project_id)
    counts, masks = read_counts(session, project_id), read_masks(session, project_id)
    return StageList(
        stages=[_describe(session, project_id, stage, counts, masks[stage]) for stage in STAGES],
        model_version=project.model_version,
        detector_version=project.detector_version,
        detector_fits=not reads_other_encoder(session, project),
        automatic_presets=[AutomaticPreset(name=name, options=options) for name, options in PRESETS.items()],
    )


def describe_stage(session: Session, project_id: int, stage: StageName) -> StageOut:
    """One stage of a project."""
    masks = read_masks(session, project_id)[stage]
    return _describe(session, project_id, stage, read_counts(session, project_id), masks)


def read_masks(session: Session, project_id: int) -> dict[StageName, MaskTotals]:
    """What each stage has yielded."""
    columns = (MaskCount.stage, MaskCount.outcome, MaskCount.model_version, MaskCount.seconds_bucket)
    total = func.sum(MaskCount.count).label("total")
    rows = session.execute(select(*columns, total).where(MaskCount.project_id == project_id).group_by(*columns)).all()
    live = live_model_version(session, project_id)
    standing: Counter[str] = Counter()
    seconds: dict[str, Counter[int]] = {stage: Counter() for stage in STAGES}
    for row in rows:
        if row.outcome in STANDING:
            standing[row.stage] += row.total
        if row.outcome in DRAWN and row.stage in seconds and (live is None or row.model_version == live):
            seconds[row.stage][row.seconds_bucket] += row.total
    return {stage: MaskTotals(standing[stage], seconds[stage]) for stage in STAGES}


def check_exit(
    session: Session, project_id: int, stage: StageName, rule: ExitRule, counts: list[WorkCount], masks: MaskTotals
) -> ExitOut:
    """Whether the images of a stage may go on; for the automatic stage, whether its audit is passed."""
    if stage == AUTOMATIC_STAGE:
        progress, unmet = _audit_progress(session, project_id, rule)
    else:
        progress, unmet = _yield_progress(rule, count_in(counts, stage, *FINISHED), masks)
    if not progress:
        unmet = [NO_RULE]
    return ExitOut(is_ready=not unmet, unmet=unmet, progress=progress)


def _describe(
    session: Session, project_id: int, stage: StageName, counts: list[WorkCount], masks: MaskTotals
) -> StageOut:
    row = find_row(session, project_id, stage)
    policy = DEFAULTS[stage] if row is None else policy_of(row)
    by_state = {state: count_in(counts, stage, state) for state in ItemCounts.model_fields}
    by_state["moved"] = count_in(counts, stage, *MOVED)
    rate = _rate_per_hour(session, project_id, stage)
    waiting = by_state["proposing"] + by_state["ready"] + by_state["claimed"]
    return StageOut(
        stage=stage,
        policy=policy,
        revision=0 if row is None else row.revision,
        counts=ItemCounts(**by_state),
        exit=check_exit(session, project_id, stage, policy.exit, counts, masks),
        rate_per_hour=rate,
        seconds_left=None if rate is None else waiting / rate * 3600,
        masks=masks.standing,
    )


def _rate_per_hour(session: Session, project_id: int, stage: StageName) -> float | None:
    """Images done in the last hour, per hour since the first of them; None when there were none."""
    now = utc_now()
    of_window = (WorkItem.project_id == project_id, WorkItem.stage == stage, WorkItem.finished_at > now - RATE_WINDOW)
    count, first = session.execute(select(func.count(), func.min(WorkItem.finished_at)).where(*of_window)).one()
    if first is None:
        return None
    hours = max(now - first, LEAST_WINDOW) / timedelta(hours=1)
    return float(count / hours)


def _yield_progress(rule: ExitRule, images_done: int, masks: MaskTotals) -> tuple[list[ExitProgress], list[str]]:
    progress, unmet = [], []
    for name, have, need in (("masks", masks.standing, rule.min_masks), ("images", images_done, rule.min_images)):
        if need is None:
            continue
        progress.append(ExitProgress(name=name, have=have, need=need))
        if have < need:
            unmet.append(f"{have} of the {need} {name} the rule asks for.")
    most = rule.max_seconds_per_mask
    if most is not None:
        median = median_seconds(masks.seconds_buckets)
        progress.append(ExitProgress(name="seconds_per_mask", have=median, need=most))
        if median is None:
            unmet.append("No mask has been drawn with the live model yet, so its seconds per mask are not known.")
        elif median > most:
            unmet.append(f"A mask takes {median:.1f} s (median, live model); the rule asks for at most {most:g} s.")
    return progress, unmet


def _audit_progress(session: Session, project_id: int, rule: ExitRule) -> tuple[list[ExitProgress], list[str]]:
    shares = read_shares(session, project_id)
    progress = [ExitProgress(name="audited_masks", have=shares.masks, need=rule.audit_min_masks)]
    unmet = []
    if shares.masks < rule.audit_min_masks:
        unmet.append(f"{shares.masks} of the {rule.audit_min_masks} automatic masks an audit needs were looked at.")
    for name, percent, above, need in (
        ("share_75", 75, shares.above_75, rule.audit_min_share_75),
        ("share_90", 90, shares.above_90, rule.audit_min_share_90),
    ):
        have = above / shares.masks if shares.masks else None
        progress.append(ExitProgress(name=name, have=have, need=need))
        if have is not None and have < need:
            text = f"{have:.0%} of the audited masks have an IoU above 0.{percent}; the rule asks for {need:.0%}."
            unmet.append(text)
    return progress, unmet


def median_seconds(buckets: Mapping[int, int]) -> float | None:
    """The median of a histogram whose bucket b holds [2^(b/4) - 1, 2^((b+1)/4) - 1) seconds: that bucket's middle."""
    half = sum(buckets.values()) / 2
    reached = 0
    for bucket in sorted(buckets):
        reached += buckets[bucket]
        if reached >= half > 0:
            return float(2 ** ((bucket + 0.5) / 4) - 1)
    return None
