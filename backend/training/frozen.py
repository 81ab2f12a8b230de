"""The yardstick: which images are never trained on, and which of their masks models are measured by."""

import math
from typing import Any, Literal

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backend.annotations.tables import YARDSTICK, Annotation
from backend.images.tables import Image

Split = Literal["train", "frozen"]
SPLITS: tuple[Split, Split] = ("train", "frozen")
# Below, an interval over images says little about the next images, however narrow it is.
MIN_FROZEN_IMAGES = 5


def split_of(sha256: str, frozen_share: float) -> Split:
    """An image's side: frozen when the first 8 hex digits of its checksum / 2^32 are below the share."""
    return "frozen" if int(sha256[:8], 16) / 2**32 < frozen_share else "train"


def is_yardstick(entry: dict[str, Any]) -> bool:
    """Whether a mask, as it stands in a snapshot, measures models: all do but automatic ones that nobody changed.

    An audit that left those as they are judged none by itself, and the version that made them would be compared with
    its own output. Proposals that people accepted stay: each was judged, and without them there would be left what the
    live version had failed at, where any other one looks better. They favour the live version, so that the gate may
    refuse too much; promoting too much would be worse.
    """
    proposal, origin = entry["segloop"]["proposal"], entry["segloop"]["origin"]
    is_changed = proposal is not None and proposal["rle"]["counts"] != entry["segmentation"]["counts"]
    return bool(is_changed or origin != "automatic")


def count_frozen_images(session: Session, project_id: int, frozen_share: float) -> int:
    """Frozen images with a mask that models are measured by, counted as far as the gate needs."""
    bound = f"{math.ceil(frozen_share * 2**32):08x}"  # of checksums as text, as `split_of` has it
    found = select(Annotation.image_id).join(Image, Image.id == Annotation.image_id).where(text(YARDSTICK))
    found = found.where(Annotation.project_id == project_id, Image.sha256 < bound).distinct()
    return len(session.scalars(found.order_by(Annotation.image_id).limit(MIN_FROZEN_IMAGES)).all())
