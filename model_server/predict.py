"""From prompts to masks: replay over a cached embedding, remembered by prefix, answered as RLE."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import lru_cache
from time import perf_counter
from typing import Literal

import numpy as np

from model_server.closer import is_cut, placed, prompts_in
from model_server.contract.geometry import BoxPrompt, MaskPrompt, PointPrompt, Prompt, validate_prompts
from model_server.contract.masks import Positions, Rle, area_of_changes, bbox_of_changes, decode, from_changes
from model_server.contract.runs import Box
from model_server.contract.view import ViewBox, closer_cell, holds
from model_server.engine import Answer, Engine, Priority, require_size
from model_server.networks.frame import Frame
from model_server.networks.network import Decoded, Embedding, Logits, Network, PromptTensors
from model_server.networks.parts import clicked_parts
from model_server.networks.upsample import Upsampler

Multimask = Literal["auto"] | bool

MASK_THRESHOLD = 0.0
STABILITY_OFFSET = 1.0  # in logits; SAM's automatic mask generator
MASK_PROMPT_LOGIT = 10.0  # a mask prompt is +10 inside, -10 outside (sam2_base.py, _use_mask_as_output)
MEMO_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class PredictedMask:
    """One candidate at the image's resolution. An empty mask has area 0, box [0, 0, 0, 0] and stability 0."""

    rle: Rle
    predicted_iou: float
    stability_score: float
    area: int
    bbox_xywh: list[int]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Candidates in the model's order, and the milliseconds spent on decoding and on making masks of logits.

    `part_xyxy`: the part of the image that was encoded for itself to answer, None for the whole image.
    """

    masks: list[PredictedMask]
    decode_ms: float
    encode_mask_ms: float
    part_xyxy: Box | None = None


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


class Predictor:
    """Prompts in, masks out, over an engine."""

    def __init__(self, engine: Engine, memo: Memo | None = None) -> None:
        self._engine = engine
        self._memo = Memo() if memo is None else memo

    def submit(
        self,
        image_sha256: str,
        size_hw: tuple[int, int],
        prompts: Sequence[Prompt],
        *,
        multimask: Multimask = "auto",
        model_version: str | None = None,
        view_xyxy: ViewBox | None = None,
    ) -> "Future[Answer]":
        """A future whose value is a Prediction.

        With `view_xyxy`, what the person sees of the image, that part is encoded for itself when nobody clicks, and
        answers as soon as it is there, if it holds all prompts; where its mask is cut off, the whole image's goes on.

        Raises InvalidPrompt, and what Engine.submit raises, at once or from the future.
        """
        validate_prompts(prompts, size_hw)

        def work(network: Network, embedding: Embedding) -> Prediction:
            require_size(embedding, size_hw)
            started = perf_counter()
            look = Look(image_sha256, network, prompts, multimask)
            cell, closer = self._look_closer(look, size_hw, view_xyxy)
            if cell is None or closer is None:
                decoded = self._replay(look, embedding)
                decoded_at = perf_counter()
                masks = to_masks(decoded, network.frame(size_hw))
                return Prediction(masks, (decoded_at - started) * 1e3, (perf_counter() - decoded_at) * 1e3)
            masks = self._closer_masks(look, cell, closer, embedding)
            return Prediction(masks, (perf_counter() - started) * 1e3, 0.0, cell)

        return self._engine.submit(image_sha256, model_version, work, priority=Priority.CLICK)

    def _look_closer(
        self, look: "Look", size_hw: tuple[int, int], view_xyxy: ViewBox | None
    ) -> tuple[Box | None, Embedding | None]:
        if view_xyxy is None:
            return None, None
        cell = closer_cell(view_xyxy, size_hw, input_size=look.network.facts.image_size)
        if cell is None or not holds(cell, look.prompts):
            return None, None
        return cell, self._engine.look_closer(look.image_sha256, look.network, cell)

    def _closer_masks(self, look: "Look", cell: Box, closer: Embedding, whole: Embedding) -> list[PredictedMask]:
        """The cell's masks in the image, with their stability in the cell."""
        size_hw, network = whole.size_hw, look.network
        decoded = self._replay(replace(look, prompts=prompts_in(cell, look.prompts), cell=cell), closer)
        found = _changes(decoded, network.frame(closer.size_hw))
        rest: list[list[Positions]] = []
        if any(is_cut(changes, cell, size_hw) for changes, *_ in found):
            rest = _changes(self._replay(look, whole), network.frame(size_hw))
        masks = []
        for number, (changes, *bounds) in enumerate(found):
            goes_on = number < len(rest) and is_cut(changes, cell, size_hw)
            mask = placed(changes, cell, size_hw, whole=rest[number][0] if goes_on else None)
            stability = _stability(*bounds, size_hw=closer.size_hw)
            masks.append(_to_mask(mask, stability, float(decoded.predicted_iou[number]), size_hw=size_hw))
        return masks

    def _replay(self, look: "Look", embedding: Embedding) -> Decoded:
        """Steps 0..n in order, from the last one remembered."""
        network, prompts, multimask = look.network, look.prompts, look.multimask
        keys = _step_keys((look.image_sha256, look.cell, network.facts.model_version, multimask), prompts)
        decoded, done = None, len(prompts)
        while decoded is None and done > 0:
            decoded = self._memo.find(keys[done - 1])
            done -= decoded is None
        for step in range(done, len(prompts)):
            previous = None if decoded is None else _chosen_logits(decoded, prompts[step - 1])
            decoded = answer_step(network, embedding, prompts[: step + 1], previous, multimask)
            self._memo.keep(keys[step], decoded)
        assert decoded is not None, "validate_prompts lets no empty list through"
        return decoded


def answer_step(
    network: Network,
    embedding: Embedding,
    prompts: Sequence[Prompt],
    previous_logits: Logits | None,
    multimask: Multimask = "auto",
) -> Decoded:
    """Answer all prompts so far, `previous_logits` being the mask chosen after all but the last of them."""
    frame = network.frame(embedding.size_hw)
    tensors = to_tensors(prompts, previous_logits, frame)
    decoded = network.decode(embedding, tensors, multimask)
    return clicked_parts(decoded, tensors, frame) if network.facts.parts == "clicked" else decoded


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


def to_tensors(prompts: Sequence[Prompt], previous_logits: Logits | None, frame: Frame) -> PromptTensors:
    """All prompts of a step: every point so far, the box, and as mask the last prompt's or the previous answer."""
    points = [prompt for prompt in prompts if isinstance(prompt, PointPrompt)]
    boxes = [prompt for prompt in prompts if isinstance(prompt, BoxPrompt)]
    last = prompts[-1]
    if isinstance(last, MaskPrompt):
        cover = frame.mask_to_low(decode(last.rle))
        previous_logits = (2 * cover - 1) * np.float32(MASK_PROMPT_LOGIT)
    return PromptTensors(
        points_xy=np.array([(point.x, point.y) for point in points], np.float32).reshape(-1, 2),
        labels=np.array([point.label for point in points], np.int64),
        box_xyxy=np.array([boxes[0].x1, boxes[0].y1, boxes[0].x2, boxes[0].y2], np.float32) if boxes else None,
        mask_input=previous_logits,
        prompt_count=len(prompts),
    )


def to_masks(decoded: Decoded, frame: Frame) -> list[PredictedMask]:
    """Every candidate as a mask of the image's size, with its stability."""
    size_hw = frame.size_hw
    return [
        _to_mask(changes, _stability(sure, perhaps, size_hw=size_hw), float(predicted_iou), size_hw=size_hw)
        for (changes, sure, perhaps), predicted_iou in zip(_changes(decoded, frame), decoded.predicted_iou, strict=True)
    ]


def _changes(decoded: Decoded, frame: Frame) -> list[list[Positions]]:
    """Of every candidate the mask, and the masks cut above and below it."""
    thresholds = (MASK_THRESHOLD, MASK_THRESHOLD + STABILITY_OFFSET, MASK_THRESHOLD - STABILITY_OFFSET)
    return _upsampler(frame).changes(decoded.logits, thresholds)


@lru_cache(maxsize=256)
def _upsampler(frame: Frame) -> Upsampler:
    return Upsampler(frame)


def _stability(sure: Positions, perhaps: Positions, *, size_hw: tuple[int, int]) -> float:
    perhaps_area = area_of_changes(perhaps, size_hw=size_hw)
    return area_of_changes(sure, size_hw=size_hw) / perhaps_area if perhaps_area else 0.0


def _to_mask(changes: Positions, stability: float, predicted_iou: float, *, size_hw: tuple[int, int]) -> PredictedMask:
    return PredictedMask(
        rle=from_changes(changes, size_hw=size_hw),
        predicted_iou=predicted_iou,
        stability_score=stability,
        area=area_of_changes(changes, size_hw=size_hw),
        bbox_xywh=bbox_of_changes(changes, size_hw=size_hw),
    )
