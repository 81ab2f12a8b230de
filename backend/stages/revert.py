"""Taking an admission back: images that no person has worked on return to where they came from."""

from collections import Counter

from sqlalchemy import Select, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from backend.annotations.counts import cell_of, count_change
from backend.annotations.tables import Annotation
from backend.database import utc_now
from backend.errors import NotFound
from backend.events.service import record
from backend.stages.admission import pick_once, run_counted
from backend.stages.counts import move_count
from backend.stages.schemas import RevertOut
from backend.stages.tables import Admission, WorkItem

# Where an image may be that nobody has worked on: a model finishes and puts aside, too.
STATES = ("proposing", "ready", "done", "skipped")
# Images of one statement: each may have some hundred masks to remove.
IMAGES_AT_ONCE = 2_000


def revert(session: Session, project_id: int, admission_id: int, *, reason: str, author_id: int) -> RevertOut:
    """Takes an admission back for the images that no person has worked on: a model's masks on them go, their earlier
    item returns. Images that a model alone has finished or put aside are among them: admitted again, it looks anew.

    It may be repeated for those that could not go back yet. Raises NotFound.
    """
    is_meant = (Admission.id == admission_id, Admission.project_id == project_id)
    admission = session.scalar(select(Admission).where(*is_meant).with_for_update())
    if admission is None:
        raise NotFound("admission_not_found", f"There is no admission {admission_id} in this project.")
    reverted = 0
    while count := _revert_some(session, admission):
        reverted += count
    stay = session.scalar(select(func.count()).where(WorkItem.admission_id == admission_id)) or 0
    if reverted:
        admission.reverted_at = utc_now()
        admission.reverted_count = (admission.reverted_count or 0) + reverted
        data = {"admission_id": admission_id, "image_count": reverted, "stay": stay, "reason": reason}
        data |= {"from_stage": admission.from_stage, "to_stage": admission.to_stage}
        record(session, project_id, "stage.reverted", data, actor_id=author_id, is_audit=True)
    return RevertOut(reverted=reverted, stay=stay)


def _revert_some(session: Session, admission: Admission) -> int:
    """Sends up to IMAGES_AT_ONCE images of each state back; returns how many."""
    project_id, to_stage = admission.project_id, admission.to_stage
    of_item = (Annotation.image_id == WorkItem.image_id, Annotation.stage == to_stage)
    is_touched = or_(Annotation.author_id.is_not(None), Annotation.revision > 1, Annotation.is_audited)
    count = 0
    for state in STATES:
        waits = and_(WorkItem.admission_id == admission.id, WorkItem.state == state, WorkItem.claimed_by.is_(None))
        ids = select(WorkItem.id).where(waits, ~exists().where(*of_item, is_touched)).order_by(WorkItem.id)
        # Marked first: what follows speaks of exactly these, whatever others do meanwhile.
        are_going = (WorkItem.id.in_(pick_once(ids, IMAGES_AT_ONCE)), waits)
        marked = update(WorkItem).where(*are_going).values(state="reverting").returning(WorkItem.model_version)
        versions = session.scalars(marked.execution_options(synchronize_session=False)).all()
        for version, n in Counter(versions).items():
            move_count(session, project_id, to_stage, state, None, n=n, model_version=version or "")
        count += len(versions)
    if count:
        going = (WorkItem.admission_id == admission.id, WorkItem.state == "reverting")
        images = select(WorkItem.image_id).where(*going)
        _remove_masks(session, project_id, to_stage, images)
        _restore_earlier(session, admission, images)
        run_counted(session, delete(WorkItem).where(*going))
    return count


def _remove_masks(session: Session, project_id: int, stage: str, images: Select[int]) -> None:
    """Deletes the untouched masks that a model made in a stage, and takes them out of the counts."""
    theirs = (Annotation.image_id.in_(images), Annotation.stage == stage)
    columns = (Annotation.model_version, Annotation.origin, Annotation.state)
    groups = select(*columns, func.count().label("n")).where(*theirs).group_by(*columns)
    for row in session.execute(groups).all():
        # All masks of a group are counted in one cell: nobody has touched them, so nothing else tells them apart.
        one = Annotation(
            project_id=project_id,
            stage=stage,
            model_version=row.model_version,
            origin=row.origin,
            state=row.state,
            counts="",
            proposal={"rle": {"counts": ""}},
            clicks=0,
            active_seconds=0.0,
            is_audited=False,
        )
        count_change(session, cell_of(one), None, n=row.n)
    run_counted(session, delete(Annotation).where(*theirs))


def _restore_earlier(session: Session, admission: Admission, images: Select[int]) -> None:
    is_done = WorkItem.finished_at.is_not(None)
    version = func.coalesce(WorkItem.model_version, "")
    earlier = (WorkItem.moved_by == admission.id, WorkItem.image_id.in_(images))
    keys = (WorkItem.stage, is_done.label("is_done"), version.label("version"))
    groups = select(*keys, func.count().label("n")).where(*earlier).group_by(WorkItem.stage, is_done, version)
    for row in session.execute(groups).all():
        state = "done" if row.is_done else "ready"
        move_count(session, admission.project_id, row.stage, "moved", state, n=row.n, model_version=row.version)
    state_before = case((is_done, "done"), else_="ready")
    run_counted(session, update(WorkItem).where(*earlier).values(state=state_before, moved_by=None))
