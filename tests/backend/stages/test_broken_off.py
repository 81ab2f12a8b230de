"""An image amid which the model server ends, as for want of memory: asked last from then on, then put aside."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

import pytest
from sqlalchemy import select, update
from urllib3.util import parse_url

import backend.stages.tasks  # noqa: F401  (registers the jobs)
from backend.images.tables import Image
from backend.jobs.runner import drain
from backend.jobs.tables import Job
from backend.settings import Settings
from backend.stages.tables import WorkItem
from tests.backend.stages.conftest import Stages

GRID = {"points_per_side": 2, "min_mask_region_area": 0, "stability_score_thresh": 0.5}


class Line(ThreadingTCPServer):
    """The line to a real model server; it breaks as soon as a request names the image in `cuts_at`."""

    daemon_threads = True

    def __init__(self, server: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), PassOn)
        self.server, self.cuts_at, self.cut_count = server, b"nothing", 0


class PassOn(BaseRequestHandler):
    def handle(self) -> None:
        line: Any = self.server
        with socket.create_connection(line.server) as far:
            answers = threading.Thread(target=pass_answers, args=(far, self.request))
            answers.start()
            with suppress(OSError):  # whoever is gone
                while asked := self.request.recv(1 << 16):
                    if line.cuts_at in asked:
                        line.cut_count += 1
                        break
                    far.sendall(asked)
            with suppress(OSError):
                far.shutdown(socket.SHUT_RDWR)
            answers.join()


def pass_answers(far: socket.socket, near: socket.socket) -> None:
    with suppress(OSError):
        while answered := far.recv(1 << 16):
            near.sendall(answered)


@pytest.fixture
def line(model_server_url: str) -> Iterator[Line]:
    address = parse_url(model_server_url)
    with Line((str(address.host), address.port or 0)) as line:
        thread = threading.Thread(target=line.serve_forever)
        thread.start()
        yield line
        line.shutdown()
        thread.join()


@pytest.fixture
def settings(settings: Settings, line: Line) -> Settings:
    return settings.model_copy(update={"model_server_url": f"http://127.0.0.1:{line.server_address[1]}"})


def work(stages: Stages) -> None:
    """Until all that a model is to look at is done, or failed; the pause before the next attempt is over at once."""
    drain(stages.resources, threading.Event(), only=["propose"])
    with stages.resources.database.write() as session:
        session.execute(update(Job).where(Job.state == "queued").values(run_after=0.0))


def break_at_the_first(stages: Stages, photos: list[int], line: Line) -> None:
    """All are to be looked at, and the line broke once."""
    with stages.resources.database.read() as session:
        line.cuts_at = session.get_one(Image, photos[0]).sha256.encode()
    stages.change("fully_automatic", automatic=GRID, review_share=1)
    stages.admit("fully_automatic")
    work(stages)
    assert (line.cut_count, stages.counts("fully_automatic")) == (1, {"proposing": 3})


def test_an_image_that_ends_the_model_server_holds_nobody_up(stages: Stages, photos: list[int], line: Line) -> None:
    break_at_the_first(stages, photos, line)
    work(stages)
    assert (line.cut_count, stages.counts("fully_automatic")) == (2, {"ready": 2, "skipped": 1})
    with stages.resources.database.read() as session:
        reason = session.scalar(select(WorkItem.skip_reason).where(WorkItem.state == "skipped"))
    assert "ended twice" in (reason or "")
    stages.check_counts()


def test_what_was_only_a_restart_costs_an_image_nothing(stages: Stages, photos: list[int], line: Line) -> None:
    break_at_the_first(stages, photos, line)
    line.cuts_at = b"nothing"
    work(stages)
    assert stages.counts("fully_automatic") == {"ready": 3}
    stages.check_counts()
