"""A real but trivial network: it answers with the region of similar colour around the clicks, in under a millisecond.

For tests and for trying the server out: same interface, same kind of folder, no training.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional

from model_server.networks.frame import Floats, Frame, resize, stretched
from model_server.networks.network import Decoded, Embedding, NetworkFacts, Pixels, PromptTensors, Survivors
from model_server.networks.weights import UnusableModel, read_facts

INPUT_SIZE, LOW_SIZE = 128, 64
FARTHEST = 8.0  # logit far from any prompt


def facts(folder: Path, config: dict[str, Any]) -> NetworkFacts:
    """Facts of a tiny folder. Raises UnusableModel."""
    return read_facts(
        folder,
        config,
        family="tiny",
        image_size=INPUT_SIZE,
        encoder_prefixes=("encoder.",),
        preprocessing={"resize": "stretch", "filter": "bilinear"},
    )


def load(folder: Path, config: dict[str, Any], device: torch.device) -> "Tiny":
    """Load a tiny folder: `encoder.scale` (3,) weighs the channels, `decoder.reach` (3,) sizes the candidates."""
    known = facts(folder, config)
    try:
        weights = load_file(folder / "model.safetensors", device=str(device))
        return Tiny(known, weights["encoder.scale"], weights["decoder.reach"])
    except (OSError, KeyError, SafetensorError) as error:
        raise UnusableModel("model_weights_damaged", f"{folder.name}: the model cannot be loaded ({error}).") from error


class Tiny:
    """The network interface over two small tensors."""

    def __init__(self, facts: NetworkFacts, channel_scale: torch.Tensor, reach: torch.Tensor) -> None:
        self.facts = facts
        self.prompts_at_once = 1
        self._channel_scale, self._reach = channel_scale, reach
        centres = torch.arange(LOW_SIZE, device=reach.device) + 0.5
        self._grid_xy = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), dim=-1)  # (low, low, 2)

    def frame(self, size_hw: tuple[int, int]) -> Frame:
        """Stretched, as SAM 2."""
        return stretched(size_hw, input_size=INPUT_SIZE, low_size=LOW_SIZE)

    def prepare(self, image: Image.Image) -> Pixels:
        """Resize to (INPUT_SIZE, INPUT_SIZE, 3)."""
        return resize(image, self.frame((image.height, image.width)))

    @torch.inference_mode()
    def encode(self, pixels: Sequence[Pixels], sizes_hw: Sequence[tuple[int, int]]) -> list[Embedding]:
        """Mean colours on the low-resolution grid, (3, LOW_SIZE, LOW_SIZE)."""
        batch = torch.from_numpy(np.stack(pixels)).to(self._reach.device).permute(0, 3, 1, 2).float() / 255
        colours = functional.adaptive_avg_pool2d(batch, LOW_SIZE) * self._channel_scale.view(3, 1, 1)
        features = colours.half().cpu()
        return [Embedding((features[i].contiguous(),), size_hw) for i, size_hw in enumerate(sizes_hw)]

    @torch.inference_mode()
    def decode(self, embedding: Embedding, prompts: PromptTensors, multimask: Literal["auto"] | bool) -> Decoded:
        """Three sizes of region for one prompt, else the middle one."""
        colours = embedding.features[0].to(self._reach.device, torch.float32)  # (3, low, low)
        frame = self.frame(embedding.size_hw)
        logits = torch.full((3, LOW_SIZE, LOW_SIZE), -FARTHEST, device=self._reach.device)
        points = torch.from_numpy(frame.to_input(prompts.points_xy)) * (LOW_SIZE / INPUT_SIZE)
        for point, label in zip(points, prompts.labels, strict=True):
            x, y = (int(value) for value in point.clamp(0, LOW_SIZE - 1))
            distance = (self._grid_xy - point.to(logits.device)).norm(dim=-1)
            unlike = (colours - colours[:, y, x].view(3, 1, 1)).norm(dim=0)
            near = (self._reach.view(3, 1, 1) - distance - LOW_SIZE * unlike).clamp(-FARTHEST, FARTHEST)
            logits = torch.maximum(logits, near) if label == 1 else torch.minimum(logits, -near)
        if prompts.box_xyxy is not None:
            corners = torch.from_numpy(frame.to_input(prompts.box_xyxy.reshape(2, 2))) * (LOW_SIZE / INPUT_SIZE)
            inwards = torch.minimum(
                self._grid_xy - corners[0].to(logits.device), corners[1].to(logits.device) - self._grid_xy
            )
            logits = torch.minimum(logits if len(points) else -logits, inwards.amin(dim=-1))
        if prompts.mask_input is not None:
            logits = logits + 0.25 * torch.from_numpy(prompts.mask_input).to(logits.device)
        predicted_iou = torch.tensor([0.7, 0.9, 0.8])
        if not (prompts.prompt_count == 1 if multimask == "auto" else multimask):
            logits, predicted_iou = logits[1:2], predicted_iou[1:2]
        return Decoded(logits.cpu().numpy(), predicted_iou.numpy())

    def decode_points(self, embedding: Embedding, points_xy: Floats, *, above: float) -> Survivors:
        """One click after the other."""
        decoded = [self._decode_alone(embedding, point=point) for point in points_xy]
        predicted_iou = np.stack([one.predicted_iou for one in decoded])
        prompt, candidate = np.nonzero(predicted_iou > above)
        logits = np.stack([one.logits for one in decoded])[prompt, candidate]
        return Survivors(prompt, predicted_iou[prompt, candidate], logits)

    def decode_boxes(self, embedding: Embedding, boxes_xyxy: Floats, *, least: float) -> Survivors:
        """One box after the other; the best of its three masks."""
        decoded = [self._decode_alone(embedding, box=box) for box in boxes_xyxy]
        best = np.array([one.predicted_iou.argmax() for one in decoded])
        predicted_iou = np.array([one.predicted_iou[i] for one, i in zip(decoded, best, strict=True)], np.float32)
        (prompt,) = np.nonzero(predicted_iou >= least)
        logits = np.stack([one.logits[i] for one, i in zip(decoded, best, strict=True)])
        return Survivors(prompt, predicted_iou[prompt], logits[prompt])

    def _decode_alone(self, embedding: Embedding, *, point: Floats | None = None, box: Floats | None = None) -> Decoded:
        points = np.empty((0, 2), np.float32) if point is None else point[None]
        prompts = PromptTensors(
            points_xy=points, labels=np.ones(len(points), np.int64), box_xyxy=box, mask_input=None, prompt_count=1
        )
        return self.decode(embedding, prompts, "auto")
