"""The one dependency every API route passes: who asks, and does the permission table let them."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Connection, Select, and_, bindparam, select, update

from backend.auth.permissions import PERMISSIONS, RESOURCES, Rule
from backend.auth.secrets import hash_secret
from backend.auth.tables import ApiToken, Membership, User, UserSession
from backend.database import Base, Database, get_database, utc_now
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


# Every request passes here, a click among them: statements are built once and read plain columns.
_USER = (User.id, User.name, User.role)
_BY_TOKEN = (
    select(*_USER, ApiToken.id.label("token_id"), ApiToken.last_used_at)
    .join(ApiToken, ApiToken.user_id == User.id)
    .where(ApiToken.secret_hash == bindparam("secret_hash"), User.is_active)
)
_BY_SESSION = (
    select(*_USER)
    .join(UserSession, UserSession.user_id == User.id)
    .where(UserSession.secret_hash == bindparam("secret_hash"), UserSession.expires_at > bindparam("now"))
    .where(User.is_active)
)


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
    with database.engine.connect() as connection:
        principal, stale_token_id = _identify(request, connection)
        principal = _check(rule, principal, request, connection)
    if stale_token_id is not None:
        with database.write() as session:
            session.execute(update(ApiToken).where(ApiToken.id == stale_token_id).values(last_used_at=utc_now()))
    return principal


CurrentUser = Annotated[Principal, Depends(authorize)]


def _identify(request: Request, connection: Connection) -> tuple[Principal, int | None]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        row = connection.execute(_BY_TOKEN, {"secret_hash": hash_secret(token.strip())}).first()
        if row is None:
            raise Unauthorized("invalid_token", "This API token is not valid; make a new one on the account page.")
        is_stale = row.last_used_at is None or utc_now() - row.last_used_at > TOKEN_TOUCH
        return Principal(row.id, row.name, row.role), row.token_id if is_stale else None

    secret = request.cookies.get(SESSION_COOKIE)
    if not secret:
        raise Unauthorized("not_signed_in", "Sign in first.")
    _refuse_foreign_origin(request)
    person = connection.execute(_BY_SESSION, {"secret_hash": hash_secret(secret), "now": utc_now()}).first()
    if person is None:
        raise Unauthorized("session_expired", "Your session has ended; sign in again. What you did is kept.")
    return Principal(person.id, person.name, person.role, session_secret=secret), None


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


def _check(rule: Rule, principal: Principal, request: Request, connection: Connection) -> Principal:
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
    return _check_member(rule, principal, RESOURCES[name], resource_id, connection, missing)


def require_project_role(rule: Rule, principal: Principal, project_id: int, database: Database) -> Principal:
    """For routes that name their project in the body: the same check as by path. Raises as `authorize`."""
    missing = NotFound("project_not_found", f"There is no project {project_id}.")
    with database.engine.connect() as connection:
        return _check_member(rule, principal, "projects", project_id, connection, missing)


def _check_member(
    rule: Rule, principal: Principal, table_name: str, resource_id: int, connection: Connection, missing: NotFound
) -> Principal:
    ids = {"resource_id": resource_id, "user_id": principal.user_id}
    row = connection.execute(_membership(table_name), ids).first()
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
    if role not in rule.roles or (role != "admin" and not _is_of_kinds(rule, resource_id, connection)):
        raise Forbidden("role_not_allowed", f"As {role} of this project you may not do this.")
    return replace(principal, project_id=project_id, project_role=role)


def _is_of_kinds(rule: Rule, job_id: int, connection: Connection) -> bool:
    if rule.job_kinds is None:
        return True
    jobs = Base.metadata.tables["jobs"]
    return connection.scalar(select(jobs.c.kind).where(jobs.c.id == job_id)) in rule.job_kinds


def _as_id(text: Any) -> int | None:
    """A path's id; None when it cannot be one (both databases keep ids in 32 bits here)."""
    return int(text) if re.fullmatch(r"\d{1,10}", str(text), re.ASCII) and int(text) < 2**31 else None


@cache
def _membership(table_name: str) -> Select[Any]:
    """Project id, when it was deleted, and the person's role in it, for one row of a project's table."""
    projects = Base.metadata.tables["projects"]
    resources = Base.metadata.tables[table_name]
    is_member = and_(Membership.project_id == projects.c.id, Membership.user_id == bindparam("user_id"))
    statement = select(projects.c.id, projects.c.deleted_at, Membership.role).select_from(projects)
    if table_name != "projects":
        statement = statement.join(resources, resources.c.project_id == projects.c.id)
    return statement.outerjoin(Membership, is_member).where(resources.c.id == bindparam("resource_id"))
