"""From the decoder's answers on one crop to masks that are worth keeping."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model_server.automatic.grid import Box, Crop
from model_server.contract.automatic import AutomaticCounts, AutomaticOptions, AutomaticThresholds
from model_server.contract.masks import Positions, area_of_changes, bbox_of_changes
from model_server.contract.runs import uncrop
from model_server.networks.boxes import nms
from model_server.networks.frame import Frame
from model_server.networks.network import Survivors
from model_server.networks.upsample import Upsampler

MASK_THRESHOLD = 0.0
EDGE_PIXELS = 20.0  # a box this near to a crop's edge is of an object that the crop cuts
UPSAMPLED_VALUES = 4_000_000  # upsampled at once, along one axis: masks x image columns x low-resolution rows


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mask as changes (contract.masks.from_changes) of its crop at first, of the image once it is `placed`.

    `box_xyxy` is in image pixels and names the last column and row inside, as segment-anything's boxes do, so that
    thresholds on their overlap mean the same.
    """

    changes: Positions
    area: int
    box_xyxy: Box
    predicted_iou: float
    stability_score: float
    point_xy: tuple[float, float]
    crop: Crop


class CropFilter:
    """The filters that look at one mask at a time, for one crop."""

    def __init__(
        self,
        crop: Crop,
        frame: Frame,
        size_hw: tuple[int, int],
        options: AutomaticOptions,
        thresholds: AutomaticThresholds,
    ) -> None:
        self._crop, self._size_hw, self._options, self._thresholds = crop, size_hw, options, thresholds
        self._upsampler = Upsampler(frame)
        self._at_once = max(1, UPSAMPLED_VALUES // (frame.size_hw[1] * frame.low_size))

    def keep(self, decoded: Survivors, points_xy: npt.NDArray[np.float32], counts: AutomaticCounts) -> list[Candidate]:
        """Candidates of some points (P, 2), crop pixels, that are stable and not cut by the crop; counted."""
        kept = []
        for start in range(0, len(decoded.logits), self._at_once):
            part = slice(start, start + self._at_once)
            scores, points = decoded.predicted_iou[part], points_xy[decoded.prompt[part]]
            for changes, score, point in zip(self._changes(decoded.logits[part]), scores, points, strict=True):
                candidate = self._judge(changes, float(score), point, counts)
                if candidate is not None:
                    kept.append(candidate)
        return kept

    def _changes(self, logits: npt.NDArray[np.float32]) -> list[list[Positions]]:
        offset = self._thresholds.stability_score_offset
        return self._upsampler.changes(logits, (MASK_THRESHOLD, MASK_THRESHOLD + offset, MASK_THRESHOLD - offset))

    def _judge(
        self,
        changes: Sequence[Positions],
        predicted_iou: float,
        point: npt.NDArray[np.float32],
        counts: AutomaticCounts,
    ) -> Candidate | None:
        needed, crop_hw = self._thresholds.stability_score_thresh, self._crop.size_hw
        area, sure, perhaps = (area_of_changes(one, size_hw=crop_hw) for one in changes)
        stability = sure / perhaps if perhaps else 0.0
        if needed > 0 and stability < needed:
            return None
        counts.after_stability += 1
        left, top, _, _ = self._crop.box_xyxy
        x, y, width, height = bbox_of_changes(changes[0], size_hw=crop_hw)
        box = (left + x, top + y, left + x + width - 1, top + y + height - 1)
        if area == 0 or self._is_too_large(area) or self._is_cut(box):
            return None
        counts.after_edge += 1
        point_xy = (left + float(point[0]), top + float(point[1]))
        return Candidate(changes[0], area, box, predicted_iou, stability, point_xy, self._crop)

    def _is_too_large(self, area: int) -> bool:
        share, pixels = self._options.max_area_share, self._size_hw[0] * self._size_hw[1]
        return share < 1 and area >= share * pixels

    def _is_cut(self, box: Box) -> bool:
        """Near an edge of the crop that is not near the same edge of the image (is_box_near_crop_edge)."""
        image = (0, 0, self._size_hw[1], self._size_hw[0])
        return any(
            abs(at - edge) <= EDGE_PIXELS < abs(at - image_edge)
            for at, edge, image_edge in zip(box, self._crop.box_xyxy, image, strict=True)
        )


def suppress(candidates: Sequence[Candidate], scores: Iterable[float], *, threshold: float) -> list[Candidate]:
    """Box suppression, the highest score first; of equal scores the earlier candidate stays."""
    boxes = np.array([candidate.box_xyxy for candidate in candidates], np.float64).reshape(-1, 4)
    return [candidates[i] for i in nms(boxes, np.array(list(scores), np.float64), threshold=threshold)]


def placed(candidate: Candidate, size_hw: tuple[int, int]) -> Candidate:
    """With the mask of the image instead of its crop's."""
    crop = candidate.crop
    changes = uncrop(candidate.changes, crop_hw=crop.size_hw, offset_xy=crop.box_xyxy[:2], size_hw=size_hw)
    return replace(candidate, changes=changes)
