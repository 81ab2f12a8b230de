"""Outlives the supervisor by a moment: when that is killed, nothing it started goes on running.

A process of its own because `kill -9` leaves no time for anything else. It reads `+PID` and `-PID` lines, one for
each process group that begins or ends; the end of the pipe means that the supervisor is gone.
"""

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress


def guard(lines: Iterable[str]) -> None:
    """Kills the groups still noted when `lines` end."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    guard(sys.stdin)
