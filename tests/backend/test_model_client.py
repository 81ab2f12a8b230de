"""The backend's calls to the model server when it takes calls and never answers."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from backend.errors import Unavailable
from backend.model_client import CALLS_AT_ONCE, ModelClient
from tests.running import wait_until

pytestmark = pytest.mark.of_no_database


@pytest.fixture
def silent() -> Iterator[tuple[str, list[socket.socket]]]:
    """The address of a server that takes connections and says nothing, and those it has."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(listening.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", taken
        listening.shutdown(socket.SHUT_RDWR)
    for connection in taken:
        connection.close()


def test_a_model_server_that_hangs_keeps_no_more_calls_waiting_than_its_share(
    silent: tuple[str, list[socket.socket]],
) -> None:
    url, taken = silent
    client = ModelClient(url, timeout_seconds=60)
    ended: list[str] = []

    def ask() -> None:
        try:
            client.predict(b"{}")
        except Unavailable as error:
            ended.append(error.code)

    waiting = [threading.Thread(target=ask) for _ in range(CALLS_AT_ONCE)]
    for thread in waiting:
        thread.start()
    wait_until(lambda: len(taken) == CALLS_AT_ONCE, seconds=10, what="calls that wait")
    began = time.monotonic()
    with pytest.raises(Unavailable) as refused:
        client.predict(b"{}")
    assert (refused.value.code, refused.value.headers) == ("model_server_unavailable", {"Retry-After": "2"})
    assert time.monotonic() - began < 10, "not the minute that an answer may take"
    for connection in taken:
        connection.shutdown(socket.SHUT_RDWR)
    for thread in waiting:
        thread.join(timeout=10)
    assert ended == ["model_server_unavailable"] * CALLS_AT_ONCE
    # Those that were given up have made room.
    threading.Thread(target=ask, daemon=True).start()
    wait_until(lambda: len(taken) == CALLS_AT_ONCE + 1, seconds=10, what="the next call")
    taken[-1].shutdown(socket.SHUT_RDWR)
    wait_until(lambda: len(ended) == CALLS_AT_ONCE + 1, seconds=10, what="its end")
