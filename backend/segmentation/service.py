"""Asks the model server: masks now, embeddings ahead of need. Holds no transaction while it waits."""

import threading
from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from backend.errors import NotFound, Unavailable, Unprocessable
from backend.images.tables import Image
from backend.jobs.queue import enqueue
from backend.jobs.resources import Resources
from backend.model_client import Download
from backend.projects.tables import Project
from model_server.contract.automatic import AutomaticOptions, AutomaticRequest
from model_server.contract.geometry import InvalidPrompt, validate_prompts
from model_server.contract.messages import Multimask, PredictRequest, PromptJson, View

EMBED_PRIORITY = 10
# Each holds a thread of the server for as long as the model needs.
PREVIEWS_AT_ONCE = 4
_previews = threading.BoundedSemaphore(PREVIEWS_AT_ONCE)

_IMAGE_AND_MODEL = (
    select(Image.sha256, Image.height, Image.width, Project.model_version)
    .join(Project, Project.id == Image.project_id)
    .where(Image.id == bindparam("image_id"))
)


def predict(
    resources: Resources,
    image_id: int,
    *,
    prompts: Sequence[PromptJson],
    multimask: Multimask,
    model_version: str | None,
    view_xyxy: View | None = None,
) -> bytes:
    """The model server's answer (JSON of PredictResponse) for prompts in pixels of this image.

    Without `model_version` the project's live one answers. Raises NotFound, Unprocessable, Unavailable.
    """
    sha256, size_hw, live_version = _read_image(resources, image_id)
    try:
        validate_prompts(prompts, size_hw)
    except InvalidPrompt as error:
        raise Unprocessable(error.code, error.message) from error
    request = PredictRequest.model_construct(
        image_sha256=sha256,
        size_hw=size_hw,
        model_version=model_version or live_version,
        prompts=list(prompts),
        multimask=multimask,
        view_xyxy=view_xyxy,
    )
    return resources.model.predict(request.model_dump_json().encode())


def read_embedding(resources: Resources, image_id: int, model_version: str | None, *, if_none_match: str) -> Download:
    """The image's embedding by this version, else by the project's live one. Raises NotFound, Unavailable."""
    sha256, _, live_version = _read_image(resources, image_id)
    return resources.model.embedding(sha256, model_version or live_version, if_none_match=if_none_match)


def find_automatically(resources: Resources, image_id: int, options: AutomaticOptions) -> bytes:
    """The model server's answer (JSON of AutomaticResponse) with the project's live model.

    Raises NotFound, Unprocessable, Unavailable.
    """
    sha256, size_hw, live_version = _read_image(resources, image_id)
    request = AutomaticRequest(image_sha256=sha256, size_hw=size_hw, model_version=live_version, options=options)
    if not _previews.acquire(blocking=False):
        message = "Enough previews are under way now; try again when one of them is done."
        raise Unavailable("previews_busy", message, headers={"Retry-After": "5"})
    try:
        return resources.model.automatic(request.model_dump_json().encode())
    finally:
        _previews.release()


def _read_image(resources: Resources, image_id: int) -> tuple[str, tuple[int, int], str | None]:
    """Checksum, (height, width) and the project's live model version. Raises NotFound."""
    with resources.database.engine.connect() as connection:
        found = connection.execute(_IMAGE_AND_MODEL, {"image_id": image_id}).first()
    if found is None:
        raise NotFound("image_not_found", f"There is no image {image_id}.")
    sha256, height, width, live_version = found
    return sha256, (height, width), live_version


def embed_ahead(session: Session, project_id: int, image_ids: Sequence[int]) -> None:
    """Has the embeddings of these images made soon, in this order; those that exist cost next to nothing."""
    if image_ids:
        key = f"embed:{project_id}:{image_ids[0]}-{image_ids[-1]}"
        args = {"image_ids": list(image_ids)}
        enqueue(session, "embed", args, project_id=project_id, dedupe_key=key, priority=EMBED_PRIORITY)
