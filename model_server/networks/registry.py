"""From a folder to a network: a dict from the configuration's `model_type` to the two functions that know it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from model_server.networks.network import Network, NetworkFacts
from model_server.networks.weights import UnusableModel, read_config

BUNDLED = Path(__file__).parent / "checkpoints"

# Modules are imported when first needed: SAM alone must not pay for SAM 2, and the tiny one for neither.
MODULE_OF_MODEL_TYPE = {
    "sam": "model_server.networks.sam",
    "sam2": "model_server.networks.sam2",
    "sam2_video": "model_server.networks.sam2",  # the published SAM 2 checkpoints; the memory parts are not loaded
    "segloop_tiny": "model_server.networks.tiny",
}


@dataclass(frozen=True, slots=True)
class Family:
    """What a network module offers: `facts` reads headers and hashes, `load` makes a network ready on a device."""

    facts: Callable[[Path, dict[str, Any]], NetworkFacts]
    load: Callable[[Path, dict[str, Any], torch.device], Network]


def read_network_facts(folder: Path) -> NetworkFacts:
    """Facts of the network in `folder` without loading it. Raises UnusableModel."""
    config = read_config(folder)
    return _family(folder, config).facts(folder, config)


def load_network(folder: Path, device: torch.device) -> Network:
    """Load the network in `folder` (config.json + safetensors; nothing is unpickled). Raises UnusableModel."""
    config = read_config(folder)
    return _family(folder, config).load(folder, config, device)


def _family(folder: Path, config: dict[str, Any]) -> Family:
    model_type = str(config.get("model_type"))
    if model_type not in MODULE_OF_MODEL_TYPE:
        known = ", ".join(MODULE_OF_MODEL_TYPE)
        raise UnusableModel(
            "unknown_architecture", f"{folder.name}: model_type {model_type!r} is not known; known are {known}."
        )
    module = import_module(MODULE_OF_MODEL_TYPE[model_type])
    return Family(facts=module.facts, load=module.load)
