"""What a run says while it works: one JSON object a line, on stdout and in the run's folder."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO


class Progress:
    """Lines {event, time, ...}; flushed at once, so that a reader sees each when it happens."""

    def __init__(self, file: Path, echo: TextIO | None) -> None:
        self._file, self._echo = file.open("a", encoding="utf-8"), echo

    def say(self, event: str, **facts: Any) -> None:
        """Write one line."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **facts})
        for stream in (self._file, self._echo):
            if stream is not None:
                stream.write(line + "\n")
                stream.flush()

    def close(self) -> None:
        """No more lines."""
        self._file.close()


class Pace:
    """Means between two reports, and how long the rest will take."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sums: dict[str, float] = {}
        self._steps, self._since = 0, clock()

    def add(self, **values: float) -> None:
        """Count one step."""
        self._steps += 1
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    @property
    def seconds(self) -> float:
        """Since the last report."""
        return self._clock() - self._since

    def report(self, *, images_per_step: int, prompts_per_step: int, steps_left: int) -> dict[str, float]:
        """Means, rates and seconds left; begins anew."""
        seconds, steps = max(self.seconds, 1e-9), max(self._steps, 1)
        facts = {name: round(total / steps, 4) for name, total in self._sums.items()}
        facts["images_per_second"] = round(steps * images_per_step / seconds, 2)
        facts["prompts_per_second"] = round(steps * prompts_per_step / seconds, 1)
        facts["seconds_left"] = round(seconds / steps * steps_left)
        self._sums, self._steps, self._since = {}, 0, self._clock()
        return facts
