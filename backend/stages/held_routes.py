"""Work in somebody's hands over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, status

from backend.auth.authorize import CurrentUser
from backend.database import ReadSession, RowId, WriteSession
from backend.stages import held
from backend.stages.schemas import FreeIn, HeldList

router = APIRouter(tags=["work"])

Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,12}(\.[0-9]{1,20})?_[0-9]{1,10}$")]


@router.get("/projects/{project_id}/work")
def list_held(
    project_id: RowId, session: ReadSession, cursor: Cursor = None, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> HeldList:
    """The images that people hold now, the newest claim first; pass `next_cursor` back as `cursor`."""
    before: held.Place | None = None
    if cursor is not None:
        claimed_at, work_id = cursor.split("_")
        before = float(claimed_at), int(work_id)
    return held.list_held(session, project_id, before=before, limit=limit)


@router.post("/work/{work_id}/free", status_code=status.HTTP_204_NO_CONTENT)
def free(work_id: RowId, body: FreeIn, user: CurrentUser, session: WriteSession) -> None:
    """Gives an image that `holder_id` holds back to its queue; their masks stay. 409 `not_held` when they do not."""
    held.free(session, work_id, user, holder_id=body.holder_id, reason=body.reason)
