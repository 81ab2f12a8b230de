"""What a caller of the exported decoder has to know beside its inputs: tokens in, and which masks answer."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from model_server.contract.decoder import DECODER_FORMAT, Weights
from model_server.networks.network import Parts

Floats = npt.NDArray[np.float32]

PADDING = -1.0  # labels: 1 and 0 points, 2 and 3 the top left and bottom right corner of a box, -1 padding
CORNERS = (2.0, 3.0)
THREE_TOKENS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Stability:
    """Token 0 is unstable when |logits > delta| / |logits > -delta| < threshold (sam2's mask_decoder.py)."""

    delta: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The family's conventions.

    `padding`: how many padding tokens follow the prompts, by what there is besides a mask: "none", "points", "box",
    "both". Tokens 1 to 3 answer while at most one of `three_counts` was given ("prompts": SAM counts every point, box
    and mask; "tokens": SAM 2 counts points, and two for a box); else token 0. Where that one is unstable by
    `stability`, the token of 1 to 3 with the highest predicted IoU answers in its place.
    `parts`: "clicked" leaves of each answer the parts that were clicked (`networks.parts`).
    `resize`: "pad" scales the long side to image_size, "stretch" both sides. `mask_limit`: the graph clamps mask_input.
    """

    resize: Literal["pad", "stretch"]
    padding: Mapping[str, int]
    three_counts: Literal["prompts", "tokens"]
    mask_limit: float | None
    stability: Stability | None = None
    parts: Parts = "all"

    def tokens(self, points_xy: Floats, labels: npt.ArrayLike, box_xyxy: Floats | None) -> tuple[Floats, Floats]:
        """The inputs `points` (1, n, 2) and `labels` (1, n) for prompts in input pixels: points, corners, padding."""
        kind = ("both" if len(points_xy) else "box") if box_xyxy is not None else "points" if len(points_xy) else "none"
        corners = np.empty((0, 2)) if box_xyxy is None else np.reshape(box_xyxy, (2, 2))
        padding = self.padding[kind]
        xy = np.concatenate([np.reshape(points_xy, (-1, 2)), corners, np.zeros((padding, 2))])
        names = np.concatenate([np.ravel(labels), CORNERS[: len(corners)], np.full(padding, PADDING)])
        return xy[None].astype(np.float32), names[None].astype(np.float32)

    def answer(
        self,
        logits: Floats,
        predicted_iou: Floats,
        *,
        point_count: int,
        has_box: bool,
        prompt_count: int,
        multimask: Literal["auto"] | bool = "auto",
    ) -> list[int]:
        """Which of the four masks (4, h, w) with predicted IoU (4,) answer."""
        given = prompt_count if self.three_counts == "prompts" else point_count + 2 * has_box
        if multimask is True or (multimask == "auto" and given <= 1):
            return list(THREE_TOKENS)
        if self.stability is not None:
            sure = int((logits[0] > self.stability.delta).sum())
            perhaps = int((logits[0] > -self.stability.delta).sum())
            if perhaps > 0 and sure / perhaps < self.stability.threshold:
                return [1 + int(np.argmax(predicted_iou[1:]))]
        return [0]


FAMILIES = {
    "sam": Rules(
        resize="pad",
        padding={"none": 0, "points": 1, "box": 0, "both": 0},
        three_counts="prompts",
        mask_limit=None,
    ),
    "sam2": Rules(
        resize="stretch",
        padding={"none": 2, "points": 1, "box": 1, "both": 1},
        three_counts="tokens",
        mask_limit=32.0,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All of the file's metadata_props. `image_size` and `low_size` are sides in pixels of input and logits."""

    model_version: str
    encoder_fingerprint: str
    family: str
    image_size: int
    low_size: int
    weights: Weights
    opset: int
    segloop: str
    rules: Rules
    format: int = DECODER_FORMAT

    def as_dict(self) -> dict[str, Any]:
        """As JSON, which is also what the HTTP header of a served decoder says."""
        return asdict(self)

    def as_metadata(self) -> dict[str, str]:
        """As ONNX keeps it: text by name; what is not text is JSON."""
        return {
            name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            for name, value in self.as_dict().items()
        }


def read_rules(metadata: Mapping[str, str]) -> Rules:
    """The rules in a file's metadata_props (onnxruntime: `session.get_modelmeta().custom_metadata_map`)."""
    known = json.loads(metadata["rules"])
    stability = known.pop("stability")
    return Rules(**known, stability=None if stability is None else Stability(**stability))
