"""Signing in and out, links, tokens, people: as a browser and as a program would."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import func, select

from backend.app import create_app
from backend.auth import service
from backend.auth.authorize import SESSION_COOKIE
from backend.auth.tables import ApiToken, SignInLink, User, UserSession
from backend.database import Database
from backend.settings import Settings

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "correct horse battery"


def database_of(client: TestClient) -> Database:
    database: Database = client.app.state.resources.database  # type: ignore[attr-defined]
    return database


def invite(client: TestClient, email: str = "ann@example.org", role: str = "annotator") -> dict[str, Any]:
    answer = client.post("/api/users", json={"email": email, "name": "Ann", "role": role})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def token_of(link: str) -> str:
    return link.partition("link=")[2]


def browser(client: TestClient) -> TestClient:
    """The same server with an empty cookie jar and no token."""
    fresh = TestClient(client.app, base_url="http://127.0.0.1:8000")
    fresh.headers.update(SAME_SITE)
    return fresh


def test_a_link_signs_in_once_and_then_a_password_does(client: TestClient) -> None:
    link = token_of(invite(client)["sign_in_link"])
    page = browser(client)
    assert page.get("/api/me").json()["error"]["code"] == "not_signed_in"
    assert page.post("/api/auth/link", json={"token": link}).json()["email"] == "ann@example.org"
    cookie = page.cookies[SESSION_COOKIE]
    assert page.get("/api/me").json()["has_password"] is False
    again = browser(client).post("/api/auth/link", json={"token": link})
    assert (again.status_code, again.json()["error"]["code"]) == (401, "link_not_valid")

    assert page.put("/api/me/password", json={"password": "short"}).json()["error"]["code"] == "weak_password"
    assert page.put("/api/me/password", json={"password": PASSWORD}).status_code == 204
    wrong = page.put("/api/me/password", json={"password": PASSWORD + "2", "current_password": "no"})
    assert wrong.json()["error"]["code"] == "wrong_password"
    other = browser(client)
    assert other.post("/api/auth/login", json={"email": "Ann@Example.org", "password": PASSWORD}).status_code == 200
    refused = other.post("/api/auth/login", json={"email": "ann@example.org", "password": "wrong"})
    unknown = other.post("/api/auth/login", json={"email": "nobody@example.org", "password": "wrong"})
    assert refused.json() == unknown.json()

    assert page.post("/api/auth/logout").status_code == 204
    stolen = browser(client)
    stolen.cookies.set(SESSION_COOKIE, cookie)
    assert stolen.get("/api/me").json()["error"]["code"] == "session_expired"


def test_changing_a_password_ends_other_sessions_and_links(client: TestClient) -> None:
    created = invite(client)
    link = token_of(created["sign_in_link"])
    first = browser(client)
    first.post("/api/auth/link", json={"token": link})
    first.put("/api/me/password", json={"password": PASSWORD})
    second = browser(client)
    second.post("/api/auth/login", json={"email": "ann@example.org", "password": PASSWORD})
    unused = client.post(f"/api/users/{created['id']}/link").json()["sign_in_link"]
    first.put("/api/me/password", json={"password": PASSWORD + "!", "current_password": PASSWORD})
    assert first.get("/api/me").status_code == 200
    assert second.get("/api/me").status_code == 401
    assert browser(client).post("/api/auth/link", json={"token": token_of(unused)}).status_code == 401


def test_switching_a_person_off_ends_everything_at_once(client: TestClient) -> None:
    created = invite(client)
    page = browser(client)
    page.post("/api/auth/link", json={"token": token_of(created["sign_in_link"])})
    token = page.post("/api/tokens", json={"name": "t"}).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/me", headers=bearer).status_code == 200
    client.patch(f"/api/users/{created['id']}", json={"is_active": False})
    assert page.get("/api/me").status_code == 401
    assert client.get("/api/me", headers=bearer).json()["error"]["code"] == "invalid_token"


def test_other_sites_change_nothing_with_the_cookie(client: TestClient) -> None:
    page = browser(client)
    page.post("/api/auth/link", json={"token": token_of(invite(client, role="admin")["sign_in_link"])})
    body = {"name": "Evil"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        assert page.post("/api/projects", json=body, headers=headers).json()["error"]["code"] == "foreign_origin"
    plain = TestClient(client.app, base_url="http://127.0.0.1:8000", cookies=dict(page.cookies))
    assert plain.post("/api/projects", json=body, headers={"Origin": "http://evil.example"}).status_code == 403
    assert plain.post("/api/projects", json=body, headers={"Origin": "null"}).status_code == 403
    assert plain.post("/api/projects", json=body, headers={"Origin": "http://127.0.0.1:8000"}).status_code == 201


def test_secrets_are_stored_as_hashes_only(client: TestClient) -> None:
    link = token_of(invite(client)["sign_in_link"])
    page = browser(client)
    page.post("/api/auth/link", json={"token": link})
    page.put("/api/me/password", json={"password": PASSWORD})
    token = page.post("/api/tokens", json={"name": "t"}).json()["token"]
    with database_of(client).read() as session:
        stored = [
            *session.scalars(select(ApiToken.secret_hash)),
            *session.scalars(select(SignInLink.secret_hash)),
            *session.scalars(select(UserSession.secret_hash)),
            *session.scalars(select(User.password_hash)),
        ]
    for secret in (link, token, page.cookies[SESSION_COOKIE], PASSWORD):
        assert secret not in stored
    assert next(hash_ for hash_ in stored if hash_ and hash_.startswith("$")).startswith("$argon2id$")


def test_tokens_are_shown_once_and_end_at_once(client: TestClient) -> None:
    created = client.post("/api/tokens", json={"name": "nightly"}).json()
    bearer = {"Authorization": f"Bearer {created['token']}"}
    assert client.get("/api/projects", headers=bearer).status_code == 200
    listed = client.get("/api/tokens").json()["items"]
    assert "token" not in listed[-1]
    assert listed[-1]["last_used_at"] is not None
    assert client.delete(f"/api/tokens/{created['id']}").status_code == 204
    assert client.get("/api/projects", headers=bearer).status_code == 401


def test_nobody_ends_another_persons_token(client: TestClient, make_person: Callable[..., Any]) -> None:
    mine = client.post("/api/tokens", json={"name": "mine"}).json()
    other = make_person("annotator")
    assert client.delete(f"/api/tokens/{mine['id']}", headers=other.headers).status_code == 404


def test_fields_nobody_offers_are_refused(client: TestClient) -> None:
    body = {"email": "x@example.org", "role": "annotator", "is_active": True, "password_hash": "x"}
    assert client.post("/api/users", json=body).status_code == 422
    assert client.post("/api/projects", json={"name": "P", "created_by": 1}).status_code == 422


def test_the_last_administrator_stays(client: TestClient) -> None:
    me = client.get("/api/me").json()["user"]
    for change in ({"role": "annotator"}, {"is_active": False}):
        answer = client.patch(f"/api/users/{me['id']}", json=change)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "last_administrator")


def test_an_address_belongs_to_one_person(client: TestClient) -> None:
    invite(client)
    answer = client.post("/api/users", json={"email": "ANN@example.org", "role": "researcher"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "email_taken")


def test_guessing_is_slowed_down(settings: Settings) -> None:
    strict = settings.model_copy(update={"login_attempts_per_minute": 3})
    with TestClient(create_app(strict), client=("10.9.8.7", 5)) as page:
        body = {"email": "guess@example.org", "password": "x"}
        statuses = [page.post("/api/auth/login", json=body).status_code for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        assert page.post("/api/auth/login", json=body).headers["Retry-After"] == "60"


def test_passwords_tried_by_one_caller_lock_nobody_else_out(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"login_attempts_per_minute": 3}))
    people = [{"email": f"victim-{number}@example.org", "password": "guessed"} for number in range(3)]
    with TestClient(app, client=("10.9.8.4", 5)) as one:
        for person in people:
            for _ in range(12):
                last = one.post("/api/auth/login", json=person).status_code
        assert last == 429
        other = TestClient(app, client=("10.9.8.3", 5))
        assert [other.post("/api/auth/login", json=person).status_code for person in people] == [401, 401, 401]


def test_links_tried_by_one_caller_lock_nobody_else_out(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"login_attempts_per_minute": 2}))
    with TestClient(app, client=("10.9.8.6", 5)) as one:
        statuses = [one.post("/api/auth/link", json={"token": "guessed"}).status_code for _ in range(3)]
        assert statuses == [401, 401, 429]
        other = TestClient(app, client=("10.9.8.5", 5))
        assert other.post("/api/auth/link", json={"token": "mistyped"}).status_code == 401


def test_the_first_administrator_is_made_once(app_client: TestClient) -> None:
    database = database_of(app_client)
    rivals = [Database(database.url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        admins = list(pool.map(service.ensure_first_admin, rivals))
    for rival in rivals:
        rival.close()
    assert len({admin.id for admin in admins}) == 1
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1
