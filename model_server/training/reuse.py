"""Embeddings of pictures that are looked at again and again, for runs that leave the encoder as it is.

Encoding is most of the work of a step with a published encoder; without augmentation it has to be done once a picture.
"""

from collections import OrderedDict

import torch
from torch import Tensor

from model_server.training.network import Features, TrainableNetwork

MEMORY_BYTES = 2 << 30


class Reuse:
    """Features by picture number, least recently used dropped beyond `limit_bytes`.

    Every picture is encoded by itself: what comes out must not depend on its neighbours in a batch, or a resumed run
    would differ from an uninterrupted one in the last digits.
    """

    def __init__(self, network: TrainableNetwork, limit_bytes: int = MEMORY_BYTES) -> None:
        self._network, self._limit = network, limit_bytes
        self._kept: OrderedDict[int, Features] = OrderedDict()
        self._bytes = 0
        self.encoded = 0

    def encode(self, pixels: Tensor, pictures: Tensor) -> Features:
        """Features of a batch (B, 3, S, S) whose pictures are numbered (B,); the same number is the same pixels."""
        each = [self._one(pixels[i : i + 1], number) for i, number in enumerate(pictures.tolist())]
        levels = [torch.cat(level) for level in zip(*(features.all() for features in each), strict=True)]
        return Features(levels[0], tuple(levels[1:]))

    def _one(self, pixels: Tensor, number: int) -> Features:
        if number not in self._kept:
            with torch.no_grad():
                self._kept[number] = self._network.encode(pixels)
            self.encoded += 1
            self._bytes += _nbytes(self._kept[number])
        self._kept.move_to_end(number)
        found = self._kept[number]
        while self._bytes > self._limit and len(self._kept) > 1:
            self._bytes -= _nbytes(self._kept.popitem(last=False)[1])
        return found


def _nbytes(features: Features) -> int:
    return sum(level.nbytes for level in features.all())
