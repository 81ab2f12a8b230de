"""Children in process groups of their own: start, read what they write, restart, stop all."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from backend.supervisor.commands import command_line
from backend.supervisor.console import say

STOP_SECONDS = 8.0
TAIL_LINES = 12
RESTARTS = 3
RESTART_WINDOW_SECONDS = 60.0

# What the last lines of a dead process tell, and what mends it; the first that fits.
REMEDIES = (
    (r"address already in use", "Its port was taken by another program; stop that one or choose another port."),
    (r"No module named", "A package is missing; run `make install`."),
    (r"No space left|disk is full", "The disk is full; free some space."),
    (r"Cannot allocate memory|MemoryError", "Memory ran out; close other programs or use fewer models."),
    (r"OperationalError|Connection refused", "Check that the database and the broker of the settings run."),
    (r"ValidationError|SEGLOOP_", "Check the SEGLOOP_* settings."),
)


class Guard:
    """Tells the process that outlives us which groups to kill should we be killed."""

    def __init__(self) -> None:
        line = [sys.executable, "-E", "-S", os.path.join(os.path.dirname(__file__), "guard.py")]
        self._process = subprocess.Popen(line, stdin=subprocess.PIPE, start_new_session=True)
        self._lock = threading.Lock()

    def note(self, sign: str, group: int) -> None:
        """`+` a group has begun, `-` it has ended."""
        assert self._process.stdin is not None
        with self._lock, suppress(OSError):
            self._process.stdin.write(f"{sign}{group}\n".encode())
            self._process.stdin.flush()

    def close(self) -> None:
        """Ends the guard; groups still noted are killed."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        self._process.wait(5)


@dataclass
class Child:
    """One supervised program: its arguments for Python and how to see that it is ready."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    guard: Guard
    # Empty = ready; otherwise what is still missing.
    problem: "Problem" = lambda child: ""
    process: subprocess.Popen[bytes] | None = None
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    started: float = 0.0
    is_ready: bool = False
    says_ready: bool = False
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS))
    restart_at: float | None = None
    _pump: threading.Thread | None = None

    def start(self) -> None:
        """Starts the program; its lines go to the console."""
        self.tail.clear()
        self.is_ready = self.says_ready = False
        self.restart_at = None
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command_line(self.arguments),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.guard.note("+", self.process.pid)
        self._pump = threading.Thread(target=self._read, args=(self.process,), name=f"log-{self.name}", daemon=True)
        self._pump.start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            text = raw.decode(errors="replace").rstrip()
            self.tail.append(text)
            self.says_ready = self.says_ready or re.search(r"\bready\b", text) is not None
            say(self.name, text)

    @property
    def is_running(self) -> bool:
        """Whether the program runs."""
        return self.process is not None and self.process.poll() is None

    def signal(self, signum: signal.Signals) -> None:
        """Sends a signal to the whole group, also when its leader is gone already."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signum)

    def forget(self) -> None:
        """After its end: nothing of its group stays, and its last lines are read."""
        assert self.process is not None
        self.signal(signal.SIGKILL)
        self.guard.note("-", self.process.pid)
        if self._pump is not None:
            self._pump.join(2)
        assert self.process.stdout is not None
        if self._pump is None or not self._pump.is_alive():
            self.process.stdout.close()

    def obituary(self) -> str:
        """Which process ended, why, and what may mend it."""
        assert self.process is not None
        status = self.process.returncode
        why = f"ended with status {status}"
        if status < 0:
            why = f"was ended by {signal.Signals(-status).name}"
        text = "\n".join(self.tail)
        remedy = next((advice for pattern, advice in REMEDIES if re.search(pattern, text)), "")
        if status == -signal.SIGKILL and not remedy:
            remedy = "If nobody killed it, the machine's memory may have run out."
        return f"{self.name} {why}. {remedy}".rstrip()

    def may_restart(self) -> float | None:
        """Seconds to wait before the next restart; None after too many in a row."""
        now = time.monotonic()
        recent = [moment for moment in self.restarts if now - moment < RESTART_WINDOW_SECONDS]
        if len(recent) >= RESTARTS:
            return None
        self.restarts.append(now)
        return 0.5 * 2.0 ** len(recent)


Problem = Callable[[Child], str]


def stop_all(children: list[Child], seconds: float = STOP_SECONDS) -> None:
    """SIGTERM to every group, SIGKILL to what is left after `seconds`; returns when all are gone."""
    running = [child for child in children if child.is_running]
    for child in running:
        child.signal(signal.SIGTERM)
    deadline = time.monotonic() + seconds
    for child in running:
        assert child.process is not None
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say("segloop", f"{child.name} did not stop in {seconds:.0f} s and is killed")
            child.signal(signal.SIGKILL)
            child.process.wait()
    for child in running:
        child.forget()
