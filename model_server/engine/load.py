"""How much is waiting, how fast it goes, and when to say no."""

import math
import threading

from model_server.engine.errors import Overloaded
from model_server.engine.workers import Priority

SMOOTHING = 0.1  # of the running means
LEAST_RETRY_SECONDS, MOST_RETRY_SECONDS = 1, 60


class Load:
    """Counts requests in the engine. Clicks may fill the whole limit, work ahead of need half of it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.waiting = 0
        self.encode_seconds, self.work_seconds = 0.5, 0.02  # guesses until the first measurement
        self.encoded = self.worked = self.refused = 0
        self._lock = threading.Lock()

    def admit(self, priority: Priority) -> None:
        """Count one in. Raises Overloaded."""
        with self._lock:
            limit = self.limit if priority is Priority.CLICK else max(1, self.limit // 2)
            if self.waiting >= limit:
                self.refused += 1
                raise Overloaded(self._retry_seconds())
            self.waiting += 1

    def leave(self) -> None:
        """Count one out."""
        with self._lock:
            self.waiting -= 1

    def note_encode(self, seconds: float) -> None:
        """One image was encoded."""
        with self._lock:
            self.encoded += 1
            self.encode_seconds += SMOOTHING * (seconds - self.encode_seconds)

    def note_work(self, seconds: float) -> None:
        """One click was answered."""
        with self._lock:
            self.worked += 1
            self.work_seconds += SMOOTHING * (seconds - self.work_seconds)

    def _retry_seconds(self) -> int:
        """Half of what waits has gone by then, if all of it needed an encoding: cautious, as retries pile up."""
        seconds = self.waiting / 2 * (self.encode_seconds + self.work_seconds)
        return min(MOST_RETRY_SECONDS, max(LEAST_RETRY_SECONDS, math.ceil(seconds)))
