"""One readable log of all processes: `HH:MM:SS backend      | text`."""

import sys
import threading
from contextlib import suppress
from datetime import datetime

COLOURS = {"segloop": 36, "backend": 32, "model_server": 35, "worker": 34, "demo": 33}
NAME_WIDTH = max(map(len, COLOURS))
_lock = threading.Lock()


def say(name: str, text: str) -> None:
    """Writes one line under the name of who says it."""
    label = f"{name:<{NAME_WIDTH}} |"
    if sys.stdout.isatty():
        label = f"\x1b[{COLOURS.get(name, 37)}m{label}\x1b[0m"
    # A terminal that was closed must not end the processes.
    with _lock, suppress(OSError, ValueError):
        sys.stdout.write(f"{datetime.now():%H:%M:%S} {label} {text}\n")
        sys.stdout.flush()
