"""Networks from random weights. `nano`: SAM 2's decoder over a small convolutional pyramid."""

import torch
from torch import nn
from transformers import Sam2Config, Sam2VisionConfig

from model_server.networks.conv_pyramid import ConvPyramidConfig
from model_server.networks.drawn_prompts import PromptDrawingSam2
from model_server.training.configuration import UnusableConfiguration
from model_server.training.network import TrainableNetwork, set_input_size

DEFAULT_INPUT_SIZE = 256
NEARNESS = 1.7  # gain; a click's own place then scores about 6 above places far away, before the softmax


def new_network(name: str, *, input_size: int | None, seed: int) -> TrainableNetwork:
    """A network of random weights. Raises UnusableConfiguration for a name not known or a size not a multiple of 32."""
    builders = {"nano": _nano}
    if name not in builders:
        raise UnusableConfiguration("unknown_architecture", f"There is no architecture {name!r}; there is: nano.")
    size = input_size or DEFAULT_INPUT_SIZE
    if size % 32 or size < 64:
        raise UnusableConfiguration("option_out_of_range", "An input size must be a multiple of 32, at least 64.")
    torch.manual_seed(seed)
    config = builders[name]()
    set_input_size(config, size)
    network = TrainableNetwork(PromptDrawingSam2(config), "sam2")
    start_from_nothing(network)
    return network


def start_from_nothing(network: TrainableNetwork) -> None:
    """Random weights from which a decoder learns quickly.

    transformers draws all weights with a deviation of 0.02, from which the three tokens are the same and clicks mean
    nothing for hundreds of steps. Here every layer has torch's own deviation, and the attentions between tokens and
    image start with the same projection for queries and keys: positions are random Fourier features, whose products
    say how near two places are, so a click reads and marks its surroundings from the first step on. For that prompts
    and image must share their frequencies, as in every published model; transformers draws them twice.
    """
    model = network.model
    with torch.no_grad():
        frequencies = model.shared_image_embedding.positional_embedding
        frequencies.copy_(model.prompt_encoder.shared_embedding.positional_embedding)
    for part in (model.mask_decoder, model.prompt_encoder.mask_embed, model.vision_encoder.neck):
        for module in part.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                module.reset_parameters()
    for embedding in (
        *(model.mask_decoder.iou_token, model.mask_decoder.mask_tokens, model.mask_decoder.obj_score_token),
        *(model.prompt_encoder.point_embed, model.prompt_encoder.not_a_point_embed),
    ):
        nn.init.normal_(embedding.weight)
    for name, module in model.mask_decoder.named_modules():
        if name.endswith(("cross_attn_token_to_image", "cross_attn_image_to_token", "final_attn_token_to_image")):
            nn.init.orthogonal_(module.q_proj.weight, gain=NEARNESS)
            with torch.no_grad():
                module.k_proj.weight.copy_(module.q_proj.weight)


def _nano() -> Sam2Config:
    backbone = ConvPyramidConfig(stem_width=32, widths=(64, 128, 256, 320), blocks=(2, 2, 2, 1))
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=backbone.widths[::-1],
        backbone_feature_sizes=[[64, 64], [32, 32], [16, 16]],
    )
    prompts = {"image_size": DEFAULT_INPUT_SIZE, "draws_prompts": True}
    # Corrections teach the single-mask token alone; with SAM 2's fallback, the other three would answer, which never
    # learned to correct (bundled model, 174 validation objects, ninth click: mean IoU 0.52 with it, 0.57 without).
    decoder = {"dynamic_multimask_via_stability": False}
    return Sam2Config(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder)
