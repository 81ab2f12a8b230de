"""SAM 2's prompt encoder that also draws clicks and boxes into the mask prompt, for decoders that learn from few masks.

SAM's prompts are tokens, whose places a decoder first has to learn to find in the image; interactive networks that
learn from little draw them as maps instead (RITM, arXiv 2102.06583, section 3.1). Here both: the tokens stay, and
there always is a mask prompt, the previous answer or nothing, with a bump at every click and, before there is an
answer, the inside of the box. No weight is added. A `Sam2PromptEncoderConfig` with `draws_prompts` builds it.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import Sam2Config, Sam2Model
from transformers.models.sam2.modeling_sam2 import Sam2PromptEncoder

INSIDE = 10.0  # logits; as a mask given by a person (sam2_base.py, _use_mask_as_output)
BUMP_SHARE = 1 / 40  # standard deviation of a click's bump, of the map's side
MASK_LOGIT_LIMIT = 32.0  # SAM2ImagePredictor clamps the logits that go back in as a mask prompt
TOP_LEFT, BOTTOM_RIGHT = 2, 3  # SAM's labels of a box's corners


def box_map(points_xy: Tensor, labels: Tensor, *, input_size: int, side: int) -> Tensor:
    """Logits (B, side, side) of the box whose corners are among points (B, n, 2) of input pixels, labels (B, n).

    Highest in its middle, falling to 0 at its corners, -10 outside; 0 everywhere where there is no box. A box thinner
    than a cell is drawn one cell wide. Its edge is a cell wide, so that no rounding moves it.
    """
    places, cells = _places(points_xy, input_size, side), _cells(points_xy, side)
    first = (labels == TOP_LEFT).to(places.dtype)[..., None]
    last = (labels == BOTTOM_RIGHT).to(places.dtype)[..., None]
    low, high = (places * first).sum(-2), (places * last).sum(-2)  # (B, 2)
    middle, half = (low + high) / 2, ((high - low) / 2).clamp(min=0.5)
    across = (cells - middle[..., 0, None]).abs()[..., None, :]  # (B, 1, side)
    down = (cells - middle[..., 1, None]).abs()[..., :, None]
    half_x, half_y = half[..., 0, None, None], half[..., 1, None, None]
    depth = torch.minimum(half_x - across, half_y - down)  # in cells, negative outside
    height = (1 - (across / half_x) ** 2 / 2 - (down / half_y) ** 2 / 2).clamp(min=0)
    cover = (depth + 0.5).clamp(0, 1)
    has_box = first.amax(dim=(-1, -2))[..., None, None]
    return INSIDE * (cover * (height + 1) - 1) * has_box


def add_bumps(base: Tensor, points_xy: Tensor, labels: Tensor, *, input_size: int) -> Tensor:
    """Logits (B, side, side) raised by 10 at clicks (B, n, 2) of label 1, lowered at those of 0, within -32 to 32."""
    side = base.shape[-1]
    places, cells = _places(points_xy, input_size, side), _cells(points_xy, side)
    x, y = places[..., 0, None] - cells, places[..., 1, None] - cells  # (B, n, side)
    spread = 2 * (BUMP_SHARE * side) ** 2
    sign = (labels == 1).to(places.dtype) - (labels == 0).to(places.dtype)
    across, down = torch.exp(-(x**2) / spread), torch.exp(-(y**2) / spread) * sign[..., None]
    bumps = torch.matmul(down.transpose(-1, -2), across)
    return (base + INSIDE * bumps).clamp(-MASK_LOGIT_LIMIT, MASK_LOGIT_LIMIT)


def _places(points_xy: Tensor, input_size: int, side: int) -> Tensor:
    return (points_xy + 0.5) * (side / input_size)  # prompts name pixels by their top left corner


def _cells(points_xy: Tensor, side: int) -> Tensor:
    return torch.arange(side, device=points_xy.device, dtype=points_xy.dtype) + 0.5


class DrawingPromptEncoder(Sam2PromptEncoder):
    """Same weights, same arguments; the dense embedding (prompts, C, side, side) is never the "no mask" one."""

    def forward(  # type: ignore[override]  # transformers names a pair where it takes a tensor
        self,
        input_points: Tensor | None,
        input_labels: Tensor | None,
        input_boxes: Tensor | None,
        input_masks: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Points (B, P, n, 2), labels (B, P, n), boxes (B, P, 4), masks (B, 1, low, low), whose P is then 1."""
        sparse, strokes = self.draw(input_points, input_labels, input_boxes, input_masks)
        return sparse, self.mask_embed.conv3(strokes)

    def draw(
        self,
        input_points: Tensor | None,
        input_labels: Tensor | None,
        input_boxes: Tensor | None,
        input_masks: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As `forward`, but the dense embedding before the last convolution widens its few channels to C."""
        given: Any = input_points
        sparse, _ = super().forward(given, input_labels, input_boxes, None)
        places, labels = [], []
        if input_points is not None and input_labels is not None:
            places.append(input_points.flatten(0, 1))
            labels.append(input_labels.flatten(0, 1))
        if input_boxes is not None:
            corners = input_boxes.flatten(0, 1).view(-1, 2, 2)
            places.append(corners)
            labels.append(torch.tensor([TOP_LEFT, BOTTOM_RIGHT], device=corners.device).expand(len(corners), 2))
        points_xy, kinds = torch.cat(places, dim=1).to(self.no_mask_embed.weight.dtype), torch.cat(labels, dim=1)
        size: Any = self.input_image_size
        side = self.mask_input_size[0]
        base = box_map(points_xy, kinds, input_size=size, side=side) if input_masks is None else input_masks[:, 0]
        embed, drawn = self.mask_embed, add_bumps(base, points_xy, kinds, input_size=size)[:, None]
        halved = embed.activation(embed.layer_norm1(embed.conv1(drawn)))
        return sparse, embed.activation(embed.layer_norm2(embed.conv2(halved)))


class PromptDrawingSam2(Sam2Model):  # type: ignore[no-untyped-call]
    """A Sam2Model whose prompt encoder draws if its configuration says so."""

    def __init__(self, config: Sam2Config) -> None:
        super().__init__(config)
        prompts: Any = config.prompt_encoder_config
        if getattr(prompts, "draws_prompts", False):
            self.prompt_encoder = DrawingPromptEncoder(prompts)
