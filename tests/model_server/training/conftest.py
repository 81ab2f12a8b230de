"""A small network of the real kind, and pictures of coloured shapes that it can learn."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import Sam2Config, Sam2MaskDecoderConfig, Sam2Model, Sam2PromptEncoderConfig, Sam2VisionConfig

from model_server.contract import masks as rle
from model_server.networks.conv_pyramid import ConvPyramidConfig
from model_server.training.architectures import start_from_nothing
from model_server.training.network import TrainableNetwork

SIZE = 64


@pytest.fixture(autouse=True)
def like_a_new_process() -> Iterator[None]:
    """One thread, for networks this small are slower on two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small_sam2(seed: int = 0) -> Sam2Model:
    """A SAM 2 with a convolutional pyramid of 64 x 64 pixels, 0.2 M parameters, at random."""
    torch.manual_seed(seed)
    backbone = ConvPyramidConfig(stem_width=8, widths=(16, 24, 32, 32), blocks=(1, 1, 1, 1))
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=backbone.widths[::-1],
        backbone_feature_sizes=[[SIZE // 4] * 2, [SIZE // 8] * 2, [SIZE // 16] * 2],
        fpn_hidden_size=32,
    )
    decoder = Sam2MaskDecoderConfig(
        hidden_size=32, mlp_dim=64, num_hidden_layers=2, num_attention_heads=2, iou_head_hidden_dim=32
    )
    prompts = Sam2PromptEncoderConfig(image_size=SIZE, hidden_size=32, mask_input_channels=8)
    model = Sam2Model(Sam2Config(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder))
    start_from_nothing(TrainableNetwork(model, "sam2"))
    return model


@pytest.fixture(scope="session")
def small_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small network, as a published model would be."""
    folder = tmp_path_factory.mktemp("models") / "small"
    small_sam2().save_pretrained(folder)
    return folder


@pytest.fixture
def shapes(tmp_path: Path) -> Callable[..., Path]:
    """Makes a dataset folder: discs and boxes of plain colours on a plain ground, each a mask."""

    def make(pictures: int = 4, *, name: str = "shapes", size_hw: tuple[int, int] = (64, 80), seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        folder = tmp_path / name
        (folder / "images").mkdir(parents=True)
        images, annotations = [], []
        for number in range(pictures):
            pixels, masks = draw_shapes(size_hw, rng)
            Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
            images.append({"id": number, "file_name": f"{number}.png", "height": size_hw[0], "width": size_hw[1]})
            for mask in masks:
                annotations.append({"id": len(annotations), "image_id": number, "segmentation": rle.encode(mask)})
        (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
        return folder

    return make


def draw_shapes(size_hw: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
    """A disc and a box apart from one another."""
    height, width = size_hw
    y, x = np.mgrid[:height, :width]
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = rng.integers(0, 90, 3)
    radius = rng.integers(height // 6, height // 4)
    disc = (x - width // 4) ** 2 + (y - height // 2) ** 2 <= radius**2
    top, side = rng.integers(4, height // 3), rng.integers(height // 4, height // 2)
    box = (y >= top) & (y < top + side) & (x >= width * 5 // 9) & (x < width * 5 // 9 + side)
    for mask in (disc, box):
        pixels[mask] = rng.integers(130, 255, 3)
    return pixels, [disc, box]


@pytest.fixture(scope="session")
def small_sam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small SAM at random."""
    from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig

    torch.manual_seed(0)
    vision = SamVisionConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIZE,
        patch_size=16,
        mlp_dim=64,
        output_channels=32,
        window_size=2,
        global_attn_indexes=[1],
        num_pos_feats=16,
    )
    prompts = SamPromptEncoderConfig(hidden_size=32, image_size=SIZE, patch_size=16, mask_input_channels=8)
    decoder = SamMaskDecoderConfig(hidden_size=32, mlp_dim=64, num_attention_heads=2, iou_head_hidden_dim=32)
    model = SamModel(SamConfig(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder))
    folder = tmp_path_factory.mktemp("models") / "small-sam"
    model.save_pretrained(folder)
    return folder
