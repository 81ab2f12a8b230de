"""Images over HTTP: import, browse, and their pictures."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status

from backend.auth.authorize import CurrentUser
from backend.database import ReadSession, RowId, WriteSession
from backend.images import pictures, service
from backend.images.decoders import stop_decoding
from backend.images.incoming import ReceivedFiles
from backend.images.ingest import ingest_files
from backend.images.schemas import ImageList, ImageOut, ImageState, ImportOut
from backend.storage import Store

__all__ = ["router", "stop_decoding"]

router = APIRouter(tags=["images"])

UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            }
        },
    }
}
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "The picture named by If-None-Match is still the one."},
}


@router.post("/projects/{project_id}/images", openapi_extra=UPLOAD_BODY)
def import_images(project_id: RowId, user: CurrentUser, files: ReceivedFiles, request: Request) -> ImportOut:
    """Imports pictures (JPEG, PNG, WebP, TIFF) and .zip archives of them, in parts called `files`.

    Folders in a file's name are kept. A file that cannot be used is listed under `rejected` and spoils no other.
    """
    return ingest_files(request.app.state.resources, project_id, user.user_id, files)


@router.get("/projects/{project_id}/images")
def list_images(
    project_id: RowId,
    session: ReadSession,
    cursor: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    state: ImageState | None = None,
) -> ImageList:
    """The project's images in order of import; pass `next_cursor` back as `cursor` for the next page."""
    return service.list_images(session, project_id, after_id=cursor, limit=limit, state=state)


@router.get("/images/{image_id}")
def read_image(image_id: RowId, session: ReadSession) -> ImageOut:
    """One image."""
    return service.read_image(session, image_id)


@router.delete("/images/{image_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_image(image_id: RowId, session: WriteSession) -> None:
    """Removes an image that carries no accepted masks (409 `image_has_masks` otherwise)."""
    service.delete_image(session, image_id)


@router.get("/images/{image_id}/file", response_class=Response, responses=PICTURE)
def read_file(image_id: RowId, session: ReadSession, store: Store, request: Request) -> Response:
    """The original bytes, as a download."""
    return pictures.answer(store, pictures.original(service.get_image(session, image_id)), request)


@router.get("/images/{image_id}/thumbnail", response_class=Response, responses=PICTURE)
def read_thumbnail(image_id: RowId, session: ReadSession, store: Store, request: Request) -> Response:
    """A WebP, long side 256."""
    return pictures.answer(store, pictures.thumbnail(service.get_image(session, image_id)), request)


@router.get("/images/{image_id}/display", response_class=Response, responses=PICTURE)
def read_display(image_id: RowId, session: ReadSession, store: Store, request: Request) -> Response:
    """What the page draws: the original where a browser shows the same pixels, else a JPEG; long side at most 4096."""
    return pictures.answer(store, pictures.display(service.get_image(session, image_id)), request)
