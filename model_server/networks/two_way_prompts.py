"""The mask decoder for many prompts on one image, each asked alone: the same numbers for less.

Besides the algebra of two_way.py, which it shares:
- before the first layer has read any token, the image side is the same for all prompts, so what the first layer's
  attention makes of it is made once per image; what a drawn prompt adds to it (drawn_prompts.py) has few channels, and
  is projected with those;
- the predicted IoU needs one token only; the others are finished, and the image side upscaled, only for prompts of
  which a mask survives.

Letters in shapes as in two_way.py, P prompts and S channels of strokes. A sequence of prompts is worked on in blocks,
so that memory does not grow with P and, on a CPU, a block stays in the caches.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from model_server.networks.drawn_prompts import DrawingPromptEncoder
from model_server.networks.network import Survivors
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
    shares,
)
from model_server.networks.windows import Window, logits_in, windows_of

# Image rows of all prompts that are decoded at once: on a CPU a click's work or two, on a GPU 64 prompts of SAM.
ROWS_AT_ONCE = {"cpu": 2304, "cuda": 262_144}


@dataclass(frozen=True, slots=True)
class FirstReads:
    """Projections of the first layer's image side, head by head: of (N, C) or, where prompts are drawn, of strokes."""

    read_keys: Tensor  # (H, D, N)
    read_values: Tensor  # (H, N, D)
    reading_queries: Tensor  # (H, D, N)


@dataclass(frozen=True, slots=True)
class Unprompted:
    """An image before any prompt: its rows (N, C) and what the first layer makes of them."""

    image: PreparedImage
    keys: Tensor
    reads: FirstReads


class TwoWayPrompts:
    """Many prompts over the parts of a TwoWayDecoder and transformers' prompt encoder."""

    def __init__(self, decoder: TwoWayDecoder, prompt_encoder: Any) -> None:
        self._decoder, self._prompt_encoder = decoder, prompt_encoder
        self._strokes: tuple[Tensor, FirstReads] | None = None
        if isinstance(prompt_encoder, DrawingPromptEncoder):
            weight = prompt_encoder.mask_embed.conv3.weight.flatten(1).T.contiguous()  # (S, C)
            self._strokes = weight, _first_reads(decoder.layers[0], weight, weight, bias=False)

    def prepare(self, image: PreparedImage) -> Unprompted:
        """What all prompts share."""
        encoder = self._prompt_encoder
        keys = image.rows + (encoder.no_mask_embed.weight if self._strokes is None else encoder.mask_embed.conv3.bias)
        return Unprompted(image, keys, _first_reads(self._decoder.layers[0], keys, keys + self._decoder.position))

    def at_once(self) -> int:
        """How many prompts to decode in one call."""
        position = self._decoder.position
        return max(1, ROWS_AT_ONCE.get(position.device.type, ROWS_AT_ONCE["cpu"]) // len(position))

    def ask_points(self, image: Unprompted, points_xy: Tensor) -> "Asked":
        """Points (P, 2) of input pixels, each a click on an object."""
        labels = torch.ones(1, len(points_xy), 1, dtype=torch.int64, device=points_xy.device)
        return self._ask(image, points_xy[None, :, None], labels, None)

    def ask_boxes(self, image: Unprompted, boxes_xyxy: Tensor) -> "Asked":
        """Boxes (P, 4) of input pixels, whose masks lie about them (windows.py)."""
        asked = self._ask(image, None, None, boxes_xyxy[None])
        size: Any = self._prompt_encoder.input_image_size
        asked.windows = windows_of(boxes_xyxy, input_size=size, side=math.isqrt(len(image.keys)))
        return asked

    def _ask(self, image: Unprompted, points: Tensor | None, labels: Tensor | None, boxes: Tensor | None) -> "Asked":
        if self._strokes is None:
            prompts, _ = self._prompt_encoder(points, labels, boxes, None)
            return self.ask(image, prompts[0])
        prompts, strokes = self._prompt_encoder.draw(points, labels, boxes)
        return self.ask(image, prompts[0], strokes.flatten(2))

    def ask(self, image: Unprompted, prompts: Tensor, strokes: Tensor | None = None) -> "Asked":
        """Prompts (P, T, C) and, where they are drawn, their strokes (P, S, N)."""
        decoder = self._decoder
        tokens = torch.cat([decoder.output_tokens.expand(len(prompts), -1, -1), prompts], dim=1)
        drawn = None if self._strokes is None or strokes is None else _Drawn(strokes, *self._strokes)
        queries, keys = _first_layer(decoder.layers[0], tokens, image, drawn)
        for layer in decoder.layers[1:]:
            queries, keys = _layer(layer, queries, keys, tokens, decoder.position)
        return Asked(decoder, image.image, tokens, queries, keys)


class Asked:
    """What prompts have made of an image: `scores`, the predicted IoU of all masks (P, masks), and masks on demand.

    `windows`: of each prompt, where its masks can lie.
    """

    windows: list[Window] | None = None

    def __init__(
        self, decoder: TwoWayDecoder, image: PreparedImage, tokens: Tensor, queries: Tensor, keys: Tensor
    ) -> None:
        self._decoder, self._image = decoder, image
        self._tokens, self._queries = tokens, queries
        self._keys, self._placed = keys, keys + decoder.position
        self.scores: Tensor = decoder.iou_head(
            self._finish(slice(None), slice(decoder.iou_at, decoder.iou_at + 1))[:, 0]
        )

    def logits(self, prompt: Tensor, mask: Tensor) -> Tensor:
        """Low-resolution logits (K, 4 side, 4 side) of some masks: of which prompt (K,), which of its masks (K,)."""
        side = math.isqrt(self._keys.shape[1])
        if not len(prompt):
            return self._keys.new_empty(0, 4 * side, 4 * side)
        decoder = self._decoder
        asked, of_prompt = torch.unique(prompt, return_inverse=True)
        rows = slice(None) if len(asked) == len(self._keys) else asked  # a view saves a copy
        masks = slice(int(mask.min()), int(mask.max()) + 1)
        first = decoder.iou_at + 1
        mask_tokens = self._finish(rows, slice(first + masks.start, first + masks.stop))  # (A, masks, C)
        hyper = run_heads(decoder.mask_heads, mask_tokens.transpose(0, 1), masks)  # (masks, A, C / 8)
        if self.windows is not None:
            return self._logits_in_windows(prompt, hyper[mask - masks.start, of_prompt])
        upscaled = decoder.upscale.many(self._keys[rows], self._image)  # (A, N x 16, C / 8)
        logits = torch.bmm(hyper.transpose(0, 1), upscaled.transpose(1, 2))[of_prompt, mask - masks.start]
        logits = logits.view(-1, side, side, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
        return logits.reshape(-1, 4 * side, 4 * side)

    def _logits_in_windows(self, prompt: Tensor, hyper: Tensor) -> Tensor:
        """Of prompts (K,) and what is to be read from each (K, C / 8)."""
        assert self.windows is not None
        side = math.isqrt(self._keys.shape[1])
        keys = self._keys.view(-1, side, side, self._keys.shape[-1])
        asked = zip(prompt.tolist(), hyper, strict=True)
        upscale, image = self._decoder.upscale, self._image
        return torch.stack([logits_in(self.windows[at], upscale, keys[at], image, one) for at, one in asked])

    def _finish(self, prompt: Tensor | slice, token: slice) -> Tensor:
        rows, places = self._queries[prompt, token], self._tokens[prompt, token]
        read = _tokens_read_image(self._decoder.final, rows + places, self._placed[prompt], self._keys[prompt])
        return norm(self._decoder.final_norm, rows + read)


def survivors(asked: Asked, prompt: Tensor, mask: Tensor, logits: Tensor | None = None) -> Survivors:
    """Some masks for the host: of which prompt (K,), which of its masks (K,), and their logits if they are made."""
    logits = asked.logits(prompt, mask) if logits is None else logits
    return Survivors(
        prompt.cpu().numpy(), asked.scores[prompt, mask].float().cpu().numpy(), logits.float().cpu().numpy()
    )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Strokes (P, S, N); the rows (S, C) that they add to the image's, and what the first layer makes of those."""

    strokes: Tensor
    rows: Tensor
    reads: FirstReads


def _first_reads(layer: Layer, rows: Tensor, placed: Tensor, *, bias: bool = True) -> FirstReads:
    """Of rows (N, C), and of the same with their positions. Without `bias` for what is added to other rows."""
    reads, read = layer.tokens_read_image.attention, layer.image_reads_tokens.attention

    def project(projection: Any, rows: Tensor, heads: int) -> Tensor:
        return _heads_first(functional.linear(rows, projection.weight, projection.bias if bias else None), heads)

    return FirstReads(
        read_keys=project(reads.k_proj, placed, reads.num_attention_heads).transpose(1, 2).contiguous(),
        read_values=project(reads.v_proj, rows, reads.num_attention_heads).contiguous(),
        reading_queries=project(read.q_proj, placed, read.num_attention_heads).transpose(1, 2).contiguous(),
    )


def _first_layer(layer: Layer, tokens: Tensor, image: Unprompted, drawn: _Drawn | None) -> tuple[Tensor, Tensor]:
    """With the image side's projections made: each head's scores of all prompts are one product."""
    block, prompts = layer.layer, len(tokens)
    queries = norm(block.layer_norm1, _attend_among_tokens(block.self_attn, tokens, tokens))

    attention = layer.tokens_read_image.attention
    heads = attention.num_attention_heads
    q = _heads_first(attention.q_proj(queries + tokens) * attention.scaling, heads)  # (H, P x T, D)
    scores = torch.bmm(q, image.reads.read_keys)  # (H, P x T, N)
    if drawn is not None:
        scores += _heads_before(_prompts_first(torch.bmm(q, drawn.reads.read_keys), prompts) @ drawn.strokes, heads)
    weights = shares(scores, -1)
    seen = torch.bmm(weights, image.reads.read_values)  # (H, P x T, D)
    if drawn is not None:
        seen_strokes = _prompts_first(weights, prompts) @ drawn.strokes.transpose(1, 2)  # (P, H x T, S)
        seen = torch.baddbmm(seen, _heads_before(seen_strokes, heads), drawn.reads.read_values)
    read = output_projection(attention)(seen.transpose(0, 1).flatten(1)).view(tokens.shape)
    queries = norm(block.layer_norm2, queries + read)
    queries = norm(block.layer_norm3, queries + block.mlp(queries))

    reading = layer.image_reads_tokens
    k = _heads_first(reading.attention.k_proj(queries + tokens) * reading.attention.scaling, heads)
    scores = _prompts_first(torch.bmm(k, image.reads.reading_queries), prompts)  # (P, H x T, N)
    if drawn is not None:
        scores = torch.baddbmm(
            scores, _prompts_first(torch.bmm(k, drawn.reads.reading_queries), prompts), drawn.strokes
        )
    weights = shares(scores.view(prompts, heads, -1, scores.shape[-1]), 2).flatten(1, 2)
    values = _folded_values(reading, queries)  # (P, H x T, C)
    if drawn is not None:
        weights = torch.cat([weights, drawn.strokes], dim=1)
        values = torch.cat([values, drawn.rows.expand(prompts, -1, -1)], dim=1)
    keys = torch.baddbmm(image.keys, weights.transpose(1, 2), values)
    return queries, norm(block.layer_norm4, keys)


def _layer(layer: Layer, queries: Tensor, keys: Tensor, tokens: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
    """As Layer, with a prompt dimension in front."""
    block = layer.layer
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
    seen = torch.bmm(shares(torch.bmm(folded, placed.transpose(1, 2)), -1), keys)
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
    weights = shares(scores.view(prompts, heads, -1, scores.shape[-1]), 2).flatten(1, 2)
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
    mixed = torch.matmul(shares(torch.matmul(q, k.transpose(2, 3)), -1), v)
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
