"""What happens by itself: runs whose jobs ended are settled, and projects retrain as their policy says."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from backend.database import utc_now
from backend.errors import AppError
from backend.jobs.periodic import periodic
from backend.jobs.resources import Resources
from backend.models.schemas import Kind
from backend.models.service import have_other_encoders, reads_other_encoder
from backend.projects.service import get_project
from backend.projects.tables import Project
from backend.training import service
from backend.training.policies import read_policy
from backend.training.schemas import Policy
from backend.training.tables import TrainingPolicy, TrainingRun
from backend.training.tidying import tidy

TAUGHT_NOTHING = ("failed", "cancelled")
PAUSE_SECONDS = 24 * 3600.0  # before the masks of a run that failed or was cancelled are tried again


@periodic("training_runs", seconds=5)
def settle_runs(resources: Resources) -> None:
    """Writes down how runs ended that could not do so themselves, and frees what they held."""
    tidy(resources)


@periodic("retrain", seconds=60)
def retrain(resources: Resources) -> None:
    """Starts the runs that are due; a project that cannot train now is asked again in a minute."""
    with resources.database.read() as session:
        has_policy = Project.id.in_(select(TrainingPolicy.project_id))
        living = select(Project.id).where(Project.deleted_at.is_(None))
        project_ids = session.scalars(living.where(or_(has_policy, Project.detector_version.is_not(None)))).all()
    for project_id in project_ids:
        try:
            with resources.database.write() as session:
                kind = due(session, project_id)
                if kind is not None:
                    command = resources.settings.training_hook_command
                    service.create_run(session, project_id, kind, trigger="policy", hook_command=command)
        except AppError:
            continue  # too few masks or frozen images, a run under way: not now


def due(session: Session, project_id: int) -> Kind | None:
    """What this project's policy asks for now: a model, after it a detector, or nothing.

    A detector also when the live one was trained on another encoder than the live model's: once for that model.
    """
    policy, _ = read_policy(session, project_id)
    if policy.train_detector and _is_detector_outlived(session, project_id):
        return "detector"
    if policy.every_masks is None and policy.every_hours is None:
        return None
    newest = {kind: _newest_run(session, project_id, kind) for kind in ("model", "detector")}
    model, detector = newest["model"], newest["detector"]
    if _is_model_due(session, project_id, policy, model):
        return "model"
    is_followed = detector is not None and model is not None and detector.id > model.id
    is_over = model is not None and service.state_of(model) not in TAUGHT_NOTHING
    if policy.train_detector and is_over and model is not None and model.trigger == "policy" and not is_followed:
        return "detector"
    return None


def _is_model_due(session: Session, project_id: int, policy: Policy, last: TrainingRun | None) -> bool:
    """A run that taught nothing uses no masks up; but what stopped it may last, so it is not repeated at once."""
    masks = service.count_masks(session, project_id)
    if last is not None and service.state_of(last) in TAUGHT_NOTHING:
        new = masks - last.mask_count
        if (policy.every_masks is None or new < policy.every_masks) and _age_seconds(last) < PAUSE_SECONDS:
            return False
        last = _newest_that_taught(session, project_id)
    before = last.mask_count if last is not None else 0
    if policy.every_masks is not None and masks - before >= policy.every_masks:
        return True
    if policy.every_hours is None or masks == before:
        return False  # the same masks would teach the same
    return last is None or _age_seconds(last) >= policy.every_hours * 3600


def _age_seconds(run: TrainingRun) -> float:
    return (utc_now() - run.created_at).total_seconds()


def _newest_that_taught(session: Session, project_id: int) -> TrainingRun | None:
    of_models = (TrainingRun.project_id == project_id, TrainingRun.kind == "model")
    taught = select(TrainingRun).where(*of_models, TrainingRun.state.not_in(TAUGHT_NOTHING))
    # The newest may be over though nobody has written it down yet.
    runs = session.scalars(taught.order_by(TrainingRun.id.desc()).limit(5))
    return next((run for run in runs if service.state_of(run) not in TAUGHT_NOTHING), None)


def _is_detector_outlived(session: Session, project_id: int) -> bool:
    project = get_project(session, project_id)
    if not reads_other_encoder(session, project):
        return False
    newest = _newest_run(session, project_id, "detector")
    base = newest.base_version if newest is not None else None
    return base is not None and have_other_encoders(session, base, project.model_version)


def _newest_run(session: Session, project_id: int, kind: str) -> TrainingRun | None:
    of_kind = (TrainingRun.project_id == project_id, TrainingRun.kind == kind)
    return session.scalar(select(TrainingRun).where(*of_kind).order_by(TrainingRun.id.desc()).limit(1))
