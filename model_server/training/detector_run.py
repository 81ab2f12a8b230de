"""One run of a box head: batches in, steps, a running average of the weights out. Knows no files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from model_server.networks.box_head import BoxHead, HeadShape, inside_image
from model_server.training.detector_data import Lesson
from model_server.training.detector_loss import detector_loss
from model_server.training.detector_options import DetectorConfiguration
from model_server.training.schedule import rate_at

AVERAGE_STEPS = 200  # over about how many the weights are averaged


@dataclass(frozen=True, slots=True)
class DetectorStep:
    """Losses of one step."""

    loss: float
    box_loss: float
    quality_loss: float


class DetectorRun:
    """A head in training with its optimiser and the running average of its weights."""

    def __init__(self, shape: HeadShape, configuration: DetectorConfiguration, device: torch.device) -> None:
        torch.manual_seed(configuration.seed)
        self.configuration, self.device = configuration, device
        self.head = BoxHead(shape).to(device)
        matrices = [parameter for parameter in self.head.parameters() if parameter.ndim >= 2]
        others = [parameter for parameter in self.head.parameters() if parameter.ndim < 2]
        groups: list[dict[str, Any]] = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=configuration.rate, weight_decay=configuration.weight_decay)
        self.averaged = {name: tensor.detach().clone() for name, tensor in self.head.state_dict().items()}
        self.step = 0
        self.seconds = 0.0  # spent so far, over all starts

    def advance(self, lessons: Sequence[Lesson]) -> DetectorStep:
        """One step on a batch of pictures."""
        configuration, head = self.configuration, self.head
        share = rate_at(self.step, steps=configuration.steps, warmup=configuration.warmup, schedule="cosine")
        for group in self.optimiser.param_groups:
            group["lr"] = configuration.rate * share
        levels = zip(*(lesson.embedding.features for lesson in lessons), strict=True)
        features = tuple(torch.stack(level).to(self.device, torch.float32) for level in levels)
        boxes, quality = head(features)
        loss, parts = detector_loss(
            boxes,
            quality,
            [lesson.boxes_xyxy.to(self.device) for lesson in lessons],
            torch.stack([inside_image(head.centres_xy, lesson.frame) for lesson in lessons]),
            centres_xy=head.centres_xy,
            strides=head.strides,
            negative_weight=configuration.negative_weight,
        )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(head.parameters(), configuration.clip)
        self.optimiser.step()
        self.step += 1
        self._average()
        return DetectorStep(float(loss.detach()), **parts)

    @torch.no_grad()
    def _average(self) -> None:
        """Exponential, over fewer steps at first, so that the random start is soon forgotten."""
        share = max(1 / AVERAGE_STEPS, 1 / (1 + math.ceil(self.step / 5)))
        for name, tensor in self.head.state_dict().items():
            self.averaged[name].lerp_(tensor, share)

    def finished(self) -> BoxHead:
        """A head with the averaged weights, for inference."""
        head = BoxHead(self.head.shape).to(self.device)
        head.load_state_dict(self.averaged)
        return head.eval().requires_grad_(False)

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights on the host, as they are saved."""
        return {name: tensor.contiguous().cpu() for name, tensor in self.averaged.items()}

    def state(self) -> dict[str, Any]:
        """All that resuming needs, beside the configuration: tensors and numbers only."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "head": self.head.state_dict(),
            "averaged": self.averaged,
            "optimiser": self.optimiser.state_dict(),
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.head.load_state_dict(state["head"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.averaged = {name: tensor.to(self.device) for name, tensor in state["averaged"].items()}
        self.step, self.seconds = state["step"], state["seconds"]
