"""Decoders as files, made once per model version and kept on disk. A process of its own makes them, so that neither the
device thread nor the interpreter that answers clicks is held up, and its memory goes back when it ends."""

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from model_server.contract.decoder import SMALLEST_FIRST, WantedWeights, Weights
from model_server.export_onnx.errors import ExportError
from model_server.export_onnx.kept import DecoderFile, KeptDecoders
from model_server.export_onnx.rules import FAMILIES
from model_server.networks.network import NetworkFacts

logger = logging.getLogger(__name__)

EXPORT_SECONDS = 900  # a ViT-H encodes the pictures of the check on one thread
LASTING = {"decoder_not_exportable", "decoder_export_failed", "decoder_parity_failed", "decoder_disagrees"}
# What is not tried again while this process lives: pages ask for it every few seconds.
REMEMBERED = LASTING | {"onnx_missing"}

Wish = tuple[str, WantedWeights]  # model version and weights


class Decoders:
    """Files below a folder. Thread-safe; `find_folder` gives a model version's folder."""

    def __init__(self, folder: Path, *, find_folder: Callable[[NetworkFacts], Path]) -> None:
        self._kept, self._find_folder = KeptDecoders(folder), find_folder
        self._making: dict[Wish, Future[DecoderFile]] = {}  # those that failed for good stay, to fail again at once
        self._begun: set[str] = set()  # model versions
        self._lock = threading.Lock()
        self._one_at_a_time = ThreadPoolExecutor(1, thread_name_prefix="decoders")
        self.exported = 0  # since start
        self._process: subprocess.Popen[str] | None = None
        self._is_closed = False

    async def get(self, facts: NetworkFacts, weights: Weights) -> DecoderFile:
        """The file, made now if need be; whoever asks meanwhile waits for the same. Raises ExportError."""
        _require_exportable(facts)
        if (found := self._kept.find(facts.model_version, weights)) is not None:
            return found
        return await asyncio.shield(asyncio.wrap_future(self._submit(facts, weights)))

    def find_smallest(self, facts: NetworkFacts) -> DecoderFile | None:
        """The smallest file whose masks are those of float32; None while it is being made. Raises ExportError."""
        _require_exportable(facts)
        if (found := self._find_smallest_kept(facts.model_version)) is not None:
            return found
        making = self._submit(facts, "smallest")
        return making.result() if making.done() else None

    def begin(self, facts: NetworkFacts) -> None:
        """Have the smallest made before a page asks for it, once; what goes wrong is said to whoever asks."""
        if facts.family not in FAMILIES or facts.model_version in self._begun:
            return
        self._begun.add(facts.model_version)
        if self._find_smallest_kept(facts.model_version) is None:
            self._submit(facts, "smallest")

    def _find_smallest_kept(self, model_version: str) -> DecoderFile | None:
        for weights in SMALLEST_FIRST:
            if (found := self._kept.find(model_version, weights)) is not None:
                return found
            if self._kept.find_refusal(model_version, weights) is None:
                return None
        return None

    def close(self) -> None:
        """Stop; a file in the making is dropped."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
        self._one_at_a_time.shutdown(cancel_futures=True)

    def _submit(self, facts: NetworkFacts, weights: WantedWeights) -> "Future[DecoderFile]":
        wish = (facts.model_version, weights)
        with self._lock:
            if wish in self._making:
                return self._making[wish]
            future = self._making[wish] = self._one_at_a_time.submit(self._make, facts, weights)
        future.add_done_callback(lambda done: self._forget(wish, done))
        return future

    def _forget(self, wish: Wish, done: "Future[DecoderFile]") -> None:
        error = None if done.cancelled() else done.exception()
        if not (isinstance(error, ExportError) and error.code in REMEMBERED):
            self._making.pop(wish, None)

    def _make(self, facts: NetworkFacts, weights: WantedWeights) -> DecoderFile:
        version = facts.model_version
        if (found := self._kept.find(version, weights)) is not None:
            return found
        if (refusal := self._kept.find_refusal(version, weights)) is not None:
            raise refusal
        logger.info("exporting the %s decoder of %s", weights, version)
        path = self._kept.path(version, weights)
        try:
            report = self._run(self._find_folder(facts).resolve(), path, weights)
        except ExportError as error:
            if error.code in LASTING:
                self._kept.keep_refusal(version, weights, error)
            raise
        if report["description"]["model_version"] != version:
            path.unlink()
            raise ExportError("decoder_not_written", f"The files of {facts.name} were replaced just now.")
        for refused in report["refused"]:
            self._kept.keep_refusal(version, refused["weights"], ExportError(refused["code"], refused["message"]))
        self.exported += 1
        return self._kept.keep(path, report["description"])

    def _run(self, folder: Path, path: Path, weights: WantedWeights) -> dict[str, Any]:
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
        if log:
            logger.warning("the export of a decoder said: %s", log[-2000:].strip())
        return answer


def _require_exportable(facts: NetworkFacts) -> None:
    if facts.family not in FAMILIES:
        raise ExportError("decoder_not_exportable", f"The decoder of {facts.name} ({facts.family}) has no ONNX form.")
