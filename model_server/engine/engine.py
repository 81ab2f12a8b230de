"""From a request (image, model, work) to its answer: find or make the embedding, then work on the device thread.

Requests for one image share one encoding, whoever asked first; a click that joins makes it urgent. A request whose
future was cancelled is skipped wherever it waits.
"""

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import torch

from model_server.contract.blobs import BlobStore, open_store
from model_server.engine.device import SMALL_INPUT, choose_device, default_threads
from model_server.engine.embeddings import EmbeddingCache, Key
from model_server.engine.errors import EngineError
from model_server.engine.load import Load
from model_server.engine.models import Models
from model_server.engine.pictures import Box, Pictures
from model_server.engine.requests import Answer, Encoding, Request, Work
from model_server.engine.workers import Job, Priority, Workers
from model_server.networks.network import Embedding, Network, Pixels, PromptTensors
from model_server.settings import Settings

Value = TypeVar("Value")

DECODE_THREADS = 2
BULK_THREADS = 2
BULK_NICENESS = 10  # a tenth of the share of a thread that answers a click
ENCODE_BATCH = {"cpu": 1, "cuda": 8}  # on a CPU a batch gains nothing and makes the next click wait longer


class Engine:
    """Start it once per process; `submit` from any thread."""

    def __init__(self, settings: Settings, store: BlobStore | None = None) -> None:
        self.device = choose_device(settings.model_device)
        self.threads = settings.model_threads or default_threads()
        self.models = Models(
            settings.models_dir,
            names=settings.models,
            loaded_limit=settings.models_loaded,
            device=self.device,
        )
        self.cache = EmbeddingCache(
            settings.embedding_dir,
            memory_bytes=settings.embedding_memory_bytes,
            disk_bytes=settings.embedding_disk_bytes,
        )
        self.load = Load(settings.queue_limit)
        self._pictures = Pictures(
            store or open_store(settings.storage_url, s3_endpoint=settings.s3_endpoint), settings.max_pixels
        )
        self._encodings: dict[Key, Encoding] = {}
        self._lock = threading.Lock()
        self._device_thread = Workers("device", thread_count=1, batch_limit=ENCODE_BATCH.get(self.device.type, 1))
        # A processor has no single owner: clicks get a thread of their own, and wait for nobody's encoding or bulk run.
        has_lane = self.device.type == "cpu" and self.threads > 1
        self._click_thread = Workers("clicks", thread_count=1) if has_lane else self._device_thread
        self._file_threads = Workers("files", thread_count=DECODE_THREADS)
        self._bulk_threads = ThreadPoolExecutor(BULK_THREADS, "bulk", initializer=_step_back)

    def warm_up(self) -> None:
        """Load the default model, encode a grey image and decode two clicks on it, so that no person waits for that."""
        network = self.models.load(self.models.default)
        grey = np.full((*network.frame((64, 64)).resized_hw, 3), 128, np.uint8)
        click = PromptTensors(
            points_xy=np.array([[32, 32]], np.float32),
            labels=np.array([1], np.int64),
            box_xyxy=None,
            mask_input=None,
            prompt_count=1,
        )
        done: Future[None] = Future()

        def run(_jobs: list[Job]) -> None:
            try:
                (embedding,) = network.encode([grey], [(64, 64)])
                for _ in range(2):
                    network.decode(embedding, click, "auto")
                done.set_result(None)
            except Exception as error:
                done.set_exception(error)

        self._device_thread.submit(Job(run, Priority.CLICK))
        done.result()

    def submit(
        self,
        image_sha256: str,
        model_version: str | None,
        work: Work | None,
        *,
        priority: Priority,
        part_xyxy: Box | None = None,
    ) -> "Future[Answer]":
        """Run `work` on the device thread once the image's embedding is there; without work the embedding is the value.

        The embedding is of the whole image, or of a part of it.

        Raises EngineError (unknown_model_version, overloaded) at once; the future raises EngineError, UnreadableImage,
        UnusableModel or what `work` raises. Cancelling the future drops the request.
        """
        facts = self.models.facts(model_version)
        self.load.admit(priority)
        request = Request(facts, Key(image_sha256, facts.encoder_fingerprint, part_xyxy), work, priority)
        request.outcome.add_done_callback(lambda _: self.load.leave())
        embedding = self.cache.in_memory(request.key)
        if embedding is not None:
            self._answer(request, embedding)
        else:
            request.cached = False
            self._join_encoding(request)
        return request.outcome

    def look_closer(self, image_sha256: str, network: Network, part_xyxy: Box) -> Embedding | None:
        """The embedding of a part of an image if memory has it; otherwise it is made when nobody clicks."""
        facts = network.facts
        embedding = self.cache.in_memory(Key(image_sha256, facts.encoder_fingerprint, part_xyxy))
        if embedding is None:
            with contextlib.suppress(EngineError):  # too much to do: the whole image has to serve
                self.submit(image_sha256, facts.model_version, None, priority=Priority.LOOKAHEAD, part_xyxy=part_xyxy)
        return embedding

    def run(self, network: Network, work: Callable[[], Value], *, priority: Priority) -> "Future[Value]":
        """Run a part of longer work of a loaded network on the device thread. Cancelling drops it if it has not begun.

        Nothing is refused here: who starts longer work sees to it that few do at once.
        """
        outcome: Future[Value] = Future()

        def run(_jobs: list[Job]) -> None:
            if not outcome.set_running_or_notify_cancel():
                return
            self._use_threads(1 if network.facts.image_size <= SMALL_INPUT else self.threads)
            try:
                outcome.set_result(work())
            except Exception as error:
                outcome.set_exception(error)

        self._device_thread.submit(Job(run, priority))
        return outcome

    async def beside(self, work: Callable[..., Value], *arguments: Any) -> Value:
        """Run a part of longer work that needs no network, on threads that step back for clicks."""
        return await asyncio.get_running_loop().run_in_executor(self._bulk_threads, work, *arguments)

    def prepare_crops(self, image_sha256: str, network: Network, boxes_xyxy: Sequence[Box]) -> list[Pixels]:
        """Inputs for parts of an image, made on the caller's thread. Raises EngineError, UnreadableImage."""
        return self._pictures.prepare_crops(image_sha256, network, boxes_xyxy)

    def is_embedded(self, image_sha256: str, model_version: str | None) -> bool:
        """Whether a click on this image needs no encoding. Raises EngineError unknown_model_version."""
        return self.cache.is_ready(Key(image_sha256, self.models.facts(model_version).encoder_fingerprint))

    def waiting_for_device(self) -> int:
        """Encodings and clicks that wait for their thread."""
        return sum(workers.waiting_count() for workers in {self._device_thread, self._click_thread})

    def close(self) -> None:
        """Stop the threads; what waits is dropped."""
        self._file_threads.close()
        self._device_thread.close()
        self._click_thread.close()
        self._bulk_threads.shutdown(cancel_futures=True)

    # The embedding: shared, urgent as the most urgent who waits

    def _join_encoding(self, request: Request) -> None:
        with self._lock:
            encoding = self._encodings.get(request.key)
            if encoding is not None:
                encoding.waiting.append(request)
                for workers, job in encoding.jobs:
                    workers.hurry(job, encoding.priority())
                return
            encoding = Encoding(request.key, request.facts, [request])
            self._encodings[request.key] = encoding
            job = Job(lambda _: self._find_or_prepare(encoding), encoding.priority())
            encoding.jobs.append((self._file_threads, job))
        self._file_threads.submit(job)

    def _find_or_prepare(self, encoding: Encoding) -> None:
        """On a file thread: from disk, else pixels for the device."""
        if self._drop_if_unwanted(encoding):
            return
        try:
            embedding = self.cache.from_disk(encoding.key)
            if embedding is not None:
                for request in self._finish(encoding):
                    request.cached = True
                    self._answer(request, embedding)
                return
            network = self.models.load(encoding.facts)
            pixels, size_hw = self._pictures.prepare(encoding.key.image_sha256, network, encoding.key.part_xyxy)
        except Exception as error:
            self._fail(encoding, error)
            return
        self._queue_encoding(encoding, network, pixels, size_hw)

    def _queue_encoding(self, encoding: Encoding, network: Network, pixels: Pixels, size_hw: tuple[int, int]) -> None:
        prepared = (encoding, network, pixels, size_hw)
        batch_key = (network.facts.encoder_fingerprint, pixels.shape)
        with self._lock:
            job = Job(self._encode, encoding.priority(), batch_key, item=prepared)
            encoding.jobs.append((self._device_thread, job))
        self._device_thread.submit(job)

    def _encode(self, jobs: list[Job]) -> None:
        """On the device thread: one batch of one network."""
        wanted = [job.item for job in jobs if not self._drop_if_unwanted(job.item[0])]
        if not wanted:
            return
        network = wanted[0][1]
        self._use_threads(self.threads)
        started = time.perf_counter()
        try:
            embeddings = network.encode([item[2] for item in wanted], [item[3] for item in wanted])
        except Exception as error:
            for item in wanted:
                self._fail(item[0], error)
            return
        seconds = time.perf_counter() - started
        self.load.note_encode(seconds / len(wanted))
        for (encoding, *_), embedding in zip(wanted, embeddings, strict=True):
            self.cache.keep(encoding.key, embedding)
            for request in self._finish(encoding):
                request.encode_seconds = seconds
                self._answer(request, embedding)
            self._keep_on_disk(encoding.key, embedding)

    def _keep_on_disk(self, key: Key, embedding: Embedding) -> None:
        self._file_threads.submit(Job(lambda _: self.cache.write(key, embedding), Priority.BULK))

    def _finish(self, encoding: Encoding) -> list[Request]:
        with self._lock:
            self._encodings.pop(encoding.key, None)
            encoding.jobs.clear()  # they hold pixels, and the encoding
            return encoding.waiting

    def _fail(self, encoding: Encoding, error: Exception) -> None:
        for request in self._finish(encoding):
            if request.outcome.set_running_or_notify_cancel():
                request.outcome.set_exception(error)

    def _drop_if_unwanted(self, encoding: Encoding) -> bool:
        with self._lock:
            if encoding.is_wanted():
                return False
            self._encodings.pop(encoding.key, None)
        return True

    # The work on the embedding

    def _answer(self, request: Request, embedding: Embedding) -> None:
        if request.work is None:
            if request.outcome.set_running_or_notify_cancel():
                request.outcome.set_result(self._timed(request, embedding, work_seconds=0.0))
            return
        request.queued_at = time.perf_counter()
        network = self.models.loaded(request.facts.model_version)
        if network is not None:
            self._submit_work(request, network, embedding)
        else:
            self._file_threads.submit(Job(lambda _: self._load_then_work(request, embedding), request.priority))

    def _load_then_work(self, request: Request, embedding: Embedding) -> None:
        """On a file thread: a cached embedding met a network that is not in memory."""
        try:
            network = self.models.load(request.facts)
        except Exception as error:
            if request.outcome.set_running_or_notify_cancel():
                request.outcome.set_exception(error)
            return
        self._submit_work(request, network, embedding)

    def _submit_work(self, request: Request, network: Network, embedding: Embedding) -> None:
        thread = self._click_thread if request.priority == Priority.CLICK else self._device_thread
        thread.submit(Job(lambda _: self._work(request, network, embedding), request.priority))

    def _work(self, request: Request, network: Network, embedding: Embedding) -> None:
        """On the device thread."""
        if request.work is None or not request.outcome.set_running_or_notify_cancel():
            return
        self._use_threads(1 if network.facts.image_size <= SMALL_INPUT else self.threads)
        started = time.perf_counter()
        request.queue_seconds = started - request.queued_at
        try:
            value = request.work(network, embedding)
        except Exception as error:
            request.outcome.set_exception(error)
            return
        seconds = time.perf_counter() - started
        self.load.note_work(seconds)
        request.outcome.set_result(self._timed(request, value, work_seconds=seconds))

    @staticmethod
    def _use_threads(count: int) -> None:
        if torch.get_num_threads() != count:
            torch.set_num_threads(count)

    def _timed(self, request: Request, value: Any, *, work_seconds: float) -> Answer:
        return Answer(
            value=value,
            model_version=request.facts.model_version,
            cached=request.cached,
            queue_ms=request.queue_seconds * 1e3,
            encode_ms=request.encode_seconds * 1e3,
            work_ms=work_seconds * 1e3,
        )


def _step_back() -> None:
    """Linux has a niceness for each thread; elsewhere the whole process would be meant."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BULK_NICENESS)


def require_size(embedding: Embedding, size_hw: tuple[int, int]) -> None:
    """Refuse prompts made for another size than the stored image has. Raises EngineError image_size_mismatch."""
    if embedding.size_hw != size_hw:
        raise EngineError(
            "image_size_mismatch",
            f"The request says {size_hw[0]} x {size_hw[1]} (height x width), the stored image is "
            f"{embedding.size_hw[0]} x {embedding.size_hw[1]}.",
        )
