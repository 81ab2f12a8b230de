"""Folders of runs: where they are, and what goes when a run has ended."""

import re
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from backend.database import utc_now
from backend.jobs.resources import Resources
from backend.projects.tables import Project
from backend.settings import Settings
from backend.training import programs, service
from backend.training.tables import TrainingRun

# A run that failed may be tried again and go on from its checkpoint for so long.
FAILED_KEPT = timedelta(days=7)


def run_folder(settings: Settings, run_id: int) -> Path:
    """Where a run works; on the machine of the worker that has it."""
    return settings.data_dir.resolve() / "training" / f"run-{run_id}"


def candidate_name(run: TrainingRun) -> str:
    """The name of the model or detector that a run makes."""
    return f"project-{run.project_id}-run-{run.id}"


def candidate_folders(settings: Settings, run: TrainingRun) -> list[Path]:
    """Where what a run makes is put."""
    folders = (settings.resolved_models_dir, settings.resolved_detectors_dir)
    return [folder / candidate_name(run) for folder in folders]


def tidy(resources: Resources) -> None:
    """Settles runs whose jobs ended without them, and frees what ended runs left on this machine."""
    still_open = select(TrainingRun).where(TrainingRun.state.in_(service.OPEN_STATES))
    with resources.database.read() as session:
        fallen = [run.id for run in session.scalars(still_open) if service.state_of(run) not in service.OPEN_STATES]
    for run_id in fallen:
        with resources.database.write() as session:
            service.settle(session, service.get_run(session, run_id))
    # A project that is deleted trains no more, elsewhere neither.
    of_deleted = still_open.join(Project, Project.id == TrainingRun.project_id).where(Project.deleted_at.is_not(None))
    with resources.database.read() as session:
        abandoned = [run.id for run in session.scalars(of_deleted) if service.waits_for_checkpoint(run)]
    for run_id in abandoned:
        with resources.database.write() as session:
            service.cancel_run(session, run_id, None)
    for folder in (resources.settings.data_dir.resolve() / "training").glob("run-*"):
        number = re.fullmatch(r"run-(\d+)", folder.name)
        if number is not None and not programs.is_clean(folder):
            _free(resources, folder, int(number[1]))


def _free(resources: Resources, folder: Path, run_id: int) -> None:
    with resources.database.read() as session:
        run = session.get(TrainingRun, run_id)
    if run is None:
        return  # of another database; whose folder it is we do not know
    state = service.state_of(run)
    if state == "cancelled":
        programs.discard(folder, *candidate_folders(resources.settings, run))
    elif state not in service.OPEN_STATES and (state != "failed" or _is_old(run)):
        programs.clean_up(folder)


def _is_old(run: TrainingRun) -> bool:
    return run.finished_at is None or utc_now() - run.finished_at > FAILED_KEPT
