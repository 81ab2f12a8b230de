"""What waits in the engine: requests, and the embeddings on their way for them."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from model_server.engine.embeddings import Key
from model_server.engine.workers import Job, Priority, Workers
from model_server.networks.network import Embedding, Network, NetworkFacts

Work = Callable[[Network, Embedding], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the work returned, on which version; `cached` says that the embedding was there when the request came.

    Milliseconds: waiting for the device, encoding the image (0 if cached), the work itself.
    """

    value: Any
    model_version: str
    cached: bool
    queue_ms: float
    encode_ms: float
    work_ms: float


@dataclass(eq=False, slots=True)
class Request:
    """One caller's, with what was measured on its way."""

    facts: NetworkFacts
    key: Key
    work: Work | None
    priority: Priority
    outcome: "Future[Answer]" = field(default_factory=Future)
    queued_at: float = 0.0
    queue_seconds: float = 0.0
    encode_seconds: float = 0.0
    cached: bool = True


@dataclass(eq=False, slots=True)
class Encoding:
    """One embedding on its way, for all who wait for it."""

    key: Key
    facts: NetworkFacts
    waiting: list[Request]
    jobs: list[tuple[Workers, Job]] = field(default_factory=list)  # the job it waits in now, and those before

    def is_wanted(self) -> bool:
        """Whether anyone still waits."""
        return not all(request.outcome.cancelled() for request in self.waiting)

    def priority(self) -> Priority:
        """That of the most urgent who waits."""
        return max(Priority.FIRST_CLICK, min(request.priority for request in self.waiting))
