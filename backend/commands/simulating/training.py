"""A training run started and followed to its end, as an administrator would from the page."""

import time
from collections.abc import Callable
from typing import Any, Literal

from backend.commands.server import Refused
from backend.commands.simulating.connection import PatientServer

UNDER_WAY = ("queued", "snapshotting", "training", "evaluating")
POLL_SECONDS = 1.0

Run = dict[str, Any]
Kind = Literal["model", "detector"]


def train(server: PatientServer, project_id: int, kind: Kind, *, tell: Callable[[str], None]) -> Run:
    """The ended run (RunOut). One of this kind that is under way already is followed instead of another one started.

    A run that may not start is no end of the loop: {"state": "not_started", "reason"}.
    Raises Refused, CommandError, Stopped (the run goes on then).
    """
    while True:
        try:
            body = {"kind": kind, "train_anyway": True}  # a small dataset's rounds are worth their figures, too
            run: Run = server.call("POST", f"/projects/{project_id}/training-runs", json=body)
        except Refused as refused:
            if refused.code == "too_few_masks":
                return {"id": None, "state": "not_started", "reason": str(refused), "metrics": None}
            if refused.code != "run_under_way":
                raise
            run = server.call("GET", f"/training-runs/{refused.more['run_id']}")
        ended = _follow(server, run, tell)
        if ended["kind"] == kind:
            return ended


def _follow(server: PatientServer, run: Run, tell: Callable[[str], None]) -> Run:
    started = time.monotonic()
    while run["state"] in UNDER_WAY:
        tell(_progress(run, time.monotonic() - started))
        server.pause(POLL_SECONDS)
        run = server.call("GET", f"/training-runs/{run['id']}")
    return run


def _progress(run: Run, seconds: float) -> str:
    job = run.get("job") or {}
    counted = f" {job['done']} of {job['total']}" if job.get("total") else ""
    return f"training run {run['id']} ({run['kind']}): {run['state']}{counted}, {seconds:.0f} s"
