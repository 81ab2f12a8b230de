"""The mask decoder that SAM and SAM 2 share, for one mask of one image: the same numbers in fewer and smaller steps.

Exact algebra over transformers' weights (networks are tested against transformers' own decoders):
- few tokens meet many image positions, so projections of the image side are folded into the tokens, head by head:
  q (k W)^T = (q W^T) k^T, and softmax(..) (v W) = (softmax(..) v) W;
- a key bias adds the same to all scores of a query and drops out of the softmax; the weights of a head add up to one,
  so an output bias can ride on the values;
- the transposed convolutions, whose kernel equals their stride, are products, and stay channels-last;
- only the mask tokens that answer are turned into masks.

Letters in shapes: T prompt and output tokens, N image positions, C channels, H heads, D channels of a head.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

NEGLIGIBLE = -60.0  # e^-60 is 1e-26


class TwoWayDecoder:
    """Built from a SamMaskDecoder or Sam2MaskDecoder and the image's positional embedding (1, C, side, side).

    Its parts, with their folded weights, serve many prompts at once too (two_way_prompts.py).
    """

    def __init__(self, decoder: Any, position: Tensor) -> None:
        self.position = position[0].flatten(1).T.contiguous()  # (N, C)
        transformer = decoder.transformer
        self.layers = [Layer(layer) for layer in transformer.layers]
        self.final = TokensReadImage(transformer.final_attn_token_to_image)
        self.final_norm = transformer.layer_norm_final_attn
        output_tokens = [decoder.iou_token.weight, decoder.mask_tokens.weight]
        if (objectness := getattr(decoder, "obj_score_token", None)) is not None:
            output_tokens.insert(0, objectness.weight)
        self.output_tokens = torch.cat(output_tokens)
        self.iou_at = len(output_tokens) - 2
        self.mask_count = decoder.num_mask_tokens
        self.iou_head = decoder.iou_prediction_head
        self.mask_heads = stack_heads(decoder.output_hypernetworks_mlps)
        self.upscale = Upscale(decoder)

    def prepare(self, image: Tensor, finer: tuple[Tensor, Tensor] | None) -> "PreparedImage":
        """What all prompts on one image share: from its feature map (C, side, side) and SAM 2's finer ones."""
        return PreparedImage(image.flatten(1).T.contiguous(), *self.upscale.constants(image.shape[-1], finer))

    def __call__(self, image: "PreparedImage", dense: Tensor, prompts: Tensor, masks: slice) -> tuple[Tensor, Tensor]:
        """Low-resolution logits (masks, 4 side, 4 side) and predicted IoU (masks,) of the mask tokens in `masks`.

        `dense` (C, side, side) and `prompts` (T, C) are the prompt encoder's.
        """
        side = dense.shape[-1]
        tokens = torch.cat([self.output_tokens, prompts])
        queries, keys = tokens, image.rows + dense.flatten(1).T
        for number, layer in enumerate(self.layers):
            queries, keys = layer(queries, keys, tokens, self.position, is_first=number == 0)
        queries = norm(self.final_norm, queries + self.final(queries + tokens, keys + self.position, keys))
        mask_tokens = queries[self.iou_at + 1 :][: self.mask_count][masks]
        hyper = run_heads(self.mask_heads, mask_tokens.unsqueeze(1), masks).squeeze(1)  # (masks, C / 8)
        logits = hyper @ self.upscale(keys, image).T  # (masks, N x 16), blocks within blocks
        logits = logits.view(-1, side, side, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
        return logits.reshape(-1, 4 * side, 4 * side), self.iou_head(queries[self.iou_at])[masks]


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An image as products want it: rows (N, C), and what is added after each upscaling, biases included."""

    rows: Tensor
    quarters: Tensor
    sixteenths: Tensor


def shares(scores: Tensor, dim: int) -> Tensor:
    """Softmax over `dim`, with the same result in float32, but no share so small that processors multiply it slowly.

    Attention is so sure of itself that most shares lie below 1e-38, where numbers are "denormal" and a product takes up
    to a hundred times as long. Scores more than 60 below the largest are raised to that: shares of about 1e-26.
    """
    return (scores - scores.amax(dim, keepdim=True)).clamp(min=NEGLIGIBLE).softmax(dim)


class TokensReadImage:
    """Token-to-image attention, the image side's projections folded into the tokens."""

    def __init__(self, attention: Any) -> None:
        self.attention = attention
        heads = attention.num_attention_heads
        self.key_weight = _by_head(attention.k_proj.weight, heads)  # (H, D, C)
        self.value_weight = _by_head(attention.v_proj.weight, heads).transpose(1, 2)  # (H, C, D)
        self.value_bias = attention.v_proj.bias.view(heads, 1, -1)

    def __call__(self, queries: Tensor, placed: Tensor, keys: Tensor) -> Tensor:
        """`placed` (N, C) are the keys with their positions; (T, C)."""
        attention = self.attention
        heads, channels = attention.num_attention_heads, keys.shape[1]
        q = heads_of(attention.q_proj(queries) * attention.scaling, heads)  # (H, T, D)
        scores = torch.bmm(q, self.key_weight).view(-1, channels) @ placed.T  # (H x T, N)
        seen = (shares(scores, -1) @ keys).view(heads, -1, channels)  # (H, T, C)
        mixed = torch.baddbmm(self.value_bias, seen, self.value_weight)  # (H, T, D)
        result: Tensor = output_projection(attention)(mixed.transpose(0, 1).flatten(1))
        return result


class ImageReadsTokens:
    """Image-to-token attention with its residual, the image side's projections folded into the tokens."""

    def __init__(self, attention: Any) -> None:
        self.attention = attention
        heads = attention.num_attention_heads
        self.query_weight = _by_head(attention.q_proj.weight, heads)  # (H, D, C)
        self.query_bias = attention.q_proj.bias.view(heads, -1, 1)  # (H, D, 1)
        output = output_projection(attention)
        self.output_weight = output.weight.T.reshape(heads, -1, output.out_features)  # (H, D, C)
        self.output_bias = output.bias / heads

    def __call__(self, placed: Tensor, keys: Tensor, token_keys: Tensor, token_values: Tensor) -> Tensor:
        """`placed` (N, C) are the keys with their positions; (N, C)."""
        attention = self.attention
        heads, channels = attention.num_attention_heads, keys.shape[1]
        k = heads_of(attention.k_proj(token_keys) * attention.scaling, heads)  # (H, T, D)
        v = heads_of(attention.v_proj(token_values), heads)
        constant = torch.bmm(k, self.query_bias).view(-1, 1)  # (H x T, 1)
        scores = torch.addmm(constant, torch.bmm(k, self.query_weight).view(-1, channels), placed.T)  # (H x T, N)
        weights = shares(scores.view(heads, -1, len(keys)), 1)
        values = torch.baddbmm(self.output_bias, v, self.output_weight)  # (H, T, C)
        return torch.addmm(keys, weights.flatten(0, 1).T, values.flatten(0, 1))


class Layer:
    """One two-way block."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.tokens_read_image = TokensReadImage(layer.cross_attn_token_to_image)
        self.image_reads_tokens = ImageReadsTokens(layer.cross_attn_image_to_token)

    def __call__(
        self, queries: Tensor, keys: Tensor, tokens: Tensor, position: Tensor, *, is_first: bool
    ) -> tuple[Tensor, Tensor]:
        layer = self.layer
        if is_first:
            queries = attend_among_tokens(layer.self_attn, queries, queries)
        else:
            queries = queries + attend_among_tokens(layer.self_attn, queries + tokens, queries)
        queries = norm(layer.layer_norm1, queries)
        placed = keys + position
        queries = norm(layer.layer_norm2, queries + self.tokens_read_image(queries + tokens, placed, keys))
        queries = norm(layer.layer_norm3, queries + layer.mlp(queries))
        keys = self.image_reads_tokens(placed, keys, queries + tokens, queries)
        return queries, norm(layer.layer_norm4, keys)


class Upscale:
    """Two transposed convolutions of kernel and stride 2 with norm and GELU between: (N, C) to (N x 16, C / 8)."""

    def __init__(self, decoder: Any) -> None:
        self._norm = decoder.upscale_layer_norm
        convolutions = (decoder.upscale_conv1, decoder.upscale_conv2)
        # (in, 2 x 2 x out): the four outputs of one position, side by side
        self._weights = [conv.weight.permute(0, 2, 3, 1).flatten(1).contiguous() for conv in convolutions]
        self._biases = [conv.bias.repeat(4) for conv in convolutions]

    def constants(self, side: int, finer: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """Biases, and SAM 2's finer features in the order of blocks within blocks: (N, C) and (N x 4, C / 2)."""
        if finer is None:
            return self._biases[0], self._biases[1]
        quarters = finer[1].view(-1, side, 2, side, 2).permute(1, 3, 2, 4, 0)
        sixteenths = finer[0].view(-1, side, 2, 2, side, 2, 2).permute(1, 4, 2, 5, 3, 6, 0)
        return (
            quarters.reshape(side * side, -1) + self._biases[0],
            sixteenths.reshape(side * side * 4, -1) + self._biases[1],
        )

    def __call__(self, keys: Tensor, image: PreparedImage) -> Tensor:
        quarters = torch.addmm(image.quarters, keys, self._weights[0]).view(-1, self._norm.normalized_shape[0])
        quarters = functional.gelu(norm(self._norm, quarters))
        sixteenths = torch.addmm(image.sixteenths, quarters, self._weights[1])
        return functional.gelu(sixteenths).view(16 * len(keys), -1)

    def many(self, keys: Tensor, image: PreparedImage) -> Tensor:
        """The same for the image sides of several prompts: (A, N, C) to (A, N x 16, C / 8)."""
        count = len(keys)
        weights = [weight.expand(count, -1, -1) for weight in self._weights]
        quarters = torch.baddbmm(image.quarters, keys, weights[0]).view(count, -1, self._norm.normalized_shape[0])
        quarters = functional.gelu(norm(self._norm, quarters))
        sixteenths = torch.baddbmm(image.sixteenths, quarters, weights[1])
        return functional.gelu(sixteenths).view(count, 16 * keys.shape[1], -1)


def attend_among_tokens(attention: Any, queries_and_keys: Tensor, values: Tensor) -> Tensor:
    heads = attention.num_attention_heads
    q = heads_of(attention.q_proj(queries_and_keys) * attention.scaling, heads)
    k, v = heads_of(attention.k_proj(queries_and_keys), heads), heads_of(attention.v_proj(values), heads)
    mixed = torch.bmm(shares(torch.bmm(q, k.transpose(1, 2)), -1), v)
    result: Tensor = output_projection(attention)(mixed.transpose(0, 1).flatten(1))
    return result


def _by_head(weight: Tensor, heads: int) -> Tensor:
    """A projection's weight (H x D, C) as (H, D, C)."""
    return weight.view(heads, -1, weight.shape[1])


def heads_of(rows: Tensor, heads: int) -> Tensor:
    """(rows, inner) to (H, rows, inner / H), a view."""
    # shape[0], because len() would fix the number of tokens in an ONNX export
    return rows.view(rows.shape[0], heads, -1).transpose(0, 1)


def output_projection(attention: Any) -> nn.Linear:
    projection: nn.Linear = attention.out_proj if hasattr(attention, "out_proj") else attention.o_proj
    return projection


def norm(layer: nn.LayerNorm, rows: Tensor) -> Tensor:
    return functional.layer_norm(rows, layer.normalized_shape, layer.weight, layer.bias, layer.eps)


def stack_heads(heads: nn.ModuleList) -> list[tuple[Tensor, Tensor]]:
    """The mask tokens' little networks, one weight (masks, in, out) and bias (masks, 1, out) per depth."""
    columns: list[list[nn.Linear]] = [[head.proj_in, *head.layers, head.proj_out] for head in heads]  # type: ignore[list-item,misc]
    return [
        (
            torch.stack([linear.weight.T for linear in depth]).contiguous(),
            torch.stack([linear.bias for linear in depth]).unsqueeze(1),
        )
        for depth in zip(*columns, strict=True)
    ]


def run_heads(stacked: list[tuple[Tensor, Tensor]], tokens: Tensor, masks: slice) -> Tensor:
    """`tokens` (masks, prompts, C), each mask's through its own network: (masks, prompts, C / 8)."""
    for number, (weight, bias) in enumerate(stacked):
        tokens = torch.baddbmm(bias[masks], tokens, weight[masks])
        if number + 1 < len(stacked):
            tokens = tokens.relu()
    return tokens
