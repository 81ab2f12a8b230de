"""Webhooks against a real HTTP server: signed, in order, again after a failure."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from backend.events.tasks import find_untold_webhooks
from backend.jobs.resources import Resources
from backend.jobs.runner import drain
from backend.jobs.tables import Job
from tests.running import free_port


@dataclass
class Receiver:
    """What arrived at the address: the JSON bodies it took, in order."""

    url: str
    status: int = 204
    secret: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0

    def take(self, body: bytes, signature: str) -> int:
        """Checks the signature as a receiver would; the status to answer."""
        expected = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        if self.status >= 300 or signature != f"sha256={expected}":
            self.refused += 1
            return self.status if self.status >= 300 else 401
        self.taken.append(json.loads(body))
        return self.status

    def kinds(self) -> list[str]:
        """The kinds of what it took."""
        return [body["kind"] for body in self.taken]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    port = free_port()
    made = Receiver(f"http://127.0.0.1:{port}/hook")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(made.take(body, self.headers["Segloop-Signature"]))
            self.send_header("Location", made.url)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tell(client: TestClient) -> Callable[[], None]:
    """What the worker does every few seconds, with no delay after a failure."""
    resources: Resources = client.app.state.resources  # type: ignore[attr-defined]

    def run() -> None:
        find_untold_webhooks(resources)
        with resources.database.write() as session:
            session.execute(update(Job).values(run_after=0.0))
        drain(resources, threading.Event())

    return run


def add(client: TestClient, project_id: int, **body: Any) -> Any:
    return client.post(f"/api/projects/{project_id}/webhooks", json=body)


def read(client: TestClient, project_id: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/api/projects/{project_id}/webhooks").json()["items"]
    return items


def test_signed_in_order_and_again_after_a_failure(
    client: TestClient,
    project_id: int,
    receiver: Receiver,
    tell: Callable[[], None],
    happen: Callable[..., None],
) -> None:
    happen("snapshot.made", number=0)
    created = add(client, project_id, url=receiver.url)
    assert created.status_code == 201, created.text
    receiver.secret = created.json()["secret"]
    assert "secret" not in read(client, project_id)[0], "it is shown once"

    happen("training.started", run=1)
    happen("training.finished", run=1)
    tell()
    assert receiver.kinds() == ["training.started", "training.finished"], "and nothing from before it was there"
    assert receiver.taken[0]["data"] == {"run": 1}
    assert receiver.taken[0]["project_id"] == project_id
    tell()
    assert len(receiver.taken) == 2, "what was taken is not sent again"

    for status in (500, 302):
        receiver.status = status
        happen("model.refused", status=status)
        happen("model.promoted", status=status)
        tell()
        assert read(client, project_id)[0]["last_error"] == f"It answered {status}."
    assert receiver.refused == 2, "the later one waits for the earlier one; redirects are not followed"
    receiver.status = 200
    tell()
    assert receiver.kinds()[2:] == ["model.refused", "model.promoted"] * 2
    assert read(client, project_id)[0]["last_error"] is None


def test_only_the_kinds_it_asked_for(
    client: TestClient,
    project_id: int,
    receiver: Receiver,
    tell: Callable[[], None],
    happen: Callable[..., None],
) -> None:
    webhook = add(client, project_id, url=receiver.url, kinds=["model.promoted"]).json()
    receiver.secret = webhook["secret"]
    for kind in ("training.started", "model.promoted", "snapshot.made"):
        happen(kind)
    tell()
    assert receiver.kinds() == ["model.promoted"]
    assert read(client, project_id)[0]["last_event_id"] == webhook["last_event_id"] + 3


def test_an_address_where_nobody_listens(
    client: TestClient, project_id: int, tell: Callable[[], None], happen: Callable[..., None]
) -> None:
    webhook = add(client, project_id, url=f"http://127.0.0.1:{free_port()}/").json()
    happen("audit.passed")
    tell()
    assert "NewConnectionError" in read(client, project_id)[0]["last_error"]
    assert client.delete(f"/api/projects/{project_id}/webhooks/{webhook['id']}").status_code == 204
    tell()
    assert read(client, project_id) == []
    assert client.delete(f"/api/projects/{project_id}/webhooks/{webhook['id']}").status_code == 404


def test_a_deleted_projects_address_that_fails_is_not_asked_again(
    client: TestClient, project_id: int, tell: Callable[[], None], happen: Callable[..., None], receiver: Receiver
) -> None:
    receiver.secret, receiver.status = add(client, project_id, url=receiver.url).json()["secret"], 500
    happen("audit.passed")
    tell()
    client.delete(f"/api/projects/{project_id}")
    receiver.status = 204
    database = client.app.state.resources.database  # type: ignore[attr-defined]
    with database.write() as session:
        session.execute(update(Job).values(state="dead"))  # after its last try
    tell()
    assert receiver.kinds() == []
    client.post(f"/api/projects/{project_id}/restore")
    tell()
    assert receiver.kinds() == ["audit.passed", "project.deleted", "project.restored"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "ftp://example.org/"},
        {"url": "file:///etc/passwd"},
        {"url": "example.org"},
        {"url": "http://"},
        {"url": "http://example.org:99999/"},
        {"url": "http://" + "a" * 3000},
        {"url": "http://example.org/", "kinds": ["no.such"]},
        {"url": "http://example.org/", "kinds": "model.promoted"},
        {"url": "http://example.org/", "secret": "mine"},
    ],
)
def test_a_bad_webhook_is_refused(body: dict[str, Any], client: TestClient, project_id: int) -> None:
    answer = add(client, project_id, **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")
    assert read(client, project_id) == []


def test_webhooks_are_bounded_and_each_project_has_its_own(client: TestClient, project_id: int) -> None:
    made = [add(client, project_id, url="http://127.0.0.1/").status_code for _ in range(21)]
    assert made == [201] * 20 + [409]
    other = client.post("/api/projects", json={"name": "Other"}).json()["id"]
    webhook_id = read(client, project_id)[0]["id"]
    assert client.delete(f"/api/projects/{other}/webhooks/{webhook_id}").status_code == 404
