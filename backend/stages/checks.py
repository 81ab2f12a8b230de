"""What happens by itself, once a minute: exit rules that hold move images on, no image waits for a lost job, and
finished ones that were only looked at are given back."""

from contextlib import suppress

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from backend.database import utc_now
from backend.errors import Conflict
from backend.events.service import record
from backend.jobs.periodic import periodic
from backend.jobs.resources import Resources
from backend.jobs.tables import Job
from backend.models.tables import Promotion
from backend.projects.tables import Project
from backend.stages.admission import admit, enqueue_propose, propose_key
from backend.stages.counts import count_in, read_counts
from backend.stages.giving_back import give_back_all, was_looked_at
from backend.stages.late_proposals import STAGE as PROPOSING_STAGE
from backend.stages.late_proposals import are_to_be_proposed_for, propose_late
from backend.stages.policies import AUTOMATIC_STAGE, STAGES, ensure_row, find_row, read_policy
from backend.stages.progress import check_exit, read_masks
from backend.stages.schemas import AdmitRule, ExitRule, StageName
from backend.stages.tables import Stage, WorkCount, WorkItem

SECONDS = 60.0


@periodic("stages", seconds=SECONDS)
def check_stages(resources: Resources) -> None:
    """Looks at every stage of every project; each project is one transaction of its own, and most need none."""
    with resources.database.read() as session:
        with_images = select(WorkCount.project_id).where(WorkCount.count > 0)
        living = select(Project.id).where(Project.deleted_at.is_(None), Project.id.in_(with_images))
        project_ids = session.scalars(living.order_by(Project.id)).all()
    for project_id in project_ids:
        with resources.database.read() as session:
            is_needed = _needs_change(session, project_id)
        if is_needed:
            with resources.database.write() as session:
                _change(session, project_id)


def _needs_change(session: Session, project_id: int) -> bool:
    """Whether anything is to be written; a check that finds nothing to do must not wait for the right to write."""
    looked_at = select(WorkItem.id).where(_is_claimed_in(project_id), was_looked_at())
    if session.scalar(looked_at.limit(1)) is not None:
        return True
    counts, project = read_counts(session, project_id), session.get_one(Project, project_id)
    if are_to_be_proposed_for(session, project, counts):
        return True
    for stage in STAGES:
        row = find_row(session, project_id, stage)
        is_noted = row is not None and row.exit_reached_at is not None
        rule = read_policy(session, project_id, stage).exit
        is_ready = _is_ready(session, project_id, stage, rule, counts)
        if is_ready != is_noted or (is_ready and _missing(project, stage, rule, counts)):
            return True
        if count_in(counts, stage, "proposing") and _is_job_lost(session, project_id, stage):
            return True
    return False


def _change(session: Session, project_id: int) -> None:
    give_back_all(session, _is_claimed_in(project_id), was_looked_at())
    counts, project = read_counts(session, project_id), session.get_one(Project, project_id)
    if are_to_be_proposed_for(session, project, counts):
        propose_late(session, project_id)
    for stage in STAGES:
        rule = read_policy(session, project_id, stage).exit
        is_ready = _is_ready(session, project_id, stage, rule, counts)
        _note(session, project_id, stage, is_ready=is_ready)
        if is_ready and (count := _missing(project, stage, rule, counts)):
            _move_on(session, project_id, stage, count)
        if count_in(counts, stage, "proposing") and _is_job_lost(session, project_id, stage):
            enqueue_propose(session, project_id, stage)


def _is_claimed_in(project_id: int) -> ColumnElement[bool]:
    return and_(WorkItem.project_id == project_id, WorkItem.state == "claimed")


def _is_ready(session: Session, project_id: int, stage: StageName, rule: ExitRule, counts: list[WorkCount]) -> bool:
    masks = read_masks(session, project_id)[stage]
    return check_exit(session, project_id, stage, rule, counts, masks).is_ready


def _missing(project: Project, stage: StageName, rule: ExitRule, counts: list[WorkCount]) -> int:
    """How many images the next stage lacks to have a full batch waiting, of those that wait in this one."""
    if not rule.is_automatic or stage == AUTOMATIC_STAGE:
        return 0
    following = STAGES[STAGES.index(stage) + 1]
    if following == PROPOSING_STAGE and project.detector_version is None:
        return 0  # nothing would be proposed there; by hand they can go all the same
    waiting = count_in(counts, following, "proposing", "ready", "claimed")
    return min(max(0, rule.batch - waiting), count_in(counts, stage, "ready"))


def _move_on(session: Session, project_id: int, stage: StageName, count: int) -> None:
    following = STAGES[STAGES.index(stage) + 1]
    reason, rule = f"The exit rule of {stage} holds.", AdmitRule(count=count)
    # The next stage's budget may be used up: as it was meant.
    with suppress(Conflict):
        admit(
            session,
            project_id,
            following,
            rule,
            reason=reason,
            author_id=None,
            is_dry_run=False,
            from_stages=(stage,),
        )


def _note(session: Session, project_id: int, stage: StageName, *, is_ready: bool) -> None:
    """Says once that an exit rule has come to hold."""
    row = find_row(session, project_id, stage)
    if is_ready and (row is None or row.exit_reached_at is None):
        row = row or ensure_row(session, project_id, stage)
        first = update(Stage).where(Stage.id == row.id, Stage.exit_reached_at.is_(None))
        if session.scalar(first.values(exit_reached_at=utc_now()).returning(Stage.id)) is not None:
            kind = "audit.passed" if stage == AUTOMATIC_STAGE else "stage.exit_reached"
            record(session, project_id, kind, {"stage": stage}, is_audit=True)
    elif not is_ready and row is not None and row.exit_reached_at is not None:
        row.exit_reached_at = None


def _is_job_lost(session: Session, project_id: int, stage: str) -> bool:
    """Whether images wait for a model and no job is there: the last one ended as they were added.

    One that was cancelled, or is dead, waits for a person's word. A promotion since it died is one.
    """
    of_stage = (Job.project_id == project_id, Job.kind == "propose", Job.dedupe_key == propose_key(project_id, stage))
    job = session.scalar(select(Job).where(*of_stage).order_by(Job.id.desc()).limit(1))
    if job is None or job.state != "dead" or job.finished_at is None:
        return job is None or job.state == "done"
    later = (Promotion.project_id == project_id, Promotion.created_at > job.finished_at)
    return session.scalar(select(Promotion.id).where(*later).limit(1)) is not None
