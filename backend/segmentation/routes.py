"""Prompts to masks over HTTP: passed to the model server with the image's checksum and the project's live model."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.auth.authorize import authorize
from backend.database import RowId
from backend.downloads import pass_on
from backend.jobs.resources import Resources
from backend.middleware import ASK_AGAIN, FOR_EVER
from backend.segmentation import service
from model_server.contract.automatic import AutomaticOptions, AutomaticResponse
from model_server.contract.embedding import EMBEDDING_HEADER
from model_server.contract.messages import Multimask, PredictResponse, PromptJson, View

router = APIRouter(tags=["segmentation"])


class PredictIn(BaseModel):
    """All prompts of one mask in order of use; the request holds everything, the server remembers nothing.

    `view_xyxy`: the part of the image on the screen, in its pixels; zoomed in, small objects get sharper masks.
    """

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    prompts: list[PromptJson] = Field(max_length=1000)
    multimask: Multimask = "auto"
    model_version: str | None = Field(None, max_length=120)
    view_xyxy: View | None = None


@router.post("/images/{image_id}/predict", response_model=PredictResponse)
def predict(image_id: RowId, body: PredictIn, request: Request) -> Response:
    """Masks for these prompts, in the model's order; three candidates for a lone prompt, one once it is refined.

    Waits while the image's embedding is still being made. 503 with Retry-After when the model server is away or full.
    """
    authorize(request)  # here and not as a dependency: a click is spared the way to another thread and back
    resources: Resources = request.app.state.resources
    answer = service.predict(
        resources,
        image_id,
        prompts=body.prompts,
        multimask=body.multimask,
        model_version=body.model_version,
        view_xyxy=body.view_xyxy,
    )
    return Response(answer, media_type="application/json")


EMBEDDING: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {EMBEDDING_HEADER: {"description": "Its layout as JSON.", "schema": {"type": "string"}}},
    },
    202: {"description": "It is being made: ask again after Retry-After seconds."},
    304: {"description": "The embedding named by If-None-Match is still the one."},
}


@router.get("/images/{image_id}/embedding", response_class=Response, responses=EMBEDDING)
def read_embedding(
    image_id: RowId, request: Request, model_version: Annotated[str | None, Query(max_length=120)] = None
) -> Response:
    """The encoded image for decoding in the browser: raw little-endian fp16, finest feature map first (docs/onnx.md).

    Without `model_version` that of the project's live model; the header says which. An embedding that has to be made
    is not waited for. 503 with Retry-After when the model server is away or full.
    """
    authorize(request)
    known = request.headers.get("if-none-match", "")
    download = service.read_embedding(request.app.state.resources, image_id, model_version, if_none_match=known)
    return pass_on(download, ASK_AGAIN if model_version is None else FOR_EVER)


class AutomaticIn(BaseModel):
    """How to look for everything in an image."""

    model_config = ConfigDict(extra="forbid")

    options: AutomaticOptions = AutomaticOptions()


@router.post("/images/{image_id}/automatic", response_model=AutomaticResponse)
def preview_automatic(image_id: RowId, body: AutomaticIn, request: Request) -> Response:
    """What fully automatic annotation would find with these options; nothing is kept.

    Clicks of others go first, so it may take minutes. 503 `previews_busy` while enough of them are under way.
    """
    authorize(request)
    resources: Resources = request.app.state.resources
    answer = service.find_automatically(resources, image_id, body.options)
    return Response(answer, media_type="application/json")
