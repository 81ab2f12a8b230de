"""Model versions and promotions over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response, status

from backend.auth.authorize import CurrentUser, require_project_role
from backend.auth.permissions import PROJECT_ADMIN
from backend.database import ReadSession, RowId, WriteSession, get_database
from backend.downloads import pass_on
from backend.errors import Unavailable
from backend.jobs.resources import Resources
from backend.middleware import ASK_AGAIN, FOR_EVER, names_etag
from backend.models import service
from backend.models.schemas import ModelList, ModelOut, PromoteIn, PromotionList, PromotionOut, RollbackIn
from model_server.contract.decoder import SMALLEST_FIRST, WantedWeights, decoder_etag

router = APIRouter(tags=["models"])

DECODER: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {"Segloop-Decoder": {"description": "Its rules as JSON.", "schema": {"type": "string"}}},
    },
    202: {"description": "The smallest is being made: ask again after Retry-After seconds."},
    304: {"description": "The decoder named by If-None-Match is still the one."},
}


@router.get("/models")
def list_models(request: Request) -> ModelList:
    """The model versions there are; the model server is asked, and what it says is kept."""
    resources: Resources = request.app.state.resources
    device = None
    try:
        answer = resources.model.models()
    except Unavailable:
        is_up = False
    else:
        is_up, device = True, answer["device"]
        with get_database(request).write() as session:
            service.record_versions(session, answer["models"])
    with get_database(request).read() as session:
        items = [ModelOut.model_validate(row) for row in service.list_versions(session)]
    return ModelList(items=items, device=device, is_model_server_up=is_up)


@router.get("/models/{model_version}/decoder.onnx", response_class=Response, responses=DECODER)
def read_decoder(
    model_version: Annotated[str, Path(max_length=120)], request: Request, weights: WantedWeights = "float32"
) -> Response:
    """Prompt encoder and mask decoder of a model version as ONNX, for decoding in the browser (docs/onnx.md).

    The first request for a version waits until its file is made: seconds, for the largest models longer than the
    503 that says to ask again. 409 when the model's family has no such form, or its smaller weights draw other masks.
    `smallest` is the smallest that draws the same masks, and does not wait.
    """
    etags = [decoder_etag(model_version, kind) for kind in (SMALLEST_FIRST if weights == "smallest" else (weights,))]
    # Which one is the smallest may change with what checks it.
    cache_control = ASK_AGAIN if weights == "smallest" else FOR_EVER
    known = request.headers.get("if-none-match", "")
    for etag in etags:
        if names_etag(known, etag):
            return Response(status_code=304, headers={"cache-control": cache_control, "etag": etag})
    resources: Resources = request.app.state.resources
    return pass_on(resources.model.decoder(model_version, weights), cache_control)


@router.post("/models/{model_version}/promote", status_code=status.HTTP_201_CREATED)
def promote_version(
    model_version: Annotated[str, Path(max_length=120)], body: PromoteIn, request: Request, user: CurrentUser
) -> PromotionOut:
    """Makes a version the live one of a project, by an administrator's word and whatever the gate said.

    409 `already_live`; 404 when the model server does not serve it, or the caller may not know of the project.
    """
    resources: Resources = request.app.state.resources
    require_project_role(PROJECT_ADMIN, user, body.project_id, resources.database)
    service.require_version(resources, body.kind, model_version)
    with resources.database.write() as session:
        promotion = service.promote(
            session, body.project_id, body.kind, model_version, reason=body.reason, author_id=user.user_id
        )
        return service.describe_promotions(session, [promotion])[0]


@router.post("/projects/{project_id}/rollback", status_code=status.HTTP_201_CREATED)
def roll_back(project_id: RowId, body: RollbackIn, user: CurrentUser, session: WriteSession) -> PromotionOut:
    """Takes back the newest promotion; once more, the one before. 409 `nothing_to_roll_back`."""
    promotion = service.roll_back(session, project_id, body.kind, reason=body.reason, author_id=user.user_id)
    return service.describe_promotions(session, [promotion])[0]


@router.get("/projects/{project_id}/promotions")
def list_promotions(project_id: RowId, session: ReadSession) -> PromotionList:
    """What was live when, and why: promotions and rollbacks, newest first."""
    return PromotionList(items=service.list_promotions(session, project_id))
