"""The annotators' queue over HTTP."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response, status
from sqlalchemy.orm import Session

from backend.auth.authorize import CurrentUser
from backend.database import RowId, WriteSession
from backend.images.service import read_image
from backend.jobs.resources import Resources
from backend.stages import service, stage_routes
from backend.stages.policies import as_stage, read_policy
from backend.stages.schemas import LeaseIn, NextIn, SkipIn, WorkItemOut
from backend.stages.tables import WorkItem

work = APIRouter(tags=["work"])


def _lease_seconds(request: Request) -> float:
    resources: Resources = request.app.state.resources
    return resources.settings.lease_seconds


@work.post(
    "/projects/{project_id}/work/next",
    response_model=WorkItemOut,
    responses={204: {"description": "Nothing is left to do."}},
)
def lend_next(
    project_id: RowId, body: NextIn, user: CurrentUser, request: Request, session: WriteSession
) -> WorkItemOut | Response:
    """Lends an image: the one you hold already, else the next of the queue; with `image_id`, that one."""
    seconds = _lease_seconds(request)
    item: WorkItem | None
    if body.image_id is not None:
        item = service.lend_image(session, project_id, body.image_id, user.user_id, lease_seconds=seconds)
    else:
        item = service.lend_next(
            session, project_id, user.user_id, lease_seconds=seconds, after=body.after, stage=body.stage
        )
    if item is None:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return _out(session, item, seconds)


@work.post("/work/{work_id}/heartbeat")
def heartbeat(work_id: RowId, body: LeaseIn, request: Request, session: WriteSession) -> WorkItemOut:
    """Keeps the image lent. 409 `lease_lost` when somebody else has it now."""
    seconds = _lease_seconds(request)
    return _out(session, service.renew_lease(session, work_id, body.lease_token, lease_seconds=seconds), seconds)


@work.post("/work/{work_id}/finish")
def finish(work_id: RowId, body: LeaseIn, request: Request, session: WriteSession) -> WorkItemOut:
    """The image is done; saying it twice is no error."""
    return _out(session, service.finish(session, work_id, body.lease_token), _lease_seconds(request))


@work.post("/work/{work_id}/skip")
def skip(work_id: RowId, body: SkipIn, request: Request, session: WriteSession) -> WorkItemOut:
    """Puts the image aside with a reason."""
    return _out(session, service.skip(session, work_id, body.lease_token, body.reason), _lease_seconds(request))


@work.post("/work/{work_id}/release")
def release(work_id: RowId, body: LeaseIn, request: Request, session: WriteSession) -> WorkItemOut:
    """Gives the image back to the queue; its masks stay."""
    return _out(session, service.release(session, work_id, body.lease_token), _lease_seconds(request))


def _out(session: Session, item: WorkItem, lease_seconds: float) -> WorkItemOut:
    until = None if item.lease_until is None else datetime.fromtimestamp(item.lease_until, UTC)
    return WorkItemOut(
        id=item.id,
        image=read_image(session, item.image_id),
        stage=item.stage,
        is_audit=item.is_audit,
        hint_seconds=read_policy(session, item.project_id, as_stage(item.stage)).hint_seconds,
        state=item.state,
        lease_token=item.lease_token,
        lease_until=until,
        lease_seconds=lease_seconds,
        remaining=service.count_remaining(session, item),
    )


router = APIRouter()
router.include_router(stage_routes.router)
router.include_router(work)
