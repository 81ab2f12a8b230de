"""What a decoder made of the last few embeddings: people click many times on one image before they go on."""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from model_server.networks.network import Embedding

Made = TypeVar("Made")

KEPT = 4


class Prepared:
    """Used by one thread only, the device's."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Embedding, object]] = OrderedDict()

    def get(self, embedding: Embedding, make: Callable[[Embedding], Made]) -> Made:
        """What `make` makes of this embedding object, made once while it is among the last few."""
        key = id(embedding)  # safe while the object is kept beside it
        if key not in self._kept:
            self._kept[key] = (embedding, make(embedding))
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key][1]  # type: ignore[return-value]
