"""From an image to proposals: a detector's boxes, the live model's masks of them, without weak ones and repetitions.

Work is handed to the device in small parts at bulk priority, so that a person's click waits for one part at most; what
needs no device happens beside it.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from model_server.answers import PredictedMask, changes_of_all, stability, to_mask, to_masks
from model_server.closer import placed
from model_server.contract.blobs import BlobNotFound, BlobStore, image_key
from model_server.contract.detection import ProposeOptions
from model_server.contract.masks import Rle
from model_server.contract.pixels import decode_rgb
from model_server.contract.runs import Box
from model_server.contract.view import closer_cell, zoomed_view
from model_server.detect.detectors import Detector, Detectors
from model_server.engine import Answer, Engine, EngineError, Priority, require_size
from model_server.networks.boxes import Floats, ScoredBoxes, nms
from model_server.networks.frame import Frame
from model_server.networks.network import Decoded, Embedding, Network, Pixels, Survivors
from model_server.networks.parts import parts_in_boxes
from model_server.networks.weights import UnusableModel


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

        def find(network: Network, embedding: Embedding) -> tuple[Network, ScoredBoxes]:
            require_size(embedding, size_hw)
            try:
                return network, detector.find(embedding, network.frame(size_hw), prepared)
            except UnusableModel as error:
                raise EngineError("detector_unusable", error.message) from error

        answer = await self._on_device(image_sha256, model.model_version, find)
        network, found = answer.value
        masks_began = perf_counter()
        kept = _Distinct(options)
        boxes = worth_a_mask(found, options)
        if options.closer:
            await self._offer_closer(kept, image_sha256, network, size_hw, boxes.part(0, options.max_proposals))
        else:
            await self._offer_all(kept, image_sha256, network, size_hw, boxes)
        return Proposals(
            model_version=model.model_version,
            detector_version=detector.facts.detector_version,
            proposed=kept.proposed,
            encode_ms=answer.encode_ms,
            detect_ms=answer.work_ms,
            masks_ms=(perf_counter() - masks_began) * 1e3,
        )

    async def _offer_all(
        self, kept: "_Distinct", image_sha256: str, network: Network, size_hw: tuple[int, int], boxes: ScoredBoxes
    ) -> None:
        """Part by part, until there are enough."""
        for start in range(0, len(boxes.scores), network.prompts_at_once):
            if kept.is_full:
                break
            part = boxes.part(start, network.prompts_at_once)
            decoded = await self._decode(image_sha256, network, part.boxes_xyxy, kept.least_iou, None)
            await self._engine.beside(_offer, kept, decoded, part, network.frame(size_hw))

    async def _offer_closer(
        self, kept: "_Distinct", image_sha256: str, network: Network, size_hw: tuple[int, int], boxes: ScoredBoxes
    ) -> None:
        """Cell by cell, as a person would see each box who has zoomed in to it; then the highest scores first."""
        numbers: dict[Box | None, list[int]] = {}
        for number, box_xyxy in enumerate(boxes.boxes_xyxy):
            numbers.setdefault(_cell_of(box_xyxy, size_hw, network), []).append(number)
        found: list[tuple[int, PredictedMask]] = []
        for cell, members in numbers.items():
            offset = np.zeros(4, np.float32) if cell is None else np.array(cell[:2] * 2, np.float32)
            for start in range(0, len(members), network.prompts_at_once):
                part = np.array(members[start : start + network.prompts_at_once])
                decoded = await self._decode(
                    image_sha256, network, boxes.boxes_xyxy[part] - offset, kept.least_iou, cell
                )
                masks = await self._engine.beside(_masks_of_cell, decoded, network, cell, size_hw)
                found += zip(part[decoded.prompt].tolist(), masks, strict=True)
        for number, mask in sorted(found, key=lambda one: one[0]):
            kept.offer(mask, boxes, number)

    async def _decode(
        self, image_sha256: str, network: Network, boxes_xyxy: Floats, least_iou: float, cell: Box | None
    ) -> Survivors:
        """Masks of boxes in pixels of the image, or of a cell of it, that are good enough."""

        def decode(network: Network, embedding: Embedding) -> Survivors:
            survivors = network.decode_boxes(embedding, boxes_xyxy, least=least_iou)
            if network.facts.parts == "all":
                return survivors
            return replace(survivors, logits=parts_in_boxes(survivors.logits))

        answer = await self._on_device(image_sha256, network.facts.model_version, decode, cell)
        survivors: Survivors = answer.value
        return survivors

    async def _on_device(
        self,
        image_sha256: str,
        model_version: str,
        work: Callable[[Network, Embedding], Any],
        part_xyxy: Box | None = None,
    ) -> Answer:
        submitted = self._engine.submit(image_sha256, model_version, work, priority=Priority.BULK, part_xyxy=part_xyxy)
        return await asyncio.wrap_future(submitted)

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


def _cell_of(box_xyxy: Floats, size_hw: tuple[int, int], network: Network) -> Box | None:
    """The part of the image that is encoded for a person who has zoomed in to a box; None: the whole of it."""
    x1, y1, x2, y2 = (float(value) for value in box_xyxy)
    view_xyxy = zoomed_view((x1, y1, x2 - x1, y2 - y1), size_hw)
    return closer_cell(view_xyxy, size_hw, input_size=network.facts.image_size)


def _offer(kept: "_Distinct", decoded: Survivors, boxes: ScoredBoxes, frame: Frame) -> None:
    masks = to_masks(Decoded(decoded.logits, decoded.predicted_iou), frame)
    for number, mask in zip(decoded.prompt, masks, strict=True):
        kept.offer(mask, boxes, number)


def _masks_of_cell(
    decoded: Survivors, network: Network, cell: Box | None, size_hw: tuple[int, int]
) -> list[PredictedMask]:
    """As masks of the image; what would go on beyond the cell ends there."""
    answered = Decoded(decoded.logits, decoded.predicted_iou)
    if cell is None:
        return to_masks(answered, network.frame(size_hw))
    cell_hw = (cell[3] - cell[1], cell[2] - cell[0])
    return [
        to_mask(
            placed(changes, cell, size_hw, whole=None),
            stability(*bounds, size_hw=cell_hw),
            float(predicted_iou),
            size_hw=size_hw,
        )
        for (changes, *bounds), predicted_iou in zip(
            changes_of_all(answered, network.frame(cell_hw)), decoded.predicted_iou, strict=True
        )
    ]


class _Distinct:
    """Masks that are good enough and unlike those with a higher score, up to a number."""

    def __init__(self, options: ProposeOptions) -> None:
        self._options = options
        self.proposed: list[Proposed] = []
        self._packed: list[Any] = []

    @property
    def is_full(self) -> bool:
        return len(self.proposed) >= self._options.max_proposals

    @property
    def least_iou(self) -> float:
        return self._options.min_predicted_iou

    def offer(self, mask: PredictedMask, boxes: ScoredBoxes, number: int) -> None:
        """Take in the mask of a box; they come with the highest score first."""
        if not self.is_full and self._is_new(mask):
            x1, y1, x2, y2 = (float(value) for value in boxes.boxes_xyxy[number])
            self.proposed.append(Proposed(mask, (x1, y1, x2, y2), float(boxes.scores[number])))

    def _is_new(self, mask: PredictedMask) -> bool:
        """Neither too weak, nor empty, nor a repetition; remembered."""
        if mask.area == 0 or mask.predicted_iou < self._options.min_predicted_iou:
            return False
        packed = _packed(mask.rle)
        if self._packed:
            overlaps = np.asarray(coco_mask.iou([packed], self._packed, [False] * len(self._packed)))
            if overlaps.max() > self._options.mask_nms_thresh:
                return False
        self._packed.append(packed)
        return True


def _packed(rle: Rle) -> Any:
    """As pycocotools wants it; the mask is our own and sound."""
    return {"size": list(rle["size"]), "counts": rle["counts"].encode("ascii")}
