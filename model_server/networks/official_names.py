"""The names of tensors in official files of segment-anything and sam2, in the terms of transformers."""

import re
from collections.abc import Mapping

from torch import Tensor

Rule = tuple[str, str]  # a regular expression and what takes its place

SHARED_RULES = (
    (r"^(sam_)?(prompt_encoder|mask_decoder)\.", r"\2."),
    (r"\bpatch_embed\.proj\.", "patch_embed.projection."),
    (r"\bnorm(\d)\.", r"layer_norm\1."),
    (r"\bnorm_final_attn\.", "layer_norm_final_attn."),
    (r"^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$", "shared_image_embedding.positional_embedding"),
    (r"\bmask_downscaling\.0\.", "mask_embed.conv1."),
    (r"\bmask_downscaling\.1\.", "mask_embed.layer_norm1."),
    (r"\bmask_downscaling\.3\.", "mask_embed.conv2."),
    (r"\bmask_downscaling\.4\.", "mask_embed.layer_norm2."),
    (r"\bmask_downscaling\.6\.", "mask_embed.conv3."),
    (r"\bpoint_embeddings\.", "point_embed."),
    (r"\boutput_upscaling\.0\.", "upscale_conv1."),
    (r"\boutput_upscaling\.1\.", "upscale_layer_norm."),
    (r"\boutput_upscaling\.3\.", "upscale_conv2."),
    (r"(mlps\.\d+|_head)\.layers\.0\.", r"\1.proj_in."),
    (r"(mlps\.\d+|_head)\.layers\.1\.", r"\1.layers.0."),
    (r"(mlps\.\d+|_head)\.layers\.2\.", r"\1.proj_out."),
)
SAM_RULES = (
    (r"^image_encoder\.blocks\.", "vision_encoder.layers."),
    (r"^image_encoder\.neck\.0\.", "vision_encoder.neck.conv1."),
    (r"^image_encoder\.neck\.1\.", "vision_encoder.neck.layer_norm1."),
    (r"^image_encoder\.neck\.2\.", "vision_encoder.neck.conv2."),
    (r"^image_encoder\.neck\.3\.", "vision_encoder.neck.layer_norm2."),
    (r"^image_encoder\.", "vision_encoder."),
)
SAM2_RULES = (
    (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
    (r"^image_encoder\.neck\.convs\.(\d)\.conv\.", r"vision_encoder.neck.convs.\1."),
    (r"^no_mem_embed$", "no_memory_embedding"),
    (r"\bmlp\.layers\.0\.", "mlp.proj_in."),
    (r"\bmlp\.layers\.1\.", "mlp.proj_out."),
    (r"\bout_proj\.", "o_proj."),
)


def renamed(tensors: Mapping[str, Tensor], family_rules: tuple[Rule, ...]) -> dict[str, Tensor]:
    """The same tensors under transformers' names: every rule is tried on every name, in order."""
    result = {}
    for official, tensor in tensors.items():
        name = official
        for pattern, replacement in (*SHARED_RULES, *family_rules):
            name = re.sub(pattern, replacement, name)
        result[name] = tensor
    return result
