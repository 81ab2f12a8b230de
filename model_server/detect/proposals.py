"""From an image to proposals: a detector's boxes, the live model's masks of them, without weak ones and repetitions.

Work is handed to the device in small parts at bulk priority, so that a person's click waits for one part at most.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from model_server.contract.blobs import BlobNotFound, BlobStore, image_key
from model_server.contract.detection import ProposeOptions
from model_server.contract.geometry import BoxPrompt
from model_server.contract.masks import Rle
from model_server.contract.pixels import decode_rgb
from model_server.detect.detectors import Detector, Detectors
from model_server.engine import Engine, EngineError, Priority, require_size
from model_server.networks.boxes import ScoredBoxes, nms
from model_server.networks.network import Embedding, Network, Pixels
from model_server.networks.weights import UnusableModel
from model_server.predict import PredictedMask, to_masks, to_tensors

BOXES_PER_PART = 8


@dataclass(frozen=True, slots=True)
class Proposed:
    """A mask with the box it was made from, and that box's score."""

    mask: PredictedMask
    box_xyxy: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """Proposals, the highest score first, of these versions, and the milliseconds spent."""

    model_version: str
    detector_version: str
    proposed: list[Proposed]
    encode_ms: float
    detect_ms: float
    masks_ms: float


class Proposer:
    """Proposals over an engine and its models."""

    def __init__(self, engine: Engine, detectors: Detectors, store: BlobStore, *, max_pixels: int) -> None:
        self._engine, self._detectors = engine, detectors
        self._store, self._max_pixels = store, max_pixels
        self._opening = threading.Lock()  # a large picture takes hundreds of megabytes: one at a time

    async def propose(
        self,
        image_sha256: str,
        size_hw: tuple[int, int],
        options: ProposeOptions,
        *,
        model_version: str | None,
        detector_version: str | None,
    ) -> Proposals:
        """Propose masks. Cancelling drops what has not begun.

        Raises EngineError: no_detector, unknown_detector_version, detector_unusable, detector_of_other_encoder and
        the engine's; UnreadableImage, UnusableModel.
        """
        model = await asyncio.to_thread(self._engine.models.facts, model_version)
        detector = await asyncio.to_thread(self._detector, detector_version, model.encoder_fingerprint)
        prepared = await asyncio.to_thread(self._prepare, detector, image_sha256)

        def find(network: Network, embedding: Embedding) -> ScoredBoxes:
            require_size(embedding, size_hw)
            try:
                return detector.find(embedding, network.frame(size_hw), prepared)
            except UnusableModel as error:
                raise EngineError("detector_unusable", error.message) from error

        answer = await self._on_device(image_sha256, model.model_version, find)
        boxes = worth_a_mask(answer.value, options)
        masks_began = perf_counter()
        kept = _Distinct(options)
        for start in range(0, len(boxes.scores), BOXES_PER_PART):
            if kept.is_full:
                break
            part, scores = (values[start : start + BOXES_PER_PART] for values in (boxes.boxes_xyxy, boxes.scores))

            def make_masks(network: Network, embedding: Embedding, part: Any = part) -> list[PredictedMask]:
                return [mask_of_box(network, embedding, box) for box in part]

            made = await self._on_device(image_sha256, model.model_version, make_masks)
            for mask, box, score in zip(made.value, part, scores, strict=True):
                kept.offer(Proposed(mask, (float(box[0]), float(box[1]), float(box[2]), float(box[3])), float(score)))
        return Proposals(
            model_version=model.model_version,
            detector_version=detector.facts.detector_version,
            proposed=kept.proposed,
            encode_ms=answer.encode_ms,
            detect_ms=answer.work_ms,
            masks_ms=(perf_counter() - masks_began) * 1e3,
        )

    async def _on_device(self, image_sha256: str, model_version: str, work: Callable[[Network, Embedding], Any]) -> Any:
        return await asyncio.wrap_future(self._engine.submit(image_sha256, model_version, work, priority=Priority.BULK))

    def _detector(self, detector_version: str | None, encoder_fingerprint: str) -> Detector:
        if detector_version is None:
            raise EngineError("no_detector", "There is no detector yet; train one, or put one into the folder.")
        facts = self._detectors.find(detector_version)
        if facts.encoder_fingerprint not in (None, encoder_fingerprint):
            raise EngineError(
                "detector_of_other_encoder",
                f"{detector_version} reads embeddings of another encoder than this model's; train one on this model.",
            )
        return self._detectors.load(facts)

    def _prepare(self, detector: Detector, image_sha256: str) -> Pixels | None:
        key = image_key(image_sha256)

        def open_picture() -> Image.Image:
            return decode_rgb(self._store.local_path(key) or self._store.get(key), max_pixels=self._max_pixels)

        try:
            with self._opening:
                return detector.prepare(open_picture)
        except (BlobNotFound, FileNotFoundError) as error:
            raise EngineError("unknown_image", f"There is no image {image_sha256} in the storage.") from error


def worth_a_mask(found: ScoredBoxes, options: ProposeOptions) -> ScoredBoxes:
    """Boxes above the least score, without repetitions."""
    enough = found.scores >= options.min_score
    boxes, scores = found.boxes_xyxy[enough], found.scores[enough]
    kept = nms(boxes, scores, threshold=options.box_nms_thresh)
    return ScoredBoxes(boxes[kept], scores[kept])


def mask_of_box(network: Network, embedding: Embedding, box_xyxy: Any) -> PredictedMask:
    """What the network makes of a lone box, by its family's own rule; of several masks the most confident."""
    x1, y1, x2, y2 = (float(value) for value in box_xyxy)
    frame = network.frame(embedding.size_hw)
    tensors = to_tensors([BoxPrompt(x1=x1, y1=y1, x2=x2, y2=y2)], None, frame)
    decoded = network.decode(embedding, tensors, "auto")
    masks = to_masks(decoded, frame)
    return masks[int(np.argmax(decoded.predicted_iou))]


class _Distinct:
    """Masks that are good enough and unlike those with a higher score, up to a number."""

    def __init__(self, options: ProposeOptions) -> None:
        self._options = options
        self.proposed: list[Proposed] = []
        self._packed: list[Any] = []

    @property
    def is_full(self) -> bool:
        return len(self.proposed) >= self._options.max_proposals

    def offer(self, one: Proposed) -> None:
        """Take it in unless it is too weak, empty, or a repetition. Offers come with the highest score first."""
        if self.is_full or one.mask.area == 0 or one.mask.predicted_iou < self._options.min_predicted_iou:
            return
        packed = _packed(one.mask.rle)
        if self._packed:
            overlaps = np.asarray(coco_mask.iou([packed], self._packed, [False] * len(self._packed)))
            if overlaps.max() > self._options.mask_nms_thresh:
                return
        self.proposed.append(one)
        self._packed.append(packed)


def _packed(rle: Rle) -> Any:
    """As pycocotools wants it; the mask is our own and sound."""
    return {"size": list(rle["size"]), "counts": rle["counts"].encode("ascii")}
