"""Masks over HTTP."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response, status
from fastapi.responses import JSONResponse

from backend.annotations import proposals, service
from backend.annotations.schemas import (
    AcceptedOut,
    AnnotationIn,
    AnnotationList,
    AnnotationOut,
    RejectedOut,
    RevisionList,
    UndoIn,
    UndoneOut,
)
from backend.annotations.service import LostAgainstNewer
from backend.annotations.tables import Annotation
from backend.auth.authorize import CurrentUser
from backend.database import ReadSession, RowId, WriteSession
from backend.errors import PreconditionRequired, Unprocessable, error_response

router = APIRouter(tags=["annotations"])

IfMatch = Annotated[str | None, Header(description='The revision you changed, as its ETag: `"3"`.')]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=100)]
CONFLICT: dict[int | str, dict[str, Any]] = {
    412: {"description": "Somebody else was first; both versions are kept and the current one is sent."}
}


@router.get("/images/{image_id}/annotations")
def list_annotations(image_id: RowId, session: ReadSession) -> AnnotationList:
    """The masks of an image that stand, oldest first."""
    return AnnotationList(items=[AnnotationOut.of(row) for row in service.list_annotations(session, image_id)])


@router.post("/images/{image_id}/annotations", status_code=status.HTTP_201_CREATED)
def create_annotation(
    image_id: RowId,
    body: AnnotationIn,
    user: CurrentUser,
    session: WriteSession,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> AnnotationOut:
    """Keeps a mask. With an `Idempotency-Key` it may be sent again without becoming two."""
    row, is_new = service.create_annotation(session, image_id, body, user, idempotency_key=idempotency_key)
    if not is_new:
        response.headers["Idempotent-Replayed"] = "true"
    return _out(row, response)


@router.put("/annotations/{annotation_id}", response_model=AnnotationOut, responses=CONFLICT)
def change_annotation(
    annotation_id: RowId,
    body: AnnotationIn,
    user: CurrentUser,
    session: WriteSession,
    response: Response,
    if_match: IfMatch = None,
) -> AnnotationOut | JSONResponse:
    """Replaces a mask that nobody else has changed meanwhile."""
    result = service.change_annotation(session, annotation_id, body, user, expected_revision=_revision(if_match))
    return _conflict(result) if isinstance(result, LostAgainstNewer) else _out(result, response)


@router.delete("/annotations/{annotation_id}", status_code=status.HTTP_204_NO_CONTENT, responses=CONFLICT)
def delete_annotation(
    annotation_id: RowId, user: CurrentUser, session: WriteSession, if_match: IfMatch = None
) -> Response:
    """Takes a mask out of the dataset; it can be restored. One that a model made on its own is rejected."""
    result = service.delete_annotation(session, annotation_id, user, expected_revision=_revision(if_match))
    return Response(status_code=status.HTTP_204_NO_CONTENT) if result is None else _conflict(result)


@router.post("/annotations/{annotation_id}/restore")
def restore_annotation(
    annotation_id: RowId, user: CurrentUser, session: WriteSession, response: Response
) -> AnnotationOut:
    """Brings a deleted or rejected mask back as it was."""
    return _out(service.restore_annotation(session, annotation_id, user), response)


@router.post("/annotations/{annotation_id}/accept", response_model=AnnotationOut, responses=CONFLICT)
def accept_proposal(
    annotation_id: RowId, user: CurrentUser, session: WriteSession, response: Response, if_match: IfMatch = None
) -> AnnotationOut | JSONResponse:
    """Accepts a proposal as it is. To correct one, PUT the mask it should be."""
    result = proposals.accept(session, annotation_id, user, expected_revision=_revision(if_match))
    return _conflict(result) if isinstance(result, LostAgainstNewer) else _out(result, response)


@router.post("/annotations/{annotation_id}/reject", response_model=AnnotationOut, responses=CONFLICT)
def reject_proposal(
    annotation_id: RowId, user: CurrentUser, session: WriteSession, response: Response, if_match: IfMatch = None
) -> AnnotationOut | JSONResponse:
    """Rejects a mask that a model made on its own; it can be restored."""
    result = proposals.reject(session, annotation_id, user, expected_revision=_revision(if_match))
    return _conflict(result) if isinstance(result, LostAgainstNewer) else _out(result, response)


@router.post("/annotations/{annotation_id}/propose", response_model=AnnotationOut, responses=CONFLICT)
def propose_again(
    annotation_id: RowId, session: WriteSession, response: Response, if_match: IfMatch = None
) -> AnnotationOut | JSONResponse:
    """Takes back a decision: the mask is the proposal again that it was."""
    result = proposals.propose(session, annotation_id, expected_revision=_revision(if_match))
    return _conflict(result) if isinstance(result, LostAgainstNewer) else _out(result, response)


@router.post("/images/{image_id}/proposals/accept-all")
def accept_all_proposals(image_id: RowId, user: CurrentUser, session: WriteSession) -> AcceptedOut:
    """Accepts every undecided proposal of the image; those of a stage it has left stay undecided."""
    return AcceptedOut(accepted=proposals.accept_all(session, image_id, user))


@router.post("/images/{image_id}/proposals/undo-accept-all")
def undo_accept_all_proposals(image_id: RowId, body: UndoIn, user: CurrentUser, session: WriteSession) -> UndoneOut:
    """Makes these proposals again, except for those that were touched since."""
    return UndoneOut(proposed=proposals.undo_all(session, image_id, body.ids, user, decided="accepted"))


@router.post("/images/{image_id}/proposals/reject-all")
def reject_all_proposals(image_id: RowId, user: CurrentUser, session: WriteSession) -> RejectedOut:
    """Rejects every proposal of the image that is left."""
    return RejectedOut(rejected=proposals.reject_all(session, image_id, user))


@router.post("/images/{image_id}/proposals/undo-reject-all")
def undo_reject_all_proposals(image_id: RowId, body: UndoIn, user: CurrentUser, session: WriteSession) -> UndoneOut:
    """Makes these proposals again, except for those that were touched since."""
    return UndoneOut(proposed=proposals.undo_all(session, image_id, body.ids, user, decided="rejected"))


@router.get("/annotations/{annotation_id}/revisions")
def list_revisions(annotation_id: RowId, session: ReadSession) -> RevisionList:
    """Earlier versions, and those that lost against a newer one."""
    return RevisionList.of(service.list_revisions(session, annotation_id))


def _revision(if_match: str | None) -> int:
    if if_match is None:
        message = 'Send the revision you changed as If-Match, for example If-Match: "3".'
        raise PreconditionRequired("if_match_missing", message)
    found = re.fullmatch(r'(?:W/)?"(\d{1,9})"', if_match.strip())
    if found is None:
        raise Unprocessable("if_match_malformed", 'If-Match must be one revision in quotes, for example "3".')
    return int(found.group(1))


def _out(row: Annotation, response: Response) -> AnnotationOut:
    response.headers["ETag"] = f'"{row.revision}"'
    return AnnotationOut.of(row)


def _conflict(lost: LostAgainstNewer) -> JSONResponse:
    # Returned and not raised: the losing version must be committed.
    current = AnnotationOut.of(lost.current).model_dump(mode="json")
    message = "Somebody else changed this mask meanwhile. Both versions are kept; choose one."
    headers = {"ETag": f'"{lost.current.revision}"'}
    return error_response(
        412, "revision_conflict", message, headers=headers, current=current, yours_kept_as=lost.kept_as
    )
