"""Which mask is which known one."""

from collections.abc import Sequence

from model_server.contract import masks
from model_server.contract.masks import Rle


def best_pairs(known: Sequence[Rle], others: Sequence[Rle], *, at_least: float) -> list[tuple[int, int, float]]:
    """Pairs (number of known, number of other, IoU >= `at_least`), best first; no mask is in two of them."""
    boxes, other_boxes = [masks.bbox_xywh(one) for one in known], [masks.bbox_xywh(one) for one in others]
    candidates = []
    for i, box in enumerate(boxes):
        for j, other in enumerate(other_boxes):
            if _touch(box, other) and (iou := masks.iou(known[i], others[j])) >= at_least:
                candidates.append((iou, i, j))
    pairs: list[tuple[int, int, float]] = []
    taken_known, taken_others = set[int](), set[int]()
    for iou, i, j in sorted(candidates, key=lambda one: (-one[0], one[1], one[2])):
        if i not in taken_known and j not in taken_others:
            pairs.append((i, j, iou))
            taken_known.add(i)
            taken_others.add(j)
    return pairs


def _touch(a_xywh: list[int], b_xywh: list[int]) -> bool:
    return all(a_xywh[k] < b_xywh[k] + b_xywh[k + 2] and b_xywh[k] < a_xywh[k] + a_xywh[k + 2] for k in (0, 1))
