"""SAM 2 for single images, on the parts of transformers' Sam2Model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from transformers import Sam2Config, Sam2Model

from model_server.networks.frame import Frame, resize, stretched
from model_server.networks.loading import IMAGENET_MEAN, IMAGENET_STD, load_pretrained, normalise
from model_server.networks.network import Decoded, Embedding, NetworkFacts, Pixels, PromptTensors
from model_server.networks.weights import read_facts

# conv_s0 and conv_s1 are the decoder's, but run once per image: what they make is part of the embedding.
ENCODER_PREFIXES = ("vision_encoder.", "no_memory_embedding", "mask_decoder.conv_s0.", "mask_decoder.conv_s1.")
MASK_LOGIT_LIMIT = 32.0  # SAM2ImagePredictor clamps the logits that go back in as a mask prompt


def facts(folder: Path, config: dict[str, Any]) -> NetworkFacts:
    """Facts of a SAM 2 folder. Raises UnusableModel."""
    return read_facts(
        folder,
        family="sam2",
        image_size=int(config.get("prompt_encoder_config", {}).get("image_size", 1024)),
        encoder_prefixes=ENCODER_PREFIXES,
        preprocessing={"resize": "stretch", "filter": "bilinear", "mean": IMAGENET_MEAN, "std": IMAGENET_STD},
    )


def load(folder: Path, config: dict[str, Any], device: torch.device) -> "Sam2":
    """Load a SAM 2 folder. Raises UnusableModel."""
    model = load_pretrained(Sam2Model, Sam2Config, folder, device)
    return Sam2(facts(folder, config), model)


class Sam2:
    """The network interface over a Sam2Model in evaluation mode."""

    def __init__(self, facts: NetworkFacts, model: Sam2Model) -> None:
        self.facts = facts
        self._model = model
        self._device, self._dtype = model.device, model.dtype
        self._low_size = model.prompt_encoder.mask_input_size[0]
        with torch.inference_mode():
            self._position = model.get_image_wide_positional_embeddings()

    def frame(self, size_hw: tuple[int, int]) -> Frame:
        """SAM 2 stretches the image to its square input."""
        return stretched(size_hw, input_size=self.facts.image_size, low_size=self._low_size)

    def prepare(self, image: Image.Image) -> Pixels:
        """Resize to (image_size, image_size, 3)."""
        return resize(image, self.frame((image.height, image.width)))

    @torch.inference_mode()
    def encode(self, pixels: Sequence[Pixels], sizes_hw: Sequence[tuple[int, int]]) -> list[Embedding]:
        """Feature maps (channels, height, width), finest first: strides 4, 8 and 16 of the input."""
        batch = normalise(np.stack(pixels), self._device, self._dtype)
        features = [level.half().cpu() for level in self._model.get_image_embeddings(batch)]
        return [
            Embedding(tuple(level[i].contiguous() for level in features), size_hw) for i, size_hw in enumerate(sizes_hw)
        ]

    @torch.inference_mode()
    def decode(self, embedding: Embedding, prompts: PromptTensors, multimask: Literal["auto"] | bool) -> Decoded:
        """Three masks for at most one point, else one, which falls back to the best of three where it is unstable."""
        frame = self.frame(embedding.size_hw)
        levels = [feature.to(self._device, self._dtype)[None] for feature in embedding.features]
        points, labels = self._points(prompts, frame)
        box = (
            None if prompts.box_xyxy is None else self._coordinates(frame, prompts.box_xyxy.reshape(2, 2)).view(1, 1, 4)
        )
        mask = None
        if prompts.mask_input is not None:
            mask = torch.from_numpy(prompts.mask_input).to(self._device, self._dtype)[None, None]
            mask = mask.clamp(-MASK_LOGIT_LIMIT, MASK_LOGIT_LIMIT)
        sparse, dense = self._model.prompt_encoder(points, labels, box, mask)
        masks, predicted_iou, _, _ = self._model.mask_decoder(
            image_embeddings=levels[-1],
            image_positional_embeddings=self._position,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=_answers_with_three(prompts) if multimask == "auto" else multimask,
            high_resolution_features=levels[:-1],
        )
        return Decoded(masks[0, 0].float().cpu().numpy(), predicted_iou[0, 0].float().cpu().numpy())

    def _points(self, prompts: PromptTensors, frame: Frame) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        if len(prompts.points_xy):
            labels = torch.from_numpy(prompts.labels).to(self._device)
            return self._coordinates(frame, prompts.points_xy)[None, None], labels[None, None]
        if prompts.box_xyxy is not None:
            return None, None
        # SAM 2 marks "no point" by a padding point; a lone mask needs it too.
        return (
            torch.zeros(1, 1, 1, 2, dtype=self._dtype, device=self._device),
            torch.full((1, 1, 1), -1, device=self._device),
        )

    def _coordinates(self, frame: Frame, xy: np.ndarray[Any, np.dtype[np.float32]]) -> torch.Tensor:
        return torch.from_numpy(frame.to_input(xy)).to(self._device)


def _answers_with_three(prompts: PromptTensors) -> bool:
    """A box counts as its two corners (sam2_base.py, multimask_min_pt_num 0 and multimask_max_pt_num 1)."""
    return len(prompts.points_xy) + 2 * (prompts.box_xyxy is not None) <= 1
