"""Prompts drawn into the mask prompt: where they lie, what they say, and that training and serving draw the same."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model_server.networks.drawn_prompts import INSIDE, MASK_LOGIT_LIMIT, add_bumps, box_map
from model_server.networks.network import PromptTensors
from model_server.networks.registry import load_network
from model_server.training.network import Prompts, load_trainable
from tests.model_server.test_networks import drawing_sam2, photo, randomise

SIZE, SIDE = 128, 32
places = st.floats(0, SIZE, allow_nan=False, width=32)


def tensors(points: list[tuple[float, float]], labels: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([points]), torch.tensor([labels])


@given(places, places, st.sampled_from([0, 1]))
def test_a_click_is_highest_or_lowest_at_its_own_cell(x: float, y: float, label: int) -> None:
    drawn = add_bumps(torch.zeros(1, SIDE, SIDE), *tensors([(x, y)], [label]), input_size=SIZE)[0]
    at = int((drawn if label else -drawn).argmax())
    cell = np.minimum((np.array([x, y]) + 0.5) * SIDE / SIZE, SIDE - 1e-3).astype(int)
    # on the edge of two cells both are right
    assert abs(at % SIDE - cell[0]) <= 1
    assert abs(at // SIDE - cell[1]) <= 1
    assert drawn.abs().max() <= INSIDE


def test_an_answer_is_changed_near_its_corrections_only() -> None:
    answer = torch.full((1, SIDE, SIDE), -7.0)
    answer[:, :, :16] = 31
    drawn = add_bumps(answer, *tensors([(20, 20), (100, 100), (0, 0)], [0, 1, -1]), input_size=SIZE)
    changed = (drawn - answer)[0]
    assert changed[5, 5] < -6
    assert changed[25, 25] > 6
    assert changed[5, 25].abs() < 1e-3
    assert drawn.max() <= MASK_LOGIT_LIMIT


@given(places, places, places, places)
def test_a_box_is_positive_inside_and_negative_outside(x1: float, y1: float, x2: float, y2: float) -> None:
    low, high = (min(x1, x2), min(y1, y2)), (max(x1, x2), max(y1, y2))
    drawn = box_map(*tensors([low, high], [2, 3]), input_size=SIZE, side=SIDE)[0]
    cells = (torch.arange(SIDE) + 0.5) * SIZE / SIDE - 0.5
    slack = SIZE / SIDE  # thin boxes are drawn a cell wide, and so is the edge
    across = (cells >= low[0] - slack) & (cells <= high[0] + slack)
    down = (cells >= low[1] - slack) & (cells <= high[1] + slack)
    outside = ~(down[:, None] & across[None])
    assert (drawn[outside] == -INSIDE).all()
    edge = slack / 2
    deep_across = (cells > low[0] + edge) & (cells < high[0] - edge)
    deep_down = (cells > low[1] + edge) & (cells < high[1] - edge)
    assert (drawn[deep_down[:, None] & deep_across[None]] >= -1e-3).all()


def test_without_a_box_nothing_is_drawn() -> None:
    assert box_map(*tensors([(3, 4), (0, 0)], [1, -1]), input_size=SIZE, side=SIDE).abs().max() == 0


@pytest.mark.parametrize("has_box", [False, True])
def test_training_and_serving_draw_the_same(tmp_path: Path, has_box: bool) -> None:
    randomise(drawing_sam2()).save_pretrained(tmp_path)
    served, trained = load_network(tmp_path, torch.device("cpu")), load_trainable(tmp_path)
    picture = photo((SIZE, SIZE))
    embedding = served.encode([served.prepare(picture)], [(SIZE, SIZE)])[0]
    box = np.array([10, 12, 90, 100], np.float32) if has_box else None
    points = np.zeros((0, 2), np.float32) if has_box else np.array([[40, 50]], np.float32)
    answer = served.decode(
        embedding,
        PromptTensors(
            points_xy=points, labels=np.ones(len(points), np.int64), box_xyxy=box, mask_input=None, prompt_count=1
        ),
        True,
    )
    with torch.no_grad():
        features = trained.encode(torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None])
        prompts = Prompts(
            points_xy=torch.from_numpy(points)[None, None],
            labels=torch.ones(1, 1, len(points), dtype=torch.long),
            boxes_xyxy=None if box is None else torch.from_numpy(box).view(1, 1, 4),
            mask_logits=None,
        )
        logits, _ = trained.decode(features, prompts, multimask=True)
    assert np.abs(logits[0, 0].numpy() - answer.logits).max() < 0.02 * np.abs(answer.logits).max()  # fp16 embeddings
