"""Sign-in, people and tokens over HTTP."""

from fastapi import APIRouter, Request, Response, status
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import select

from backend.auth import service
from backend.auth.authorize import SESSION_COOKIE, CurrentUser
from backend.auth.schemas import (
    LinkIn,
    LoginIn,
    MeOut,
    PasswordIn,
    SignInLinkOut,
    TokenCreated,
    TokenIn,
    TokenList,
    TokenOut,
    UserCreated,
    UserIn,
    UserList,
    UserOut,
    UserPatch,
)
from backend.auth.tables import ApiToken, User
from backend.database import ReadSession, RowId, WriteSession
from backend.errors import TooManyRequests
from backend.settings import VERSION, Settings

router = APIRouter(tags=["sign-in and people"])

_limiter = MovingWindowRateLimiter(MemoryStorage())
CALLERS = 10  # that may each try one person's password as often as one may


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.resources.settings
    return settings


def _limit_attempts(request: Request, email: str | None = None) -> None:
    """Slows guessing down: per caller, and, of many callers together, per address asked for.

    The caller comes first: who is over their own limit uses up nobody else's.
    """
    each = _settings(request).login_attempts_per_minute
    caller = request.client.host if request.client else ""
    limits: list[tuple[int, tuple[str, ...]]] = [(each, ("caller", caller))]
    if email is not None:
        limits += [(each, ("email", email.lower(), caller)), (CALLERS * each, ("email", email.lower()))]
    if not all(_limiter.hit(parse(f"{most}/minute"), *key) for most, key in limits):
        message = "Too many attempts to sign in; wait a minute."
        raise TooManyRequests("too_many_attempts", message, headers={"Retry-After": "60"})


def _set_cookie(request: Request, response: Response, secret: str) -> None:
    settings = _settings(request)
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=settings.session_days * 86400,
        httponly=True,
        samesite="lax",
        secure=settings.resolved_public_url.startswith("https://"),
    )


def _link(request: Request, secret: str) -> str:
    return f"{_settings(request).resolved_public_url}/sign-in?link={secret}"


@router.post("/auth/login")
def log_in(body: LoginIn, request: Request, response: Response, session: WriteSession) -> UserOut:
    """Signs a person in by address and password; sets the session cookie."""
    _limit_attempts(request, body.email)
    user = service.log_in(session, email=body.email, password=body.password)
    _set_cookie(request, response, service.open_session(session, user, days=_settings(request).session_days))
    return UserOut.model_validate(user)


@router.post("/auth/link")
def log_in_by_link(body: LinkIn, request: Request, response: Response, session: WriteSession) -> UserOut:
    """Signs a person in by a single-use link; sets the session cookie."""
    _limit_attempts(request)
    user = service.use_link(session, body.token)
    _set_cookie(request, response, service.open_session(session, user, days=_settings(request).session_days))
    return UserOut.model_validate(user)


@router.post("/auth/logout", status_code=status.HTTP_204_NO_CONTENT)
def log_out(user: CurrentUser, response: Response, session: WriteSession) -> None:
    """Ends this session; its cookie is refused from now on."""
    service.close_session(session, user.session_secret)
    response.delete_cookie(SESSION_COOKIE)


@router.get("/me")
def read_me(user: CurrentUser, session: ReadSession) -> MeOut:
    """Who is signed in."""
    row = service.get_user(session, user.user_id)
    return MeOut(user=UserOut.model_validate(row), has_password=row.password_hash is not None, version=VERSION)


@router.put("/me/password", status_code=status.HTTP_204_NO_CONTENT)
def set_password(body: PasswordIn, user: CurrentUser, session: WriteSession) -> None:
    """Changes one's own password; other sessions end."""
    row = service.get_user(session, user.user_id)
    service.set_password(
        session, row, password=body.password, current_password=body.current_password, keep=user.session_secret
    )


@router.get("/tokens")
def list_tokens(user: CurrentUser, session: ReadSession) -> TokenList:
    """One's own API tokens."""
    rows = session.scalars(select(ApiToken).where(ApiToken.user_id == user.user_id).order_by(ApiToken.id))
    return TokenList(items=[TokenOut.model_validate(row) for row in rows])


@router.post("/tokens", status_code=status.HTTP_201_CREATED)
def create_token(body: TokenIn, user: CurrentUser, session: WriteSession) -> TokenCreated:
    """Makes an API token with one's own rights; it is shown only in this answer."""
    row, token = service.create_token(session, service.get_user(session, user.user_id), name=body.name)
    return TokenCreated(**TokenOut.model_validate(row).model_dump(), token=token)


@router.delete("/tokens/{token_id}", status_code=status.HTTP_204_NO_CONTENT)
def revoke_token(token_id: RowId, user: CurrentUser, session: WriteSession) -> None:
    """Ends a token at once."""
    service.revoke_token(session, user.user_id, token_id)


@router.get("/users")
def list_users(session: ReadSession) -> UserList:
    """Everybody."""
    rows = session.scalars(select(User).order_by(User.id))
    return UserList(items=[UserOut.model_validate(row) for row in rows])


@router.post("/users", status_code=status.HTTP_201_CREATED)
def create_user(body: UserIn, request: Request, session: WriteSession) -> UserCreated:
    """Adds a person and gives the link to hand over; there is no other way in."""
    user = service.create_user(session, email=body.email, name=body.name, role=body.role)
    secret = service.create_link(session, user, hours=_settings(request).sign_in_link_hours)
    return UserCreated(**UserOut.model_validate(user).model_dump(), sign_in_link=_link(request, secret))


@router.patch("/users/{user_id}")
def change_user(user_id: RowId, body: UserPatch, session: WriteSession) -> UserOut:
    """Changes name or role, or switches a person off; their sessions end at once."""
    user = service.change_user(session, user_id, role=body.role, is_active=body.is_active, name=body.name)
    return UserOut.model_validate(user)


@router.post("/users/{user_id}/link")
def create_link(user_id: RowId, request: Request, session: WriteSession) -> SignInLinkOut:
    """A new single-use sign-in link for somebody who cannot get in."""
    user = service.get_user(session, user_id)
    secret = service.create_link(session, user, hours=_settings(request).sign_in_link_hours)
    return SignInLinkOut(sign_in_link=_link(request, secret))
