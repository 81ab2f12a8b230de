"""Prompt encoder and decoder as one torch module, in the shape in which they are exported."""

import math
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from model_server.export_onnx.errors import ExportError
from model_server.export_onnx.rules import FAMILIES, Rules, Stability
from model_server.networks.drawn_prompts import MASK_LOGIT_LIMIT, DrawingPromptEncoder, add_bumps, box_map
from model_server.networks.network import Network
from model_server.networks.two_way import TwoWayDecoder


class DecoderGraph(nn.Module):
    """One image, one prompt; all four masks out.

    Features are fp16, as embeddings are kept and sent: their bytes go in unread, and the first thing the graph does is
    to widen them, which loses nothing. Everything after computes in float32.
    """

    def __init__(self, model: Any, rules: Rules) -> None:
        super().__init__()
        encoder = model.prompt_encoder
        self._image_size = int(encoder.input_image_size)
        self._mask_limit = rules.mask_limit
        self._draws = isinstance(encoder, DrawingPromptEncoder)
        self.mask_embed = encoder.mask_embed
        embeds: Any = encoder.point_embed  # four of one row in SAM, one of four in SAM 2
        rows: list[Any] = [one.weight for one in (list(embeds) if isinstance(embeds, nn.ModuleList) else [embeds])]
        # Clones, as the networks are loaded in inference mode, whose tensors cannot be traced.
        self.label_embed = nn.Buffer(torch.cat(rows).clone())  # (4, C)
        self.padding_embed = nn.Buffer(encoder.not_a_point_embed.weight.clone())  # (1, C)
        self.no_mask_embed = nn.Buffer(encoder.no_mask_embed.weight.clone().view(1, -1, 1, 1))
        self.frequencies = nn.Buffer(encoder.shared_embedding.positional_embedding.clone())  # (2, C / 2)
        # What draws the masks' outlines: 33 kB that make most of the difference between float32 and uint8 masks.
        self.outline_weights = model.mask_decoder.upscale_conv2.weight.numpy()
        self._decoder = TwoWayDecoder(model.mask_decoder, model.get_image_wide_positional_embeddings().clone())

    def forward(
        self, features: list[Tensor], points: Tensor, labels: Tensor, mask_input: Tensor, has_mask_input: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits (1, 4, low, low) and predicted IoU (1, 4).

        `features` [(1, C, h, w)] fp16, finest first; `points` (1, n, 2) in input pixels; `labels` (1, n);
        `mask_input` (1, 1, low, low); `has_mask_input` (1,), 1 or 0.
        """
        *finer, coarse = [feature[0].float() for feature in features]
        image = self._decoder.prepare(coarse, cast(tuple[Tensor, Tensor], tuple(finer)) if finer else None)
        if self._draws:
            dense = self._draw(points, labels, mask_input[:, 0], has_mask_input)
        else:
            dense = torch.where(has_mask_input > 0, self._embed_mask(mask_input), self.no_mask_embed)
        logits, predicted_iou = self._decoder(image, dense[0], self._embed_tokens(points[0], labels[0]), slice(None))
        return logits[None], predicted_iou[None]

    def _draw(self, points: Tensor, labels: Tensor, mask_input: Tensor, has_mask_input: Tensor) -> Tensor:
        side = mask_input.shape[-1]
        box = box_map(points, labels, input_size=self._image_size, side=side)
        # limited before the bumps are added, so that a correction shows on the surest pixels, too
        base = torch.where(has_mask_input > 0, mask_input.clamp(-MASK_LOGIT_LIMIT, MASK_LOGIT_LIMIT), box)
        embedded: Tensor = self.mask_embed(add_bumps(base, points, labels, input_size=self._image_size)[:, None])
        return embedded

    def _embed_mask(self, mask_input: Tensor) -> Tensor:
        if self._mask_limit is not None:
            mask_input = mask_input.clamp(-self._mask_limit, self._mask_limit)
        embedded: Tensor = self.mask_embed(mask_input)
        return embedded

    def _embed_tokens(self, points: Tensor, labels: Tensor) -> Tensor:
        """Points (n, 2), labels (n,): (n, C). Points are at pixel centres, hence the half (prompt_encoder.py)."""
        angles = (2 * math.pi) * ((2 * (points + 0.5) / self._image_size - 1) @ self.frequencies)
        placed = torch.cat([angles.sin(), angles.cos()], dim=-1) + self.label_embed[labels.long().clamp(min=0)]
        return torch.where(labels.unsqueeze(-1) < 0, self.padding_embed, placed)


def decoder_rules(network: Network) -> Rules:
    """The conventions of this network. Raises ExportError decoder_not_exportable."""
    family = network.facts.family
    if family not in FAMILIES:
        raise ExportError("decoder_not_exportable", f"Decoders of the family {family!r} cannot be exported.")
    rules = replace(FAMILIES[family], parts=network.facts.parts)
    decoder = network.model.mask_decoder  # type: ignore[attr-defined]
    if getattr(decoder, "dynamic_multimask_via_stability", False):
        stability = Stability(decoder.dynamic_multimask_stability_delta, decoder.dynamic_multimask_stability_thresh)
        rules = replace(rules, stability=stability)
    return rules


@torch.no_grad()
def decoder_graph(network: Network, rules: Rules) -> DecoderGraph:
    """The network's graph, on the CPU and in float32."""
    return DecoderGraph(network.model, rules).eval()  # type: ignore[attr-defined]
