"""What an official file holds is told by its tensors, and what is no such file is refused by name."""

import hashlib
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Sam2Model, SamModel

from model_server.networks.official import convert_file, recognise
from model_server.networks.registry import load_network
from model_server.networks.weights import UnusableModel
from tests.model_server.reference import HIERA_TINY, SMALL_SAM, build_sam, build_sam2, reference_module

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("model_type", "name"), [("vit_b", "sam-vit-base"), ("vit_l", "sam-vit-large"), ("vit_h", "sam-vit-huge")]
)
def test_every_sam_is_told_by_its_shapes(model_type: str, name: str) -> None:
    with torch.device("meta"):
        reference = reference_module("segment_anything").sam_model_registry[model_type]()
        converted = recognise(reference.state_dict(), "any name.pth")
        ours = SamModel(converted.config)
    assert converted.name == name
    for theirs, block in zip(reference.image_encoder.blocks, ours.vision_encoder.layers, strict=True):
        assert (theirs.window_size, theirs.attn.num_heads) == (block.window_size, block.attn.num_attention_heads)
        assert (theirs.norm1.eps, theirs.attn.scale) == (block.layer_norm1.eps, block.attn.scale)
    two_way = zip(reference.mask_decoder.transformer.layers, ours.mask_decoder.transformer.layers, strict=True)
    assert all(theirs.norm1.eps == layer.layer_norm1.eps for theirs, layer in two_way)


@pytest.mark.parametrize("size", ["tiny", "small", "base-plus", "large"])
@pytest.mark.parametrize("version", ["sam2", "sam2.1"])
def test_every_sam2_is_told_by_its_shapes(version: str, size: str) -> None:
    short = {"tiny": "t", "small": "s", "base-plus": "b+", "large": "l"}[size]
    with torch.device("meta"):
        reference = build_sam2(f"{version}/{version}_hiera_{short}")
        converted = recognise(reference.state_dict(), "any name.pth")
        ours = Sam2Model(converted.config)
    assert converted.name == f"{version}-hiera-{size}"
    assert all(not name.startswith(("image_encoder", "sam_")) for name in converted.left_out)
    trunk = ours.vision_encoder.backbone
    assert list(trunk.stage_ends) == list(reference.image_encoder.trunk.stage_ends)
    for theirs, block in zip(reference.image_encoder.trunk.blocks, trunk.blocks, strict=True):
        assert (theirs.window_size, theirs.attn.num_heads) == (block.window_size, block.attn.num_attention_heads)
        assert (theirs.q_stride is None) == (block.query_stride is None)
        assert theirs.norm1.eps == block.layer_norm1.eps
    decoder = reference.sam_mask_decoder
    assert decoder.dynamic_multimask_stability_thresh == ours.mask_decoder.dynamic_multimask_stability_thresh


# --- what is refused ------------------------------------------------------------------------------------------------


class Malice:
    """Unpickled, it would make a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.target}",)


@pytest.fixture(scope="module")
def sam_state() -> dict[str, torch.Tensor]:
    return dict(build_sam(**SMALL_SAM).state_dict())


def refusal(file: Path) -> UnusableModel:
    folder = file.parent / "converted"
    folder.mkdir()
    with pytest.raises(UnusableModel) as caught:
        convert_file(file, folder)
    assert not list(folder.iterdir())
    return caught.value


def test_a_malicious_pickle_is_not_run(tmp_path: Path, sam_state: dict[str, torch.Tensor]) -> None:
    target = tmp_path / "harm"
    for number, write in enumerate(
        [
            lambda file: torch.save({**sam_state, "more": Malice(target)}, file),
            lambda file: torch.save({"model": Malice(target)}, file, _use_new_zipfile_serialization=False),
            lambda file: file.write_bytes(pickle.dumps(Malice(target))),
        ]
    ):
        (tmp_path / str(number)).mkdir()
        file = tmp_path / str(number) / "sam_vit_b_01ec64.pth"
        write(file)
        assert refusal(file).code == "model_file_unsafe"
    assert not target.exists()


def test_other_files_are_refused_by_name(tmp_path: Path, sam_state: dict[str, torch.Tensor]) -> None:
    without = {name: tensor for name, tensor in sam_state.items() if "iou_token" not in name}
    misshapen = {**sam_state, "mask_decoder.iou_token.weight": torch.zeros(1, 255)}
    flat = {**sam_state, "image_encoder.blocks.0.attn.rel_pos_h": torch.zeros(27, 0)}
    other = {"backbone.conv1.weight": torch.zeros(3, 3)}
    whole = tmp_path / "whole.pth"
    torch.save(sam_state, whole)
    cases: list[tuple[Callable[[Path], Any], str, str]] = [
        (lambda file: file.write_bytes(whole.read_bytes()[:-5000]), "model_weights_damaged", "cut off"),
        (lambda file: file.write_bytes(b""), "model_weights_damaged", "not a whole checkpoint"),
        (lambda file: file.write_text("<html>not found</html>"), "model_file_unsafe", "was not unpickled"),
        (lambda file: zipfile.ZipFile(file, "w").close(), "model_weights_damaged", "not a whole checkpoint"),
        (lambda file: torch.save(other, file), "unknown_architecture", "backbone.conv1.weight"),
        (lambda file: torch.save([1, 2], file), "unknown_architecture", "no state of a network"),
        (lambda file: torch.save({"model": {}}, file), "unknown_architecture", "no state of a network"),
        (lambda file: torch.save(without, file), "model_weights_missing", "mask_decoder.iou_token.weight"),
        (lambda file: torch.save({**sam_state, **other}, file), "model_weights_unexpected", "backbone.conv1.weight"),
        (lambda file: torch.save(flat, file), "unknown_architecture", "cannot be told from its tensors"),
        (lambda file: torch.save(misshapen, file), "model_weights_misshapen", "iou_token.weight has shape (1, 255)"),
    ]
    for number, (write, code, words) in enumerate(cases):
        (tmp_path / str(number)).mkdir()
        file = tmp_path / str(number) / "sam_vit_b_01ec64.pth"
        write(file)
        error = refusal(file)
        assert (error.code, words in error.message) == (code, True), error.message


def test_a_hiera_of_no_published_size_is_refused(tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in build_sam2(HIERA_TINY).state_dict().items() if ".blocks.11." not in name}
    torch.save({"model": state}, tmp_path / "sam2.1_hiera_tiny.pt")
    error = refusal(tmp_path / "sam2.1_hiera_tiny.pt")
    assert error.code == "unknown_architecture"
    assert "(1, 2, 7, 1)" in error.message


def test_old_files_load_and_say_where_they_come_from(tmp_path: Path, sam_state: dict[str, torch.Tensor]) -> None:
    file = tmp_path / "sam.pth"
    torch.save(sam_state, file, _use_new_zipfile_serialization=False)
    (tmp_path / "sam").mkdir()
    convert_file(file, tmp_path / "sam")
    source = json.loads((tmp_path / "sam" / "source.json").read_text())
    assert source["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert load_network(tmp_path / "sam", CPU).facts.family == "sam"
