"""Many prompts decoded together are the same prompts decoded alone, and a threshold takes of all what it should."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Sam2Config, Sam2Model

from model_server.answers import to_tensors
from model_server.automatic.grid import Crop, points_of
from model_server.contract.automatic import AutomaticOptions
from model_server.contract.geometry import BoxPrompt, PointPrompt
from model_server.networks.network import Embedding, Network
from model_server.networks.registry import load_network
from tests.model_server.test_networks import SMALL_SAM2, drawing_sam2, photo, randomise, small_sam

SIZE_HW = (96, 128)


def small_sam2(*, falls_back: bool) -> Sam2Model:
    decoder = SMALL_SAM2["mask_decoder_config"] | {"dynamic_multimask_via_stability": falls_back}
    return Sam2Model(Sam2Config(**SMALL_SAM2 | {"mask_decoder_config": decoder}))


@pytest.fixture(
    params=[small_sam, lambda: small_sam2(falls_back=True), lambda: small_sam2(falls_back=False), drawing_sam2],
    ids=["sam", "sam2 that falls back", "sam2", "sam2 that draws"],
)
def encoded(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Network, Embedding]:
    """A network at random, and a photo."""
    make: Callable[[], Any] = request.param
    randomise(make()).save_pretrained(tmp_path)
    network = load_network(tmp_path, torch.device("cpu"))
    (embedding,) = network.encode([network.prepare(photo(SIZE_HW))], [SIZE_HW])
    return network, embedding


def test_a_grid_of_points_is_its_clicks(encoded: tuple[Network, Embedding]) -> None:
    network, embedding = encoded
    points = points_of(Crop((0, 0, 128, 96), 0), AutomaticOptions(points_per_side=3))
    together = network.decode_points(embedding, points, above=-math.inf)
    assert together.prompt.tolist() == np.repeat(np.arange(9), 3).tolist()
    for i, point in enumerate(points):
        click = to_tensors([PointPrompt(x=float(point[0]), y=float(point[1]), label=1)], None, network.frame(SIZE_HW))
        alone = network.decode(embedding, click, "auto")
        assert np.abs(alone.logits - together.logits[3 * i : 3 * i + 3]).max() < 1e-4
        assert np.abs(alone.predicted_iou - together.predicted_iou[3 * i : 3 * i + 3]).max() < 1e-5
    middle = float(np.median(together.predicted_iou))
    some = network.decode_points(embedding, points, above=middle)
    survives = together.predicted_iou > middle
    assert np.array_equal(some.prompt, together.prompt[survives])
    assert np.abs(some.logits - together.logits[survives]).max() < 1e-4
    assert network.decode_points(embedding, points, above=math.inf).logits.shape == (0, 32, 32)


def test_boxes_together_are_boxes_alone(encoded: tuple[Network, Embedding]) -> None:
    network, embedding = encoded
    corners = np.sort(np.random.default_rng(1).uniform(0, 96, (9, 2, 2)), axis=1).astype(np.float32)
    boxes = corners.reshape(-1, 4)
    together = network.decode_boxes(embedding, boxes, least=-math.inf)
    assert together.prompt.tolist() == list(range(9))
    for box, logits, predicted_iou in zip(boxes, together.logits, together.predicted_iou, strict=True):
        x1, y1, x2, y2 = (float(value) for value in box)
        prompts = to_tensors([BoxPrompt(x1=x1, y1=y1, x2=x2, y2=y2)], None, network.frame(SIZE_HW))
        alone = network.decode(embedding, prompts, "auto")
        best = int(alone.predicted_iou.argmax())
        assert np.abs(alone.logits[best] - logits).max() < 1e-4
        assert abs(alone.predicted_iou[best] - predicted_iou) < 1e-5
    for least in (float(together.predicted_iou[4]) - 1e-4, math.inf):
        some = network.decode_boxes(embedding, boxes, least=least)
        enough = together.predicted_iou >= least
        assert np.array_equal(some.prompt, together.prompt[enough])
        assert np.abs(some.logits - together.logits[enough]).max(initial=0) < 1e-4
