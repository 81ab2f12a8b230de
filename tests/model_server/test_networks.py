"""SAM and SAM 2 through our interface give the numbers of transformers' own models on the same pixels and prompts."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional
from transformers import Sam2Config, Sam2Model, Sam2VideoConfig, Sam2VideoModel, SamConfig, SamModel

from model_server.networks.drawn_prompts import PromptDrawingSam2
from model_server.networks.network import Embedding, Network, PromptTensors
from model_server.networks.registry import BUNDLED, load_network, read_network_facts
from model_server.networks.weights import UnusableModel
from tests.model_server.conftest import write_tiny

CPU = torch.device("cpu")
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
ODD_SIZES_HW = [(97, 131), (260, 77)]


def small_sam() -> SamModel:
    return SamModel(
        SamConfig(
            vision_config={
                "hidden_size": 32, "output_channels": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                "image_size": 128, "patch_size": 16, "window_size": 4, "global_attn_indexes": [1], "mlp_dim": 64,
                "num_pos_feats": 16,
            },
            prompt_encoder_config={
                "hidden_size": 32, "image_size": 128, "patch_size": 16, "mask_input_channels": 8,
            },
            mask_decoder_config={
                "hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 4, "iou_head_hidden_dim": 32,
            },
        )
    )  # fmt: skip


SMALL_SAM2 = {
    "vision_config": {
        "backbone_config": {
            "model_type": "sam2_hiera_det_model", "hidden_size": 16, "image_size": [128, 128],
            "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [16, 32, 64, 128],
            "num_attention_heads_per_stage": [1, 2, 4, 8], "window_size_per_stage": [8, 4, 4, 4],
            "global_attention_blocks": [3],
        },
        "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        "fpn_hidden_size": 32,
    },
    "prompt_encoder_config": {"hidden_size": 32, "image_size": 128, "patch_size": 16, "mask_input_channels": 8},
    "mask_decoder_config": {
        "hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 4, "iou_head_hidden_dim": 32,
    },
}  # fmt: skip


def drawing_sam2() -> PromptDrawingSam2:
    prompts = SMALL_SAM2["prompt_encoder_config"] | {"draws_prompts": True}
    return PromptDrawingSam2(Sam2Config(**SMALL_SAM2 | {"prompt_encoder_config": prompts}))


def randomise(model: torch.nn.Module, seed: int = 3) -> torch.nn.Module:
    """Weights large enough that masks and scores vary, unlike those of a fresh model."""
    torch.manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        elif "norm" not in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("networks")
    randomise(small_sam()).save_pretrained(root / "sam")
    randomise(Sam2Model(Sam2Config(**SMALL_SAM2))).save_pretrained(root / "sam2")
    return {"sam": root / "sam", "sam2": root / "sam2"}


def photo(size_hw: tuple[int, int]) -> Image.Image:
    coarse = np.random.default_rng(5).integers(0, 255, (6, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size_hw[::-1], Image.Resampling.BICUBIC)


def reference_resize(image: Image.Image, family: str) -> torch.Tensor:
    """The published resizing in torch, antialiased bilinear in 8 bits: (height, width, 3)."""
    side, (height, width) = 128, (image.height, image.width)
    scale = side / max(height, width)
    size = (side, side) if family == "sam2" else (int(height * scale + 0.5), int(width * scale + 0.5))
    chw = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    return functional.interpolate(chw, size, mode="bilinear", antialias=True, align_corners=False)[0].permute(1, 2, 0)


def reference_input(pixels: np.ndarray) -> torch.Tensor:
    """ImageNet normalisation, then padding with zeros at the bottom and right."""
    normalised = ((torch.from_numpy(pixels) / 255 - MEAN) / STD).permute(2, 0, 1)[None]
    return functional.pad(normalised, (0, 128 - pixels.shape[1], 0, 128 - pixels.shape[0]))


def reference_ratio_xy(size_hw: tuple[int, int], family: str) -> torch.Tensor:
    height, width = size_hw
    scale = 128 / max(size_hw)
    if family == "sam2":
        return torch.tensor([128 / width, 128 / height])
    return torch.tensor([int(width * scale + 0.5) / width, int(height * scale + 0.5) / height])


POINTS = np.array([[30.5, 40.25], [12, 70], [60, 9.75]], np.float32)
LABELS = np.array([1, 0, 1])
BOX = np.array([10, 15.5, 61, 80], np.float32)


@pytest.mark.parametrize("family", ["sam", "sam2"])
@pytest.mark.parametrize("size_hw", ODD_SIZES_HW)
@pytest.mark.parametrize(
    ("points", "has_box", "has_mask", "three"),
    [
        (1, False, False, {"sam": True, "sam2": True}),
        (3, False, False, {"sam": False, "sam2": False}),
        (0, True, False, {"sam": True, "sam2": False}),
        (2, True, True, {"sam": False, "sam2": False}),
        (0, False, True, {"sam": True, "sam2": True}),
        (1, False, True, {"sam": False, "sam2": True}),
    ],
)
def test_equals_transformers(
    folders: dict[str, Path],
    family: str,
    size_hw: tuple[int, int],
    points: int,
    has_box: bool,
    has_mask: bool,
    three: dict[str, bool],
) -> None:
    network = load_network(folders[family], CPU)
    reference = (SamModel if family == "sam" else Sam2Model).from_pretrained(folders[family]).eval()
    image = photo(size_hw)
    low_mask = np.random.default_rng(1).normal(0, 5, (32, 32)).astype(np.float32) if has_mask else None
    ratio = reference_ratio_xy(size_hw, family)

    pixels = network.prepare(image)
    assert np.abs(pixels.astype(int) - reference_resize(image, family).numpy()).max() <= 1
    (embedding,) = network.encode([pixels], [size_hw])
    prompts = PromptTensors(
        points_xy=POINTS[:points],
        labels=LABELS[:points],
        box_xyxy=BOX if has_box else None,
        mask_input=low_mask,
        prompt_count=points + has_box + has_mask,
    )
    decoded = network.decode(embedding, prompts, "auto")

    with torch.no_grad():
        exact = reference.get_image_embeddings(reference_input(pixels))
        for ours, theirs in zip(embedding.features, exact if family == "sam2" else [exact[0][None]], strict=True):
            assert torch.allclose(ours.float(), theirs[0], rtol=2e-3, atol=2e-3)  # kept as fp16
        given = [feature.float()[None] for feature in embedding.features]
        expected = reference(
            image_embeddings=given if family == "sam2" else given[0],
            input_points=(torch.from_numpy(POINTS[:points]) * ratio)[None, None] if points else None,
            input_labels=torch.from_numpy(LABELS[:points])[None, None] if points else None,
            input_boxes=(torch.from_numpy(BOX.reshape(2, 2)) * ratio).view(1, 1, 4) if has_box else None,
            input_masks=torch.from_numpy(low_mask)[None, None] if has_mask else None,
            multimask_output=three[family],
        )
    assert decoded.logits.shape == ((3 if three[family] else 1), 32, 32)
    assert decoded.logits.dtype == np.float32
    scale = float(expected.pred_masks.abs().max())
    assert scale > 0.1
    assert np.abs(decoded.logits - expected.pred_masks[0, 0].numpy()).max() < 1e-4 * max(1, scale)
    assert np.abs(decoded.predicted_iou - expected.iou_scores[0, 0].numpy()).max() < 1e-4


@pytest.mark.parametrize("family", ["sam", "sam2"])
def test_a_batch_is_its_images(folders: dict[str, Path], family: str) -> None:
    network = load_network(folders[family], CPU)
    images = [photo(size_hw) for size_hw in ODD_SIZES_HW]
    pixels = [network.prepare(image) for image in images]
    together = network.encode(pixels, ODD_SIZES_HW)
    for alone_pixels, size_hw, embedding in zip(pixels, ODD_SIZES_HW, together, strict=True):
        (alone,) = network.encode([alone_pixels], [size_hw])
        assert embedding.size_hw == size_hw
        for a, b in zip(alone.features, embedding.features, strict=True):
            assert torch.allclose(a.float(), b.float(), atol=5e-3)


def test_mask_count_can_be_asked_for(folders: dict[str, Path]) -> None:
    for family in folders:
        network = load_network(folders[family], CPU)
        (embedding,) = network.encode([network.prepare(photo((50, 60)))], [(50, 60)])
        assert len(decode_click(network, embedding, True).logits) == 3
        assert len(decode_click(network, embedding, False).logits) == 1


def decode_click(network: Network, embedding: Embedding, multimask: bool):
    prompts = PromptTensors(
        points_xy=np.array([[20, 20]], np.float32),
        labels=np.array([1]),
        box_xyxy=None,
        mask_input=None,
        prompt_count=1,
    )
    return network.decode(embedding, prompts, multimask)


def test_published_sam2_folders_are_video_models(tmp_path: Path) -> None:
    """facebook/sam2.1-hiera-* carry model_type sam2_video and memory weights that one image does not need."""
    vision = SMALL_SAM2 | {"memory_encoder_hidden_size": 32}
    model = randomise(Sam2VideoModel(Sam2VideoConfig(**vision, memory_attention_hidden_size=32)))
    model.save_pretrained(tmp_path / "video")
    network = load_network(tmp_path / "video", CPU)
    assert network.facts.family == "sam2"
    (embedding,) = network.encode([network.prepare(photo((50, 60)))], [(50, 60)])
    assert len(decode_click(network, embedding, True).logits) == 3


def test_facts_need_no_loading(folders: dict[str, Path], tmp_path: Path) -> None:
    facts = read_network_facts(folders["sam2"])
    assert facts == load_network(folders["sam2"], CPU).facts
    assert (facts.name, facts.family, facts.image_size) == ("sam2", "sam2", 128)
    parameters = sum(p.numel() for p in Sam2Model.from_pretrained(folders["sam2"]).parameters())
    assert abs(facts.parameters - parameters) < 0.01 * parameters  # the file also holds a buffer or two
    name, _, digits = facts.model_version.rpartition("-")
    assert name == "sam2"
    assert len(digits) == 8


def test_a_new_decoder_keeps_embeddings_valid(tmp_path: Path) -> None:
    first = read_network_facts(write_tiny(tmp_path / "a", "spot", reach=(1, 2, 3)))
    decoder = read_network_facts(write_tiny(tmp_path / "b", "spot", reach=(1, 2, 4)))
    encoder = read_network_facts(write_tiny(tmp_path / "c", "spot", reach=(1, 2, 3), scale=2.0))
    assert first.model_version != decoder.model_version != encoder.model_version
    assert first.encoder_fingerprint == decoder.encoder_fingerprint != encoder.encoder_fingerprint


def test_the_bundled_model_loads_and_clicks() -> None:
    network = load_network(BUNDLED / "nano", CPU)
    assert network.facts.name == "nano"
    (embedding,) = network.encode([network.prepare(photo((120, 160)))], [(120, 160)])
    assert decode_click(network, embedding, True).logits.shape[0] == 3


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda folder: (folder / "config.json").unlink(), "model_config_unreadable"),
        (lambda folder: (folder / "config.json").write_text("{"), "model_config_unreadable"),
        (lambda folder: (folder / "config.json").write_text("[]"), "model_config_unreadable"),
        (lambda folder: keep_above(folder, 1.5), "model_config_unreadable"),
        (lambda folder: change_type(folder, "bert"), "unknown_architecture"),
        (lambda folder: change_type(folder, ["sam"]), "unknown_architecture"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model_weights_missing"),
        (lambda folder: change_type(folder, "sam"), "model_weights_missing"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"torn"), "model_weights_damaged"),
        (lambda folder: (folder / "model.safetensors").write_bytes(bytes(100)), "model_weights_damaged"),
    ],
)
def test_unusable_folders_are_named(tmp_path: Path, damage, code: str) -> None:
    folder = write_tiny(tmp_path, "spot", reach=(1, 2, 3))
    damage(folder)
    with pytest.raises(UnusableModel) as caught:
        load_network(folder, CPU)
    assert caught.value.code == code
    with pytest.raises(UnusableModel):
        read_network_facts(folder)


def keep_above(folder: Path, pred_iou_thresh: float) -> None:
    config = {"model_type": "segloop_tiny", "automatic": {"pred_iou_thresh": pred_iou_thresh}}
    (folder / "config.json").write_text(json.dumps(config))


def change_type(folder: Path, model_type: object) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))


def test_missing_weights_are_not_made_up(folders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folders["sam2"], tmp_path / "sam2")
    weights = load_file(tmp_path / "sam2" / "model.safetensors")
    del weights["mask_decoder.iou_token.weight"]
    save_file(weights, tmp_path / "sam2" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UnusableModel, match="iou_token") as caught:
        load_network(tmp_path / "sam2", CPU)
    assert caught.value.code == "model_weights_missing"
