"""Prompts to masks over HTTP: passed to the model server with the image's checksum and the project's live model."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.auth.authorize import authorize
from backend.database import RowId
from backend.jobs.resources import Resources
from backend.segmentation import service
from model_server.contract.automatic import AutomaticOptions, AutomaticResponse
from model_server.contract.messages import Multimask, PredictResponse, PromptJson

router = APIRouter(tags=["segmentation"])


class PredictIn(BaseModel):
    """All prompts of one mask in order of use; the request holds everything, the server remembers nothing."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    prompts: list[PromptJson] = Field(max_length=1000)
    multimask: Multimask = "auto"
    model_version: str | None = Field(None, max_length=120)


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
    )
    return Response(answer, media_type="application/json")


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
