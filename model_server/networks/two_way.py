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


class TwoWayDecoder:
    """Built from a SamMaskDecoder or Sam2MaskDecoder and the image's positional embedding (1, C, side, side)."""

    def __init__(self, decoder: Any, position: Tensor) -> None:
        self._position = position[0].flatten(1).T.contiguous()  # (N, C)
        transformer = decoder.transformer
        self._layers = [_Layer(layer) for layer in transformer.layers]
        self._final = _TokensReadImage(transformer.final_attn_token_to_image)
        self._final_norm = transformer.layer_norm_final_attn
        self._objectness = getattr(decoder, "obj_score_token", None)
        output_tokens = [decoder.iou_token.weight, decoder.mask_tokens.weight]
        if self._objectness is not None:
            output_tokens.insert(0, self._objectness.weight)
        self._output_tokens = torch.cat(output_tokens)
        self._iou_at = len(output_tokens) - 2
        self._mask_count = decoder.num_mask_tokens
        self._iou_head = decoder.iou_prediction_head
        self._mask_heads = _stack_heads(decoder.output_hypernetworks_mlps)
        self._upscale = _Upscale(decoder)

    def prepare(self, image: Tensor, finer: tuple[Tensor, Tensor] | None) -> "PreparedImage":
        """What all prompts on one image share: from its feature map (C, side, side) and SAM 2's finer ones."""
        return PreparedImage(image.flatten(1).T.contiguous(), *self._upscale.constants(image.shape[-1], finer))

    def __call__(self, image: "PreparedImage", dense: Tensor, prompts: Tensor, masks: slice) -> tuple[Tensor, Tensor]:
        """Low-resolution logits (masks, 4 side, 4 side) and predicted IoU (masks,) of the mask tokens in `masks`.

        `dense` (C, side, side) and `prompts` (T, C) are the prompt encoder's.
        """
        side = dense.shape[-1]
        tokens = torch.cat([self._output_tokens, prompts])
        queries, keys = tokens, image.rows + dense.flatten(1).T
        for number, layer in enumerate(self._layers):
            queries, keys = layer(queries, keys, tokens, self._position, is_first=number == 0)
        queries = _norm(self._final_norm, queries + self._final(queries + tokens, keys + self._position, keys))
        mask_tokens = queries[self._iou_at + 1 :][: self._mask_count][masks]
        hyper = _run_heads(self._mask_heads, mask_tokens, masks)  # (masks, C / 8)
        logits = hyper @ self._upscale(keys, image).T  # (masks, N x 16), blocks within blocks
        logits = logits.view(-1, side, side, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
        return logits.reshape(-1, 4 * side, 4 * side), self._iou_head(queries[self._iou_at])[masks]


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An image as products want it: rows (N, C), and what is added after each upscaling, biases included."""

    rows: Tensor
    quarters: Tensor
    sixteenths: Tensor


class _TokensReadImage:
    """Token-to-image attention, the image side's projections folded into the tokens."""

    def __init__(self, attention: Any) -> None:
        self._attention = attention
        heads = attention.num_attention_heads
        self._key_weight = _by_head(attention.k_proj.weight, heads)  # (H, D, C)
        self._value_weight = _by_head(attention.v_proj.weight, heads).transpose(1, 2)  # (H, C, D)
        self._value_bias = attention.v_proj.bias.view(heads, 1, -1)

    def __call__(self, queries: Tensor, placed: Tensor, keys: Tensor) -> Tensor:
        """`placed` (N, C) are the keys with their positions; (T, C)."""
        attention = self._attention
        heads, channels = attention.num_attention_heads, keys.shape[1]
        q = _heads(attention.q_proj(queries) * attention.scaling, heads)  # (H, T, D)
        scores = torch.bmm(q, self._key_weight).view(-1, channels) @ placed.T  # (H x T, N)
        seen = (scores.softmax(-1) @ keys).view(heads, -1, channels)  # (H, T, C)
        mixed = torch.baddbmm(self._value_bias, seen, self._value_weight)  # (H, T, D)
        result: Tensor = _output_projection(attention)(mixed.transpose(0, 1).flatten(1))
        return result


class _ImageReadsTokens:
    """Image-to-token attention with its residual, the image side's projections folded into the tokens."""

    def __init__(self, attention: Any) -> None:
        self._attention = attention
        heads = attention.num_attention_heads
        self._query_weight = _by_head(attention.q_proj.weight, heads)  # (H, D, C)
        self._query_bias = attention.q_proj.bias.view(heads, -1, 1)  # (H, D, 1)
        output = _output_projection(attention)
        self._output_weight = output.weight.T.reshape(heads, -1, output.out_features)  # (H, D, C)
        self._output_bias = output.bias / heads

    def __call__(self, placed: Tensor, keys: Tensor, token_keys: Tensor, token_values: Tensor) -> Tensor:
        """`placed` (N, C) are the keys with their positions; (N, C)."""
        attention = self._attention
        heads, channels = attention.num_attention_heads, keys.shape[1]
        k = _heads(attention.k_proj(token_keys) * attention.scaling, heads)  # (H, T, D)
        v = _heads(attention.v_proj(token_values), heads)
        constant = torch.bmm(k, self._query_bias).view(-1, 1)  # (H x T, 1)
        scores = torch.addmm(constant, torch.bmm(k, self._query_weight).view(-1, channels), placed.T)  # (H x T, N)
        weights = scores.view(heads, -1, len(keys)).softmax(1)
        values = torch.baddbmm(self._output_bias, v, self._output_weight)  # (H, T, C)
        return torch.addmm(keys, weights.flatten(0, 1).T, values.flatten(0, 1))


class _Layer:
    """One two-way block."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._tokens_read_image = _TokensReadImage(layer.cross_attn_token_to_image)
        self._image_reads_tokens = _ImageReadsTokens(layer.cross_attn_image_to_token)

    def __call__(
        self, queries: Tensor, keys: Tensor, tokens: Tensor, position: Tensor, *, is_first: bool
    ) -> tuple[Tensor, Tensor]:
        layer = self._layer
        if is_first:
            queries = _attend_among_tokens(layer.self_attn, queries, queries)
        else:
            queries = queries + _attend_among_tokens(layer.self_attn, queries + tokens, queries)
        queries = _norm(layer.layer_norm1, queries)
        placed = keys + position
        queries = _norm(layer.layer_norm2, queries + self._tokens_read_image(queries + tokens, placed, keys))
        queries = _norm(layer.layer_norm3, queries + layer.mlp(queries))
        keys = self._image_reads_tokens(placed, keys, queries + tokens, queries)
        return queries, _norm(layer.layer_norm4, keys)


class _Upscale:
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
        quarters = functional.gelu(_norm(self._norm, quarters))
        sixteenths = torch.addmm(image.sixteenths, quarters, self._weights[1])
        return functional.gelu(sixteenths).view(16 * len(keys), -1)


def _attend_among_tokens(attention: Any, queries_and_keys: Tensor, values: Tensor) -> Tensor:
    heads = attention.num_attention_heads
    q = _heads(attention.q_proj(queries_and_keys) * attention.scaling, heads)
    k, v = _heads(attention.k_proj(queries_and_keys), heads), _heads(attention.v_proj(values), heads)
    mixed = torch.bmm(torch.bmm(q, k.transpose(1, 2)).softmax(-1), v)
    result: Tensor = _output_projection(attention)(mixed.transpose(0, 1).flatten(1))
    return result


def _by_head(weight: Tensor, heads: int) -> Tensor:
    """A projection's weight (H x D, C) as (H, D, C)."""
    return weight.view(heads, -1, weight.shape[1])


def _heads(rows: Tensor, heads: int) -> Tensor:
    """(rows, inner) to (H, rows, inner / H), a view."""
    # shape[0], because len() would fix the number of tokens in an ONNX export
    return rows.view(rows.shape[0], heads, -1).transpose(0, 1)


def _output_projection(attention: Any) -> nn.Linear:
    projection: nn.Linear = attention.out_proj if hasattr(attention, "out_proj") else attention.o_proj
    return projection


def _norm(norm: nn.LayerNorm, rows: Tensor) -> Tensor:
    return functional.layer_norm(rows, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


def _stack_heads(heads: nn.ModuleList) -> list[tuple[Tensor, Tensor]]:
    """The mask tokens' little networks, one weight (masks, in, out) and bias (masks, 1, out) per depth."""
    columns: list[list[nn.Linear]] = [[head.proj_in, *head.layers, head.proj_out] for head in heads]  # type: ignore[list-item,misc]
    return [
        (
            torch.stack([linear.weight.T for linear in depth]).contiguous(),
            torch.stack([linear.bias for linear in depth]).unsqueeze(1),
        )
        for depth in zip(*columns, strict=True)
    ]


def _run_heads(stacked: list[tuple[Tensor, Tensor]], tokens: Tensor, masks: slice) -> Tensor:
    rows = tokens.unsqueeze(1)  # (masks, 1, C)
    for number, (weight, bias) in enumerate(stacked):
        rows = torch.baddbmm(bias[masks], rows, weight[masks])
        if number + 1 < len(stacked):
            rows = rows.relu()
    return rows.squeeze(1)
