"""Exports over HTTP: ask, look, download."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, status
from fastapi.responses import FileResponse, StreamingResponse

from backend.auth.authorize import CurrentUser
from backend.database import ReadSession, RowId, WriteSession
from backend.exports import service
from backend.exports.schemas import ExportIn, ExportList, ExportOut
from backend.storage import BlobStore, Store

router = APIRouter(tags=["exports"])

ZIP = "application/zip"
DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {"content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "The asked-for range of the archive."},
    409: {"description": "There is no archive: `export_not_ready`, `export_failed` or `export_cancelled`."},
}


@router.get("/projects/{project_id}/exports")
def list_exports(
    project_id: RowId,
    session: ReadSession,
    cursor: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ExportList:
    """The project's exports, newest first; pass `next_cursor` back as `cursor` for the next page."""
    return service.list_exports(session, project_id, before_id=cursor, limit=limit)


@router.post("/projects/{project_id}/exports", status_code=status.HTTP_201_CREATED)
def create_export(project_id: RowId, body: ExportIn, user: CurrentUser, session: WriteSession) -> ExportOut:
    """Asks for the project's accepted masks as one .zip: `coco` or `sa1b`. A job makes it; watch `state`."""
    export = service.create_export(
        session,
        project_id,
        export_format=body.format,
        include_images=body.include_images,
        created_by=user.user_id,
    )
    return ExportOut.of(export)


@router.get("/exports/{export_id}")
def read_export(export_id: RowId, session: ReadSession) -> ExportOut:
    """One export with its progress."""
    return ExportOut.of(service.get_export(session, export_id))


@router.delete("/exports/{export_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_export(export_id: RowId, session: WriteSession, store: Store) -> None:
    """Removes an export and its archive; one that is being made is to be cancelled first."""
    service.delete_export(session, store, export_id)


@router.get("/exports/{export_id}/download", response_class=Response, responses=DOWNLOAD)
def download_export(export_id: RowId, session: ReadSession, store: Store) -> Response:
    """The archive. Its ETag is its sha256; parts of it can be asked for by Range where files lie on this machine."""
    export, key = service.get_archive_key(session, store, export_id)
    name = service.archive_name(session, export)
    headers = {"ETag": f'"{export.sha256}"', "Content-Disposition": f'attachment; filename="{name}"'}
    path = store.local_path(key)
    if path is not None:
        return FileResponse(path, media_type=ZIP, headers=headers)
    headers |= {"Content-Length": str(export.byte_size), "Accept-Ranges": "none"}
    return StreamingResponse(_pieces(store, key), media_type=ZIP, headers=headers)


def _pieces(store: BlobStore, key: str) -> Iterator[bytes]:
    yield from store.chunks(key)
