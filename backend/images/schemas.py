"""Images as JSON."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

ImageState = Literal["proposing", "ready", "claimed", "done", "skipped"]


class ImageOut(BaseModel):
    """One image; width and height are after EXIF orientation, `state` is that of its newest work item.

    `skip_reason`: why it was last put aside, by a person or because of what a model said; null once it is finished.
    """

    id: int
    project_id: int
    sha256: str
    file_name: str
    width: int
    height: int
    format: str
    byte_size: int
    created_at: datetime
    annotation_count: int
    state: ImageState
    skip_reason: str | None


class ImageList(BaseModel):
    """A page of images in order of import; `total` counts all pages."""

    items: list[ImageOut]
    next_cursor: str | None
    total: int


class DuplicateOut(BaseModel):
    """A file whose bytes the project has already, as this image."""

    file_name: str
    image_id: int


class RejectedOut(BaseModel):
    """A file that did not become an image; `code` is stable, `reason` a sentence."""

    file_name: str
    code: str
    reason: str


class ImportOut(BaseModel):
    """What became of each file of an import; a bad one never spoils the others."""

    created: list[ImageOut]
    duplicates: list[DuplicateOut]
    rejected: list[RejectedOut]
