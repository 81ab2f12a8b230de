"""The commands' way to a running server: its HTTP API, with a token given or made for the occasion."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from backend.commands.data_folder import temporary_token
from backend.commands.terminal import CommandError
from backend.settings import Settings

# Reading waits long: a batch of large pictures is decoded before it is answered.
TIMEOUT = httpx.Timeout(30.0, connect=5.0, read=900.0, write=120.0)
ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 10.0


class Refused(CommandError):
    """The server's own refusal, with its status and code, and what else it says."""

    def __init__(self, status: int, code: str, message: str, more: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.more = more or {}


class Server:
    """A running Segloop, as one person."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(
            base_url=f"{url}/api", headers=headers, timeout=TIMEOUT, trust_env=_uses_environment(url)
        )

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON answer. Asks again while the server says "not now"; raises Refused, CommandError."""
        response = None
        for attempt in range(ATTEMPTS):
            try:
                response = self.http.request(method, path, **options)
            except httpx.ConnectError as error:
                raise does_not_answer(self.url) from error
            if response.status_code != 503 or attempt == ATTEMPTS - 1:
                break
            time.sleep(min(float(response.headers.get("Retry-After", "1")), LONGEST_WAIT_SECONDS))
        assert response is not None
        raise_refusal(response)
        return response.json() if response.content else None

    def find_project(self, name_or_id: str) -> dict[str, Any]:
        """The project with this id or exact name (the newest of several). Raises CommandError."""
        projects: list[dict[str, Any]] = self.call("GET", "/projects")["items"]
        for matches in (lambda p: str(p["id"]) == name_or_id, lambda p: p["name"] == name_or_id):
            for project in projects:
                if matches(project):
                    return project
        raise CommandError(
            f"There is no project {name_or_id!r}. "
            "`segloop project list` shows those there are, `segloop project create` makes one."
        )


def raise_refusal(response: httpx.Response) -> None:
    """Raises Refused when the answer (read already) is an error."""
    if response.is_success:
        return
    try:
        error = response.json()["error"]
        raise Refused(response.status_code, error["code"], error["message"], error)
    except (ValueError, KeyError, TypeError):
        message = f"What answers at {response.request.url} is not Segloop (status {response.status_code})."
        raise CommandError(message) from None


def does_not_answer(url: str) -> CommandError:
    """Nobody listens there."""
    return CommandError(f"Segloop does not answer at {url}. Start it with `segloop up` (or `make up`).")


def _uses_environment(url: str) -> bool:
    """A proxy of the environment is not for this machine."""
    return httpx.URL(url).host not in ("127.0.0.1", "localhost", "::1")


def local_url(settings: Settings) -> str:
    """Where a server with these settings listens on this machine."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


@contextmanager
def connect(url: str | None, token: str | None, settings: Settings | None = None) -> Iterator[Server]:
    """A server to call. Raises CommandError when none answers there."""
    settings = settings or Settings()
    address = (url or local_url(settings)).rstrip("/")
    try:
        health = httpx.get(f"{address}/healthz", timeout=TIMEOUT, trust_env=_uses_environment(address))
        health.raise_for_status()
    except (httpx.TransportError, httpx.HTTPStatusError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise does_not_answer(address) from error
    with _token(settings, token) as secret:
        server = Server(address, secret)
        try:
            yield server
        finally:
            server.http.close()


@contextmanager
def _token(settings: Settings, given: str | None) -> Iterator[str]:
    if given:
        yield given
        return
    with temporary_token(settings) as secret:
        yield secret
