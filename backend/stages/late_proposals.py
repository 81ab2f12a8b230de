"""Images that people could take before there was a detector: once one is live, those nobody took wait for proposals."""

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from backend.models.service import reads_other_encoder
from backend.projects.tables import Project
from backend.stages.admission import enqueue_propose, pick_once, run_counted
from backend.stages.counts import count_in, move_count
from backend.stages.schemas import StageName
from backend.stages.tables import UNPROPOSED, WorkCount, WorkItem

STAGE: StageName = "semi_automatic"
# One batch after the other: a job that was cancelled, or that failed, has no more images put before it.
IMAGES_AT_ONCE = 5_000


def are_to_be_proposed_for(session: Session, project: Project, counts: list[WorkCount]) -> bool:
    """Whether a detector is live that could look at images which no detector has looked at yet."""
    if project.detector_version is None or count_in(counts, STAGE, "proposing"):
        return False
    found = select(WorkItem.id).where(WorkItem.project_id == project.id, text(UNPROPOSED)).limit(1)
    return session.scalar(found) is not None and not reads_other_encoder(session, project)


def propose_late(session: Session, project_id: int) -> None:
    """Has the detector look at the next IMAGES_AT_ONCE of them."""
    waits = (WorkItem.project_id == project_id, text(UNPROPOSED))
    ids = select(WorkItem.id).where(*waits).order_by(WorkItem.id)
    # Once more what they are: somebody may have been lent one meanwhile.
    are_going = (WorkItem.id.in_(pick_once(ids, IMAGES_AT_ONCE)), WorkItem.state == "ready")
    count = run_counted(session, update(WorkItem).where(*are_going).values(state="proposing"))
    move_count(session, project_id, STAGE, "ready", "proposing", n=count)
    enqueue_propose(session, project_id, STAGE)
