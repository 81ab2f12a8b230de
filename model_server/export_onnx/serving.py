"""Decoders as files, made once per model version and kept on disk. A process of its own makes them, so that neither the
device thread nor the interpreter that answers clicks is held up, and its memory goes back when it ends."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_server.contract.decoder import DECODER_FORMAT, Weights
from model_server.export_onnx.errors import ExportError
from model_server.export_onnx.rules import FAMILIES
from model_server.networks.network import NetworkFacts

logger = logging.getLogger(__name__)

DISK_BYTES = 500_000_000  # some thirty SAM decoders; the least recently asked for go first
EXPORT_SECONDS = 900  # a ViT-H encodes the pictures of the check on one thread
LASTING = {"decoder_not_exportable", "decoder_export_failed", "decoder_parity_failed", "decoder_disagrees"}


@dataclass(frozen=True, slots=True)
class DecoderFile:
    """A finished file, and its description as JSON."""

    path: Path
    description: str


class Decoders:
    """Files below a folder. Thread-safe; `find_folder` gives a model version's folder."""

    def __init__(self, folder: Path, *, find_folder: Callable[[NetworkFacts], Path]) -> None:
        self._folder, self._find_folder = folder.resolve(), find_folder
        self._making: dict[str, Future[DecoderFile]] = {}  # those that failed for good stay, to fail again at once
        self._lock = threading.Lock()
        self._one_at_a_time = ThreadPoolExecutor(1, thread_name_prefix="decoders")
        self.exported = 0  # since start
        self._process: subprocess.Popen[str] | None = None
        self._is_closed = False

    async def get(self, facts: NetworkFacts, weights: Weights) -> DecoderFile:
        """The file, made now if need be; whoever asks meanwhile waits for the same. Raises ExportError."""
        if facts.family not in FAMILIES:
            raise ExportError(
                "decoder_not_exportable", f"The decoder of {facts.name} ({facts.family}) has no ONNX form."
            )
        name = f"{facts.model_version}.{weights}.{DECODER_FORMAT}"
        if (found := self._find(name)) is not None:
            return found
        return await asyncio.shield(asyncio.wrap_future(self._submit(name, facts, weights)))

    def close(self) -> None:
        """Stop; a file in the making is dropped."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
        self._one_at_a_time.shutdown(cancel_futures=True)

    def _submit(self, name: str, facts: NetworkFacts, weights: Weights) -> "Future[DecoderFile]":
        with self._lock:
            if name in self._making:
                return self._making[name]
            future = self._making[name] = self._one_at_a_time.submit(self._make, name, facts, weights)
        future.add_done_callback(lambda done: self._forget(name, done))
        return future

    def _forget(self, name: str, done: "Future[DecoderFile]") -> None:
        error = None if done.cancelled() else done.exception()
        if not (isinstance(error, ExportError) and error.code in LASTING):
            self._making.pop(name, None)

    def _find(self, name: str) -> DecoderFile | None:
        path = self._folder / f"{name}.onnx"
        try:
            os.utime(path)  # used now
            return DecoderFile(path, path.with_suffix(".json").read_text())
        except OSError:
            return None

    def _make(self, name: str, facts: NetworkFacts, weights: Weights) -> DecoderFile:
        if (found := self._find(name)) is not None:
            return found
        logger.info("exporting the %s decoder of %s", weights, facts.model_version)
        path = self._folder / f"{name}.onnx"
        described = self._run(self._find_folder(facts).resolve(), path, weights)["description"]
        if described["model_version"] != facts.model_version:
            path.unlink()
            raise ExportError("decoder_not_written", f"The files of {facts.name} were replaced just now.")
        description = json.dumps(described, separators=(",", ":"))
        writing = path.with_suffix(".writing")
        writing.write_text(description)
        os.replace(writing, path.with_suffix(".json"))  # last: without it there is no file yet
        self.exported += 1
        _drop_oldest(self._folder)
        return DecoderFile(path, description)

    def _run(self, folder: Path, path: Path, weights: Weights) -> dict[str, Any]:
        arguments = [str(folder), "--out", str(path), "--weights", weights, "--json", "--background"]
        with self._lock:
            if self._is_closed:
                raise ExportError("decoder_not_written", "The model server is shutting down.")
            self._process = process = subprocess.Popen(
                [sys.executable, "-m", "model_server.export_onnx", *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        try:
            output, log = process.communicate(timeout=EXPORT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise ExportError("decoder_not_written", f"The export took longer than {EXPORT_SECONDS} s.") from None
        try:
            answer: dict[str, Any] = json.loads(output)
        except ValueError:
            logger.error("the export of a decoder ended with %s: %s", process.returncode, log[-2000:])
            raise ExportError(
                "decoder_not_written", "The export ended early; the model server's log says why."
            ) from None
        if "error" in answer:
            raise ExportError(answer["error"]["code"], answer["error"]["message"])
        return answer


def _drop_oldest(folder: Path) -> None:
    newest_first = sorted(folder.glob("*.onnx"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for number, path in enumerate(newest_first):
        total += path.stat().st_size
        if number and total > DISK_BYTES:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
