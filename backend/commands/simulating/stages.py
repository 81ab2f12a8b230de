"""Images moved on to later stages, and the wait for what the model proposes there."""

import time
from collections.abc import Callable
from typing import Any

from backend.commands.server import Refused
from backend.commands.simulating.connection import PatientServer
from backend.commands.terminal import CommandError

BEFORE = {"semi_automatic": "assisted_manual", "fully_automatic": "semi_automatic"}
EVERYTHING = {"count": None, "name_contains": None, "random_share": None, "image_ids": None, "include_done": False}
POLL_SECONDS = 0.5


def admit_rest(server: PatientServer, project_id: int, stage: str | None) -> int:
    """Admits all that still waits in earlier stages, and returns how many images moved.

    To `stage`; without one to the stage after each whose exit rule holds. A stage whose budget is used up takes none.
    """
    stages = {one["stage"]: one for one in server.call("GET", f"/projects/{project_id}/stages")["stages"]}
    if stage is not None:
        targets = [stage] if stage in BEFORE else []
    else:
        targets = [later for later, earlier in BEFORE.items() if stages[earlier]["exit"]["is_ready"]]
    moved = 0
    for target in targets:
        body = {"rule": EVERYTHING, "reason": "Simulation: the rest goes on", "dry_run": False}
        try:
            moved += server.call("POST", f"/projects/{project_id}/stages/{target}/admit", json=body)["image_count"]
        except Refused as refused:
            if refused.status != 409:
                raise
    return moved


def wait_for_proposals(
    server: PatientServer, project_id: int, *, tell: Callable[[str], None], patience_seconds: float
) -> bool:
    """Until the model has nothing left to propose; False when it had nothing at all.

    Raises CommandError when nothing comes for `patience_seconds`, Stopped.
    """
    least, since = None, time.monotonic()
    while proposing := _count_proposing(server, project_id):
        if least is None or proposing < least:
            least, since = proposing, time.monotonic()
        elif time.monotonic() - since > patience_seconds:
            raise CommandError(f"{proposing} images wait for proposals and none come. Does a worker run?")
        tell(f"{proposing} images wait for proposals")
        server.pause(POLL_SECONDS)
    return least is not None


def _count_proposing(server: PatientServer, project_id: int) -> int:
    stages: list[dict[str, Any]] = server.call("GET", f"/projects/{project_id}/stages")["stages"]
    return sum(int(one["counts"].get("proposing", 0)) for one in stages)
