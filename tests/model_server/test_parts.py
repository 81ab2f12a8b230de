"""Answers that are the parts that were clicked: against scipy's labels, and by the bundled model."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from PIL import Image
from scipy import ndimage

from model_server.answers import answer_step, to_tensors
from model_server.contract import masks
from model_server.contract.geometry import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from model_server.export_onnx.check import drawn_picture
from model_server.export_onnx.graph import decoder_rules
from model_server.networks.frame import stretched
from model_server.networks.network import Decoded, Logits, Network
from model_server.networks.parts import (
    DROPPED_LOGIT,
    UNCLICKED_SHARE,
    clicked_parts,
    parts_at_points,
    parts_in_boxes,
)
from model_server.networks.registry import BUNDLED, load_network, read_network_facts
from model_server.networks.weights import UnusableModel

SIDE = 16
FRAME = stretched((48, 32), input_size=64, low_size=SIDE)
LOGITS = st_numpy.arrays(np.float32, (SIDE, SIDE), elements=st.sampled_from([-2.0, -0.25, 0.0, 0.25, 3.0]))
CLICKS = st.lists(st.tuples(st.floats(0, 31.9), st.floats(0, 47.9), st.sampled_from([0, 1])), min_size=1, max_size=3)
BOX = BoxPrompt(x1=2, y1=3, x2=30, y2=40)


def meant(logits: Logits, prompts: Sequence[Prompt]) -> Logits:
    decoded = Decoded(logits[None], np.ones(1, np.float32))
    return clicked_parts(decoded, to_tensors(prompts, None, FRAME), FRAME).logits[0]


@given(LOGITS, CLICKS, st.booleans())
def test_what_stays_is_what_was_clicked(logits: Logits, clicks: list[tuple[float, float, int]], has_box: bool) -> None:
    points: list[Prompt] = [PointPrompt(x=x, y=y, label=label) for x, y, label in clicks]
    kept = meant(logits, [*points, BOX] if has_box else points)
    labels, count = ndimage.label(logits > 0, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    largest = max(areas[1:], default=0)
    under = {int(labels[int(np.float32(y) / 3), int(np.float32(x) / 2)]) for x, y, label in clicks if label} - {0}
    for part in range(1, count + 1):
        stays = part in under or ((has_box or not under) and areas[part] >= UNCLICKED_SHARE * largest)
        expected = logits[labels == part] if stays else np.full(areas[part], DROPPED_LOGIT)
        assert np.array_equal(kept[labels == part], expected)
    assert np.array_equal(kept[labels == 0], logits[labels == 0])


def test_a_mask_given_as_prompt_keeps_its_pieces() -> None:
    pieces = np.zeros((48, 32), bool)
    pieces[3:40, 2:14] = pieces[1:4, 28:31] = True
    logits = np.where(FRAME.mask_to_low(pieces) > 0.5, 4, -4).astype(np.float32)
    mask = MaskPrompt(rle=masks.encode(pieces))
    click = PointPrompt(x=6, y=20, label=1)
    assert np.array_equal(meant(logits, [mask, click]), logits)
    assert np.count_nonzero(meant(logits, [click]) > 0) < np.count_nonzero(logits > 0)


def test_small_parts_of_a_box_go_and_large_ones_stay() -> None:
    logits = np.full((2, SIDE, SIDE), -3, np.float32)
    logits[0, 1:11, 1:11], logits[0, 14, 2:11], logits[0, 1:6, 13:15] = 2, 2, 2  # 100, 9 and 10 pixels
    kept = parts_in_boxes(logits)
    assert (np.count_nonzero(kept[0] > 0), np.count_nonzero(kept[1] > 0)) == (110, 0)
    assert parts_in_boxes(logits[:0]).shape == (0, SIDE, SIDE)


@pytest.fixture(scope="module")
def nano() -> Network:
    return load_network(BUNDLED / "nano", torch.device("cpu"))


def test_the_bundled_model_answers_a_click_with_one_part(nano: Network) -> None:
    assert decoder_rules(nano).parts == nano.facts.parts == "clicked"
    noise = np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((320, 240))
    (embedding,) = nano.encode([nano.prepare(image)], [(240, 320)])
    dropped = 0
    for x, y in [(40, 60), (200, 100), (300, 220), (160, 120)]:
        prompts = [PointPrompt(x=x, y=y, label=1)]
        raw = nano.decode(embedding, to_tensors(prompts, None, nano.frame((240, 320))), "auto")
        answer = answer_step(nano, embedding, prompts, None)
        for before, after in zip(raw.logits, answer.logits, strict=True):
            is_clicked = before[int(y * 96 / 240), int(x * 96 / 320)] > 0
            assert ndimage.label(after > 0, np.ones((3, 3)))[1] == 1 or not is_clicked
            dropped += int(np.count_nonzero(before != after))
    assert dropped > 0


def test_published_models_answer_with_all_of_a_mask(tmp_path: Path) -> None:
    shutil.copytree(BUNDLED / "nano", tmp_path / "nano")
    config = json.loads((tmp_path / "nano" / "config.json").read_text())
    for parts, expected in (("clicked", "clicked"), (None, "all"), ("all", "all")):
        told = config | {"parts": parts}
        (tmp_path / "nano" / "config.json").write_text(json.dumps({k: v for k, v in told.items() if v is not None}))
        assert read_network_facts(tmp_path / "nano").parts == expected
    (tmp_path / "nano" / "config.json").write_text(json.dumps(config | {"parts": "some"}))
    with pytest.raises(UnusableModel, match="it may be all or clicked") as caught:
        read_network_facts(tmp_path / "nano")
    assert caught.value.code == "model_config_unreadable"


def test_an_automatic_mask_and_a_proposal_are_what_a_lone_prompt_gives(nano: Network) -> None:
    image = drawn_picture(2)
    size_hw = (image.height, image.width)
    (embedding,) = nano.encode([nano.prepare(image)], [size_hw])
    frame = nano.frame(size_hw)
    points_xy = np.array([(60, 50), (200, 120), (310, 230)], np.float32)
    found = nano.decode_points(embedding, points_xy, above=-np.inf)
    automatic = parts_at_points(found.logits, points_xy[found.prompt], frame)
    clicked = [
        answer_step(nano, embedding, [PointPrompt(x=x, y=y, label=1)], None).logits for x, y in points_xy.tolist()
    ]
    assert_same_masks(automatic, np.concatenate(clicked))
    boxes = [BoxPrompt(x1=10, y1=20, x2=150, y2=180), BoxPrompt(x1=100, y1=60, x2=320, y2=240)]
    corners = np.array([(box.x1, box.y1, box.x2, box.y2) for box in boxes], np.float32)
    proposed = parts_in_boxes(nano.decode_boxes(embedding, corners, least=-np.inf).logits)
    assert_same_masks(proposed, np.concatenate([answer_step(nano, embedding, [box], None).logits for box in boxes]))
    assert len(parts_at_points(found.logits[:0], points_xy[:0], frame)) == 0


def assert_same_masks(some: Logits, others: Logits) -> None:
    """But for a pixel whose logit is about 0: that of one prompt among many is rounded otherwise."""
    assert some.shape == others.shape
    assert np.count_nonzero((some > 0) != (others > 0)) <= 0.001 * some.size
