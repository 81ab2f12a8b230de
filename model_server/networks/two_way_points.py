"""The mask decoder for a grid of points, each a prompt of its own, on one image: the same numbers for less.

Besides the algebra of two_way.py, which it shares:
- before the first layer has read any token, the image side is the same for all prompts, so what the first layer's
  attention makes of it is made once per image (not for networks that draw their prompts, drawn_prompts.py);
- the predicted IoU needs one token only; the others are finished, and the image side upscaled, only for prompts of
  which a mask survives.

Letters in shapes as in two_way.py, and P prompts. A sequence of prompts is worked on in blocks, so that memory does
not grow with P and, on a CPU, a block stays in the caches.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model_server.networks.drawn_prompts import DrawingPromptEncoder
from model_server.networks.network import DecodedPoints
from model_server.networks.two_way import (
    ImageReadsTokens,
    Layer,
    PreparedImage,
    TokensReadImage,
    TwoWayDecoder,
    heads_of,
    norm,
    output_projection,
    run_heads,
)

# Image rows of all prompts that are decoded at once: on a CPU about a click's work, on a GPU 64 prompts of SAM.
ROWS_AT_ONCE = {"cpu": 512, "cuda": 262_144}
MASKS = slice(1, None)  # the three of an ambiguous prompt; token 0 is the single mask of several prompts


@dataclass(frozen=True, slots=True)
class PreparedPoints:
    """An image before any prompt: its rows (N, C) and the first layer's projections of them, head by head."""

    image: PreparedImage
    side: int
    keys: Tensor
    read_keys: Tensor  # (H, D, N)
    read_values: Tensor  # (H, N, D)
    reading_queries: Tensor  # (H, D, N)


class TwoWayPoints:
    """Many points over the parts of a TwoWayDecoder and transformers' prompt encoder."""

    def __init__(self, decoder: TwoWayDecoder, prompt_encoder: Any) -> None:
        self._decoder, self._prompt_encoder = decoder, prompt_encoder

    def prepare(self, image: PreparedImage) -> PreparedPoints:
        """What all prompts share."""
        keys = image.rows + self._prompt_encoder.no_mask_embed.weight
        placed = keys + self._decoder.position
        first = self._decoder.layers[0]
        reads, read = first.tokens_read_image.attention, first.image_reads_tokens.attention
        return PreparedPoints(
            image=image,
            side=math.isqrt(len(keys)),
            keys=keys,
            read_keys=_heads_first(reads.k_proj(placed), reads.num_attention_heads).transpose(1, 2).contiguous(),
            read_values=_heads_first(reads.v_proj(keys), reads.num_attention_heads).contiguous(),
            reading_queries=_heads_first(read.q_proj(placed), read.num_attention_heads).transpose(1, 2).contiguous(),
        )

    def at_once(self) -> int:
        """How many points to decode in one call."""
        position = self._decoder.position
        return max(1, ROWS_AT_ONCE.get(position.device.type, ROWS_AT_ONCE["cpu"]) // len(position))

    def __call__(self, image: PreparedPoints, points_xy: Tensor, *, above: float) -> DecodedPoints:
        """Points (P, 2) of input pixels."""
        labels = torch.ones(1, len(points_xy), 1, dtype=torch.int64, device=points_xy.device)
        prompts, dense = self._prompt_encoder(points_xy[None, :, None], labels, None, None)
        is_drawn = isinstance(self._prompt_encoder, DrawingPromptEncoder)
        scores, survivors, logits = self.decode(image, prompts[0], dense if is_drawn else None, above=above)
        predicted_iou = scores[survivors[:, 0], survivors[:, 1]]
        return DecodedPoints(
            survivors[:, 0].cpu().numpy(), predicted_iou.float().cpu().numpy(), logits.float().cpu().numpy()
        )

    def decode(
        self, image: PreparedPoints, prompts: Tensor, dense: Tensor | None = None, *, above: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Prompts (P, T, C), and (P, C, side, side) where they are drawn: their masks of predicted IoU above a number.

        Returns predicted IoU of all (P, 3), which of them survive as (K, 2) of prompt and mask, and the survivors'
        low-resolution logits (K, 4 side, 4 side).
        """
        decoder = self._decoder
        tokens = torch.cat([decoder.output_tokens.expand(len(prompts), -1, -1), prompts], dim=1)
        if dense is None:
            queries, keys = _first_layer(decoder.layers[0], tokens, image)
        else:
            keys = image.image.rows + dense.flatten(2).transpose(1, 2)
            queries, keys = _layer(decoder.layers[0], None, keys, tokens, decoder.position)
        for layer in decoder.layers[1:]:
            queries, keys = _layer(layer, queries, keys, tokens, decoder.position)
        placed = keys + decoder.position

        def finish(prompt: Tensor | slice, token: slice) -> Tensor:
            rows, places = queries[prompt, token], tokens[prompt, token]
            read = _tokens_read_image(decoder.final, rows + places, placed[prompt], keys[prompt])
            return norm(decoder.final_norm, rows + read)

        iou_at = decoder.iou_at
        scores: Tensor = decoder.iou_head(finish(slice(None), slice(iou_at, iou_at + 1))[:, 0])[:, MASKS]
        survivors = (scores > above).nonzero()
        if not len(survivors):
            return scores, survivors, scores.new_empty(0, 4 * image.side, 4 * image.side)
        prompt, of_prompt = torch.unique(survivors[:, 0], return_inverse=True)
        mask_tokens = finish(prompt, slice(iou_at + 2, iou_at + 1 + decoder.mask_count))  # (A, 3, C)
        hyper = run_heads(decoder.mask_heads, mask_tokens.transpose(0, 1), MASKS)  # (3, A, C / 8)
        upscaled = decoder.upscale.many(keys[prompt], image.image)  # (A, N x 16, C / 8)
        logits = torch.bmm(hyper.transpose(0, 1), upscaled.transpose(1, 2))[of_prompt, survivors[:, 1]]
        logits = logits.view(-1, image.side, image.side, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
        return scores, survivors, logits.reshape(-1, 4 * image.side, 4 * image.side)


def _first_layer(layer: Layer, tokens: Tensor, image: PreparedPoints) -> tuple[Tensor, Tensor]:
    """With the image side's projections made: each head's scores of all prompts are one product."""
    block, count = layer.layer, tokens.shape[1]
    queries = norm(block.layer_norm1, _attend_among_tokens(block.self_attn, tokens, tokens))

    attention = layer.tokens_read_image.attention
    heads = attention.num_attention_heads
    q = _heads_first(attention.q_proj(queries + tokens) * attention.scaling, heads)  # (H, P x T, D)
    seen = torch.bmm(torch.bmm(q, image.read_keys).softmax(-1), image.read_values)
    read = output_projection(attention)(seen.transpose(0, 1).flatten(1)).view(tokens.shape)
    queries = norm(block.layer_norm2, queries + read)
    queries = norm(block.layer_norm3, queries + block.mlp(queries))

    reading = layer.image_reads_tokens
    k = _heads_first(reading.attention.k_proj(queries + tokens) * reading.attention.scaling, heads)
    scores = torch.bmm(k, image.reading_queries).view(heads, len(tokens), count, -1)  # (H, P, T, N)
    weights = scores.softmax(2).transpose(0, 1).flatten(1, 2)  # (P, H x T, N)
    keys = torch.baddbmm(image.keys, weights.transpose(1, 2), _folded_values(reading, queries))
    return queries, norm(block.layer_norm4, keys)


def _layer(
    layer: Layer, queries: Tensor | None, keys: Tensor, tokens: Tensor, position: Tensor
) -> tuple[Tensor, Tensor]:
    """As Layer, with a prompt dimension in front; the first layer has no queries yet."""
    block = layer.layer
    if queries is None:
        queries = _attend_among_tokens(block.self_attn, tokens, tokens)
    else:
        queries = queries + _attend_among_tokens(block.self_attn, queries + tokens, queries)
    queries = norm(block.layer_norm1, queries)
    placed = keys + position
    queries = norm(
        block.layer_norm2, queries + _tokens_read_image(layer.tokens_read_image, queries + tokens, placed, keys)
    )
    queries = norm(block.layer_norm3, queries + block.mlp(queries))
    keys = _image_reads_tokens(layer.image_reads_tokens, placed, keys, queries + tokens, queries)
    return queries, norm(block.layer_norm4, keys)


def _tokens_read_image(reads: TokensReadImage, queries: Tensor, placed: Tensor, keys: Tensor) -> Tensor:
    """As TokensReadImage: `queries` (P, T, C), `placed` and `keys` (P, N, C); (P, T, C)."""
    attention = reads.attention
    q = _heads_first(attention.q_proj(queries) * attention.scaling, attention.num_attention_heads)
    folded = _prompts_first(torch.bmm(q, reads.key_weight), len(queries))  # (P, H x T, C)
    seen = torch.bmm(torch.bmm(folded, placed.transpose(1, 2)).softmax(-1), keys)
    mixed = torch.baddbmm(reads.value_bias, _heads_before(seen, len(q)), reads.value_weight)  # (H, P x T, D)
    result: Tensor = output_projection(attention)(mixed.transpose(0, 1).flatten(1))
    return result.view(queries.shape)


def _image_reads_tokens(
    reads: ImageReadsTokens, placed: Tensor, keys: Tensor, token_keys: Tensor, token_values: Tensor
) -> Tensor:
    """As ImageReadsTokens, with a prompt dimension in front: (P, N, C)."""
    attention = reads.attention
    heads, prompts = attention.num_attention_heads, len(keys)
    k = _heads_first(attention.k_proj(token_keys) * attention.scaling, heads)  # (H, P x T, D)
    constant = _prompts_first(torch.bmm(k, reads.query_bias), prompts)  # (P, H x T, 1)
    folded = _prompts_first(torch.bmm(k, reads.query_weight), prompts)
    scores = torch.baddbmm(constant, folded, placed.transpose(1, 2))  # (P, H x T, N)
    weights = scores.view(prompts, heads, -1, scores.shape[-1]).softmax(2).flatten(1, 2)
    return torch.baddbmm(keys, weights.transpose(1, 2), _folded_values(reads, token_values))


def _folded_values(reads: ImageReadsTokens, token_values: Tensor) -> Tensor:
    """What each token adds to an image position that looks at it with one head, (P, H x T, C)."""
    v = _heads_first(reads.attention.v_proj(token_values), reads.attention.num_attention_heads)
    return _prompts_first(torch.baddbmm(reads.output_bias, v, reads.output_weight), len(token_values))


def _attend_among_tokens(attention: Any, queries_and_keys: Tensor, values: Tensor) -> Tensor:
    """Within each prompt, (P, T, C)."""
    heads = attention.num_attention_heads

    def by_head(rows: Tensor) -> Tensor:
        return rows.view(*rows.shape[:2], heads, -1).transpose(1, 2)  # (P, H, T, D)

    q = by_head(attention.q_proj(queries_and_keys) * attention.scaling)
    k, v = by_head(attention.k_proj(queries_and_keys)), by_head(attention.v_proj(values))
    mixed = torch.matmul(torch.matmul(q, k.transpose(2, 3)).softmax(-1), v)
    result: Tensor = output_projection(attention)(mixed.transpose(1, 2).flatten(2))
    return result


def _heads_first(rows: Tensor, heads: int) -> Tensor:
    """(P, T, H x D) or (N, H x D) to (H, P x T, D) or (H, N, D), a view."""
    return heads_of(rows.flatten(0, -2), heads)


def _prompts_first(rows: Tensor, prompts: int) -> Tensor:
    """(H, P x T, C) to (P, H x T, C)."""
    return rows.view(len(rows), prompts, -1, rows.shape[-1]).transpose(0, 1).flatten(1, 2)


def _heads_before(rows: Tensor, heads: int) -> Tensor:
    """(P, H x T, C) to (H, P x T, C)."""
    return rows.view(len(rows), heads, -1, rows.shape[-1]).transpose(0, 1).flatten(1, 2)
