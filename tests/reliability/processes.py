"""Backend, worker and model server as processes to be killed and started again, and a client that never gives up."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from tests.running import REPOSITORY, answers, wait_until

COMMANDS = {
    "backend": ["-m", "uvicorn", "backend.app:app", "--no-access-log", "--port"],
    "worker": ["-m", "backend.worker"],
    "model_server": ["-m", "uvicorn", "model_server.app:app", "--no-access-log", "--port"],
}


@dataclass
class Installation:
    """The processes of one installation; `environment` holds its SEGLOOP_* settings."""

    environment: dict[str, str]
    port: int
    log: Path
    model_server_port: int = 0
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The backend's address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, name: str) -> None:
        """Starts one of COMMANDS in a process group of its own."""
        ports = {"backend": [str(self.port)], "model_server": [str(self.model_server_port)]}
        line = [sys.executable, *COMMANDS[name], *ports.get(name, [])]
        with self.log.open("ab") as output:
            self.running[name] = subprocess.Popen(
                line,
                env=os.environ | self.environment,
                cwd=REPOSITORY,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """kill -9, children included; returns when it is gone."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)

    def wait_until_ready(self) -> None:
        """Until backend and model server answer, as far as they were started."""
        for name, port in (("backend", self.port), ("model_server", self.model_server_port)):
            if name in self.running:
                address = f"http://127.0.0.1:{port}/readyz"
                wait_until(lambda address=address: answers(address), seconds=180, what=f"the {name} ({self.log})")

    def stop(self) -> None:
        """Kills whatever runs."""
        for name in list(self.running):
            self.kill(name)


class StubbornClient:
    """Repeats every request until it is answered with something else than "not now"."""

    def __init__(self, url: str, headers: dict[str, str], is_over: Callable[[], bool]) -> None:
        self.url, self.headers, self.is_over = url, headers, is_over
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=2, read=30))
        self.repeats = 0

    def send(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse | None:
        """The answer; None when the test is over before there is one."""
        headers = self.headers | options.pop("headers", {})
        while not self.is_over():
            try:
                answer = self._http.request(method, self.url + path, headers=headers, **options)
            except HTTPError:
                self.repeats += 1
                time.sleep(0.05)
                continue
            if answer.status not in (503, 507):
                return answer
            self.repeats += 1
            time.sleep(0.05)
        return None
