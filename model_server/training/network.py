"""A promptable network as the trainer sees it: batches of images, and of prompts on each, with gradients.

The same transformers modules that are served; only how prompts are batched differs. Shapes: B images, P prompts on
each, n points of a prompt, K masks answered, C channels, input side S, logits of side L.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Sam2Config, SamConfig, SamModel

from model_server.networks import conv_pyramid
from model_server.networks.drawn_prompts import MASK_LOGIT_LIMIT, PromptDrawingSam2
from model_server.networks.loading import IMAGENET_MEAN, IMAGENET_STD, load_pretrained
from model_server.networks.weights import UnusableModel, read_config


@dataclass(frozen=True, slots=True)
class Features:
    """What the encoder makes of B images: (B, C, S / 16, S / 16), and for SAM 2 the two finer levels, else none."""

    coarse: Tensor
    finer: tuple[Tensor, ...]

    def all(self) -> tuple[Tensor, ...]:
        """Every level, the coarse one first."""
        return (self.coarse, *self.finer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Prompts of one round on the input's pixels: points (B, P, n, 2), labels (B, P, n) 1 or 0, boxes (B, P, 4).

    `mask_logits` (B, P, L, L) are the previous answer's. n may be 0 where there are boxes.
    """

    points_xy: Tensor
    labels: Tensor
    boxes_xyxy: Tensor | None
    mask_logits: Tensor | None


class TrainableNetwork(nn.Module):
    """SAM or SAM 2 with gradients. `model` is the transformers model, whose weights are what is saved."""

    def __init__(self, model: Any, family: str) -> None:
        super().__init__()
        self.model = model
        self.family = family
        # Few tokens meet many positions: on a CPU plain products backpropagate 2.3 x faster than the fused attention.
        for part in model.modules():
            if hasattr(part, "config") and "Attention" in type(part).__name__:
                part.config._attn_implementation = "eager"
        self.input_size: int = model.prompt_encoder.input_image_size
        self.low_size: int = 4 * model.prompt_encoder.image_embedding_size[0]
        self._mean: Tensor
        self._std: Tensor
        self.register_buffer("_mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("_std", torch.tensor(IMAGENET_STD).view(3, 1, 1) * 255, persistent=False)

    @property
    def is_stretched(self) -> bool:
        """Whether images fill the square input (SAM 2) or lie at its top left, padded (SAM)."""
        return self.family == "sam2"

    def encode(self, pixels: Tensor) -> Features:
        """8-bit RGB (B, 3, S, S) to features."""
        model, batch = self.model, (pixels.float() - self._mean) / self._std
        if self.family == "sam":
            return Features(model.vision_encoder(batch).last_hidden_state, ())
        finest, finer, coarse = model.vision_encoder(batch).fpn_hidden_states
        coarse = coarse + model.no_memory_embedding.view(1, -1, 1, 1)
        return Features(coarse, (model.mask_decoder.conv_s0(finest), model.mask_decoder.conv_s1(finer)))

    def decode(self, features: Features, prompts: Prompts, *, multimask: bool) -> tuple[Tensor, Tensor]:
        """Low-resolution logits (B, P, K, L, L) and predicted IoU (B, P, K); K is 3 with `multimask`, else 1."""
        model = self.model
        images, count = prompts.points_xy.shape[:2]
        points, labels = prompts.points_xy.flatten(0, 1)[:, None], prompts.labels.flatten(0, 1)[:, None]
        boxes = None if prompts.boxes_xyxy is None else prompts.boxes_xyxy.flatten(0, 1)[:, None]
        mask = None
        if prompts.mask_logits is not None:
            mask = prompts.mask_logits.flatten(0, 1)[:, None].clamp(-MASK_LOGIT_LIMIT, MASK_LOGIT_LIMIT)
        has_points = points.shape[2] > 0
        clicks = (points, labels) if has_points else (None, None)
        sparse, dense = model.prompt_encoder(*clicks, boxes, mask)
        given: dict[str, Any] = {}
        if features.finer:
            given["high_resolution_features"] = [level.repeat_interleave(count, dim=0) for level in features.finer]
        logits, predicted_iou = model.mask_decoder(
            image_embeddings=features.coarse.repeat_interleave(count, dim=0),
            image_positional_embeddings=self._position(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense.expand(images * count, -1, -1, -1),
            multimask_output=multimask,
            **given,
        )[:2]
        # the decoder was shown B x P images with one prompt each
        by_image = (images, count)
        return logits.float()[:, 0].unflatten(0, by_image), predicted_iou.float()[:, 0].unflatten(0, by_image)

    def _position(self) -> Tensor:
        position: Tensor = self.model.get_image_wide_positional_embeddings()
        return position


def load_trainable(folder: Path, *, input_size: int | None = None) -> TrainableNetwork:
    """The network of a folder in float32, for training; SAM 2's `input_size` may be another than it was trained with.

    Raises UnusableModel: another architecture, or a size that the family cannot take.
    """
    config = read_config(folder)
    family = {"sam": "sam", "sam2": "sam2", "sam2_video": "sam2"}.get(str(config.get("model_type")))
    if family is None:
        raise UnusableModel(
            "untrainable_architecture",
            f"{folder.name}: networks of model_type {config.get('model_type')!r} cannot be trained; SAM and SAM 2 can.",
        )
    model_class, config_class = (SamModel, SamConfig) if family == "sam" else (PromptDrawingSam2, Sam2Config)
    model = load_pretrained(model_class, config_class, folder, torch.device("cpu")).float().requires_grad_(True)
    if input_size is not None and input_size != model.prompt_encoder.input_image_size:
        model = resized(model, folder, input_size)
    return TrainableNetwork(model, family)


def resized(model: Any, folder: Path, input_size: int) -> Any:
    """A SAM 2 with a convolutional backbone at another input size: the same weights, other grids."""
    backbone = getattr(model.config.vision_config, "backbone_config", None)
    if not isinstance(backbone, conv_pyramid.ConvPyramidConfig):
        raise UnusableModel("input_size_fixed", f"{folder.name}: only convolutional encoders can change their size.")
    if input_size % 32 or input_size < 64:
        raise UnusableModel("input_size_fixed", f"An input size of {input_size} is not a multiple of 32 from 64 on.")
    config = Sam2Config(**model.config.to_dict())
    set_input_size(config, input_size)
    other = PromptDrawingSam2(config)
    other.load_state_dict(model.state_dict())
    return other


def set_input_size(config: Any, input_size: int) -> None:
    """Write an input size everywhere a Sam2Config holds it."""
    config.prompt_encoder_config.image_size = input_size
    config.vision_config.backbone_feature_sizes = [[input_size // stride] * 2 for stride in (4, 8, 16)]
