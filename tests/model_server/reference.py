"""The published reference implementations, segment-anything and sam2, with random weights in their official files.

Both packages import torchvision, and sam2 hydra and iopath. None of them is needed for what is compared here: small
stand-ins take their places while the packages are imported.
"""

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import transformers  # noqa: F401  looks for the real torchvision, so before any stand-in
import yaml
from PIL import Image
from torch import nn
from torch.nn import functional

SMALL_SAM = {"width": 64, "depth": 4, "heads": 2, "global_blocks": [1, 3], "image_size": 256}
HIERA_TINY = "sam2.1/sam2.1_hiera_t"


class Resize(nn.Module):
    """torchvision.transforms.Resize of a tensor (3, height, width): antialiased bilinear."""

    def __init__(self, size_hw: tuple[int, int]) -> None:
        super().__init__()
        self.size_hw = size_hw

    def forward(self, chw: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(chw[None], self.size_hw, mode="bilinear", antialias=True)[0]


class Normalize(nn.Module):
    """torchvision.transforms.Normalize."""

    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.mean, self.std = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)

    def forward(self, chw: torch.Tensor) -> torch.Tensor:
        return (chw - self.mean) / self.std


class ToTensor:
    """torchvision.transforms.ToTensor: 8-bit (height, width, 3) to (3, height, width) in 0..1."""

    def __call__(self, pixels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255


def resize(image: Image.Image, size_hw: list[int]) -> Image.Image:
    """torchvision.transforms.functional.resize of a PIL image."""
    return image.resize(size_hw[::-1], Image.Resampling.BILINEAR)


def _unused(*_: Any, **__: Any) -> None:
    """Imported by name only."""


STAND_INS: dict[str, dict[str, Any]] = {
    "torchvision": {},
    "torchvision.ops": {},
    "torchvision.ops.boxes": {"batched_nms": _unused, "box_area": _unused},
    "torchvision.transforms": {"Normalize": Normalize, "Resize": Resize, "ToTensor": ToTensor},
    "torchvision.transforms.functional": {"resize": resize, "to_pil_image": Image.fromarray},
    "hydra": {"initialize_config_module": _unused},
    "hydra.core": {},
    "hydra.core.global_hydra": {
        "GlobalHydra": SimpleNamespace(instance=lambda: SimpleNamespace(is_initialized=lambda: True))
    },
    "iopath": {},
    "iopath.common": {},
    "iopath.common.file_io": {"g_pathmgr": None},
}


@contextmanager
def stand_ins() -> Iterator[None]:
    """The stand-ins are modules inside the block, and gone after it."""
    modules = {}
    for name, content in STAND_INS.items():
        modules[name] = ModuleType(name)
        modules[name].__dict__.update(content)
    sys.modules.update(modules)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name in modules:
            del sys.modules[name]


def reference_module(name: str) -> Any:
    """A module of one of the packages."""
    with stand_ins():
        return importlib.import_module(name)


def build_sam(*, width: int, depth: int, heads: int, global_blocks: list[int], image_size: int) -> Any:
    """A Sam as segment_anything.build_sam makes it, of any size."""
    modeling = reference_module("segment_anything.modeling")
    side = image_size // 16
    layer_norm = type("LayerNorm", (nn.LayerNorm,), {"__init__": lambda self, c: nn.LayerNorm.__init__(self, c, 1e-6)})
    return modeling.Sam(
        image_encoder=modeling.ImageEncoderViT(
            depth=depth, embed_dim=width, img_size=image_size, mlp_ratio=4, norm_layer=layer_norm, num_heads=heads,
            patch_size=16, qkv_bias=True, use_rel_pos=True, global_attn_indexes=global_blocks,
            window_size=14 if side > 14 else 5, out_chans=256,
        ),
        prompt_encoder=modeling.PromptEncoder(
            embed_dim=256, image_embedding_size=(side, side), input_image_size=(image_size, image_size),
            mask_in_chans=16,
        ),
        mask_decoder=modeling.MaskDecoder(
            num_multimask_outputs=3,
            transformer=modeling.TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
            transformer_dim=256, iou_head_depth=3, iou_head_hidden_dim=256,
        ),
        pixel_mean=[123.675, 116.28, 103.53],
        pixel_std=[58.395, 57.12, 57.375],
    )  # fmt: skip


def build_sam2(config: str, *, image_size: int = 1024) -> Any:
    """A network of sam2 from its own configuration, such as `sam2.1/sam2.1_hiera_t`, as sam2.build_sam makes it."""
    reference_module("sam2.modeling.sam2_base")
    settings = yaml.safe_load((files("sam2") / "configs" / f"{config}.yaml").read_text())["model"]
    settings["image_size"] = image_size
    settings["sam_mask_decoder_extra_args"] = {
        "dynamic_multimask_via_stability": True,
        "dynamic_multimask_stability_delta": 0.05,
        "dynamic_multimask_stability_thresh": 0.98,
    }
    on_cpu = torch.linspace

    def linspace(*arguments: Any, **options: Any) -> torch.Tensor:
        return on_cpu(*arguments, **(options | {"device": "cpu"}))  # its values are read, also when building on "meta"

    with stand_ins(), patch.object(torch, "linspace", linspace):
        return _instantiate(settings)


def _instantiate(node: Any) -> Any:
    """What hydra.utils.instantiate does with `_target_`."""
    if isinstance(node, list):
        return [_instantiate(value) for value in node]
    if not isinstance(node, dict):
        return 1e-6 if node == "1e-6" else node  # YAML 1.1 takes a number without a dot for text
    values = {name: _instantiate(value) for name, value in node.items()}
    if "_target_" not in values:
        return values
    module, _, name = values.pop("_target_").rpartition(".")
    return getattr(importlib.import_module(module), name)(**values)


def randomise(model: nn.Module, *, seed: int = 3) -> Any:
    """Weights that make masks and scores vary, unlike those of a fresh model, in every parameter."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        scale = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.1
        noise = torch.randn(parameter.shape, generator=generator) * scale
        is_norm = parameter.dim() == 1 and name.endswith("weight")
        parameter.data = noise + 1 if is_norm else noise
    return model.eval().requires_grad_(False)
