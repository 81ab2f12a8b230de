"""Official files load as the networks they are: the numbers of segment-anything and sam2 themselves, to 1e-4."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import numpy as np
import pytest
import torch
from PIL import Image

from model_server.answers import to_tensors
from model_server.contract.geometry import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from model_server.contract.masks import encode
from model_server.networks.network import Decoded, Embedding
from model_server.networks.official import convert_file
from model_server.networks.registry import load_network
from model_server.replay import Look, Memo, replay
from tests.model_server.reference import (
    HIERA_TINY,
    SMALL_SAM,
    build_sam,
    build_sam2,
    randomise,
    reference_module,
    stand_ins,
)

CPU = torch.device("cpu")
TOLERANCE = 1e-4
ODD_SIZES_HW = [(97, 131), (260, 77), (683, 1021)]
# The width, heads and window of ViT-B.
WIDE_SAM = {"width": 768, "depth": 2, "heads": 12, "global_blocks": [1], "image_size": 512}


def photo(size_hw: tuple[int, int]) -> Image.Image:
    coarse = np.random.default_rng(5).integers(0, 255, (6, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size_hw[::-1], Image.Resampling.BICUBIC)


@dataclass
class Pair:
    """A reference's predictor, our network made of its file, and one image in both of them."""

    reference: Any
    network: Any
    embedding: Embedding

    @property
    def is_sam2(self) -> bool:
        return hasattr(self.reference.model, "sam_mask_decoder")

    def of_size(self, size_hw: tuple[int, int]) -> "Pair":
        """SAM 2 stretches: the same input is that of an image of any size."""
        self.reference._orig_hw = [size_hw]
        return replace(self, embedding=Embedding(self.embedding.features, size_hw))


def pair(folder: Path, reference: Any, size_hw: tuple[int, int]) -> Pair:
    """Write the reference's official file, convert and load it, and encode one image on both sides."""
    (folder / "converted").mkdir()
    is_sam2 = hasattr(reference, "sam_mask_decoder")
    state = {"model": reference.state_dict()} if is_sam2 else reference.state_dict()
    torch.save(state, folder / "official.pt")
    convert_file(folder / "official.pt", folder / "converted")
    if is_sam2:
        set_image_size(folder / "converted" / "config.json", reference.image_size)
    network: Any = load_network(folder / "converted", CPU)
    image = photo(size_hw)
    pixels = network.prepare(image)
    if is_sam2:
        predictor_class = reference_module("sam2.sam2_image_predictor").SAM2ImagePredictor
        with stand_ins(), patch.object(torch.jit, "script", lambda module: module):
            predictor = predictor_class(reference)
        # sam2 resizes in floats, we in 8 bits (test below): compared from the same input on
        predictor._bb_feat_sizes = [(reference.image_size // stride,) * 2 for stride in (4, 8, 16)]
        predictor.set_image(pixels)
        predictor._orig_hw = [size_hw]
    else:
        predictor = reference_module("segment_anything.predictor").SamPredictor(reference)
        predictor.set_image(np.asarray(image))
    features = tuple(level[0] for level in network.encode_exactly([pixels]))
    return Pair(predictor, network, Embedding(features, size_hw))


def set_image_size(file: Path, image_size: int) -> None:
    """SAM 2 at another resolution than all published networks have: same weights, faster."""
    config = json.loads(file.read_text())
    config["prompt_encoder_config"]["image_size"] = image_size
    config["vision_config"]["backbone_config"]["image_size"] = [image_size] * 2
    config["vision_config"]["backbone_feature_sizes"] = [[image_size // stride] * 2 for stride in (4, 8, 16)]
    file.write_text(json.dumps(config))


@pytest.fixture(scope="module", params=ODD_SIZES_HW, ids=str)
def small_sam(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return pair(tmp_path_factory.mktemp("sam"), randomise(build_sam(**SMALL_SAM)), request.param)


def difference(ours: Any, theirs: Any) -> float:
    return float(np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)).max())


def embeddings_differ_by(pair: Pair) -> float:
    if pair.is_sam2:
        theirs = [*pair.reference._features["high_res_feats"], pair.reference._features["image_embed"]]
    else:
        theirs = [pair.reference.features]
    assert len(theirs) == len(pair.embedding.features)
    assert all(float(level.std()) > 0.1 for level in theirs), "degenerate weights prove nothing"
    return max(difference(ours, level[0]) for ours, level in zip(pair.embedding.features, theirs, strict=True))


# --- prompts, in the reference's terms ----------------------------------------------------------------------------


def asked_of_reference(pair: Pair, prompts: Sequence[Prompt], mask_input: Any, *, three: bool) -> Decoded:
    """The reference predictor's own answer to points, a box and low-resolution logits."""
    points = [prompt for prompt in prompts if isinstance(prompt, PointPrompt)]
    boxes = [prompt for prompt in prompts if isinstance(prompt, BoxPrompt)]
    xy = np.array([(point.x, point.y) for point in points], np.float32) if points else None
    labels = np.array([point.label for point in points]) if points else None
    if pair.is_sam2 and not points and not boxes:
        # SAM2Base._forward_sam_heads marks "no point" by a padding point.
        xy, labels = np.zeros((1, 2), np.float32), np.array([-1])
    _, scores, logits = pair.reference.predict(
        point_coords=xy,
        point_labels=labels,
        box=np.array([boxes[0].x1, boxes[0].y1, boxes[0].x2, boxes[0].y2], np.float32) if boxes else None,
        mask_input=None if mask_input is None else mask_input[None],
        multimask_output=three,
        return_logits=True,
    )
    return Decoded(logits, scores)


def answers_with_three(pair: Pair, prompts: Sequence[Prompt]) -> bool:
    """Which tokens answer, by the family's own code."""
    points = sum(isinstance(prompt, PointPrompt) for prompt in prompts)
    corners = 2 * sum(isinstance(prompt, BoxPrompt) for prompt in prompts)
    if pair.is_sam2:
        labels = torch.zeros(1, points + corners)
        return bool(pair.reference.model._use_multimask(True, {"point_labels": labels}))
    # The ONNX export counts points, corners and, where there is no box, a padding point; a mask is a prompt as well
    # (Segment Anything, appendix A), which the export leaves to its caller. Token 0 is the single mask.
    given = points + (corners or 1) + sum(isinstance(prompt, MaskPrompt) for prompt in prompts)
    choose = reference_module("segment_anything.utils.onnx").SamOnnxModel.select_masks
    tokens = torch.arange(4.0).view(1, 4, 1, 1)
    chooser = type("", (), {"model": pair.reference.model})
    return bool(choose(chooser, tokens, torch.full((1, 4), 0.5), given)[0] > 0)


def assert_same(pair: Pair, ours: Decoded, theirs: Decoded) -> None:
    logits = np.clip(ours.logits, -32, 32) if pair.is_sam2 else ours.logits
    assert logits.shape == theirs.logits.shape
    assert theirs.logits.std() > 0.1
    assert (theirs.logits > 0).any()
    assert (theirs.logits < 0).any()
    assert difference(logits, theirs.logits) < TOLERANCE
    assert difference(ours.predicted_iou, theirs.predicted_iou) < TOLERANCE


def prompts_on(size_hw: tuple[int, int], kinds: str) -> list[Prompt]:
    """`p` a point on the object, `n` one off it, `b` a box, `m` a mask."""
    height, width = size_hw
    disc = np.hypot(*np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]) < 0.6
    made: dict[str, list[Prompt]] = {
        "p": [PointPrompt(x=0.31 * width, y=0.42 * height, label=1), PointPrompt(x=0.62 * width, y=0.7, label=1)],
        "n": [PointPrompt(x=0.12 * width, y=0.93 * height, label=0)],
        "b": [BoxPrompt(x1=0.1 * width, y1=0.2 * height, x2=0.9 * width, y2=0.77 * height)],
        "m": [MaskPrompt(rle=encode(disc))],
    }
    return [made[kind].pop(0) for kind in kinds]


KINDS = ["p", "pn", "ppn", "b", "bpn", "m", "pm", "bnm"]


def assert_prompts_agree(pair: Pair, multimasks: Sequence[Literal["auto"] | bool]) -> None:
    """All kinds of prompts; the family's own choice of tokens, all three, or the single mask."""
    size_hw = pair.embedding.size_hw
    frame = pair.network.frame(size_hw)
    for kinds in KINDS:
        prompts = prompts_on(size_hw, kinds)
        tensors = to_tensors(prompts, None, frame)
        for multimask in multimasks:
            three = answers_with_three(pair, prompts) if multimask == "auto" else multimask
            ours = pair.network.decode(pair.embedding, tensors, multimask)
            place = [PointPrompt(x=float(x), y=float(y), label=1) for x, y in tensors.points_xy[: tensors.is_placed]]
            theirs = asked_of_reference(pair, [*place, *prompts], tensors.mask_input, three=three)
            assert_same(pair, ours, theirs)


def assert_clicks_agree(pair: Pair) -> None:
    """Three clicks through our replay against the reference, which gets its own previous logits back."""
    prompts = prompts_on(pair.embedding.size_hw, "ppn")
    prompts[0] = replace(prompts[0], candidate=1)
    previous = None
    for step in range(1, 4):
        asked = prompts[:step]
        theirs = asked_of_reference(pair, asked, previous, three=answers_with_three(pair, asked))
        ours = replay(Memo(0), Look("image", pair.network, asked, "auto"), pair.embedding)
        assert_same(pair, ours, theirs)
        chosen = asked[-1].candidate
        previous = theirs.logits[int(theirs.predicted_iou.argmax()) if chosen is None else chosen]


def test_sam_answers_as_segment_anything(small_sam: Pair) -> None:
    assert embeddings_differ_by(small_sam) < TOLERANCE
    assert_prompts_agree(small_sam, ["auto", True, False])
    assert_clicks_agree(small_sam)


def test_sam_of_published_width(tmp_path: Path) -> None:
    wide = pair(tmp_path, randomise(build_sam(**WIDE_SAM)), (300, 401))
    assert embeddings_differ_by(wide) < TOLERANCE
    assert_clicks_agree(wide)


def test_sam2_answers_as_sam2(tmp_path: Path) -> None:
    """Hiera tiny with every kind of prompt, at half its resolution."""
    tiny = pair(tmp_path, randomise(build_sam2(HIERA_TINY, image_size=512)), ODD_SIZES_HW[0])
    assert embeddings_differ_by(tiny) < TOLERANCE
    assert_prompts_agree(tiny, ["auto", True, False])
    assert_clicks_agree(tiny)
    for size_hw in ODD_SIZES_HW[1:]:
        assert_prompts_agree(tiny.of_size(size_hw), ["auto"])
        assert_clicks_agree(tiny.of_size(size_hw))


def test_sam2_at_full_resolution(tmp_path: Path) -> None:
    tiny = pair(tmp_path, randomise(build_sam2(HIERA_TINY)), ODD_SIZES_HW[0])
    assert embeddings_differ_by(tiny) < TOLERANCE
    assert_clicks_agree(tiny)


def test_our_resizing_is_that_of_the_packages() -> None:
    """segment-anything resizes in 8 bits as we do, to the bit; sam2 in floats, to half a step of 8 bits."""
    transforms = reference_module("segment_anything.utils.transforms").ResizeLongestSide(256)
    image = photo((97, 131))
    frame_hw = transforms.get_preprocess_shape(97, 131, 256)
    ours = image.resize(frame_hw[::-1], Image.Resampling.BILINEAR)
    assert np.array_equal(transforms.apply_image(np.asarray(image)), ours)
    with stand_ins():
        import torchvision.transforms as floats

        chw = floats.Resize((256, 256))(floats.ToTensor()(np.asarray(image)))
    stretched = np.asarray(image.resize((256, 256), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert np.abs(chw.numpy() * 255 - stretched).max() <= 1
