"""Published detectors (D-FINE, RT-DETR, DETR, YOLOS...) as transformers folders, their classes taken as one.

Nothing is fetched and no code of a folder is run. Pictures are prepared here as the folder's preprocessor_config.json
says: the library's own image processors would need torchvision.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from model_server.networks.boxes import ScoredBoxes, best_boxes
from model_server.networks.network import Pixels
from model_server.networks.weights import UnusableModel

LEAST_SIDE, MOST_SIDE = 32, 2048
# These have a class "no object", the last one, and a softmax over all; the others a sigmoid a class.
WITH_NO_OBJECT = ("detr", "table-transformer", "yolos")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How a picture becomes an input: to `exact_hw`, or its short side to `shortest` with the long one at most
    `longest`; 0..255 times `scale`, less `mean`, divided by `std`."""

    exact_hw: tuple[int, int] | None
    shortest: int
    longest: int
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def size_for(self, size_hw: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of the input for a picture of `size_hw`."""
        if self.exact_hw is not None:
            return self.exact_hw
        ratio = min(self.shortest / min(size_hw), self.longest / max(size_hw))
        return max(1, round(size_hw[0] * ratio)), max(1, round(size_hw[1] * ratio))


class HuggingFaceDetector:
    """A detector of transformers in evaluation mode."""

    def __init__(self, model: Any, preparation: Preparation) -> None:
        self._model, self._preparation = model, preparation
        self._has_no_object = model.config.model_type in WITH_NO_OBJECT

    def prepare(self, picture: Image.Image) -> Pixels:
        """Resize 8-bit RGB for `find`: (height, width, 3). Pure; called off the device thread."""
        height, width = self._preparation.size_for((picture.height, picture.width))
        return np.array(picture.resize((width, height), Image.Resampling.BILINEAR))

    @torch.inference_mode()
    def find(self, prepared: Pixels, size_hw: tuple[int, int], *, limit: int) -> ScoredBoxes:
        """The best `limit` boxes on a prepared picture, in pixels of its own size; the score is that of the likeliest
        class. Raises UnusableModel.
        """
        preparation, model = self._preparation, self._model
        pixels = torch.from_numpy(prepared).to(model.device).permute(2, 0, 1)[None].float() * preparation.scale
        mean, std = (torch.tensor(values, device=model.device) for values in (preparation.mean, preparation.std))
        try:
            output = model(pixel_values=((pixels - mean.view(3, 1, 1)) / std.view(3, 1, 1)).to(model.dtype))
            logits, shares = output.logits[0].float(), output.pred_boxes[0].float().cpu()
            centre, sides = shares.split(2, dim=-1)  # of the picture
        except Exception as error:  # as in loading: its parts raise whatever they raise
            raise UnusableModel("detector_damaged", f"The detector fails on a picture ({error}).") from error
        by_class = logits.softmax(-1)[:, :-1] if self._has_no_object else logits.sigmoid()
        size = torch.tensor([size_hw[1], size_hw[0]], dtype=torch.float32)
        boxes = torch.cat([(centre - sides / 2) * size, (centre + sides / 2) * size], -1)
        scores = by_class.amax(-1).cpu()
        return best_boxes(boxes.numpy(), scores.numpy(), size_hw=size_hw, limit=limit)


def is_published_detector(config: dict[str, Any]) -> bool:
    """Whether config.json names an architecture of object detection that transformers knows, and no code of its own."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES

    architectures = config.get("architectures")
    if not isinstance(architectures, list) or "auto_map" in config:
        return False
    return MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES.get(str(config.get("model_type"))) in architectures


def load_published_detector(folder: Path, device: torch.device) -> HuggingFaceDetector:
    """Load a folder of config.json, safetensors and preprocessor_config.json. Raises UnusableModel."""
    from transformers import AutoConfig, AutoModelForObjectDetection  # takes seconds, so only here

    from model_server.networks.loading import load_pretrained

    preparation = _read_preparation(folder)
    model = load_pretrained(AutoModelForObjectDetection, AutoConfig, folder, device)
    return HuggingFaceDetector(model, preparation)


def _read_preparation(folder: Path) -> Preparation:
    from model_server.networks.loading import IMAGENET_MEAN, IMAGENET_STD

    try:
        raw = json.loads((folder / "preprocessor_config.json").read_text())
        size, longest = raw["size"], raw.get("max_size")
        if isinstance(size, int):
            size = {"shortest_edge": size, "longest_edge": longest or round(size * 1333 / 800)}
        exact = (int(size["height"]), int(size["width"])) if "height" in size else None
        shortest = int(size.get("shortest_edge", 800))
        normalised = bool(raw.get("do_normalize", True))
        made = Preparation(
            exact_hw=exact,
            shortest=shortest,
            longest=int(size.get("longest_edge") or longest or round(shortest * 1333 / 800)),
            scale=float(raw.get("rescale_factor", 1 / 255)) if raw.get("do_rescale", True) else 1.0,
            mean=tuple(map(float, raw.get("image_mean", IMAGENET_MEAN))) if normalised else (0.0,) * 3,
            std=tuple(map(float, raw.get("image_std", IMAGENET_STD))) if normalised else (1.0,) * 3,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnusableModel(
            "detector_config_unreadable", f"{folder.name}: preprocessor_config.json cannot be read ({error!r})."
        ) from error
    sides = made.exact_hw or (made.shortest, made.longest)
    if not all(LEAST_SIDE <= side <= MOST_SIDE for side in sides) or len(made.mean) != 3 or len(made.std) != 3:
        raise UnusableModel(
            "detector_config_unreadable",
            f"{folder.name}: preprocessor_config.json wants an input of {sides} pixels; from {LEAST_SIDE} to "
            f"{MOST_SIDE} are possible, in three colours.",
        )
    return made
