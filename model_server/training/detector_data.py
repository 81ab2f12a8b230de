"""What a box head learns from: embeddings made once, labelled boxes, and which pictures a step sees.

Step k is a function of (seed, k) alone, and an embedding of its picture alone, so a resumed run sees the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from model_server.contract.masks import bbox_xywh
from model_server.dataset import Picture, open_picture
from model_server.networks.boxes import Floats
from model_server.networks.frame import Frame
from model_server.networks.network import Embedding, Network
from model_server.training.samples import Source

Drawn = tuple[int, bool]  # a picture's number over all sources, and whether it is mirrored


@dataclass(frozen=True, slots=True)
class Lesson:
    """A picture as the head sees it: its embedding, its labelled boxes (G, 4) in input pixels, where it lies."""

    embedding: Embedding
    boxes_xyxy: Tensor
    frame: Frame


class Lessons:
    """Pictures encoded when first asked for and kept within `limit_bytes`; beyond it they are encoded each time."""

    def __init__(self, pictures: Sequence[Picture], network: Network, *, limit_bytes: float) -> None:
        self._pictures, self._network, self._limit = pictures, network, limit_bytes
        self._kept: dict[Drawn, Lesson] = {}
        self._bytes = 0

    def __getitem__(self, drawn: Drawn) -> Lesson:
        """Raises UnusableDataset picture_unreadable."""
        if drawn in self._kept:
            return self._kept[drawn]
        number, is_mirrored = drawn
        lesson = make_lesson(self._pictures[number], self._network, is_mirrored=is_mirrored)
        if self._bytes + lesson.embedding.nbytes <= self._limit:
            self._kept[drawn] = lesson
            self._bytes += lesson.embedding.nbytes
        return lesson

    def has_room(self) -> bool:
        """Whether one more would be kept, judged by the last."""
        last = next(reversed(self._kept.values()), None)
        return last is None or self._bytes + last.embedding.nbytes <= self._limit


def make_lesson(picture: Picture, network: Network, *, is_mirrored: bool = False) -> Lesson:
    """Encode a picture as the model server does. Raises UnusableDataset picture_unreadable."""
    image: Image.Image = open_picture(picture)
    boxes = labelled_boxes(picture)
    if is_mirrored:
        image = ImageOps.mirror(image)
        boxes = np.stack([image.width - boxes[:, 2], boxes[:, 1], image.width - boxes[:, 0], boxes[:, 3]], 1)
    (embedding,) = network.encode([network.prepare(image)], [picture.size_hw])
    frame = network.frame(picture.size_hw)
    in_input = frame.to_input(boxes.reshape(-1, 2, 2)).reshape(-1, 4)
    return Lesson(embedding, torch.from_numpy(in_input), frame)


def labelled_boxes(picture: Picture) -> Floats:
    """The boxes of a picture's masks, xyxy in its own pixels, (G, 4)."""
    xywh = np.array([bbox_xywh(mask.segmentation) for mask in picture.masks], np.float32).reshape(-1, 4)
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def draw(sources: Sequence[Source], *, step: int, count: int, seed: int, flip: bool) -> list[Drawn]:
    """The pictures of a step: sources by weight, then any of their pictures."""
    rng = np.random.default_rng((seed, step))
    sizes = [len(source.dataset.pictures) for source in sources]
    starts = np.cumsum([0, *sizes])
    weights = np.array([source.weight for source in sources], np.float64)
    chosen = rng.choice(len(sources), size=count, p=weights / weights.sum())
    return [(int(starts[at] + rng.integers(sizes[at])), bool(flip and rng.random() < 0.5)) for at in chosen]
