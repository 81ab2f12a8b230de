"""Class-agnostic boxes from the features that a promptable network keeps of an image anyway.

A small convolutional head over the embedding: a box and its quality at every position of a few grids, without anchors
(FCOS, arXiv 1904.01355). Quality is the IoU that the box is expected to have with an object, not a probability of
foreground, so that objects nobody labelled are not learnt as ground (OLN, arXiv 2108.06753).

Shapes: B images, C channels, W the head's width, N positions of all grids together, finest grid first, row by row.
"""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from model_server.networks.boxes import ScoredBoxes, best_boxes
from model_server.networks.frame import Frame
from model_server.networks.network import Embedding
from model_server.networks.weights import UnusableModel

MODEL_TYPE = "segloop_box_head"
LARGEST_GRID, SMALLEST_STRIDE = 128, 4
STRIDES_PER_BOX = 8  # the longer side of a box, at most, in strides of the grid that answers for it
MOST_BOXES = 1000  # looked at per image
GROUPS = 8  # of group norms
LONGEST_SIDE = math.log(4 * STRIDES_PER_BOX)
QUALITY_AT_FIRST = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadShape:
    """What the head is built from: channels and sides (in positions) of the embedding's maps, the side of the
    network's input in pixels, the head's own width and number of blocks."""

    channels: tuple[int, ...]
    sides: tuple[int, ...]
    input_size: int
    width: int = 64
    blocks: int = 3

    @property
    def strides(self) -> tuple[float, ...]:
        """Input pixels per position, grid by grid, until one position answers for boxes as large as the input."""
        strides = [max(float(SMALLEST_STRIDE), self.input_size / LARGEST_GRID)]
        while STRIDES_PER_BOX * strides[-1] < self.input_size:
            strides.append(2 * strides[-1])
        return tuple(strides)

    @property
    def grids(self) -> tuple[int, ...]:
        """Positions along a side, grid by grid; each is the one before halved, rounded up."""
        grids = [math.ceil(self.input_size / self.strides[0])]
        for _ in self.strides[1:]:
            grids.append(math.ceil(grids[-1] / 2))
        return tuple(grids)


def shape_of(embedding: Embedding, *, input_size: int, **chosen: int) -> HeadShape:
    """The shape of a head for embeddings like this one."""
    return HeadShape(
        channels=tuple(feature.shape[0] for feature in embedding.features),
        sides=tuple(feature.shape[1] for feature in embedding.features),
        input_size=input_size,
        **chosen,
    )


class BoxHead(nn.Module):
    """Feature maps in, boxes and logits of their quality out, on the input's pixels."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.sources = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.GroupNorm(GROUPS, width))
            for channels in shape.channels
        )
        self.first = _separable(width)
        self.down = nn.ModuleList(_separable(width, stride=2) for _ in shape.strides[1:])
        self.tower = nn.ModuleList(_separable(width) for _ in range(shape.blocks))
        self.box, self.quality = nn.Conv2d(width, 4, 1), nn.Conv2d(width, 1, 1)
        nn.init.zeros_(self.box.weight)
        for output, value in ((self.box, 0.0), (self.quality, -math.log(1 / QUALITY_AT_FIRST - 1))):
            assert output.bias is not None
            nn.init.constant_(output.bias, value)
        centres_xy, strides = positions(shape)
        self.centres_xy: Tensor
        self.strides: Tensor
        self.register_buffer("centres_xy", centres_xy, persistent=False)
        self.register_buffer("strides", strides, persistent=False)

    def forward(self, features: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Maps (B, C, side, side) to boxes xyxy (B, N, 4) and quality logits (B, N)."""
        finest = self.first(self._merge(features))
        grids = [finest]
        for down in self.down:
            grids.append(down(grids[-1]))
        raw, quality = [], []
        for grid in grids:
            for block in self.tower:
                grid = grid + block(grid)
            raw.append(self.box(grid).flatten(2).transpose(1, 2))
            quality.append(self.quality(grid).flatten(1))
        return self._boxes(torch.cat(raw, 1)), torch.cat(quality, 1)

    def _merge(self, features: tuple[Tensor, ...]) -> Tensor:
        """All maps on the finest grid: finer ones averaged, coarser ones stretched."""
        side = self.shape.grids[0]
        total: Tensor | None = None
        for source, feature in zip(self.sources, features, strict=True):
            if feature.shape[-1] > side:
                feature = functional.adaptive_avg_pool2d(feature, side)
            made = source(feature)
            if made.shape[-1] < side:
                made = functional.interpolate(made, size=(side, side), mode="bilinear")
            total = made if total is None else total + made
        assert total is not None, "an embedding has a map"
        return total

    def _boxes(self, raw: Tensor) -> Tensor:
        """A centre beside the position and the logarithms of two sides, all in strides (YOLOX, arXiv 2107.08430):
        unlike distances to four edges, never inside out."""
        strides = self.strides[:, None]
        centres = self.centres_xy + raw[..., :2] * strides
        halves = raw[..., 2:].clamp(-LONGEST_SIDE, LONGEST_SIDE).exp() * strides * (STRIDES_PER_BOX / 4)
        return torch.cat([centres - halves, centres + halves], -1)


def positions(shape: HeadShape) -> tuple[Tensor, Tensor]:
    """Centres (N, 2) as x, y in input pixels, and the stride (N,) each belongs to."""
    centres, strides = [], []
    for side, stride in zip(shape.grids, shape.strides, strict=True):
        along = (torch.arange(side) + 0.5) * stride
        y, x = torch.meshgrid(along, along, indexing="ij")
        centres.append(torch.stack([x, y], -1).reshape(-1, 2))
        strides.append(torch.full((side * side,), stride))
    return torch.cat(centres), torch.cat(strides)


def inside_image(centres_xy: Tensor, frame: Frame) -> Tensor:
    """Which positions (N,) lie on the image and not on its padding."""
    height, width = frame.resized_hw
    return (centres_xy[:, 0] < width) & (centres_xy[:, 1] < height)


@torch.inference_mode()
def find_boxes(head: BoxHead, embedding: Embedding, frame: Frame, *, limit: int = MOST_BOXES) -> ScoredBoxes:
    """The best `limit` boxes of an image, in its own pixels, repetitions included.

    Raises UnusableModel when the embedding is of another shape than the head was built for.
    """
    maps = tuple(tuple(feature.shape) for feature in embedding.features)
    wanted = tuple((channels, side, side) for channels, side in zip(head.shape.channels, head.shape.sides, strict=True))
    if maps != wanted or frame.input_size != head.shape.input_size:
        raise UnusableModel("detector_damaged", f"The detector wants features {wanted}, the image has {maps}.")
    device = head.centres_xy.device
    boxes, quality = head(tuple(feature[None].to(device, torch.float32) for feature in embedding.features))
    scores = quality[0].sigmoid().masked_fill(~inside_image(head.centres_xy, frame), 0.0)
    scores, best = scores.topk(min(limit, len(scores)))
    ratio = torch.tensor([side / resized for side, resized in zip(frame.size_hw, frame.resized_hw, strict=True)])
    in_image = boxes[0, best].cpu() * ratio.flip(0).repeat(2)
    return best_boxes(in_image.numpy(), scores.cpu().numpy(), size_hw=frame.size_hw, limit=limit)


def shape_as_json(shape: HeadShape) -> dict[str, Any]:
    """The part of config.json that `load_head` needs."""
    return {"model_type": MODEL_TYPE, **dataclasses.asdict(shape)}


def load_head(folder: Path, config: dict[str, Any], device: torch.device) -> BoxHead:
    """The head of a folder, for inference. Raises UnusableModel."""
    head = BoxHead(_read_shape(folder, config))
    try:
        weights = load_file(folder / "model.safetensors")
        head.load_state_dict(weights)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise UnusableModel(
            "detector_damaged", f"{folder.name}: the detector cannot be loaded ({_short(error)})."
        ) from error
    if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        raise UnusableModel("detector_damaged", f"{folder.name}: some of the detector's weights are no numbers.")
    return head.to(device).float().eval().requires_grad_(False)


def _read_shape(folder: Path, config: dict[str, Any]) -> HeadShape:
    """Bounded, so that no configuration asks for all the memory."""

    def number(name: str, value: Any, most: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise UnusableModel(
                "detector_config_unreadable",
                f"{folder.name}: {name} in config.json must be a whole number from 1 to {most}.",
            )
        return value

    def numbers(name: str, most: int) -> tuple[int, ...]:
        values = config.get(name)
        if not isinstance(values, list) or not 1 <= len(values) <= 8:
            raise UnusableModel("detector_config_unreadable", f"{folder.name}: config.json needs a list {name}.")
        return tuple(number(name, value, most) for value in values)

    shape = HeadShape(
        channels=numbers("channels", 4096),
        sides=numbers("sides", 1024),
        input_size=number("input_size", config.get("input_size"), 4096),
        width=number("width", config.get("width"), 512),
        blocks=number("blocks", config.get("blocks"), 16),
    )
    if len(shape.channels) != len(shape.sides) or shape.width % GROUPS:
        raise UnusableModel(
            "detector_config_unreadable",
            f"{folder.name}: config.json needs as many sides as channels, and a width that {GROUPS} divides.",
        )
    return shape


def _separable(width: int, *, stride: int = 1) -> nn.Sequential:
    """A depthwise and a pointwise convolution: a seventh of the work of a plain one of this width."""
    return nn.Sequential(
        nn.Conv2d(width, width, 3, stride=stride, padding=1, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.GroupNorm(GROUPS, width),
        nn.ReLU(),
    )


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
