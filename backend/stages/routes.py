"""The annotators' queue over HTTP."""

from fastapi import APIRouter, Request, Response, status
from sqlalchemy.orm import Session

from backend.auth.authorize import CurrentUser
from backend.database import ReadSession, RowId, WriteSession
from backend.jobs.resources import Resources
from backend.stages import held_routes, review_routes, service, stage_routes
from backend.stages.item_out import item_out
from backend.stages.schemas import LeaseIn, NextIn, SkipIn, StageName, UpcomingOut, WorkItemOut
from backend.stages.tables import WorkItem
from backend.stages.upcoming import find_upcoming

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
    """Lends an image: the one you hold already, else the next of the queue; with `image_id`, that one.

    With `finish`, what that item's own route does comes first; where it fails, nothing is lent.
    """
    seconds = _lease_seconds(request)
    if body.finish is not None:
        service.finish(session, body.finish.work_id, body.finish.lease_token, project_id=project_id)
    item: WorkItem | None
    if body.image_id is not None:
        item = service.lend_image(session, project_id, body.image_id, user.user_id, lease_seconds=seconds)
    else:
        item = service.lend_next(
            session,
            project_id,
            user.user_id,
            lease_seconds=seconds,
            after=body.after,
            prefer=body.prefer,
            stage=body.stage,
        )
    if item is None:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return _out(session, item, seconds)


@work.get("/projects/{project_id}/work/upcoming")
def read_upcoming(
    project_id: RowId, user: CurrentUser, session: ReadSession, stage: StageName | None = None
) -> UpcomingOut:
    """What is probably lent to you next, to have it at hand; pass its image as `prefer`."""
    item = find_upcoming(session, project_id, user.user_id, stage)
    return UpcomingOut(
        item=None if item is None else item_out(session, item, remaining=service.count_remaining(session, item))
    )


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
    return item_out(session, item, remaining=service.count_remaining(session, item), lease_seconds=lease_seconds)


router = APIRouter()
router.include_router(stage_routes.router)
router.include_router(work)
router.include_router(held_routes.router)
router.include_router(review_routes.router)
