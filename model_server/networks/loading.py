"""What SAM and SAM 2 share around the network proper: weights from a folder, pixels to normalised tensors."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers.utils import logging as transformers_logging

from model_server.networks.weights import UnusableModel

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def load_pretrained(model_class: Any, config_class: Any, folder: Path, device: torch.device) -> Any:
    """A transformers model from a local folder, safetensors only, for inference.

    Computes in float32 on a CPU, whatever the file holds, and in the file's own type on other devices.
    Raises UnusableModel.
    """
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    dtype = torch.float32 if device.type == "cpu" else "auto"
    try:
        config = config_class.from_pretrained(folder, local_files_only=True)
        model, report = model_class.from_pretrained(
            folder, config=config, dtype=dtype, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # transformers raises whatever its parts raise; to the caller they are one thing
        raise UnusableModel("model_weights_damaged", f"{folder.name}: the model cannot be loaded ({error}).") from error
    if missing := sorted(report["missing_keys"]):
        raise UnusableModel(
            "model_weights_missing", f"{folder.name}: {len(missing)} weights are missing, the first is {missing[0]}."
        )
    return model.to(device).eval().requires_grad_(False)


def normalise(pixels: npt.NDArray[np.uint8], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """8-bit RGB (batch, height, width, 3) to ImageNet-normalised (batch, 3, height, width) on the device."""
    batch = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).to(torch.float32)
    mean = torch.tensor(IMAGENET_MEAN, device=device).view(3, 1, 1) * 255
    std = torch.tensor(IMAGENET_STD, device=device).view(3, 1, 1) * 255
    return ((batch - mean) / std).to(dtype)
