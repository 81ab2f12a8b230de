"""Model versions over HTTP."""

from fastapi import APIRouter, Request

from backend.database import get_database
from backend.errors import Unavailable
from backend.jobs.resources import Resources
from backend.models import service
from backend.models.schemas import ModelList, ModelOut

router = APIRouter(tags=["models"])


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
