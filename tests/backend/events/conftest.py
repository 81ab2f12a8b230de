"""A running server whose streams can be read, and another process's way to record events."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import urllib3
import uvicorn
from fastapi.testclient import TestClient
from urllib3.exceptions import HTTPError

from backend.app import create_app
from backend.database import Database
from backend.events.service import record
from backend.settings import Settings
from tests.running import answers, free_port, wait_until


@dataclass
class Stream:
    """An open event stream, read line by line in a thread."""

    response: urllib3.BaseHTTPResponse
    messages: list[dict[str, Any]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    is_over: bool = False

    def read(self) -> None:
        """Until the server or `leave` ends it."""
        text = ""
        with suppress(HTTPError):
            for chunk in self.response.stream(1 << 16):
                text += chunk.decode()
                *blocks, text = text.split("\n\n")
                for block in blocks:
                    self._take(block)
        self.is_over = True

    def leave(self) -> None:
        """Closes the connection, as a browser does whose page is left."""
        connection = self.response.connection
        assert connection is not None
        with suppress(OSError):  # the server has closed it already
            connection.sock.shutdown(socket.SHUT_RDWR)

    def _take(self, block: str) -> None:
        lines = [line.partition(": ")[::2] for line in block.split("\n")]
        self.comments += [text for name, text in lines if name == ""]
        fields = dict(lines)
        if "event" in fields:
            self.messages.append({**fields, "data": json.loads(fields["data"])})

    def kinds(self) -> list[str]:
        """The kinds of the events so far, without the states."""
        return [message["event"] for message in self.messages if "id" in message]

    def states(self, name: str) -> list[dict[str, Any]]:
        """The states of this name so far."""
        return [message["data"] for message in self.messages if message["event"] == name]


@pytest.fixture
def url(settings: Settings, client: TestClient) -> Iterator[str]:
    """Another process's worth of server on the same database, on a port of its own."""
    port = free_port()
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    address = f"http://127.0.0.1:{port}"
    wait_until(lambda: answers(f"{address}/healthz"), what="the server")
    yield address
    # A server in a thread gets no signals.
    app.state.event_streams.close()
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def listen(url: str, client: TestClient, project_id: int) -> Iterator[Callable[..., Stream]]:
    """Opens a stream of the project and reads it in a thread."""
    pool = urllib3.PoolManager(retries=False, maxsize=10)
    streams = []

    def open_stream(last_event_id: int | str | None = None, project: int = project_id) -> Stream:
        headers = {"Authorization": client.headers["Authorization"]}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        address = f"{url}/api/projects/{project}/events"
        stream = Stream(pool.request("GET", address, headers=headers, preload_content=False))
        if stream.response.status == 200:
            streams.append(stream)
            threading.Thread(target=stream.read).start()
        return stream

    yield open_stream
    for stream in streams:
        if not stream.is_over:
            stream.leave()
    wait_until(lambda: all(stream.is_over for stream in streams), what="the end of all streams")
    pool.clear()


@pytest.fixture
def happen(settings: Settings, project_id: int) -> Iterator[Callable[..., None]]:
    """Records an event as another process would: by a connection of its own."""
    database = Database(settings.resolved_database_url)

    def add(kind: str, project: int = project_id, **data: Any) -> None:
        with database.write() as session:
            record(session, project, kind, data, is_audit=True)

    yield add
    database.close()
