"""Calls that outlive a restart of the server: whatever may be asked again is asked again until patience ends."""

import threading
import time
from typing import Any

import httpx

from backend.commands.server import Server, raise_refusal
from backend.commands.terminal import CommandError, say

NOT_NOW = frozenset((429, 502, 503, 504))
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.25, 10.0


class Stopped(Exception):
    """The person wants an end; nothing more is asked."""


class PatientServer:
    """A server that may go away for up to `patience_seconds` at a time. Thread-safe."""

    def __init__(self, server: Server, *, patience_seconds: float, stop: threading.Event) -> None:
        self.plain = server
        self._patience_seconds = patience_seconds
        self._stop = stop
        self._is_away = False

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON answer, None for an empty one. Raises Refused, CommandError, Stopped."""
        return self.timed(method, path, **options)[0]

    def timed(self, method: str, path: str, **options: Any) -> tuple[Any, float]:
        """The answer, and the seconds that the attempt took which brought it."""
        deadline, pause = time.monotonic() + self._patience_seconds, FIRST_WAIT_SECONDS
        while True:
            if self._stop.is_set():
                raise Stopped
            started = time.monotonic()
            response, reason = self._attempt(method, path, options)
            if response is not None:
                seconds = time.monotonic() - started
                self._is_away = False
                raise_refusal(response)
                return (response.json() if response.content else None), seconds
            if time.monotonic() > deadline:
                raise CommandError(f"{reason} Waited {self._patience_seconds:g} s; nothing kept is lost, repeat it.")
            if not self._is_away:
                self._is_away = True
                say(f"{reason} Waiting for up to {self._patience_seconds:g} s.")
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_WAIT_SECONDS)

    def pause(self, seconds: float) -> None:
        """Waits. Raises Stopped."""
        if self._stop.wait(seconds):
            raise Stopped

    def _attempt(self, method: str, path: str, options: dict[str, Any]) -> tuple[httpx.Response | None, str]:
        """An answer worth reading, or why there is none."""
        try:
            response = self.plain.http.request(method, path, **options)
        except httpx.TransportError:
            return None, f"Segloop does not answer at {self.plain.url}."
        if response.status_code in NOT_NOW:
            return None, _sentence(response)
        return response, ""


def _sentence(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"Segloop says it cannot answer now (status {response.status_code})."
