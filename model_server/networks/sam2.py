"""SAM 2 for single images, on the parts of transformers' Sam2Model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from transformers import Sam2Config

from model_server.networks import conv_pyramid  # noqa: F401  (registers the backbone of `nano`)
from model_server.networks.drawn_prompts import MASK_LOGIT_LIMIT, PromptDrawingSam2
from model_server.networks.frame import Floats, Frame, resize, stretched
from model_server.networks.loading import IMAGENET_MEAN, IMAGENET_STD, load_pretrained, normalise
from model_server.networks.network import Decoded, Embedding, NetworkFacts, Pixels, PromptTensors, Survivors
from model_server.networks.prepared import Prepared
from model_server.networks.two_way import PreparedImage, TwoWayDecoder
from model_server.networks.two_way_prompts import TwoWayPrompts, Unprompted, survivors
from model_server.networks.weights import read_facts

# conv_s0 and conv_s1 are the decoder's, but run once per image: what they make is part of the embedding.
ENCODER_PREFIXES = ("vision_encoder.", "no_memory_embedding", "mask_decoder.conv_s0.", "mask_decoder.conv_s1.")


def facts(folder: Path, config: dict[str, Any]) -> NetworkFacts:
    """Facts of a SAM 2 folder. Raises UnusableModel."""
    return read_facts(
        folder,
        config,
        family="sam2",
        image_size=int(config.get("prompt_encoder_config", {}).get("image_size", 1024)),
        encoder_prefixes=ENCODER_PREFIXES,
        preprocessing={"resize": "stretch", "filter": "bilinear", "mean": IMAGENET_MEAN, "std": IMAGENET_STD},
    )


def load(folder: Path, config: dict[str, Any], device: torch.device) -> "Sam2":
    """Load a SAM 2 folder. Raises UnusableModel."""
    model = load_pretrained(PromptDrawingSam2, Sam2Config, folder, device)
    return Sam2(facts(folder, config), model)


class Sam2:
    """The network interface over a Sam2Model in evaluation mode."""

    def __init__(self, facts: NetworkFacts, model: PromptDrawingSam2) -> None:
        self.facts = facts
        self._model = model
        self._device, self._dtype = model.device, model.dtype
        self._prepared, self._unprompted = Prepared(), Prepared()
        self._low_size = model.prompt_encoder.mask_input_size[0]
        with torch.inference_mode():
            self._decoder = TwoWayDecoder(model.mask_decoder, model.get_image_wide_positional_embeddings())
            self._many = TwoWayPrompts(self._decoder, model.prompt_encoder)
            self.prompts_at_once = self._many.at_once()

    @property
    def model(self) -> PromptDrawingSam2:
        """The transformers model, for what needs its weights and not its answers."""
        return self._model

    def frame(self, size_hw: tuple[int, int]) -> Frame:
        """SAM 2 stretches the image to its square input."""
        return stretched(size_hw, input_size=self.facts.image_size, low_size=self._low_size)

    def prepare(self, image: Image.Image) -> Pixels:
        """Resize to (image_size, image_size, 3)."""
        return resize(image, self.frame((image.height, image.width)))

    def encode(self, pixels: Sequence[Pixels], sizes_hw: Sequence[tuple[int, int]]) -> list[Embedding]:
        """Feature maps (channels, height, width), finest first: strides 4, 8 and 16 of the input."""
        features = [level.half().cpu() for level in self.encode_exactly(pixels)]
        return [
            Embedding(tuple(level[i].contiguous() for level in features), size_hw) for i, size_hw in enumerate(sizes_hw)
        ]

    @torch.inference_mode()
    def encode_exactly(self, pixels: Sequence[Pixels]) -> tuple[torch.Tensor, ...]:
        """Batches of feature maps on the device, in the network's own precision, before `encode` makes them fp16."""
        return tuple(self._model.get_image_embeddings(normalise(np.stack(pixels), self._device, self._dtype)))

    @torch.inference_mode()
    def decode(self, embedding: Embedding, prompts: PromptTensors, multimask: Literal["auto"] | bool) -> Decoded:
        """Three masks for at most one point, else one, which falls back to the best of three where it is unstable."""
        frame = self.frame(embedding.size_hw)
        points, labels = self._points(prompts, frame)
        box = None if prompts.box_xyxy is None else self._to_input(frame, prompts.box_xyxy.reshape(2, 2)).view(1, 1, 4)
        mask = None
        if prompts.mask_input is not None:
            mask = torch.from_numpy(prompts.mask_input).to(self._device, self._dtype)[None, None]
            mask = mask.clamp(-MASK_LOGIT_LIMIT, MASK_LOGIT_LIMIT)
        sparse, dense = self._model.prompt_encoder(points, labels, box, mask)
        is_three = _answers_with_three(prompts) if multimask == "auto" else multimask
        logits, predicted_iou = self._decoder(
            self._prepared.get(embedding, self._prepare),
            dense[0],
            sparse[0, 0],
            masks=slice(1, None) if is_three else slice(None),
        )
        if not is_three:
            chosen = 0
            if self._model.mask_decoder.dynamic_multimask_via_stability:
                chosen = int(self._single(logits[:1], predicted_iou[None]))
            logits, predicted_iou = logits[chosen : chosen + 1], predicted_iou[chosen : chosen + 1]
        return Decoded(logits.float().cpu().numpy(), predicted_iou.float().cpu().numpy())

    @torch.inference_mode()
    def decode_points(self, embedding: Embedding, points_xy: Floats, *, above: float) -> Survivors:
        """Three masks for each point."""
        image = self._unprompted.get(embedding, self._prepare_many)
        asked = self._many.ask_points(image, self._to_input(self.frame(embedding.size_hw), points_xy))
        prompt, mask = (asked.scores[:, 1:] > above).nonzero().T
        return survivors(asked, prompt, 1 + mask)

    @torch.inference_mode()
    def decode_boxes(self, embedding: Embedding, boxes_xyxy: Floats, *, least: float) -> Survivors:
        """Mask token 0 of each box, or where it is unstable the most confident of the others."""
        image = self._unprompted.get(embedding, self._prepare_many)
        corners = self._to_input(self.frame(embedding.size_hw), boxes_xyxy.reshape(-1, 2))
        asked = self._many.ask_boxes(image, corners.view(-1, 4))
        if not self._model.mask_decoder.dynamic_multimask_via_stability:
            (prompt,) = (asked.scores[:, 0] >= least).nonzero(as_tuple=True)
            return survivors(asked, prompt, torch.zeros_like(prompt))
        (prompt,) = (asked.scores.amax(1) >= least).nonzero(as_tuple=True)
        logits = asked.logits(prompt, torch.zeros_like(prompt))
        mask = self._single(logits, asked.scores[prompt])
        others = mask > 0
        logits[others] = asked.logits(prompt[others], mask[others])
        is_enough = asked.scores[prompt, mask] >= least
        return survivors(asked, prompt[is_enough], mask[is_enough], logits[is_enough])

    def _prepare_many(self, embedding: Embedding) -> Unprompted:
        return self._many.prepare(self._prepare(embedding))

    def _prepare(self, embedding: Embedding) -> PreparedImage:
        finest, finer, coarse = (feature.to(self._device, self._dtype) for feature in embedding.features)
        return self._decoder.prepare(coarse, (finest, finer))

    def _single(self, first_logits: torch.Tensor, predicted_iou: torch.Tensor) -> torch.Tensor:
        """Which mask answers, (P,): token 0, or where it is unstable the most confident of the others (sam2's
        mask_decoder.py).

        `first_logits` (P, h, w) are those of token 0, `predicted_iou` (P, 4) those of all.
        """
        decoder = self._model.mask_decoder
        delta = decoder.dynamic_multimask_stability_delta
        sure, perhaps = ((first_logits > level).sum((1, 2)) for level in (delta, -delta))
        is_unstable = (perhaps > 0) & (sure / perhaps < decoder.dynamic_multimask_stability_thresh)
        return torch.where(is_unstable, 1 + predicted_iou[:, 1:].argmax(1), 0)

    def _points(self, prompts: PromptTensors, frame: Frame) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        if len(prompts.points_xy):
            labels = torch.from_numpy(prompts.labels).to(self._device)
            return self._to_input(frame, prompts.points_xy)[None, None], labels[None, None]
        if prompts.box_xyxy is not None:
            return None, None
        # SAM 2 marks "no point" by a padding point; a lone mask needs it too.
        return (
            torch.zeros(1, 1, 1, 2, dtype=self._dtype, device=self._device),
            torch.full((1, 1, 1), -1, device=self._device),
        )

    def _to_input(self, frame: Frame, xy: Floats) -> torch.Tensor:
        return torch.from_numpy(frame.to_input(xy)).to(self._device)


def _answers_with_three(prompts: PromptTensors) -> bool:
    """A box counts as its two corners (sam2_base.py, multimask_min_pt_num 0 and multimask_max_pt_num 1)."""
    return len(prompts.points_xy) + 2 * (prompts.box_xyxy is not None) <= 1
