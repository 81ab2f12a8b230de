"""The one dependency every API route passes: who asks, and does the permission table let them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Select, and_, select, update
from sqlalchemy.orm import Session

from backend.auth.permissions import PERMISSIONS, RESOURCES, Rule
from backend.auth.secrets import hash_secret
from backend.auth.tables import ApiToken, Membership, User, UserSession
from backend.database import Base, get_database, utc_now
from backend.errors import Forbidden, Gone, NotFound, Unauthorized

SESSION_COOKIE = "segloop_session"
UNSAFE_METHODS = frozenset(("POST", "PUT", "PATCH", "DELETE"))
TOKEN_TOUCH = timedelta(minutes=10)


@dataclass(frozen=True)
class Principal:
    """Who asks. `project_role` is what they are in the project the route belongs to, if any."""

    user_id: int
    name: str
    role: str
    project_id: int | None = None
    project_role: str | None = None
    session_secret: str = ""

    @property
    def is_admin(self) -> bool:
        """An administrator of the whole installation."""
        return self.role == "admin"


NOBODY = Principal(0, "", "")


def authorize(request: Request) -> Principal:
    """The caller, if the table lets them call this route.

    Raises Unauthorized (401), Forbidden (403), NotFound for what they may not know of (404), Gone (410).
    """
    rule = PERMISSIONS.get(f"{request.method} {request.scope['route'].path}")
    if rule is None:
        raise Forbidden("not_permitted", "Nobody may call this route.")
    if rule.kind == "public":
        _refuse_foreign_origin(request)
        return NOBODY
    database = get_database(request)
    with database.read() as session:
        principal, stale_token_id = _identify(request, session)
        principal = _check(rule, principal, request, session)
    if stale_token_id is not None:
        with database.write() as session:
            session.execute(update(ApiToken).where(ApiToken.id == stale_token_id).values(last_used_at=utc_now()))
    return principal


CurrentUser = Annotated[Principal, Depends(authorize)]


def _identify(request: Request, session: Session) -> tuple[Principal, int | None]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        row = session.execute(
            select(User, ApiToken.id, ApiToken.last_used_at)
            .join(ApiToken, ApiToken.user_id == User.id)
            .where(ApiToken.secret_hash == hash_secret(token.strip()), User.is_active)
        ).first()
        if row is None:
            raise Unauthorized("invalid_token", "This API token is not valid; make a new one on the account page.")
        is_stale = row[2] is None or utc_now() - row[2] > TOKEN_TOUCH
        return Principal(row[0].id, row[0].name, row[0].role), row[1] if is_stale else None

    secret = request.cookies.get(SESSION_COOKIE)
    if not secret:
        raise Unauthorized("not_signed_in", "Sign in first.")
    _refuse_foreign_origin(request)
    user = session.scalar(
        select(User)
        .join(UserSession, UserSession.user_id == User.id)
        .where(UserSession.secret_hash == hash_secret(secret), UserSession.expires_at > utc_now(), User.is_active)
    )
    if user is None:
        raise Unauthorized("session_expired", "Your session has ended; sign in again. What you did is kept.")
    return Principal(user.id, user.name, user.role, session_secret=secret), None


def _refuse_foreign_origin(request: Request) -> None:
    """Cross-site requests never change anything with a person's cookie (Sec-Fetch-Site, else Origin against Host)."""
    if request.method not in UNSAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site in ("same-origin", "none") or (site is None and origin is None):
        return
    host = request.headers.get("host", "")
    if site is None and origin is not None and origin.partition("://")[2] == host:
        return
    raise Forbidden("foreign_origin", "Another site sent this request; it was refused.")


def _check(rule: Rule, principal: Principal, request: Request, session: Session) -> Principal:
    if rule.kind == "signed_in" or (rule.kind == "admin" and principal.is_admin):
        return principal
    if rule.kind == "admin":
        raise Forbidden("admins_only", "Only administrators may do this.")
    name = next(name for name in request.path_params if name in RESOURCES)
    noun = RESOURCES[name].rstrip("s").replace("_", " ")
    resource_id = _as_id(request.path_params[name])
    missing = NotFound(f"{name.removesuffix('_id')}_not_found", f"There is no {noun} {request.path_params[name]}.")
    if resource_id is None:
        raise missing
    row = session.execute(_membership(RESOURCES[name], resource_id, principal.user_id)).first()
    if row is None:
        raise missing
    project_id, deleted_at, member_role = row
    if member_role is None and not principal.is_admin:
        raise missing
    if deleted_at is not None:
        raise Gone(
            "project_deleted", "This project has been deleted. Its data is kept; an administrator can restore it."
        )
    role = "admin" if principal.is_admin else member_role
    if role not in rule.roles:
        raise Forbidden("role_not_allowed", f"As {role} of this project you may not do this.")
    return Principal(
        principal.user_id, principal.name, principal.role, project_id, role, session_secret=principal.session_secret
    )


def _as_id(text: Any) -> int | None:
    """A path's id; None when it cannot be one (both databases keep ids in 32 bits here)."""
    return int(text) if str(text).isascii() and str(text).isdigit() and int(text) < 2**31 else None


def _membership(table_name: str, resource_id: int, user_id: int) -> Select[Any]:
    """Project id, when it was deleted, and the person's role in it, for one row of a project's table."""
    projects = Base.metadata.tables["projects"]
    resources = Base.metadata.tables[table_name]
    is_member = and_(Membership.project_id == projects.c.id, Membership.user_id == user_id)
    statement = select(projects.c.id, projects.c.deleted_at, Membership.role).select_from(projects)
    if table_name == "projects":
        return statement.outerjoin(Membership, is_member).where(projects.c.id == resource_id)
    joined = statement.join(resources, resources.c.project_id == projects.c.id)
    return joined.outerjoin(Membership, is_member).where(resources.c.id == resource_id)
