"""What both sides know of a served decoder: the kinds of weights it comes in, and its name in caches."""

from typing import Literal

Weights = Literal["float32", "float16", "uint8"]
# "smallest": the first of these that the gate passes; while it is being made the answer is 202 and not a wait.
WantedWeights = Weights | Literal["smallest"]
SMALLEST_FIRST: tuple[Weights, ...] = ("uint8", "float16", "float32")

# Counts up when the file's inputs, outputs or rules change, so that no browser goes on with an old one.
DECODER_FORMAT = 2


def decoder_etag(model_version: str, weights: Weights) -> str:
    """A strong ETag: one model version, kind of weights and format is one file."""
    return f'"{model_version}-{weights}-{DECODER_FORMAT}"'
