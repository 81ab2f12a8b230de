"""Projects, members and categories as JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from backend.auth.permissions import Role
from backend.auth.schemas import Email, Strict

ProjectName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]

Guidelines = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]


class ProjectIn(Strict):
    """A project to make."""

    name: ProjectName
    description: Description = ""


class ProjectPatch(Strict):
    """What to change; absent fields stay."""

    name: ProjectName | None = None
    description: Description | None = None
    guidelines: Guidelines | None = None


class ProjectOut(BaseModel):
    """A project, with what the caller is in it. `model_version` None = the model server's default.

    `guidelines`: how to annotate, as Markdown.
    """

    id: int
    name: str
    description: str
    guidelines: str
    role: Role
    image_count: int
    done_count: int
    annotation_count: int
    model_version: str | None
    created_at: datetime
    deleted_at: datetime | None


class ProjectList(BaseModel):
    """The projects the caller is a member of."""

    items: list[ProjectOut]
    next_cursor: str | None = None
    total: int


class MemberIn(Strict):
    """Somebody to add, or whose role to change, by address."""

    email: Email
    role: Role


class MemberOut(BaseModel):
    """A member."""

    user_id: int
    email: str
    name: str
    role: Role


class MemberList(BaseModel):
    """All members."""

    items: list[MemberOut]


class CategoryIn(Strict):
    """A category's name."""

    name: ProjectName


class CategoryOut(BaseModel):
    """A category; `position` gives its hue."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    position: int


class CategoryList(BaseModel):
    """All categories by position."""

    items: list[CategoryOut]
