"""What a decoder made of the last few embeddings: people click many times on one image before they go on."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from model_server.networks.network import Embedding

Made = TypeVar("Made")

KEPT = 4


class Prepared:
    """Thread-safe: on a processor clicks have a thread of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[Embedding, object]] = OrderedDict()

    def get(self, embedding: Embedding, make: Callable[[Embedding], Made]) -> Made:
        """What `make` makes of this embedding object, made once while it is among the last few."""
        key = id(embedding)  # safe while the object is kept beside it
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][1]  # type: ignore[return-value]
        made = make(embedding)  # twice, should two threads come at once
        with self._lock:
            self._kept[key] = (embedding, made)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made
