"""From all crops' candidates to the masks of the image: suppression between crops, cleanup, encoding."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from model_server.automatic.candidates import Candidate, placed, suppress
from model_server.automatic.regions import remove_small
from model_server.contract.automatic import AutomaticCounts, AutomaticOptions
from model_server.contract.masks import Rle, area_of_changes, bbox_of_changes, from_changes


@dataclass(frozen=True, slots=True)
class Selected:
    """A candidate that stays, encoded."""

    candidate: Candidate
    rle: Rle
    bbox_xywh: tuple[int, int, int, int]


def select(
    crops: Sequence[Sequence[Candidate]],
    *,
    size_hw: tuple[int, int],
    options: AutomaticOptions,
    counts: AutomaticCounts,
) -> list[Selected]:
    """Masks by predicted IoU, the highest first. `crops`: each crop's candidates as suppression within it left them."""
    candidates = [candidate for crop in crops for candidate in crop]
    if len(crops) > 1:
        smaller_first = [-float(candidate.crop.area) for candidate in candidates]
        candidates = suppress(candidates, smaller_first, threshold=options.crop_nms_thresh)
    candidates = [placed(candidate, size_hw) for candidate in candidates]
    if options.mask_nms_thresh is not None:
        candidates = _suppress_masks(candidates, size_hw, threshold=options.mask_nms_thresh)
    counts.after_nms = len(candidates)
    if options.min_mask_region_area > 0:
        candidates = _clean(candidates, size_hw, options)
    candidates = sorted(candidates, key=lambda candidate: -candidate.predicted_iou)[: options.max_masks]
    counts.after_cleanup = len(candidates)
    return [_encode(candidate, size_hw) for candidate in candidates]


def _suppress_masks(candidates: list[Candidate], size_hw: tuple[int, int], *, threshold: float) -> list[Candidate]:
    """Masks unlike those of higher predicted IoU, in the order given. Only those whose areas allow it are compared.

    Of them, pycocotools looks at the runs of those only whose boxes meet.
    """
    packed: list[Any] = [
        {"size": list(size_hw), "counts": from_changes(candidate.changes, size_hw=size_hw)["counts"].encode("ascii")}
        for candidate in candidates
    ]
    areas = np.array([candidate.area for candidate in candidates], np.float64)
    left, kept = np.argsort([-candidate.predicted_iou for candidate in candidates], kind="stable"), []
    while left.size:
        first, left = int(left[0]), left[1:]
        kept.append(first)
        alike = np.minimum(areas[left], areas[first]) > threshold * np.maximum(areas[left], areas[first])
        others = left[alike]
        if others.size:
            ious = np.asarray(coco_mask.iou([packed[first]], [packed[i] for i in others], [False] * len(others)))[0]
            left = left[~np.isin(left, others[ious > threshold])]
    return [candidates[i] for i in sorted(kept)]


def _clean(candidates: list[Candidate], size_hw: tuple[int, int], options: AutomaticOptions) -> list[Candidate]:
    """Without small islands and holes; of masks that became alike, those that needed no cleaning stay."""
    cleaned, is_same = [], []
    for candidate in candidates:
        changes = remove_small(candidate.changes, size_hw=size_hw, min_area=options.min_mask_region_area)
        if changes.size:
            same = np.array_equal(changes, candidate.changes)
            cleaned.append(candidate if same else _with_mask(candidate, changes, size_hw))
            is_same.append(float(same))
    return suppress(cleaned, is_same, threshold=max(options.box_nms_thresh, options.crop_nms_thresh))


def _with_mask(candidate: Candidate, changes: Any, size_hw: tuple[int, int]) -> Candidate:
    x, y, width, height = bbox_of_changes(changes, size_hw=size_hw)
    box = (x, y, x + width - 1, y + height - 1)
    return replace(candidate, changes=changes, area=area_of_changes(changes, size_hw=size_hw), box_xyxy=box)


def _encode(candidate: Candidate, size_hw: tuple[int, int]) -> Selected:
    x1, y1, x2, y2 = candidate.box_xyxy
    return Selected(candidate, from_changes(candidate.changes, size_hw=size_hw), (x1, y1, x2 - x1 + 1, y2 - y1 + 1))
