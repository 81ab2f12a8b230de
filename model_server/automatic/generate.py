"""One run over an image: embeddings of its crops, points in small jobs for the device, filters beside them."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from time import perf_counter

import numpy as np
import numpy.typing as npt

from model_server.automatic.candidates import Candidate, CropFilter, suppress
from model_server.automatic.grid import Crop, crops_of, points_of
from model_server.automatic.selection import Selected, select
from model_server.contract.automatic import (
    MAX_POINTS,
    AutomaticCounts,
    AutomaticOptions,
    AutomaticThresholds,
    point_count,
    thresholds_of,
)
from model_server.engine import Engine, EngineError, Overloaded, Priority, require_size
from model_server.networks.network import Embedding, Network, Pixels, Survivors
from model_server.networks.parts import parts_at_points

RUNS = 2  # at once: the device decodes for one while the other filters
WAITING_RUNS = 32
RETRY_SECONDS = 10
MAX_POSITIONS = 32_000_000  # of changes kept in one run, 256 MB: ten thousand ragged masks, or most images' many times

Points = npt.NDArray[np.float32]


@dataclass(slots=True)
class Timings:
    """Milliseconds, as contract.automatic.AutomaticTimings names them."""

    encode: float = 0.0
    decode: float = 0.0
    masks: float = 0.0
    cleanup: float = 0.0


@dataclass(slots=True)
class Generated:
    """Masks by predicted IoU, how many each step left, and what the run took."""

    model_version: str
    model_thresholds: AutomaticThresholds
    selected: list[Selected] = field(default_factory=list)
    counts: AutomaticCounts = field(default_factory=AutomaticCounts)
    timings: Timings = field(default_factory=Timings)


class Generator:
    """Automatic masks over an engine. Used from one event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running = asyncio.Semaphore(RUNS)
        self._waiting = 0

    async def generate(
        self, image_sha256: str, size_hw: tuple[int, int], options: AutomaticOptions, *, model_version: str | None
    ) -> Generated:
        """All masks of an image. Cancelling it drops what has not begun.

        Raises EngineError: too_many_points, too_many_masks, image_size_mismatch, overloaded and the engine's;
        UnreadableImage, UnusableModel.
        """
        if point_count(options) > MAX_POINTS:
            raise EngineError(
                "too_many_points", f"These options ask for {point_count(options)} points; at most {MAX_POINTS} can be."
            )
        with self._counted():
            async with self._running:
                return await self._run(image_sha256, size_hw, options, model_version)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._waiting >= RUNS + WAITING_RUNS:
            raise Overloaded(RETRY_SECONDS)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def _run(
        self, image_sha256: str, size_hw: tuple[int, int], options: AutomaticOptions, model_version: str | None
    ) -> Generated:
        facts = await asyncio.to_thread(self._engine.models.facts, model_version)
        whole = self._engine.submit(image_sha256, facts.model_version, _both, priority=Priority.BULK)
        answer = await asyncio.wrap_future(whole)
        network: Network
        network, embedding = answer.value
        require_size(embedding, size_hw)
        made = Generated(facts.model_version, facts.thresholds)
        made.timings.encode = answer.encode_ms
        crops = crops_of(size_hw, options)
        inputs: list[Pixels] = []
        if len(crops) > 1:
            boxes = [crop.box_xyxy for crop in crops[1:]]
            inputs = await self._engine.beside(self._engine.prepare_crops, image_sha256, network, boxes)
        kept, positions = [], 0
        for number, crop in enumerate(crops):
            if number > 0:
                embedding = await self._encode(network, inputs.pop(0), crop, made.timings)
            candidates = await _CropRun(self._engine, network, embedding, crop, size_hw, options, made, positions).all()
            positions += sum(candidate.changes.size for candidate in candidates)
            kept.append(candidates)
        started = perf_counter()
        choose = partial(select, kept, size_hw=size_hw, options=options, counts=made.counts)
        made.selected = await self._engine.beside(choose)
        made.timings.cleanup = (perf_counter() - started) * 1e3
        return made

    async def _encode(self, network: Network, pixels: Pixels, crop: Crop, timings: Timings) -> Embedding:
        started = perf_counter()
        encoding = self._engine.run(network, lambda: network.encode([pixels], [crop.size_hw]), priority=Priority.BULK)
        (embedding,) = await asyncio.wrap_future(encoding)
        timings.encode += (perf_counter() - started) * 1e3
        return embedding


def _both(network: Network, embedding: Embedding) -> tuple[Network, Embedding]:
    return network, embedding


class _CropRun:
    """All points of one crop. The device has the next job before the answers to the last one are looked at."""

    def __init__(
        self,
        engine: Engine,
        network: Network,
        embedding: Embedding,
        crop: Crop,
        size_hw: tuple[int, int],
        options: AutomaticOptions,
        made: Generated,
        positions_before: int,
    ) -> None:
        self._engine, self._network, self._embedding = engine, network, embedding
        self._options, self._made = options, made
        self._points = points_of(crop, options)
        self._thresholds = thresholds_of(options, made.model_thresholds)
        self._frame = network.frame(crop.size_hw)
        self._filter = CropFilter(crop, self._frame, size_hw, options, self._thresholds)
        self._positions = positions_before
        self._made.counts.candidates += 3 * len(self._points)

    async def all(self) -> list[Candidate]:
        """Candidates of the crop without repetitions, by predicted IoU."""
        candidates: list[Candidate] = []
        waiting: list[tuple[Survivors, Points]] = []  # decoded, and not yet filtered
        waiting_points = 0
        parts = [self._points[start : start + self._at_once] for start in range(0, len(self._points), self._at_once)]
        decoding = self._decode(parts[0])
        try:
            for number, points in enumerate(parts):
                decoded = await decoding
                if number + 1 < len(parts):
                    decoding = self._decode(parts[number + 1])
                waiting.append((decoded, points))
                waiting_points += len(points)
                if waiting_points >= self._options.points_per_batch or number + 1 == len(parts):
                    candidates += await self._engine.beside(self._keep, waiting)
                    waiting, waiting_points = [], 0
        finally:
            decoding.cancel()
        scores = [one.predicted_iou for one in candidates]
        return await self._engine.beside(partial(suppress, candidates, scores, threshold=self._options.box_nms_thresh))

    @property
    def _at_once(self) -> int:
        return min(self._options.points_per_batch, self._network.prompts_at_once)

    def _decode(self, points: Points) -> "asyncio.Future[Survivors]":
        above = self._thresholds.pred_iou_thresh or -inf

        def work() -> Survivors:
            started = perf_counter()
            decoded = self._network.decode_points(self._embedding, points, above=above)
            self._made.timings.decode += (perf_counter() - started) * 1e3
            return decoded

        future: Future[Survivors] = self._engine.run(self._network, work, priority=Priority.BULK)
        return asyncio.wrap_future(future)

    def _keep(self, waiting: Sequence[tuple[Survivors, Points]]) -> list[Candidate]:
        """On a thread of its own."""
        started = perf_counter()
        kept: list[Candidate] = []
        for decoded, points in waiting:
            self._made.counts.after_iou += len(decoded.logits)
            if self._network.facts.parts == "clicked":
                logits = parts_at_points(decoded.logits, points[decoded.prompt], self._frame)
                decoded = replace(decoded, logits=logits)
            kept += self._filter.keep(decoded, points, self._made.counts)
        self._positions += sum(candidate.changes.size for candidate in kept)
        if self._positions > MAX_POSITIONS:
            raise EngineError("too_many_masks", "Too many masks pass these filters; raise the thresholds.")
        self._made.timings.masks += (perf_counter() - started) * 1e3
        return kept
