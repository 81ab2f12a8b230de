"""One run: samples in, steps, an average of late weights out. Knows neither files nor the command line."""

import random
import zlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from model_server.training.configuration import Configuration
from model_server.training.network import Features, TrainableNetwork
from model_server.training.reuse import Reuse
from model_server.training.rounds import RoundResult, Start, play
from model_server.training.schedule import parameter_groups, rate_at

AVERAGE_EVERY = 5  # steps


@dataclass(frozen=True, slots=True)
class StepResult:
    """Means over a step's prompts. `first_*` are of the first round, `last_iou` of the last one's answer
    (`Rounds.learned`: of the last that was asked)."""

    loss: float
    first_best_iou: float
    first_chosen_iou: float
    last_iou: float


class Run:
    """A network in training with its optimiser and the running average of its late weights.

    `precision` is that of the products, bfloat16 or float32; weights and their changes are float32.
    """

    def __init__(
        self,
        network: TrainableNetwork,
        configuration: Configuration,
        device: torch.device,
        precision: torch.dtype = torch.bfloat16,
    ) -> None:
        self.network = network.to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.configuration, self.device = configuration, device
        self._autocast = partial(torch.autocast, device.type, torch.bfloat16, enabled=precision == torch.bfloat16)
        self.step = 0
        self.micro_batch = configuration.batch_size
        encoder_rate = configuration.encoder_rate or configuration.rate
        self.optimiser = torch.optim.AdamW(
            parameter_groups(
                self.network,
                rate=configuration.rate,
                encoder_rate=encoder_rate,
                layer_decay=configuration.layer_decay,
                weight_decay=configuration.weight_decay,
            ),
            betas=(0.9, 0.999),
        )
        self.averaged: dict[str, Tensor] | None = None
        self.averaged_count = 0
        self.trains_encoder = any(p.requires_grad for p in network.model.vision_encoder.parameters())
        self.network.train()
        if not self.trains_encoder:
            self.network.model.vision_encoder.eval()  # running means of norms are part of the embedding
        self.reuse = Reuse(self.network)

    def advance(self, pixels: Tensor, masks: Tensor, pictures: Tensor) -> StepResult:
        """One step on a batch of samples: 8-bit pixels (B, 3, S, S), masks (B, P, S, S), pictures' numbers (B,).

        The result depends on the step's number, the seed and the batch alone.
        """
        configuration = self.configuration
        share = rate_at(
            self.step, steps=configuration.steps, warmup=configuration.warmup, schedule=configuration.schedule
        )
        for group in self.optimiser.param_groups:
            group["lr"] = group["base_lr"] * share
        seed = zlib.crc32(f"{configuration.seed} {self.step}".encode())
        results: list[StepResult] = []
        while True:
            self.optimiser.zero_grad(set_to_none=True)
            torch.manual_seed(seed)
            draw = random.Random(seed)
            try:
                size = self.micro_batch
                splits = (torch.split(pixels, size), torch.split(masks, size), torch.split(pictures, size))
                results = [
                    self._backpropagate(*part, draw=draw, batch_size=len(pixels)) for part in zip(*splits, strict=True)
                ]
                break
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error) or self.micro_batch == 1:
                    raise
                self.micro_batch = (self.micro_batch + 1) // 2
        nn.utils.clip_grad_norm_(self.network.parameters(), configuration.clip)
        self.optimiser.step()
        self.step += 1
        self._average()
        return StepResult(*(sum(getattr(result, name) for result in results) for name in StepResult.__slots__))

    def _backpropagate(
        self, pixels: Tensor, masks: Tensor, pictures: Tensor, *, draw: random.Random, batch_size: int
    ) -> StepResult:
        """Gradients of one part of a batch, weighed by its share."""
        part = len(pixels) / batch_size
        pixels, masks = pixels.to(self.device), masks.to(self.device)
        with self._autocast(), torch.set_grad_enabled(self.trains_encoder):
            is_known = not self.trains_encoder and bool((pictures >= 0).all())
            features = self.reuse.encode(pixels, pictures) if is_known else self.network.encode(pixels)
        # Rounds are backpropagated one by one down to the features, the encoder once at the end.
        leaves = [level.detach().requires_grad_(self.trains_encoder) for level in features.all()]
        held = Features(leaves[0], tuple(leaves[1:]))
        total = StepResult(0.0, 0.0, 0.0, 0.0)
        for start, count in self._starts(masks.shape[1], draw):
            chosen = masks[:, :count] if start == "point" else masks[:, masks.shape[1] - count :]
            weight = part * count / masks.shape[1]
            answers: list[RoundResult] = []
            with self._autocast():
                for answer in play(self.network, held, chosen, start, self.configuration.rounds, draw):
                    if answer.weight:
                        (answer.loss * answer.weight * weight).backward()  # type: ignore[no-untyped-call]
                    answers.append(answer)
            total = _add(total, answers, weight)
        if self.trains_encoder:
            torch.autograd.backward(features.all(), [leaf.grad for leaf in leaves])
        return total

    def _starts(self, count: int, draw: random.Random) -> list[tuple[Start, int]]:
        """How many of an image's prompts begin with a point and how many with a box: masks come in random order."""
        exact = count * self.configuration.rounds.box_share
        boxes = int(exact) + (draw.random() < exact - int(exact))
        starts: list[tuple[Start, int]] = [("point", count - boxes), ("box", boxes)]
        return [(start, number) for start, number in starts if number]

    @torch.no_grad()
    def _average(self) -> None:
        configuration = self.configuration
        if self.step < configuration.average_from * configuration.steps or self.step % AVERAGE_EVERY:
            return
        weights = self.network.model.state_dict()
        self.averaged_count += 1
        if self.averaged is None:
            self.averaged = {name: tensor.detach().clone() for name, tensor in weights.items()}
            return
        for name, tensor in weights.items():
            if tensor.is_floating_point():
                self.averaged[name].lerp_(tensor, 1 / self.averaged_count)

    def final_weights(self) -> dict[str, Tensor]:
        """The average of the late weights if there is one, else the last ones."""
        weights: dict[str, Tensor] = self.network.model.state_dict() if self.averaged is None else self.averaged
        return weights

    def state(self) -> dict[str, Any]:
        """All that resuming needs, beside the configuration: tensors and numbers only."""
        return {
            "step": self.step,
            "micro_batch": self.micro_batch,
            "model": self.network.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "averaged": self.averaged,
            "averaged_count": self.averaged_count,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.network.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.averaged_count = state["step"], state["averaged_count"]
        averaged, self.micro_batch = state["averaged"], state["micro_batch"]
        self.averaged = None if averaged is None else {name: one.to(self.device) for name, one in averaged.items()}


def _add(total: StepResult, answers: list[RoundResult], weight: float) -> StepResult:
    loss = sum(float(answer.loss.detach()) for answer in answers) / len(answers)
    first, last = answers[0], answers[-1]
    return StepResult(
        total.loss + weight * loss,
        total.first_best_iou + weight * float(first.best_iou),
        total.first_chosen_iou + weight * float(first.chosen_iou),
        total.last_iou + weight * float(last.chosen_iou),
    )


def _is_out_of_memory(error: BaseException) -> bool:
    """CPU allocations fail with a plain RuntimeError."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
