"""Which image comes next: the project's own queue decides, as for people. Unknown images are left to them."""

from collections.abc import Collection, Iterator
from typing import Any

from backend.commands.server import Refused, Server
from backend.commands.simulating.connection import PatientServer
from backend.commands.terminal import say

PAGE = 200
Work = dict[str, Any]


class Lender:
    """Lends the known images of a project that wait. `stage` None: of any stage."""

    def __init__(self, server: PatientServer, project_id: int, known: Collection[str], stage: str | None) -> None:
        self._server, self._project_id, self._known, self._stage = server, project_id, known, stage
        self._has_strangers = False
        self._passed = set[int]()

    def lend(self) -> Work | None:
        """The next work item (WorkItemOut), None when nothing is left. Raises Refused, CommandError, Stopped."""
        if not self._has_strangers:
            work = self._ask({})
            if work is None or work["image"]["sha256"] in self._known:
                return work
            say("The project has images that are not in the dataset; they are left alone.")
            self._has_strangers = True
            release(self._server, work)
        for image in list_images(self._server, self._project_id, state="ready"):
            if image["sha256"] in self._known and image["id"] not in self._passed:
                self._passed.add(image["id"])
                work = self._ask_for(image["id"])
                if work is not None:
                    return work
        return None

    def start_over(self) -> None:
        """Images passed by may come again: they may be in another stage by now."""
        self._passed.clear()

    def _ask_for(self, image_id: int) -> Work | None:
        try:
            work = self._ask({"image_id": image_id})
        except Refused as refused:
            if refused.status not in (404, 409):
                raise
            return None  # somebody else has it, or it went on to another stage
        if work is not None and self._stage is not None and work["stage"] != self._stage:
            release(self._server, work)
            return None
        return work

    def _ask(self, body: dict[str, Any]) -> Work | None:
        if self._stage is not None:
            body = body | {"stage": self._stage}
        work: Work | None = self._server.call("POST", f"/projects/{self._project_id}/work/next", json=body)
        return work


def release(server: PatientServer, work: Work) -> None:
    """Gives an image back to the queue."""
    server.call("POST", f"/work/{work['id']}/release", json={"lease_token": work["lease_token"]})


def list_images(server: PatientServer | Server, project_id: int, **filters: str) -> Iterator[dict[str, Any]]:
    """The images of a project in order of import."""
    cursor: str | None = None
    while True:
        query = {"limit": str(PAGE)} | filters | ({"cursor": cursor} if cursor else {})
        page = server.call("GET", f"/projects/{project_id}/images", params=query)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return
