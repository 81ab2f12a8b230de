"""Checks that run every so often, in one worker of all: a row of `periodic_runs` says when each last ran anywhere."""

import logging
from collections.abc import Callable

from sqlalchemy import CursorResult, select, update
from sqlalchemy.exc import IntegrityError

from backend.database import Database, epoch_now
from backend.jobs.resources import Resources
from backend.jobs.tables import PeriodicRun

logger = logging.getLogger("segloop.jobs")

Check = Callable[[Resources], None]
# By name: seconds between two runs, and the check.
PERIODIC: dict[str, tuple[float, Check]] = {}


def periodic(name: str, *, seconds: float) -> Callable[[Check], Check]:
    """Registers a check. A kill may cut it short, and it is not repeated before its time: let rows say what is due."""

    def register(check: Check) -> Check:
        PERIODIC[name] = (seconds, check)
        return check

    return register


def run_periodic(resources: Resources) -> None:
    """Runs the checks that are due and that no other worker has begun; one that fails is tried again in its time."""
    with resources.database.read() as session:
        now = session.scalar(select(epoch_now())) or 0.0
        last_runs = {row.name: row.last_run for row in session.scalars(select(PeriodicRun))}
    for name, (seconds, check) in PERIODIC.items():
        if now - last_runs.get(name, 0.0) < seconds or not _claim(resources.database, name, seconds):
            continue
        try:
            check(resources)
        except Exception:
            logger.exception("the periodic check %r failed", name)


def _claim(database: Database, name: str, seconds: float) -> bool:
    is_due = (PeriodicRun.name == name, PeriodicRun.last_run <= epoch_now() - seconds)
    try:
        with database.write() as session:
            if session.get(PeriodicRun, name) is None:
                session.add(PeriodicRun(name=name, last_run=0.0))
                session.flush()
            result = session.execute(
                update(PeriodicRun)
                .where(*is_due)
                .values(last_run=epoch_now())
                .execution_options(synchronize_session=False)
            )
            assert isinstance(result, CursorResult)
            return result.rowcount == 1
    except IntegrityError:
        return False  # another worker has just put its row there
