"""What is measured: something that looks at a picture once and then answers prompts with masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from PIL import Image

from model_server.contract.geometry import Prompt
from model_server.contract.masks import Rle
from model_server.networks.network import Embedding, Logits, Network
from model_server.networks.registry import BUNDLED, load_network
from model_server.networks.weights import UnusableModel
from model_server.predict import answer_step, to_masks

Start = Literal["center", "random", "box"]
STARTS: tuple[Start, ...] = ("center", "random", "box")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Masks of the image's size, and the one given when only one may be. `predicted_iou`: by the method, or None.

    `logits` go back in as mask input with the next prompt, where a method uses them.
    """

    masks: list[Rle]
    chosen: int
    predicted_iou: list[float] | None = None
    logits: Logits | None = None


class Session(Protocol):
    """A method that has looked at one picture."""

    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        """Answer all prompts so far; `previous` is the answer to all but the last."""


class Method(Protocol):
    """A network or a classical baseline. `starts`: what it can begin with; `is_correctable`: by further clicks."""

    name: str
    starts: tuple[Start, ...]
    is_correctable: bool

    def look(self, image: Image.Image) -> Session:
        """Do once per picture what need not be done per prompt."""

    def describe(self) -> dict[str, Any]:
        """What it is, for the record."""


class NetworkMethod:
    """A network as the model server uses it: multimask "auto", the most confident candidate carried on."""

    starts = STARTS
    is_correctable = True

    def __init__(self, network: Network) -> None:
        self._network = network
        self.name = network.facts.model_version

    def look(self, image: Image.Image) -> "NetworkSession":
        """Encode the picture."""
        pixels = self._network.prepare(image)
        (embedding,) = self._network.encode([pixels], [(image.height, image.width)])
        return NetworkSession(self._network, embedding)

    def describe(self) -> dict[str, Any]:
        """Version, family, size."""
        facts = self._network.facts
        return {
            "kind": "network",
            "model_version": facts.model_version,
            "family": facts.family,
            "image_size": facts.image_size,
            "parameters": facts.parameters,
            "encoder_fingerprint": facts.encoder_fingerprint,
        }


class NetworkSession:
    """One embedding and its prompts, decoded as `predict.Predictor` does it."""

    def __init__(self, network: Network, embedding: Embedding) -> None:
        self._network, self._embedding = network, embedding
        self._frame = network.frame(embedding.size_hw)

    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        """One decoding step with the logits chosen before as mask input."""
        decoded = answer_step(self._network, self._embedding, prompts, None if previous is None else previous.logits)
        chosen = int(np.argmax(decoded.predicted_iou))
        return Answer(
            masks=[mask.rle for mask in to_masks(decoded, self._frame)],
            chosen=chosen,
            predicted_iou=[float(value) for value in decoded.predicted_iou],
            logits=decoded.logits[chosen],
        )


def load_method(name: str, *, models_dir: Path, device: torch.device) -> NetworkMethod:
    """A network, as `find_model` finds it. Raises UnusableModel."""
    return NetworkMethod(load_network(find_model(name, models_dir=models_dir), device))


def find_model(name: str, *, models_dir: Path) -> Path:
    """The folder of a model: a path, else a name, those of `models_dir` first. Raises UnusableModel model_missing."""
    for folder in (Path(name), models_dir / name, BUNDLED / name):
        if (folder / "config.json").is_file():
            return folder.resolve()
    known = sorted({path.parent.name for root in (models_dir, BUNDLED) for path in root.glob("*/config.json")})
    raise UnusableModel("model_missing", f"There is no model {name!r}: not a folder, and known are {', '.join(known)}.")
