"""Learning rates over the steps of a run, and per layer of an encoder."""

import math
import re
from typing import Any, Literal

from torch import nn

Schedule = Literal["cosine", "steps", "constant"]

SAM_DROPS = (60_000 / 90_000, 86_666 / 90_000)  # SAM, appendix A: a tenth at each
COSINE_FLOOR = 0.01


def rate_at(step: int, *, steps: int, warmup: int, schedule: Schedule) -> float:
    """The share of the base learning rate at `step` of `steps`, counted from 0; the warm-up is linear."""
    warm = min(1.0, (step + 1) / max(1, warmup))
    done = step / max(1, steps)
    if schedule == "cosine":
        return warm * (COSINE_FLOOR + (1 - COSINE_FLOOR) * 0.5 * (1 + math.cos(math.pi * done)))
    if schedule == "steps":
        return warm * float(0.1 ** sum(done >= drop for drop in SAM_DROPS))
    return warm


def parameter_groups(
    network: nn.Module, *, rate: float, encoder_rate: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """AdamW's groups of the trainable parameters: deeper encoder layers learn faster (layer-wise decay, BEiT;
    SAM 0.8, SAM 2 0.9); biases, norms and embeddings are not decayed."""
    named = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
    depths = {name: _depth(name) for name, _ in named}
    deepest = max((depth for depth in depths.values() if depth is not None), default=0)
    tables = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in named:
        is_plain = parameter.ndim < 2 or id(parameter) in tables or "embed" in name.rpartition(".")[2]
        lr, depth = rate, depths[name]
        if "vision_encoder" in name:
            lr = encoder_rate if depth is None else encoder_rate * layer_decay ** (deepest - depth)
        decay = 0.0 if is_plain else weight_decay
        group = groups.setdefault((lr, decay), {"params": [], "base_lr": lr, "lr": lr, "weight_decay": decay})
        group["params"].append(parameter)
    return list(groups.values())


def _depth(name: str) -> int | None:
    """Which layer of the encoder a parameter belongs to: 0 for its entrance, None for what comes after all layers."""
    if "vision_encoder" not in name or any(part in name for part in (".neck.", ".across.", ".mix.")):
        return None
    found = re.search(r"\.(?:layers|blocks|down)\.(\d+)\.", name)
    return int(found.group(1)) + 1 if found else 0
