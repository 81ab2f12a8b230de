"""Programs that a job waits for: started, watched, stopped with the job, and named when they fail."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from backend.errors import AppError, Conflict, Unavailable
from backend.jobs.runner import JobRun
from backend.settings import Settings

LEASH = Path(__file__).with_name("leash.py")
POLL_SECONDS = 0.2
# What a program gets to keep what it has; shorter than what a supervisor gives the worker.
STOP_SECONDS = 6.0
STOPPED = 130
LOG_TAIL_BYTES = 4000
# A disk with less than this has no room for a checkpoint.
FULL_BYTES = 1 << 20
# Nothing that a trainer, or somebody's own command, has to know.
SECRETS = ("SEGLOOP_DATABASE_URL", "SEGLOOP_BROKER_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

Watch = Callable[[], tuple[str, int, int]]  # phase, done, total


@dataclass(frozen=True)
class Workshop:
    """The folder of a run while one worker has it; programs started in it hold its lock as long as they live."""

    folder: Path
    run: JobRun
    lock: IO[str]

    @property
    def settings(self) -> Settings:
        """The installation's."""
        return self.run.resources.settings

    @property
    def threads(self) -> int:
        """Processor threads that a program may use."""
        return self.settings.training_threads or max(1, (os.cpu_count() or 2) // 2)

    def module(self, name: str, *arguments: str | Path) -> list[str]:
        """The command line of one of our modules. -P: nothing beside it takes the place of a library."""
        return [sys.executable, "-P", "-m", name, *map(str, arguments)]

    def call(self, name: str, line: list[str], watch: Watch, *, more: dict[str, str] | None = None) -> Path:
        """Runs a program to its end; gives the file of what it wrote on stdout.

        Raises Conflict with its own last words or that the disk is full, Unavailable when it was killed, JobCancelled
        and JobInterrupted after it has been stopped.
        """
        said, complaints = self.folder / f"{name}.out", self.folder / f"{name}.log"
        with said.open("wb") as out, complaints.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *line],
                cwd=self.folder,
                env=self._environment() | (more or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,  # signals for the worker's group are the worker's to answer
                pass_fds=(self.lock.fileno(),),
            )
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_SECONDS)
                self.run.progress(*watch())
                if process.returncode is not None:
                    break
        finally:
            _stop(process)
        if process.returncode != 0:
            if shutil.disk_usage(self.folder).free < FULL_BYTES and process.returncode > 0:
                raise Conflict(  # what it had to say of it did not fit either
                    "storage_full",
                    "The disk of this run's folder is full. Its last checkpoint is kept: make room, then retry.",
                )
            raise _failure(name, process.returncode, complaints)
        return said

    def _environment(self) -> dict[str, str]:
        threads = str(self.threads)
        ours = {
            "SEGLOOP_DATA_DIR": str(self.settings.data_dir.resolve()),
            "SEGLOOP_MODELS_DIR": str(self.settings.resolved_models_dir),
            "SEGLOOP_DETECTORS_DIR": str(self.settings.resolved_detectors_dir),
            "SEGLOOP_MODEL_THREADS": threads,
            "OMP_NUM_THREADS": threads,
        }
        return {name: value for name, value in os.environ.items() if name not in SECRETS} | ours


@contextmanager
def open_workshop(run: JobRun, folder: Path) -> Iterator[Workshop]:
    """The run's folder, for one worker at a time. Raises Unavailable while a program of an earlier one still lives."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable("run_busy", "A program of an earlier attempt at this run has not ended yet.") from None
        yield Workshop(folder, run, lock)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL to its whole group if it does not end in time."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _failure(name: str, status: int, complaints: Path) -> AppError:
    if status < 0 or status == STOPPED:
        what = "was stopped" if status == STOPPED else f"was ended by {signal.Signals(-status).name}"
        advice = " The machine's memory may have run out." if status == -signal.SIGKILL else ""
        return Unavailable("program_killed", f"The program {name!r} {what}.{advice}")
    text = complaints.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Conflict("program_failed", f"{name}: {lines[-1] if lines else f'ended with status {status}'}")
