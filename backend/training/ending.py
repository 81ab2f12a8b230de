"""How a run ends once its gate has spoken."""

from sqlalchemy.orm import Session

from backend.database import utc_now
from backend.events.service import record
from backend.models.schemas import Kind
from backend.models.service import lock_project, promote
from backend.training import service
from backend.training.schemas import RunMetrics
from backend.training.tables import TrainingRun


def end_run(
    session: Session, run: TrainingRun, metrics: RunMetrics, *, was_live: str | None, auto_promote: bool
) -> None:
    """Promotes the candidate, keeps it for an administrator's word, or refuses it; says so in events."""
    kind: Kind = "detector" if run.kind == "detector" else "model"
    run.reason, run.finished_at = metrics.gate.reason, utc_now()
    if not metrics.gate.is_passed:
        run.state = "refused"
        data = {"run_id": run.id, "kind": kind, "version": run.candidate_version, "reason": run.reason}
        record(session, run.project_id, "model.refused", data, is_audit=True)
    elif not auto_promote:
        run.state = "candidate"
    elif _is_another_live(session, run.project_id, kind, was_live):
        run.state = "candidate"
        run.reason += " Meanwhile another version went live, so this one waits for an administrator."
    else:
        run.state = "promoted"
        promote(session, run.project_id, kind, run.candidate_version, reason=run.reason, author_id=None, run_id=run.id)
    data = {"run_id": run.id, "kind": kind, "state": run.state, "version": run.candidate_version, "reason": run.reason}
    record(session, run.project_id, "training.finished", data, is_audit=True)


def _is_another_live(session: Session, project_id: int, kind: Kind, was_live: str | None) -> bool:
    """Asked once whoever promotes at this moment is done."""
    lock_project(session, project_id)
    return service.live_version(session, project_id, kind) != was_live
