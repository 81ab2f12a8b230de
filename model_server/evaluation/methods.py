"""What is measured: something that looks at a picture once and then answers prompts with masks."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from PIL import Image

from model_server.answers import PredictedMask, answer_step, to_masks
from model_server.contract.geometry import Prompt
from model_server.contract.masks import Rle
from model_server.contract.runs import Box
from model_server.contract.view import closer_cell, holds, zoomed_view
from model_server.networks.network import Embedding, Logits, Network
from model_server.networks.registry import BUNDLED, load_network
from model_server.networks.weights import UnusableModel
from model_server.replay import Look, Memo, answer_closer, replay

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


class Session(ABC):
    """A method that has looked at one picture."""

    @abstractmethod
    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        """Answer all prompts so far; `previous` is the answer to all but the last."""

    def near(self, bbox_xywh: Sequence[int]) -> "Session":
        """For a person who has zoomed in to an object; the same where that makes no difference."""
        return self


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
    """A network as the model server uses it: multimask "auto", the most confident candidate carried on.

    With `looks_closer` as it answers a person who has zoomed in to each object before the first click.
    """

    starts = STARTS
    is_correctable = True

    def __init__(self, network: Network, *, looks_closer: bool = False) -> None:
        self._network, self._looks_closer = network, looks_closer
        self.name = network.facts.model_version

    def look(self, image: Image.Image) -> Session:
        """Encode the picture."""
        if self._looks_closer:
            return ZoomingSession(self._network, image)
        return NetworkSession(self._network, encode(self._network, image))

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
            "looks_closer": self._looks_closer,
        }


class NetworkSession(Session):
    """One embedding and its prompts, decoded as `predict.Predictor` does it."""

    def __init__(self, network: Network, embedding: Embedding) -> None:
        self._network, self._embedding = network, embedding
        self._frame = network.frame(embedding.size_hw)

    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        """One decoding step with the logits chosen before as mask input."""
        decoded = answer_step(self._network, self._embedding, prompts, None if previous is None else previous.logits)
        chosen = int(np.argmax(decoded.predicted_iou))
        return replace(to_answer(to_masks(decoded, self._frame)), logits=decoded.logits[chosen])


class ZoomingSession(Session):
    """A picture in front of a person who zooms in to each object; the parts they see are encoded once."""

    def __init__(self, network: Network, image: Image.Image) -> None:
        self._network, self._image = network, image
        self._size_hw = (image.height, image.width)
        self._whole = encode(network, image)
        self._parts: dict[Box, Embedding] = {}

    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        """Without zooming in."""
        return NetworkSession(self._network, self._whole).answer(prompts, previous)

    def near(self, bbox_xywh: Sequence[int]) -> Session:
        """With the part that is seen then, if it is to be encoded for itself."""
        view_xyxy = zoomed_view(bbox_xywh, self._size_hw)
        cell = closer_cell(view_xyxy, self._size_hw, input_size=self._network.facts.image_size)
        if cell is None:
            return NetworkSession(self._network, self._whole)
        if cell not in self._parts:
            self._parts[cell] = encode(self._network, self._image.crop(cell))
        return CloserSession(self._network, self._whole, cell, self._parts[cell])


class CloserSession(Session):
    """A part of a picture and the whole of it, answering as `predict.Predictor` does: where the part holds all prompts
    it answers, where its mask is cut off the whole goes on."""

    def __init__(self, network: Network, whole: Embedding, cell: Box, closer: Embedding) -> None:
        self._network, self._whole, self._cell, self._closer = network, whole, cell, closer
        self._memo = Memo()

    def answer(self, prompts: Sequence[Prompt], previous: Answer | None) -> Answer:
        """The next step; those before are remembered here, `previous` is not needed."""
        look = Look("", self._network, prompts, "auto")
        if holds(self._cell, prompts):
            return to_answer(answer_closer(self._memo, look, cell=self._cell, closer=self._closer, whole=self._whole))
        return to_answer(to_masks(replay(self._memo, look, self._whole), self._network.frame(self._whole.size_hw)))


def encode(network: Network, image: Image.Image) -> Embedding:
    """The embedding of an RGB image."""
    (embedding,) = network.encode([network.prepare(image)], [(image.height, image.width)])
    return embedding


def to_answer(found: list[PredictedMask]) -> Answer:
    """The most confident one is given when only one may be."""
    predicted_iou = [mask.predicted_iou for mask in found]
    return Answer(masks=[mask.rle for mask in found], chosen=int(np.argmax(predicted_iou)), predicted_iou=predicted_iou)


def load_method(name: str, *, models_dir: Path, device: torch.device, looks_closer: bool = False) -> NetworkMethod:
    """A network, as `find_model` finds it. Raises UnusableModel."""
    return NetworkMethod(load_network(find_model(name, models_dir=models_dir), device), looks_closer=looks_closer)


def find_model(name: str, *, models_dir: Path) -> Path:
    """The folder of a model: a path, else a name, those of `models_dir` first. Raises UnusableModel model_missing."""
    for folder in (Path(name), models_dir / name, BUNDLED / name):
        if (folder / "config.json").is_file():
            return folder.resolve()
    known = sorted({path.parent.name for root in (models_dir, BUNDLED) for path in root.glob("*/config.json")})
    raise UnusableModel("model_missing", f"There is no model {name!r}: not a folder, and known are {', '.join(known)}.")
