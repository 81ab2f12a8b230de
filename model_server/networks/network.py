"""The one interface of all promptable networks, and what they exchange with the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from model_server.contract.automatic import AutomaticThresholds
from model_server.networks.frame import Frame

Pixels = npt.NDArray[np.uint8]
Logits = npt.NDArray[np.float32]
Parts = Literal["all", "clicked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """What is known of a network without loading it.

    `image_size`: side in pixels of the square it sees. Two networks of one `encoder_fingerprint` share embeddings.
    `model_version`: the name and the first 8 hex digits of the sha256 of its weight file(s). `thresholds`: which of its
    masks are kept when nobody looks. `parts`: whether all of a mask answers or what was clicked (`parts.py`).
    """

    model_version: str
    name: str
    family: str
    image_size: int
    encoder_fingerprint: str
    parameters: int
    thresholds: AutomaticThresholds
    parts: Parts = "all"


@dataclass(frozen=True, slots=True)
class Embedding:
    """An encoded image: feature maps (channels, height, width) as the decoder wants them, fp16 on the host.

    `size_hw` is the image's own size, which the decoder needs to place prompts.
    """

    features: tuple[torch.Tensor, ...]
    size_hw: tuple[int, int]

    @property
    def nbytes(self) -> int:
        """Bytes of all features together."""
        return sum(feature.nbytes for feature in self.features)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTensors:
    """All prompts of one decoding step in image pixels: points (n, 2), labels (n,), box (4,) or None; mask or None.

    `mask_input`: low-resolution logits (h, w), float32, on the network's own grid. `prompt_count` is how many prompts
    the person gave up to this step, which decides how many masks answer. `is_placed`: the first point is nobody's
    click, it says where a mask lies that was given before anything else.
    """

    points_xy: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    box_xyxy: npt.NDArray[np.float32] | None
    mask_input: Logits | None
    prompt_count: int
    is_placed: bool = False


@dataclass(frozen=True, slots=True)
class Decoded:
    """Candidates of one step: low-resolution logits (1 or 3, h, w) float32 on the host, and predicted IoU (1 or 3,)."""

    logits: Logits
    predicted_iou: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Survivors:
    """The masks worth keeping of many lone prompts: whose (K,), predicted IoU (K,), low-resolution logits (K, h, w)."""

    prompt: npt.NDArray[np.int64]
    predicted_iou: npt.NDArray[np.float32]
    logits: Logits


class Network(Protocol):
    """A promptable segmentation network. The engine's device thread calls `encode` and the three `decode`s;
    on a processor a second thread may `decode` at the same time.

    `prompts_at_once`: how many points or boxes to decode in one call, so that a click waits little.
    """

    facts: NetworkFacts
    prompts_at_once: int

    def frame(self, size_hw: tuple[int, int]) -> Frame:
        """How an image of this size lies in the network's input and in its low-resolution logits."""

    def prepare(self, image: Image.Image) -> Pixels:
        """Resize 8-bit RGB for `encode`: (height, width, 3). Pure; called off the device thread."""

    def encode(self, pixels: Sequence[Pixels], sizes_hw: Sequence[tuple[int, int]]) -> list[Embedding]:
        """Encode prepared images, as one batch; `sizes_hw` are the images' own sizes."""

    def decode(self, embedding: Embedding, prompts: PromptTensors, multimask: Literal["auto"] | bool) -> Decoded:
        """Answer all prompts of one step. "auto" follows the family's own rule for one mask or three."""

    def decode_points(self, embedding: Embedding, points_xy: npt.NDArray[np.float32], *, above: float) -> Survivors:
        """Three masks for each point (P, 2) of image pixels, as if it were clicked alone; none of the others counts.

        Only masks whose predicted IoU is above `above` are finished and returned, in order of point and candidate.
        """

    def decode_boxes(self, embedding: Embedding, boxes_xyxy: npt.NDArray[np.float32], *, least: float) -> Survivors:
        """The most confident mask of each box (P, 4) of image pixels, as if `decode` got it alone with "auto".

        A network may leave out what lies apart from the box (windows.py). Only masks whose predicted IoU is at least
        `least` are finished and returned, in order of boxes.
        """
