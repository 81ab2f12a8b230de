"""Runs: asking for one, looking, cancelling, and keeping a run's state in step with its job's."""

from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from backend.annotations.tables import MaskCount
from backend.database import utc_now
from backend.errors import Conflict, NotFound
from backend.events.service import record
from backend.jobs import queue
from backend.jobs.runner import JobCancelled, JobRun
from backend.jobs.schemas import JobOut
from backend.jobs.tables import Job
from backend.models.schemas import Kind
from backend.models.tables import ModelVersion, Promotion
from backend.projects.service import get_project
from backend.projects.tables import Project
from backend.training.frozen import MIN_FROZEN_IMAGES, count_frozen_images
from backend.training.policies import frozen_share, options_of, read_policy, require_hook_command
from backend.training.schemas import DETECTOR_STEPS, Measure, RunJob, RunMetrics, RunOut, TrainOptions
from backend.training.tables import Snapshot, TrainingRun

# What people made or looked at; see annotations.tables.MaskCount.
CHECKED = ("kept", "edited", "added", "imported")
OPEN_STATES = ("queued", "snapshotting", "training", "evaluating")
# A kill of the worker costs an attempt; a run goes on from its checkpoint each time.
MAX_ATTEMPTS = 20
TRAIN_PRIORITY = -5
RUNS_SHOWN = 200


def count_masks(session: Session, project_id: int) -> int:
    """Accepted masks that people made or checked."""
    of_project = (MaskCount.project_id == project_id, MaskCount.outcome.in_(CHECKED))
    return int(session.scalar(select(func.sum(MaskCount.count)).where(*of_project)) or 0)


def create_run(
    session: Session,
    project_id: int,
    kind: Kind,
    *,
    base: str | None = None,
    changes: dict[str, Any] | None = None,
    trigger: str = "person",
    created_by: int | None = None,
    hook_command: str = "",
    train_anyway: bool = False,
) -> TrainingRun:
    """Adds a run and its job. Raises NotFound, Unprocessable; Conflict too_few_masks, too_few_frozen_images,
    run_under_way."""
    session.scalar(select(Project.id).where(Project.id == project_id).with_for_update())
    get_project(session, project_id)
    policy, _ = read_policy(session, project_id)
    options = options_of(policy, changes or {})
    if options.hook_command:
        require_hook_command(hook_command)
    if base is not None and session.get(ModelVersion, base) is None:
        raise NotFound("model_not_found", f"There is no model version {base!r}.")
    under_way = find_under_way(session, project_id)
    if under_way is not None:
        raise Conflict("run_under_way", f"Run {under_way.id} of this project has not ended yet.", run_id=under_way.id)
    have = count_masks(session, project_id)
    if have < policy.min_masks:
        message = f"This project has {have} masks that people made or checked; training begins with {policy.min_masks}."
        raise Conflict("too_few_masks", message, have=have, need=policy.min_masks)
    if not train_anyway:
        require_frozen_images(count_frozen_images(session, project_id, frozen_share(session, project_id)))
    run = TrainingRun(
        project_id=project_id,
        kind=kind,
        base_version=base,
        state="queued",
        options=options.model_dump(),
        trigger=trigger,
        mask_count=have,
        curve=[],
        created_by=created_by,
    )
    session.add(run)
    session.flush()
    enqueue(session, run, {"run_id": run.id, "train_anyway": train_anyway})
    data = {"run_id": run.id, "kind": kind, "trigger": trigger}
    record(session, project_id, "training.started", data, actor_id=created_by, is_audit=True)
    return run


def require_frozen_images(have: int) -> None:
    """Raises Conflict too_few_frozen_images where the gate would refuse whatever is trained."""
    if have < MIN_FROZEN_IMAGES:
        raise Conflict(
            "too_few_frozen_images",
            f"The gate needs {MIN_FROZEN_IMAGES} frozen images with masks to compare on; there are {have} so far.",
            have=have,
            need=MIN_FROZEN_IMAGES,
        )


def enqueue(session: Session, run: TrainingRun, args: dict[str, Any]) -> None:
    """Gives the run a new job."""
    run.job = queue.enqueue(
        session,
        "train",
        args,
        project_id=run.project_id,
        priority=TRAIN_PRIORITY,
        max_attempts=MAX_ATTEMPTS,
        created_by=run.created_by,
    )
    session.flush()


def get_run(session: Session, run_id: int) -> TrainingRun:
    """The run with its job as they are now. Raises NotFound."""
    run = session.get(TrainingRun, run_id, populate_existing=True)
    if run is None:
        raise NotFound("run_not_found", f"There is no training run {run_id}.")
    return run


def find_under_way(session: Session, project_id: int) -> TrainingRun | None:
    """The project's run that has not ended, if there is one; one whose job is tried again has not."""
    may_be = or_(TrainingRun.state.in_(OPEN_STATES), Job.state.in_(queue.OPEN_STATES))
    statement = select(TrainingRun).outerjoin(TrainingRun.job).where(TrainingRun.project_id == project_id, may_be)
    runs = session.scalars(statement.order_by(TrainingRun.id))
    return next((run for run in runs if state_of(run) in OPEN_STATES), None)


def state_of(run: TrainingRun) -> str:
    """The run's state as its job makes it: cancelled, dead, or tried again since the run was given up."""
    job_state = run.job.state if run.job is not None else None
    if run.state in OPEN_STATES:
        return {"cancelled": "cancelled", "dead": "failed"}.get(job_state or "", run.state)
    is_tried_again = run.state in ("failed", "cancelled") and job_state in queue.OPEN_STATES
    return "queued" if is_tried_again else run.state


def waits_for_checkpoint(run: TrainingRun) -> bool:
    """Whether a trainer elsewhere has it: its job is done, its checkpoint not there yet."""
    return run.state == "training" and run.job is not None and run.job.state == "done"


def settle(session: Session, run: TrainingRun) -> None:
    """Writes down that the run's job ended without the run's doing: by a cancel, or for good with an error."""
    state = state_of(run)
    if state == run.state or state in OPEN_STATES:
        return
    assert run.job is not None
    reason = "It was cancelled." if state == "cancelled" else run.job.error
    run.state, run.reason, run.finished_at = state, reason, utc_now()
    data = {"run_id": run.id, "kind": run.kind, "reason": reason}
    record(session, run.project_id, f"training.{state}", data, is_audit=True)
    session.flush()


def cancel_run(session: Session, run_id: int, actor_id: int | None) -> TrainingRun:
    """Asks a run to stop; one that waits ends at once. Raises NotFound; Conflict run_ended."""
    run = get_run(session, run_id)
    if state_of(run) not in OPEN_STATES:
        raise Conflict("run_ended", f"Run {run_id} has ended already: {state_of(run)}.")
    if run.job is not None:
        queue.cancel(session, run.job.id)
    if run.job is None or waits_for_checkpoint(run):
        run.state, run.reason, run.finished_at = "cancelled", "It was cancelled.", utc_now()
        data = {"run_id": run.id, "kind": run.kind, "reason": run.reason}
        record(session, run.project_id, "training.cancelled", data, actor_id=actor_id, is_audit=True)
    settle(session, run)
    session.flush()
    return run


def change_run(work: JobRun, run_id: int, **values: Any) -> None:
    """Writes columns of the run while its job is this attempt's. Raises JobCancelled when it is not any more."""
    with work.resources.database.write() as session:
        held = (Job.id == work.job.id, Job.attempt == work.job.attempt, Job.state == "running")
        if session.scalar(select(Job.id).where(*held).with_for_update()) is None:
            raise JobCancelled
        run = get_run(session, run_id)
        for name, value in values.items():
            setattr(run, name, value)


def live_version(session: Session, project_id: int, kind: Kind) -> str | None:
    """What is live in the project; None: the model server's default, or no detector."""
    project = get_project(session, project_id)
    return project.model_version if kind == "model" else project.detector_version


def first_version(session: Session, project_id: int) -> str | None:
    """The model that was live before anything was promoted."""
    of_models = (Promotion.project_id == project_id, Promotion.kind == "model")
    first = session.scalar(select(Promotion).where(*of_models).order_by(Promotion.id).limit(1))
    return live_version(session, project_id, "model") if first is None else first.from_version


def general_change(session: Session, project_id: int, version: str | None, measure: Measure) -> float:
    """What the rounds from the first version to this one changed on the general set, IoU: the sum of their means."""
    made = select(Promotion.to_version, Promotion.from_version, TrainingRun.metrics)
    made = made.join(TrainingRun, TrainingRun.id == Promotion.run_id).order_by(Promotion.id.desc())
    steps = {
        to_version: (from_version, RunMetrics.model_validate(metrics).general)
        for to_version, from_version, metrics in session.execute(
            made.where(Promotion.project_id == project_id, Promotion.kind == "model", TrainingRun.metrics.is_not(None))
        )
    }
    total = 0.0
    while version in steps:  # each step is taken once: a version promoted anew after a rollback ends no loop
        version, general = steps.pop(version)
        total += 0.0 if general is None else general.difference[measure].value
    return total


def list_runs(session: Session, project_id: int) -> list[TrainingRun]:
    """The newest runs of a project, newest first."""
    statement = select(TrainingRun).where(TrainingRun.project_id == project_id)
    return list(session.scalars(statement.order_by(TrainingRun.id.desc()).limit(RUNS_SHOWN)))


def describe_runs(session: Session, runs: list[TrainingRun]) -> list[RunOut]:
    """As JSON, with the numbers of their snapshots."""
    ids = {run.snapshot_id for run in runs if run.snapshot_id is not None}
    rows = session.execute(select(Snapshot.id, Snapshot.number).where(Snapshot.id.in_(ids)))
    numbers = {row.id: row.number for row in rows}
    return [_describe(run, numbers.get(run.snapshot_id or 0)) for run in runs]


def _describe(run: TrainingRun, snapshot_number: int | None) -> RunOut:
    state = state_of(run)
    job = None
    if run.job is not None:
        of_job = JobOut.of(run.job)
        progress = of_job.progress
        job = RunJob(id=of_job.id, state=of_job.state, done=progress.done, total=progress.total, phase=progress.phase)
    is_training = state == "training" and run.curve
    steps = int(run.options.get("steps", TrainOptions().steps))
    values = {
        "state": state,
        "snapshot_number": snapshot_number,
        "planned_steps": steps * DETECTOR_STEPS if run.kind == "detector" else steps,
        "curve": [{name: value for name, value in point.items() if name != "seconds_left"} for point in run.curve],
        "metrics": None if run.metrics is None else RunMetrics.model_validate(run.metrics),
        "reason": run.reason if run.reason or run.job is None else run.job.error,
        "job": job,
        "finished_at": run.finished_at
        or (run.job.finished_at if run.job and state in ("failed", "cancelled") else None),
        "waits_for_checkpoint": waits_for_checkpoint(run),
        "seconds_left": run.curve[-1].get("seconds_left") if is_training else None,
    }
    plain = {name: getattr(run, name) for name in RunOut.model_fields.keys() - values.keys()}
    return RunOut.model_validate(plain | values)
