"""Segment Anything (SAM), on the parts of transformers' SamModel."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from transformers import SamConfig, SamModel

from model_server.networks.frame import Floats, Frame, padded, resize
from model_server.networks.loading import IMAGENET_MEAN, IMAGENET_STD, load_pretrained, normalise
from model_server.networks.network import Decoded, Embedding, NetworkFacts, Pixels, PromptTensors, Survivors
from model_server.networks.prepared import Prepared
from model_server.networks.two_way import PreparedImage, TwoWayDecoder
from model_server.networks.two_way_prompts import TwoWayPrompts, Unprompted, survivors
from model_server.networks.weights import read_facts


def facts(folder: Path, config: dict[str, Any]) -> NetworkFacts:
    """Facts of a SAM folder. Raises UnusableModel."""
    return read_facts(
        folder,
        config,
        family="sam",
        image_size=int(config.get("vision_config", {}).get("image_size", 1024)),
        encoder_prefixes=("vision_encoder.",),
        preprocessing={"resize": "pad", "filter": "bilinear", "mean": IMAGENET_MEAN, "std": IMAGENET_STD},
    )


def load(folder: Path, config: dict[str, Any], device: torch.device) -> "Sam":
    """Load a SAM folder. Raises UnusableModel."""
    model = load_pretrained(SamModel, SamConfig, folder, device)
    return Sam(facts(folder, config), model)


class Sam:
    """The network interface over a SamModel in evaluation mode."""

    def __init__(self, facts: NetworkFacts, model: SamModel) -> None:
        self.facts = facts
        self._model = model
        self._device, self._dtype = model.device, model.dtype
        self._prepared, self._unprompted = Prepared(), Prepared()
        self._low_size = 4 * model.prompt_encoder.image_embedding_size[0]
        with torch.inference_mode():
            position = model.get_image_wide_positional_embeddings()  # type: ignore[no-untyped-call]
            self._decoder = TwoWayDecoder(model.mask_decoder, position)
            self._many = TwoWayPrompts(self._decoder, model.prompt_encoder)
            self.prompts_at_once = self._many.at_once()
            self._no_prompts = torch.empty(0, model.prompt_encoder.hidden_size, device=self._device, dtype=self._dtype)

    @property
    def model(self) -> SamModel:
        """The transformers model, for what needs its weights and not its answers."""
        return self._model

    def frame(self, size_hw: tuple[int, int]) -> Frame:
        """SAM scales the long side to its input and pads the rest."""
        return padded(size_hw, input_size=self.facts.image_size, low_size=self._low_size)

    def prepare(self, image: Image.Image) -> Pixels:
        """Resize the long side to image_size; unpadded (height, width, 3)."""
        return resize(image, self.frame((image.height, image.width)))

    def encode(self, pixels: Sequence[Pixels], sizes_hw: Sequence[tuple[int, int]]) -> list[Embedding]:
        """One feature map (256, image_size / 16, image_size / 16) per image; padding is zero after normalising."""
        features = self.encode_exactly(pixels)[0].half().cpu()
        return [Embedding((features[i].contiguous(),), size_hw) for i, size_hw in enumerate(sizes_hw)]

    @torch.inference_mode()
    def encode_exactly(self, pixels: Sequence[Pixels]) -> tuple[torch.Tensor, ...]:
        """The batch of feature maps on the device and in the network's own precision, before `encode` makes it fp16."""
        side = self.facts.image_size
        batch = torch.zeros(len(pixels), 3, side, side, dtype=self._dtype, device=self._device)
        for i, image in enumerate(pixels):
            batch[i, :, : image.shape[0], : image.shape[1]] = normalise(image[None], self._device, self._dtype)[0]
        return (self._model.vision_encoder(batch).last_hidden_state,)

    @torch.inference_mode()
    def decode(self, embedding: Embedding, prompts: PromptTensors, multimask: Literal["auto"] | bool) -> Decoded:
        """Three masks for a lone prompt of any kind, else one (select_masks of SAM's ONNX export)."""
        frame = self.frame(embedding.size_hw)
        points = labels = box = mask = None
        if len(prompts.points_xy):
            points = self._to_input(frame, prompts.points_xy)[None, None]
            labels = torch.from_numpy(prompts.labels).to(self._device)[None, None]
        if prompts.box_xyxy is not None:
            box = self._to_input(frame, prompts.box_xyxy.reshape(2, 2)).view(1, 1, 4)
        if prompts.mask_input is not None:
            mask = torch.from_numpy(prompts.mask_input).to(self._device, self._dtype)[None, None]
        sparse, dense = self._model.prompt_encoder(points, labels, box, mask)
        is_three = prompts.prompt_count == 1 if multimask == "auto" else multimask
        logits, predicted_iou = self._decoder(
            self._prepared.get(embedding, self._prepare),
            dense[0],
            self._no_prompts if sparse is None else sparse[0, 0],
            masks=slice(1, None) if is_three else slice(0, 1),
        )
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
        """The best of the three masks of each box."""
        image = self._unprompted.get(embedding, self._prepare_many)
        corners = self._to_input(self.frame(embedding.size_hw), boxes_xyxy.reshape(-1, 2))
        asked = self._many.ask_boxes(image, corners.view(-1, 4))
        scores, best = asked.scores[:, 1:].max(1)
        (prompt,) = (scores >= least).nonzero(as_tuple=True)
        return survivors(asked, prompt, 1 + best[prompt])

    def _prepare_many(self, embedding: Embedding) -> Unprompted:
        return self._many.prepare(self._prepare(embedding))

    def _prepare(self, embedding: Embedding) -> PreparedImage:
        return self._decoder.prepare(embedding.features[0].to(self._device, self._dtype), None)

    def _to_input(self, frame: Frame, xy: Floats) -> torch.Tensor:
        return torch.from_numpy(frame.to_input(xy)).to(self._device)
