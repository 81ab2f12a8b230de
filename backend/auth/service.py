"""People, sessions, tokens and links: plain functions over a session."""

from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.auth.permissions import Role
from backend.auth.secrets import (
    MIN_PASSWORD_LENGTH,
    TOKEN_PREFIX,
    hash_password,
    hash_secret,
    is_password,
    new_secret,
)
from backend.auth.tables import ApiToken, SignInLink, User, UserSession
from backend.database import Database, utc_now
from backend.errors import Conflict, Forbidden, NotFound, Unauthorized, Unprocessable

FIRST_ADMIN_EMAIL = "admin@segloop.local"


def create_user(session: Session, *, email: str, name: str, role: Role, password: str | None = None) -> User:
    """Adds a person. Raises Conflict when the address is taken, Unprocessable for a weak password."""
    email = email.strip().lower()
    if session.scalar(select(User.id).where(User.email == email)) is not None:
        raise Conflict("email_taken", f"There is already a user {email}.")
    user = User(email=email, name=name.strip() or email.split("@")[0], role=role)
    if password is not None:
        user.password_hash = _checked_hash(password)
    session.add(user)
    session.flush()
    return user


def get_user(session: Session, user_id: int) -> User:
    """The person. Raises NotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("user_not_found", f"There is no user {user_id}.")
    return user


def get_user_by_email(session: Session, email: str) -> User:
    """The person with this address. Raises NotFound."""
    user = session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None:
        raise NotFound("user_not_found", f"There is no user {email}. An administrator adds people on the People page.")
    return user


def ensure_first_admin(database: Database) -> User:
    """The oldest active administrator; the first is made when there is no user, once, however many start at once."""
    oldest = select(User).where(User.role == "admin", User.is_active).order_by(User.id).limit(1)
    try:
        with database.write() as session:
            if session.scalar(select(func.count()).select_from(User)) == 0:
                create_user(session, email=FIRST_ADMIN_EMAIL, name="Administrator", role="admin")
    except (IntegrityError, Conflict):
        pass  # another process was first; its row is read below
    with database.read() as session:
        admin = session.scalar(oldest)
    if admin is None:
        raise Conflict("no_administrator", "No active administrator is left; add one with `segloop user add`.")
    return admin


def log_in(session: Session, *, email: str, password: str) -> User:
    """The person with this address and password. Raises Unauthorized, without saying which of both was wrong."""
    user = session.scalar(select(User).where(User.email == email.strip().lower()))
    stored_hash = user.password_hash if user is not None and user.is_active else None
    if not is_password(password, stored_hash) or user is None:
        raise Unauthorized("invalid_credentials", "This address and password do not belong together.")
    return user


def open_session(session: Session, user: User, *, days: int) -> str:
    """Starts a browser session and returns its secret."""
    secret = new_secret()
    now = utc_now()
    session.execute(delete(UserSession).where(UserSession.expires_at < now))
    session.add(UserSession(secret_hash=hash_secret(secret), user_id=user.id, expires_at=now + timedelta(days=days)))
    return secret


def close_session(session: Session, secret: str) -> None:
    """Ends a browser session; from now on it is refused everywhere."""
    session.execute(delete(UserSession).where(UserSession.secret_hash == hash_secret(secret)))


def create_link(session: Session, user: User, *, hours: int) -> str:
    """A secret that signs this person in once, within `hours`."""
    secret = new_secret()
    expires_at = utc_now() + timedelta(hours=hours)
    session.add(SignInLink(secret_hash=hash_secret(secret), user_id=user.id, expires_at=expires_at))
    return secret


def use_link(session: Session, secret: str) -> User:
    """Spends a sign-in link. Raises Unauthorized when it is unknown, used or expired."""
    now = utc_now()
    statement = (
        update(SignInLink)
        .where(SignInLink.secret_hash == hash_secret(secret), SignInLink.used_at.is_(None), SignInLink.expires_at > now)
        .values(used_at=now)
        .returning(SignInLink.user_id)
        .execution_options(synchronize_session=False)
    )
    user_id = session.scalar(statement)
    user = session.get(User, user_id) if user_id is not None else None
    if user is None or not user.is_active:
        message = "This sign-in link was used already or has expired. Ask an administrator for a new one."
        raise Unauthorized("link_not_valid", message)
    return user


def set_password(session: Session, user: User, *, password: str, current_password: str | None, keep: str) -> None:
    """Changes a password and ends the person's other sessions and unused sign-in links; `keep` is the secret of this
    session.

    Raises Forbidden when there is a password and `current_password` is not it, Unprocessable for a weak one.
    """
    if user.password_hash is not None and not is_password(current_password or "", user.password_hash):
        raise Forbidden("wrong_password", "The current password is not right.")
    user.password_hash = _checked_hash(password)
    end_sessions(session, user.id, keep=keep)
    session.execute(delete(SignInLink).where(SignInLink.user_id == user.id, SignInLink.used_at.is_(None)))


def end_sessions(session: Session, user_id: int, *, keep: str = "") -> None:
    """Ends all browser sessions of a person but the one with the secret `keep`."""
    others = UserSession.secret_hash != hash_secret(keep)
    session.execute(delete(UserSession).where(UserSession.user_id == user_id, others))


def change_user(session: Session, user_id: int, *, role: Role | None, is_active: bool | None, name: str | None) -> User:
    """Changes a person; the last active administrator stays one. Raises Conflict."""
    user = get_user(session, user_id)
    if user.role == "admin" and user.is_active and (is_active is False or (role is not None and role != "admin")):
        others = select(func.count()).where(User.role == "admin", User.is_active, User.id != user.id)
        if session.scalar(others) == 0:
            raise Conflict("last_administrator", "This is the last administrator; make another one first.")
    if role is not None and role != user.role:
        user.role = role
        end_sessions(session, user.id)
    if is_active is not None:
        user.is_active = is_active
        if not is_active:
            end_sessions(session, user.id)
    if name:
        user.name = name.strip()
    return user


def create_token(session: Session, user: User, *, name: str) -> tuple[ApiToken, str]:
    """A token for programs: its row and, only now, the token itself."""
    secret = new_secret(TOKEN_PREFIX)
    row = ApiToken(secret_hash=hash_secret(secret), prefix=secret[:14], name=name.strip() or "token", user_id=user.id)
    session.add(row)
    session.flush()
    return row, secret


def revoke_token(session: Session, user_id: int, token_id: int) -> None:
    """Ends one of the person's own tokens. Raises NotFound."""
    row = session.get(ApiToken, token_id)
    if row is None or row.user_id != user_id:
        raise NotFound("token_not_found", f"You have no token {token_id}.")
    session.delete(row)


def _checked_hash(password: str) -> str:
    if len(password) < MIN_PASSWORD_LENGTH:
        raise Unprocessable("weak_password", f"A password needs at least {MIN_PASSWORD_LENGTH} characters.")
    return hash_password(password)
