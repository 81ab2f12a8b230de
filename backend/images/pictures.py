"""An image's picture as an answer: cached for ever, as the bytes behind an id never change."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from backend.errors import NotFound
from backend.images.derivatives import needs_display
from backend.images.tables import Image
from backend.middleware import FOR_EVER, UPLOADED_CONTENT_HEADERS, names_etag
from backend.storage import BlobNotFound, BlobStore, display_key, image_key, thumbnail_key


@dataclass(frozen=True)
class Picture:
    """Which bytes to send and as what."""

    key: str
    etag: str
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)


def original(image: Image) -> Picture:
    """The uploaded bytes, to be saved under the image's name."""
    headers = {"content-disposition": _attachment(PurePosixPath(image.file_name).name)}
    return Picture(image_key(image.sha256), f'"{image.sha256}"', _media_type(image), headers)


def thumbnail(image: Image) -> Picture:
    """The thumbnail."""
    return Picture(thumbnail_key(image.sha256), f'"{image.sha256}-thumbnail"', "image/webp")


def display(image: Image) -> Picture:
    """What the page draws."""
    if needs_display(is_plain=image.is_plain, size_hw=(image.height, image.width)):
        return Picture(display_key(image.sha256), f'"{image.sha256}-display"', "image/jpeg")
    return Picture(image_key(image.sha256), f'"{image.sha256}"', _media_type(image))


def answer(store: BlobStore, picture: Picture, request: Request) -> Response:
    """The picture, or 304 when the browser has it. Raises NotFound when the storage lost it."""
    headers = {"cache-control": FOR_EVER, "etag": picture.etag, **UPLOADED_CONTENT_HEADERS, **picture.headers}
    if names_etag(request.headers.get("if-none-match", ""), picture.etag):
        return Response(status_code=304, headers=headers)
    path = store.local_path(picture.key)
    if path is not None and path.is_file():
        return FileResponse(path, headers=headers, media_type=picture.media_type)
    try:
        return StreamingResponse(store.chunks(picture.key), headers=headers, media_type=picture.media_type)
    except BlobNotFound:
        raise NotFound("picture_lost", "The storage no longer has this picture; import the file again.") from None


def _media_type(image: Image) -> str:
    return f"image/{image.format.lower()}"


def _attachment(name: str) -> str:
    """RFC 6266: the name in ASCII for old programs, and as it is (RFC 5987)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-()") else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
