"""People and tokens as JSON."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from backend.auth.permissions import Role

Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)]
Password = Annotated[str, StringConstraints(max_length=1000)]


class Strict(BaseModel):
    """A request body: fields nobody knows are refused, so that nothing is set by accident or by malice."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        if isinstance(value, str) and "\0" in value:  # PostgreSQL's text cannot hold it
            raise ValueError("the character U+0000 cannot be kept")
        return value


class LoginIn(Strict):
    """Address and password."""

    email: Annotated[str, StringConstraints(max_length=254)]
    password: Password


class LinkIn(Strict):
    """The secret of a sign-in link."""

    token: Annotated[str, StringConstraints(max_length=200)]


class UserOut(BaseModel):
    """A person."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    email: str
    name: str
    role: Role
    is_active: bool


class MeOut(BaseModel):
    """Who is signed in."""

    user: UserOut
    has_password: bool
    version: str


class PasswordIn(Strict):
    """A new password; the current one is needed when there is one."""

    password: Password
    current_password: Password | None = None


class UserIn(Strict):
    """A person to add."""

    email: Email
    name: Name = ""
    role: Role


class UserPatch(Strict):
    """What to change; absent fields stay."""

    name: Name | None = None
    role: Role | None = None
    is_active: bool | None = None


class SignInLinkOut(BaseModel):
    """A link that signs the person in once; shown only now."""

    sign_in_link: str


class UserCreated(UserOut, SignInLinkOut):
    """The person and the link to hand over."""


class UserList(BaseModel):
    """All people."""

    items: list[UserOut]


class TokenIn(Strict):
    """What the token is for."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)] = Field(
        examples=["nightly export"]
    )


class TokenOut(BaseModel):
    """A token, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None


class TokenCreated(TokenOut):
    """A fresh token; `token` is shown only now."""

    token: str


class TokenList(BaseModel):
    """The caller's tokens."""

    items: list[TokenOut]
