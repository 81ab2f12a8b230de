"""Folders of runs: where they are, and what goes when a run has ended."""

import re
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from backend.database import utc_now
from backend.jobs.resources import Resources
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
    """Frees what runs that have ended left on this machine; runs that nobody goes on with are settled."""
    with resources.database.write() as session:
        still_open = select(TrainingRun).where(TrainingRun.state.in_(service.OPEN_STATES))
        for one in session.scalars(still_open).all():
            service.settle(session, one)
    for folder in (resources.settings.data_dir.resolve() / "training").glob("run-*"):
        number = re.fullmatch(r"run-(\d+)", folder.name)
        if number is None:
            continue
        with resources.database.read() as session:
            run = session.get(TrainingRun, int(number[1]))
            state = "cancelled" if run is None else service.state_of(run)
        if run is not None and (state in service.OPEN_STATES or (state == "failed" and not _is_old(run))):
            continue
        if state == "cancelled":
            programs.discard(folder, *([] if run is None else candidate_folders(resources.settings, run)))
        else:
            programs.clean_up(folder)


def _is_old(run: TrainingRun) -> bool:
    return run.finished_at is None or utc_now() - run.finished_at > FAILED_KEPT
