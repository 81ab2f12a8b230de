"""Images as JSON."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

ImageState = Literal["proposing", "ready", "claimed", "done", "skipped"]


class ImageOut(BaseModel):
    """One image; width and height are after EXIF orientation, `state` is that of its newest work item."""

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
