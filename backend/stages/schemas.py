"""Work items as JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from backend.auth.schemas import Strict
from backend.images.schemas import ImageOut

LeaseToken = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class NextIn(Strict):
    """Which image to lend: the next of the queue, or this one. `after`: not this item again (it was put aside)."""

    image_id: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    after: Annotated[int, Field(ge=1, lt=2**31)] | None = None


class LeaseIn(Strict):
    """The token the item was lent with."""

    lease_token: LeaseToken


class SkipIn(LeaseIn):
    """Why the image is put aside."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] = ""


class WorkItemOut(BaseModel):
    """One image in one stage. `lease_token` is only there for whom it is lent to.

    `remaining`: how many images of this stage still wait, this one included.
    """

    id: int
    image: ImageOut
    stage: str
    state: str
    lease_token: str | None
    lease_until: datetime | None
    lease_seconds: float
    remaining: int
