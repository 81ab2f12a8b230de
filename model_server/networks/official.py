"""Official checkpoint files of segment-anything and sam2, made once into the transformers folders we load.

The files are read with `weights_only=True` and never unpickled otherwise. What network a file holds is told by its
tensors, not by its name. Of SAM 2 only the image part is kept: memory, video and object pointers are left out.
"""

import json
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from transformers import Sam2Config, Sam2Model, SamConfig, SamModel

from model_server.networks.official_names import SAM2_RULES, SAM_RULES, renamed
from model_server.networks.weights import UnusableModel, file_sha256

Tensors = Mapping[str, Tensor]

SHOWN_NAMES = 3
SAM_NAMES = {(768, 12): "sam-vit-base", (1024, 24): "sam-vit-large", (1280, 32): "sam-vit-huge"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hiera:
    """What of a Hiera encoder does not show in its tensors' shapes (sam2/configs/*.yaml)."""

    size: str
    heads: int
    windows: tuple[int, int, int, int]
    global_blocks: tuple[int, int, int]


# By width and blocks per stage.
HIERAS: dict[tuple[int, tuple[int, ...]], Hiera] = {
    (96, (1, 2, 7, 2)): Hiera(size="tiny", heads=1, windows=(8, 4, 14, 7), global_blocks=(5, 7, 9)),
    (96, (1, 2, 11, 2)): Hiera(size="small", heads=1, windows=(8, 4, 14, 7), global_blocks=(7, 10, 13)),
    (112, (2, 3, 16, 3)): Hiera(size="base-plus", heads=2, windows=(8, 4, 14, 7), global_blocks=(12, 16, 20)),
    (144, (2, 6, 36, 4)): Hiera(size="large", heads=2, windows=(8, 4, 16, 8), global_blocks=(23, 33, 43)),
}
SAM2_IMAGE_SIZE = 1024  # of all published SAM 2 networks; no tensor's shape depends on it
SAM2_VIDEO_PARTS = (
    "memory_attention.", "memory_encoder.", "mask_downsample.", "maskmem_tpos_enc", "no_mem_pos_enc", "no_obj_ptr",
    "no_obj_embed_spatial", "obj_ptr_proj.", "obj_ptr_tpos_proj.",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A file in transformers' terms: `name` is that of the published network of this architecture, if there is one."""

    name: str
    config: SamConfig | Sam2Config
    tensors: dict[str, Tensor]
    left_out: tuple[str, ...]


def convert_file(file: Path, folder: Path) -> Converted:
    """Write config.json, model.safetensors and source.json of an official file into an existing empty `folder`.

    Raises UnusableModel; whoever gives the folder takes it away again.
    """
    converted = read_official(file)
    converted.config.save_pretrained(folder)
    tensors = {name: tensor.contiguous() for name, tensor in converted.tensors.items()}
    try:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    except SafetensorError as error:  # a full disk, for one
        raise UnusableModel("model_not_written", f"{folder} cannot be written ({error}).") from error
    source = {
        "file": file.name,
        "sha256": file_sha256(file),
        "architecture": converted.name,
        "left_out": converted.left_out,
    }
    (folder / "source.json").write_text(json.dumps(source, indent=2) + "\n")
    return converted


def read_official(file: Path) -> Converted:
    """Read an official file in transformers' terms. Raises UnusableModel."""
    return recognise(_load_tensors(file), file.name)


def recognise(tensors: Tensors, file_name: str) -> Converted:
    """Tell by its tensors' names and shapes what network this is, and that it is whole. Raises UnusableModel."""
    convert = next((convert for is_family, convert in FAMILIES if is_family(tensors)), None)
    if convert is None:
        raise UnusableModel(
            "unknown_architecture",
            f"{file_name}: these are not the tensors of segment-anything or sam2 ({_names(tensors)}).",
        )
    try:
        converted = convert(tensors)
        expected = _expected_shapes(converted.config)
    except Exception as error:  # shapes that fit no network make transformers raise whatever its parts raise
        raise UnusableModel(
            "unknown_architecture", f"{file_name}: the network cannot be told from its tensors ({error})."
        ) from error
    _check(file_name, converted, expected)
    return converted


def _load_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a .pth or .pt file, mapped from disk where its format allows."""
    try:
        with file.open("rb") as opened:
            starts_as_zip = opened.read(2) == b"PK"
    except OSError as error:
        raise UnusableModel("model_missing", f"{file}: cannot be read ({error.strerror}).") from error
    if starts_as_zip and not zipfile.is_zipfile(file):
        raise UnusableModel("model_weights_damaged", f"{file.name}: the file is cut off.")
    try:
        with warnings.catch_warnings(action="ignore"):  # of old pickles; what cannot be read raises
            content = torch.load(file, map_location="cpu", weights_only=True, mmap=starts_as_zip)
    except pickle.UnpicklingError as error:
        reason = re.findall(r"(?:GLOBAL|global|class|operand) (\S+)", str(error))[:1]
        raise UnusableModel(
            "model_file_unsafe",
            f"{file.name}: the file holds something other than tensors{f' ({reason[0]})' if reason else ''}, "
            "or is damaged. It was not unpickled.",
        ) from error
    except Exception as error:  # torch raises whatever its readers raise
        raise UnusableModel("model_weights_damaged", f"{file.name}: the file is not a whole checkpoint.") from error
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise UnusableModel("unknown_architecture", f"{file.name}: the file holds no state of a network.")
    return {str(name): tensor for name, tensor in content.items()}


def _is_sam(tensors: Tensors) -> bool:
    return "image_encoder.patch_embed.proj.weight" in tensors and "mask_decoder.mask_tokens.weight" in tensors


def _is_sam2(tensors: Tensors) -> bool:
    return "image_encoder.trunk.pos_embed" in tensors and "sam_mask_decoder.mask_tokens.weight" in tensors


def _convert_sam(tensors: Tensors) -> Converted:
    width, _, patch, _ = tensors["image_encoder.patch_embed.proj.weight"].shape
    grid = tensors["image_encoder.pos_embed"].shape[1]
    depth = _count(tensors, r"image_encoder\.blocks\.(\d+)\.")
    # A block's table of relative positions has 2 n - 1 rows for a window of n positions, and a head's width.
    tables = [tensors[f"image_encoder.blocks.{i}.attn.rel_pos_h"].shape for i in range(depth)]
    is_global = [rows == 2 * grid - 1 for rows, _ in tables]
    windows = {(rows + 1) // 2 for (rows, _), is_all in zip(tables, is_global, strict=True) if not is_all}
    if len(windows) > 1:
        raise ValueError(f"windows of several sizes, {sorted(windows)}")
    config = SamConfig(
        vision_config={
            "hidden_size": width,
            "output_channels": tensors["image_encoder.neck.0.weight"].shape[0],
            "num_hidden_layers": depth,
            "num_attention_heads": width // tables[0][1],
            "image_size": grid * patch,
            "patch_size": patch,
            "window_size": windows.pop() if windows else 0,
            "global_attn_indexes": [i for i, is_all in enumerate(is_global) if is_all],
            "mlp_dim": tensors["image_encoder.blocks.0.mlp.lin1.weight"].shape[0],
            "num_pos_feats": tensors["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"].shape[1],
        },
        prompt_encoder_config=_prompt_encoder(tensors, "prompt_encoder.", image_size=grid * patch, patch_size=patch),
        # segment-anything's decoder has torch's default, 1e-5; transformers assumes 1e-6.
        mask_decoder_config={**_mask_decoder(tensors, "mask_decoder.", "mlp.lin1"), "layer_norm_eps": 1e-5},
        architectures=["SamModel"],
    )
    name = SAM_NAMES.get((width, depth), f"sam-vit-{width}x{depth}")
    return Converted(name=name, config=config, tensors=renamed(tensors, SAM_RULES), left_out=())


def _convert_sam2(tensors: Tensors) -> Converted:
    trunk = "image_encoder.trunk."
    width = tensors[f"{trunk}pos_embed"].shape[1]
    depth = _count(tensors, r"image_encoder\.trunk\.blocks\.(\d+)\.")
    starts = [0, *(i for i in range(depth) if f"{trunk}blocks.{i}.proj.weight" in tensors), depth]
    stages = tuple(end - start for start, end in pairwise(starts))
    if (width, stages) not in HIERAS:
        known = ", ".join(f"{hiera.size} {width} {stages}" for (width, stages), hiera in HIERAS.items())
        raise ValueError(f"a Hiera encoder of width {width} with {stages} blocks; known are {known}")
    hiera = HIERAS[width, stages]
    widths = [tensors[f"{trunk}blocks.{end - 1}.norm2.weight"].shape[0] for end in starts[1:]]
    side = SAM2_IMAGE_SIZE
    config = Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": width,
                "num_attention_heads": hiera.heads,
                "image_size": [side, side],
                "blocks_per_stage": list(stages),
                "embed_dim_per_stage": widths,
                "num_attention_heads_per_stage": [hiera.heads * 2**stage for stage in range(4)],
                "window_size_per_stage": list(hiera.windows),
                "window_positional_embedding_background_size": list(tensors[f"{trunk}pos_embed"].shape[2:]),
                "global_attention_blocks": list(hiera.global_blocks),
            },
            "backbone_channel_list": widths[::-1],
            "backbone_feature_sizes": [[side // stride] * 2 for stride in (4, 8, 16)],
            "fpn_hidden_size": tensors["image_encoder.neck.convs.0.conv.weight"].shape[0],
        },
        prompt_encoder_config=_prompt_encoder(tensors, "sam_prompt_encoder.", image_size=side, patch_size=16),
        # Single masks that are unstable fall back to the best of three, as sam2.build_sam builds its predictors.
        mask_decoder_config=_mask_decoder(tensors, "sam_mask_decoder.", "mlp.layers.0"),
        architectures=["Sam2Model"],
    )
    left_out = tuple(name for name in tensors if name.startswith(SAM2_VIDEO_PARTS))
    kept = {name: tensor for name, tensor in tensors.items() if name not in left_out}
    image_part = renamed(kept, SAM2_RULES)
    image_part["prompt_encoder.point_embed.weight"] = torch.cat(
        [image_part.pop(f"prompt_encoder.point_embed.{i}.weight") for i in range(4)]
    )
    position = image_part["shared_image_embedding.positional_embedding"]
    image_part["prompt_encoder.shared_embedding.positional_embedding"] = position.clone()
    # What 2.1 changed is in the video part; for one image it is the same network with other weights.
    version = "sam2.1" if "no_obj_embed_spatial" in tensors else "sam2"
    return Converted(name=f"{version}-hiera-{hiera.size}", config=config, tensors=image_part, left_out=left_out)


FAMILIES = ((_is_sam, _convert_sam), (_is_sam2, _convert_sam2))


def _prompt_encoder(tensors: Tensors, prefix: str, *, image_size: int, patch_size: int) -> dict[str, Any]:
    return {
        "hidden_size": tensors[f"{prefix}no_mask_embed.weight"].shape[1],
        "image_size": image_size,
        "patch_size": patch_size,
        "mask_input_channels": tensors[f"{prefix}mask_downscaling.6.weight"].shape[1],
    }


def _mask_decoder(tensors: Tensors, prefix: str, mlp: str) -> dict[str, Any]:
    layer = f"{prefix}transformer.layers.0."
    inner, hidden = tensors[f"{layer}cross_attn_token_to_image.q_proj.weight"].shape
    return {
        "hidden_size": hidden,
        "mlp_dim": tensors[f"{layer}{mlp}.weight"].shape[0],
        "num_hidden_layers": _count(tensors, re.escape(prefix) + r"transformer\.layers\.(\d+)\."),
        "num_attention_heads": 8,  # of all published networks; it does not show in the shapes
        "attention_downsample_rate": hidden // inner,
        "num_multimask_outputs": tensors[f"{prefix}mask_tokens.weight"].shape[0] - 1,
        "iou_head_hidden_dim": tensors[f"{prefix}iou_prediction_head.layers.0.weight"].shape[0],
    }


def _count(tensors: Tensors, pattern: str) -> int:
    """How many numbered parts there are."""
    numbers = [int(match[1]) for name in tensors if (match := re.match(pattern, name))]
    return 1 + max(numbers)


def _expected_shapes(config: SamConfig | Sam2Config) -> dict[str, torch.Size]:
    """The network's tensors, those left out that are another one's twin."""
    model_class: Callable[[Any], torch.nn.Module] = SamModel if isinstance(config, SamConfig) else Sam2Model
    with torch.device("meta"):
        model = model_class(config)
    tied = set(getattr(model, "_tied_weights_keys", None) or ())
    return {name: tensor.shape for name, tensor in model.state_dict().items() if name not in tied}


def _check(file_name: str, converted: Converted, expected: dict[str, torch.Size]) -> None:
    """Every tensor the network needs is there in its shape, and no other. Raises UnusableModel."""
    given = {name: tensor.shape for name, tensor in converted.tensors.items()}
    what = f"{file_name} looks like {converted.name}, but"
    if missing := expected.keys() - given.keys():
        raise UnusableModel("model_weights_missing", f"{what} lacks {len(missing)} tensors: {_names(missing)}.")
    if unexpected := given.keys() - expected.keys():
        raise UnusableModel(
            "model_weights_unexpected", f"{what} holds {len(unexpected)} other tensors: {_names(unexpected)}."
        )
    for name, shape in expected.items():
        if given[name] != shape:
            raise UnusableModel(
                "model_weights_misshapen", f"{what} {name} has shape {tuple(given[name])}, not {tuple(shape)}."
            )


def _names(names: Any) -> str:
    shown = sorted(names)[:SHOWN_NAMES]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")
