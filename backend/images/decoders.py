"""A few decoding processes, lent one picture at a time. One that dies or hangs costs its picture, nothing else.

Not concurrent.futures: there a dead child fails every picture in the pool, and a hanging one cannot be ended.
"""

import json
import math
import os
import queue
import select
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.images.files import FileRefused
from backend.settings import REPOSITORY, Settings

# Now and then a fresh process: decoders leak and fragment.
PICTURES_PER_PROCESS = 500


@dataclass(frozen=True)
class Derived:
    """What decoding told about a picture; `display_path` is None when browsers draw the original."""

    format: str
    size_hw: tuple[int, int]
    is_plain: bool
    thumbnail_path: Path
    display_path: Path | None


class _Hopeless(Exception):
    """The process gave no answer; the message says why."""


class _Process:
    def __init__(self, memory_bytes: int, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self.answered = 0
        limits = [str(memory_bytes), str(math.ceil(timeout_seconds))]
        self._child = subprocess.Popen(
            [sys.executable, "-m", "backend.images.decode", *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=REPOSITORY,
            # Threads of numpy's BLAS would count against the memory limit.
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )

    @property
    def is_usable(self) -> bool:
        return self.answered < PICTURES_PER_PROCESS and self._child.poll() is None

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.write(json.dumps(request).encode() + b"\n")
            self._child.stdin.flush()
        except OSError:
            raise _Hopeless("Decoding this picture ended its process.") from None
        poll = select.poll()
        poll.register(self._child.stdout, select.POLLIN | select.POLLHUP)
        if not poll.poll(self.timeout_seconds * 1000):
            raise _Hopeless(f"Decoding this picture took longer than {self.timeout_seconds:g} seconds.")
        line = self._child.stdout.readline()
        if not line.endswith(b"\n"):
            raise _Hopeless("Decoding this picture ended its process.")
        self.answered += 1
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe is not None
            with suppress(OSError):  # what was still to be written has no reader
                pipe.close()


class Decoders:
    """`settings.decode_processes` processes, each started when first needed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._free: queue.LifoQueue[_Process | None] = queue.LifoQueue()
        for _ in range(settings.decode_processes):
            self._free.put(None)

    def derive(self, source: Path, folder: Path) -> Derived:
        """Decodes the picture at `source` wholly and leaves thumbnail and derivative in `folder`.

        Raises FileRefused; OSError when the disk is full.
        """
        request = {"source": str(source), "folder": str(folder), "max_pixels": self.settings.max_pixels}
        answer = self._ask(request)
        if "code" in answer:
            raise FileRefused(answer["code"], answer["reason"])
        if "errno" in answer:
            raise OSError(answer["errno"], answer["reason"])
        display_path = folder / "display.jpg"
        return Derived(
            format=answer["format"],
            size_hw=(answer["size_hw"][0], answer["size_hw"][1]),
            is_plain=answer["is_plain"],
            thumbnail_path=folder / "thumbnail.webp",
            display_path=display_path if display_path.exists() else None,
        )

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        process = self._free.get()
        try:
            if process is not None and not process.is_usable:
                process.end()
                process = None
            if process is None:
                process = _Process(self.settings.decode_memory_bytes, self.settings.decode_timeout_seconds)
            return process.ask(request)
        except _Hopeless as error:
            if process is not None:
                process.end()
                process = None
            raise FileRefused("decode_failed", str(error)) from None
        finally:
            self._free.put(process)

    def close(self) -> None:
        """Ends all processes, once those that decode have answered."""
        for _ in range(self.settings.decode_processes):
            process = self._free.get()
            if process is not None:
                process.end()


_decoders: Decoders | None = None
_lock = threading.Lock()


def get_decoders(settings: Settings) -> Decoders:
    """The decoding processes of this process; made on first use."""
    global _decoders
    with _lock:
        if _decoders is None:
            _decoders = Decoders(settings)
        return _decoders


def stop_decoding() -> None:
    """Ends the decoding processes."""
    global _decoders
    with _lock:
        stopped, _decoders = _decoders, None
    if stopped is not None:
        stopped.close()
