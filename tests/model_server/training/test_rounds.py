"""The algorithm of SAM's appendix A, watched from outside: what is asked in each round, and what learns from it."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator

import pytest
import torch

from model_server.training.losses import dice_loss, focal_loss
from model_server.training.network import Features, Prompts, TrainableNetwork
from model_server.training.rounds import Rounds, _score, plan, play, weigh
from tests.model_server.training.conftest import SIZE, small_sam2


class Listening(TrainableNetwork):
    """The small network, remembering what it was asked."""

    def __init__(self, family: str = "sam2") -> None:
        super().__init__(small_sam2().train(), family)
        self.asked: list[tuple[Prompts, bool]] = []
        self.family = family

    def encode(self, pixels: torch.Tensor) -> Features:
        self.family, family = "sam2", self.family
        features = super().encode(pixels)
        self.family = family
        return features

    def decode(self, features: Features, prompts: Prompts, *, multimask: bool) -> tuple[torch.Tensor, torch.Tensor]:
        self.asked.append((prompts, multimask))
        return super().decode(features, prompts, multimask=multimask)


def masks(images: int = 2, count: int = 3) -> torch.Tensor:
    found = torch.zeros(images, count, SIZE, SIZE, dtype=torch.bool)
    for image in range(images):
        for number in range(count):
            found[image, number, 8 * number + 4 : 8 * number + 24, 10 + image : 40] = True
    return found


def pictures(images: int = 2) -> torch.Tensor:
    return torch.randint(0, 256, (images, 3, SIZE, SIZE), dtype=torch.uint8, generator=torch.manual_seed(0))


def all_rounds(network: TrainableNetwork, start: str, rounds: Rounds, seed: int = 0) -> Iterator[object]:
    features = network.encode(pictures())
    return play(network, features, masks(), start, rounds, random.Random(seed))  # type: ignore[arg-type]


def test_eleven_rounds_eight_points_two_looks() -> None:
    network = Listening()
    assert len(list(all_rounds(network, "point", Rounds()))) == 11
    points = [prompts.points_xy.shape[2] for prompts, _ in network.asked]
    assert points[0] == 1
    assert points[-1] == 9
    assert points[-1] == points[-2], "the last round brings no new point"
    assert Counter(b - a for a, b in itertools.pairwise(points)) == {1: 8, 0: 2}


def test_the_inserted_look_falls_anywhere_among_the_corrections() -> None:
    draw = random.Random(0)
    places = Counter(plan(Rounds(), draw).index(False) for _ in range(9000))
    assert set(places) == set(range(9))
    assert min(places.values()) > 850
    assert plan(Rounds(corrections=3, no_point_rounds=False), draw) == [True] * 3


@pytest.mark.parametrize(
    ("family", "start", "first"),
    [("sam", "point", True), ("sam", "box", True), ("sam2", "point", True), ("sam2", "box", False)],
)
def test_three_masks_answer_a_lone_prompt_and_one_mask_all_others(family: str, start: str, first: bool) -> None:
    """A lone box is one prompt to SAM and two points to SAM 2 (engine-facts: select_masks; multimask_max_pt_num)."""
    network = Listening(family)
    list(all_rounds(network, start, Rounds(corrections=2)))
    assert [multimask for _, multimask in network.asked] == [first, False, False, False, False]


def test_the_most_confident_answer_goes_back_in_without_a_gradient() -> None:
    network = Listening()
    list(all_rounds(network, "point", Rounds(corrections=1, no_point_rounds=False)))
    (first, _), (second, _) = network.asked
    assert first.mask_logits is None
    assert second.mask_logits is not None
    assert not second.mask_logits.requires_grad
    with torch.no_grad():
        answers, predicted = network.decode(network.encode(pictures()), first, multimask=True)
    best = predicted.argmax(-1)
    for image in range(2):
        for number in range(3):
            chosen = answers[image, number, best[image, number]]
            torch.testing.assert_close(second.mask_logits[image, number], chosen, rtol=1e-3, atol=1e-4)


def test_boxes_stay_while_points_are_added() -> None:
    network = Listening()
    list(all_rounds(network, "box", Rounds(corrections=2, no_point_rounds=False)))
    assert [prompts.points_xy.shape[2] for prompts, _ in network.asked] == [0, 1, 2]
    boxes = [prompts.boxes_xyxy for prompts, _ in network.asked]
    assert boxes[0] is not None
    assert all(torch.equal(boxes[0], later) for later in boxes[1:] if later is not None)


def test_only_the_best_of_three_learns() -> None:
    """With the IoU's weight at 0, the tokens of the other two masks get no gradient from a single prompt."""
    network = TrainableNetwork(small_sam2().train(), "sam2")
    features = network.encode(pictures(1))
    rounds = Rounds(corrections=0, no_point_rounds=False, iou_weight=0.0)
    (result,) = play(network, features, masks(1, 1), "point", rounds, random.Random(0))
    result.loss.backward()
    heads = network.model.mask_decoder.output_hypernetworks_mlps
    learning = [
        bool(head.proj_out.weight.grad is not None and head.proj_out.weight.grad.abs().sum() > 0) for head in heads
    ]
    assert learning[0] is False
    assert sum(learning) == 1


def test_the_answer_that_is_shown_learns_too_if_asked() -> None:
    """By hand: two losses, of the best and of the most confident, which here is another one."""
    logits = torch.full((1, 1, 3, 4, 4), -4.0)
    logits[..., 1, :2, :] = 4.0  # right
    logits[..., 2, :, :2] = 4.0  # half right, and the most confident
    logits.requires_grad_(True)
    targets = torch.zeros(1, 1, 4, 4)
    targets[..., :2, :] = 1.0
    predicted = torch.tensor([[[0.1, 0.5, 0.9]]])

    def loss(weight: float) -> torch.Tensor:
        rounds = Rounds(iou_weight=0.0, chosen_weight=weight)
        return _score(logits, predicted, targets, rounds, None)[0].loss

    each = 20 * focal_loss(logits[0, 0], targets[0].expand(3, -1, -1)) + dice_loss(logits[0, 0], targets[0])
    assert loss(0.0).item() == pytest.approx(each[1].item())
    assert loss(0.5).item() == pytest.approx((each[1] + 0.5 * each[2]).item())
    loss(0.5).backward()
    assert logits.grad is not None
    assert (logits.grad[0, 0].abs().sum((-2, -1)) > 0).tolist() == [False, True, True]


def test_the_predicted_iou_learns_for_the_best_alone_or_for_all() -> None:
    """SAM teaches the IoU of the mask that learnt; SAM 2 of all three."""
    for of_all, taught in ((False, 1), (True, 3)):
        network = TrainableNetwork(small_sam2().train(), "sam2")
        rounds = Rounds(corrections=0, no_point_rounds=False, iou_of_all_masks=of_all)
        (result,) = play(network, network.encode(pictures(1)), masks(1, 1), "point", rounds, random.Random(0))
        result.loss.backward()
        gradient = network.model.mask_decoder.iou_prediction_head.proj_out.bias.grad
        assert int((gradient != 0).sum()) == taught


def gradients(network: TrainableNetwork, rounds: Rounds, precision: torch.dtype, *, only: list[float]) -> torch.Tensor:
    """Of the decoder's weights, in one vector, of rounds weighed as `only` says; empty: as they say themselves."""
    network.zero_grad()
    features = network.encode(pictures())
    held = Features(features.coarse.detach(), tuple(level.detach() for level in features.finer))
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        for number, result in enumerate(play(network, held, masks(), "point", rounds, random.Random(3))):
            weight = result.weight if not only else only[number] if number < len(only) else 0.0
            assert result.loss.requires_grad == (result.weight > 0)
            if weight:
                (weight * result.loss).backward()
    return torch.cat([torch.zeros(p.numel()) if p.grad is None else p.grad.flatten() for p in network.parameters()])


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_step_that_learns_from_some_rounds_learns_what_they_teach(precision: torch.dtype) -> None:
    """The same gradient as all rounds with those weights; also where weights are cast first in a round left out."""
    network = TrainableNetwork(small_sam2().train(), "sam2")
    some = Rounds(learned=3)
    weights = [
        result.weight for result in play(network, network.encode(pictures()), masks(), "point", some, random.Random(3))
    ]
    assert (weights[0], weights[1], sorted(weights)[-2:]) == (1.0, 0.0, [5.0, 5.0]), (
        "round 1 sees the mask first, unlearned"
    )
    found = gradients(network, some, precision, only=[])
    expected = gradients(network, Rounds(), precision, only=weights)
    assert expected.norm() > 0
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_on_average_all_rounds_count_once() -> None:
    draw = random.Random(0)
    sums = [0.0] * 11
    for _ in range(6000):
        weights = weigh(11, 4, draw)
        assert (sum(weight > 0 for weight in weights), weights[0]) == (4, 1.0)
        assert weights[-1] > 0, "nothing is asked after the last round that is learned from"
        for number, weight in enumerate(weights):
            sums[number] += weight / 6000
    assert sums == pytest.approx([1.0] * 11, abs=0.1)
    assert weigh(11, 1, draw) == [1.0]
    assert weigh(11, None, draw) == weigh(11, 11, draw) == weigh(11, 50, draw) == [1.0] * 11
    assert weigh(1, 4, draw) == [1.0]
