"""Networks from random weights. `nano`: SAM 2's decoder over a small convolutional pyramid."""

import torch
from transformers import Sam2Config, Sam2Model, Sam2PromptEncoderConfig, Sam2VisionConfig

from model_server.networks.conv_pyramid import ConvPyramidConfig
from model_server.training.configuration import UnusableConfiguration
from model_server.training.network import TrainableNetwork, set_input_size

NEW = "new:"  # the prefix of a base that starts from nothing
DEFAULT_INPUT_SIZE = 256


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
    return TrainableNetwork(Sam2Model(config), "sam2")


def _nano() -> Sam2Config:
    backbone = ConvPyramidConfig(stem_width=32, widths=(64, 128, 256, 320), blocks=(2, 2, 2, 1))
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=backbone.widths[::-1],
        backbone_feature_sizes=[[64, 64], [32, 32], [16, 16]],
    )
    return Sam2Config(vision_config=vision, prompt_encoder_config=Sam2PromptEncoderConfig(image_size=256))
