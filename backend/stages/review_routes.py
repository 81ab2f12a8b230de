"""Reviews over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from backend.auth.authorize import CurrentUser
from backend.database import ReadSession, RowId, WriteSession
from backend.stages import review
from backend.stages.item_out import item_out
from backend.stages.schemas import ReviewIn, WorkItemOut

router = APIRouter(tags=["review"])

ImageId = Annotated[int | None, Query(ge=1, lt=2**31)]


@router.get(
    "/projects/{project_id}/review",
    response_model=WorkItemOut,
    responses={204: {"description": "Every image that people finished has been reviewed."}},
)
def find_to_review(
    project_id: RowId, session: ReadSession, image_id: ImageId = None, after_image: ImageId = None
) -> WorkItemOut | Response:
    """A finished image to look at: this one, or the next that a person finished and nobody reviewed. Nothing is lent.

    `remaining`: how many wait for a review, counted up to 1000.
    """
    if image_id is not None:
        item = review.get_finished(session, project_id, image_id)
    else:
        found = review.find_to_review(session, project_id, after_image=after_image or 0)
        if found is None:
            return Response(status_code=status.HTTP_204_NO_CONTENT)
        item = found
    return item_out(session, item, remaining=review.count_to_review(session, project_id))


@router.post("/work/{work_id}/review")
def decide(work_id: RowId, body: ReviewIn, user: CurrentUser, session: WriteSession) -> WorkItemOut:
    """Accepts a finished image, or sends it back to its queue with a reason.

    409 `not_finished` when it is not, `changed_meanwhile` when the masks that were `seen` are not those that stand.
    """
    if body.decision == "accept":
        item = review.accept(session, work_id, user, seen=body.seen)
    else:
        ids = body.annotation_ids
        item = review.send_back(session, work_id, user, reason=body.reason, annotation_ids=ids)
    session.flush()
    return item_out(session, item, remaining=review.count_to_review(session, item.project_id))
