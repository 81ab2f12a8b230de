"""A list of prompts answered step by step as the person gave them, from the last step that is remembered."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from model_server.answers import Multimask, PredictedMask, answer_step, changes_of_all, stability, to_mask
from model_server.closer import is_cut, placed, prompts_in
from model_server.contract.geometry import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from model_server.contract.masks import Positions
from model_server.contract.runs import Box
from model_server.networks.network import Decoded, Embedding, Logits, Network

MEMO_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked of which model; prompts are in pixels of the image, or of the cell."""

    image_sha256: str
    network: Network
    prompts: Sequence[Prompt]
    multimask: Multimask
    cell: Box | None = None


class Memo:
    """Answers of replay steps, least recently used dropped beyond a number of bytes. Thread-safe."""

    def __init__(self, limit_bytes: int = MEMO_BYTES) -> None:
        self._steps: OrderedDict[Hashable, Decoded] = OrderedDict()
        self._limit, self._bytes = limit_bytes, 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._steps)

    def find(self, key: Hashable) -> Decoded | None:
        """The answer of a step, if remembered."""
        with self._lock:
            if key not in self._steps:
                return None
            self._steps.move_to_end(key)
            return self._steps[key]

    def keep(self, key: Hashable, step: Decoded) -> None:
        """Remember a step."""
        with self._lock:
            if key in self._steps or step.logits.nbytes > self._limit:
                return
            self._steps[key] = step
            self._bytes += step.logits.nbytes
            while self._bytes > self._limit:
                self._bytes -= self._steps.popitem(last=False)[1].logits.nbytes


def replay(memo: Memo, look: Look, embedding: Embedding) -> Decoded:
    """Steps 0..n in order, from the last one remembered."""
    network, prompts, multimask = look.network, look.prompts, look.multimask
    keys = _step_keys((look.image_sha256, look.cell, network.facts.model_version, multimask), prompts)
    decoded, done = None, len(prompts)
    while decoded is None and done > 0:
        decoded = memo.find(keys[done - 1])
        done -= decoded is None
    for step in range(done, len(prompts)):
        previous = None if decoded is None else _chosen_logits(decoded, prompts[step - 1])
        decoded = answer_step(network, embedding, prompts[: step + 1], previous, multimask)
        memo.keep(keys[step], decoded)
    assert decoded is not None, "validate_prompts lets no empty list through"
    return decoded


def answer_closer(memo: Memo, look: Look, *, cell: Box, closer: Embedding, whole: Embedding) -> list[PredictedMask]:
    """The masks of a cell in the image, with their stability in the cell. `look`: prompts in pixels of the image.

    Where a mask is cut off by the cell's edge, the whole image's answer goes on beyond it.
    """
    size_hw, network = whole.size_hw, look.network
    decoded = replay(memo, replace(look, prompts=prompts_in(cell, look.prompts), cell=cell), closer)
    found = changes_of_all(decoded, network.frame(closer.size_hw))
    rest: list[list[Positions]] = []
    if any(is_cut(changes, cell, size_hw) for changes, *_ in found):
        rest = changes_of_all(replay(memo, look, whole), network.frame(size_hw))
    masks = []
    for number, (changes, *bounds) in enumerate(found):
        goes_on = number < len(rest) and is_cut(changes, cell, size_hw)
        mask = placed(changes, cell, size_hw, whole=rest[number][0] if goes_on else None)
        steady = stability(*bounds, size_hw=closer.size_hw)
        masks.append(to_mask(mask, steady, float(decoded.predicted_iou[number]), size_hw=size_hw))
    return masks


def _step_keys(base: tuple[Hashable, ...], prompts: Sequence[Prompt]) -> list[Hashable]:
    """One key per step: all prompts up to it, with the choices made before it."""
    keys: list[Hashable] = []
    prefix = base
    for prompt in prompts:
        keys.append((*prefix, _shape(prompt)))
        prefix = (*prefix, _shape(prompt), prompt.candidate)
    return keys


def _shape(prompt: Prompt) -> Hashable:
    match prompt:
        case PointPrompt():
            return ("point", prompt.x, prompt.y, prompt.label)
        case BoxPrompt():
            return ("box", prompt.x1, prompt.y1, prompt.x2, prompt.y2)
        case MaskPrompt():
            return ("mask", hashlib.sha256(prompt.rle["counts"].encode()).digest())  # may be megabytes


def _chosen_logits(decoded: Decoded, prompt: Prompt) -> Logits:
    """The mask the person went on with; another model may have fewer of them, then its own best."""
    candidate: int | None = prompt.candidate
    if candidate is None or candidate >= len(decoded.logits):
        candidate = int(np.argmax(decoded.predicted_iou))
    chosen: Logits = decoded.logits[candidate]
    return chosen
