"""Threads that take the most urgent job first, and like jobs together."""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

logger = logging.getLogger(__name__)


class Priority(IntEnum):
    """A person waits; so does one, whose image must be encoded first; a person will soon; nobody does.

    Answering a click takes a tenth of encoding an image, so nobody's next click waits for somebody's first one.
    """

    CLICK = 0
    FIRST_CLICK = 1
    LOOKAHEAD = 2
    BULK = 3


@dataclass(eq=False, slots=True)
class Job:
    """Work for one item. Waiting jobs of the same priority and `batch_key` may be run in one call of `run`.

    `run` must handle its own errors: it gets every item of the batch, and nobody else knows whom to tell.
    """

    run: Callable[[list["Job"]], None]
    priority: Priority
    batch_key: Hashable | None = None
    item: Any = None
    is_taken: bool = field(default=False)


class Workers:
    """`thread_count` daemon threads over one priority queue; equal priorities in order of arrival."""

    def __init__(self, name: str, *, thread_count: int, batch_limit: int = 1) -> None:
        self._batch_limit = batch_limit
        self._heap: list[tuple[Priority, int, Job]] = []
        self._number = itertools.count()
        self._changed = threading.Condition()
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{i}", daemon=True) for i in range(thread_count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job."""
        with self._changed:
            heapq.heappush(self._heap, (job.priority, next(self._number), job))
            self._changed.notify()

    def hurry(self, job: Job, priority: Priority) -> None:
        """Raise a waiting job's priority; of no effect once it is running or already as urgent."""
        with self._changed:
            if not job.is_taken and priority < job.priority:
                job.priority = priority  # the entry with the old priority is skipped when it comes up
                heapq.heappush(self._heap, (priority, next(self._number), job))
                self._changed.notify()

    def waiting_count(self) -> int:
        """Jobs queued and not yet taken."""
        with self._changed:
            return len({id(job) for _, _, job in self._heap if not job.is_taken})

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (batch := self._take_batch()) is not None:
            try:
                batch[0].run(batch)
            except Exception:
                logger.exception("a job did not handle its own error")
            del batch  # holds pixels while the thread waits otherwise

    def _take_batch(self) -> list[Job] | None:
        with self._changed:
            while not (first := self._pop()):
                if self._is_closed:
                    return None
                self._changed.wait()
            if self._is_closed:
                return None
            batch = [first]
            if first.batch_key is not None:
                for _, _, job in sorted(self._heap):
                    if len(batch) == self._batch_limit:
                        break
                    if not job.is_taken and (job.batch_key, job.priority) == (first.batch_key, first.priority):
                        job.is_taken = True
                        batch.append(job)
            return batch

    def _pop(self) -> Job | None:
        while self._heap:
            job = heapq.heappop(self._heap)[2]
            if not job.is_taken:
                job.is_taken = True
                return job
        return None
