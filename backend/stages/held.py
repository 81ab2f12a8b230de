"""Work in somebody's hands: who holds which image since when, and an administrator who takes it out of their hands."""

from datetime import UTC, datetime

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from backend.auth.authorize import Principal
from backend.auth.tables import User
from backend.database import epoch_now
from backend.errors import Conflict
from backend.events.service import record
from backend.images.tables import Image
from backend.stages.policies import as_stage
from backend.stages.schemas import HeldList, HeldOut, Person
from backend.stages.service import get_item, release
from backend.stages.tables import WorkItem

# (claimed_at, id) of the last item of a page.
Place = tuple[float, int]


def held_items(project_id: int, *, before: Place | None) -> Select[WorkItem, str, str, bool]:
    """Claimed items, the newest claim first. A person holds one image of a project, so there are never many."""
    # When it was claimed is not known of what was lent before that was noted; such a lease has long run out.
    is_held = (WorkItem.project_id == project_id, WorkItem.state == "claimed", WorkItem.claimed_at.is_not(None))
    columns = (WorkItem, Image.file_name, User.name, (WorkItem.lease_until < epoch_now()).label("has_run_out"))
    statement = select(*columns).join(Image, Image.id == WorkItem.image_id).join(User, User.id == WorkItem.claimed_by)
    place = tuple_(WorkItem.claimed_at, WorkItem.id)
    if before is not None:
        statement = statement.where(place < before)
    return statement.where(*is_held).order_by(WorkItem.claimed_at.desc(), WorkItem.id.desc())


def list_held(session: Session, project_id: int, *, before: Place | None, limit: int) -> HeldList:
    """A page of the images that people hold, also of those whose lease ran out and that nobody has asked for since."""
    rows = session.execute(held_items(project_id, before=before).limit(limit + 1)).all()
    items = [_held_out(*row) for row in rows[:limit]]
    last = rows[limit - 1][0] if len(rows) > limit else None
    return HeldList(items=items, next_cursor=None if last is None else f"{last.claimed_at!r}_{last.id}")


def _held_out(item: WorkItem, file_name: str, holder_name: str, has_run_out: bool) -> HeldOut:
    assert item.claimed_by is not None
    assert item.claimed_at is not None
    assert item.lease_until is not None
    return HeldOut(
        work_id=item.id,
        image_id=item.image_id,
        file_name=file_name,
        stage=as_stage(item.stage),
        is_audit=item.is_audit,
        holder=Person(id=item.claimed_by, name=holder_name),
        held_since=datetime.fromtimestamp(item.claimed_at, UTC),
        lease_until=datetime.fromtimestamp(item.lease_until, UTC),
        has_run_out=has_run_out,
    )


def free(session: Session, work_id: int, admin: Principal, *, holder_id: int, reason: str) -> None:
    """Gives the item back to its queue, as its holder could have. Their page learns it as a lost lease; masks stay.

    Raises NotFound, Conflict when this person does not hold it any more.
    """
    get_item(session, work_id)
    is_theirs = (WorkItem.id == work_id, WorkItem.state == "claimed", WorkItem.claimed_by == holder_id)
    item = session.scalar(select(WorkItem).where(*is_theirs).with_for_update())
    if item is None or item.lease_token is None:
        raise Conflict("not_held", "This person does not hold the image any more; look at the list again.")
    release(session, work_id, item.lease_token)
    data = {
        "image_id": item.image_id,
        "file_name": session.get_one(Image, item.image_id).file_name,
        "stage": item.stage,
        "holder": {"id": holder_id, "name": session.get_one(User, holder_id).name},
        "reason": reason,
    }
    record(session, item.project_id, "work.freed", data, actor_id=admin.user_id, is_audit=True)
