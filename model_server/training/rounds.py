"""SAM's training algorithm: a first prompt, corrections where the answer is wrong, and rounds that only look again.

SAM, arXiv 2304.02643, appendix A, "Training algorithm": a point or a noisy box with equal chance; 8 more points, each
uniform in the error region, with the previous logits as mask prompt; two rounds without a new point, one inserted at
random among the eight and one at the end: 11 in all. Three masks answer a lone prompt and the one of lowest loss
learns; from the second prompt on the single-mask token answers alone. SAM 2's variations are options.

Previous logits carry no gradient from round to round, so each round is backpropagated at once, and memory holds one;
and a step may learn from a few of its rounds, drawn anew each time and weighed so that the gradient is the same on
average: those of one step are much alike.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from model_server.training import prompts as sampling
from model_server.training.losses import actual_iou, balanced_loss, click_loss, dice_loss, focal_loss
from model_server.training.network import Features, Prompts, TrainableNetwork

Start = Literal["point", "box"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What is asked and how answers are scored; the defaults are SAM's.

    `iou_of_all_masks`: the first click teaches the predicted IoU of all three (SAM 2), not only the best's.
    `corrections_from_mask`: share of corrections that fall on the mask instead of the error (SAM 2: 0.1).
    `click_weight`: weight of the cross-entropy at the clicked points alone (ours; 0 is SAM): a weak network otherwise
    learns to overlook corrections, whose pixels weigh nothing among all others.
    `chosen_weight`: of three answers, the most confident learns too, with this weight (ours; 0 is SAM): it is the one
    that is shown, and the best of three is known to nobody.
    `learned`: how many rounds of a step are learned from, None for all: the first, and others at random.
    """

    corrections: int = 8
    no_point_rounds: bool = True
    box_share: float = 0.5
    mask_loss: Literal["focal", "balanced"] = "focal"
    mask_weight: float = 20.0
    dice_weight: float = 1.0
    iou_weight: float = 1.0
    click_weight: float = 0.0
    chosen_weight: float = 0.0
    iou_loss: Literal["mse", "l1"] = "mse"
    iou_of_all_masks: bool = False
    corrections_from_mask: float = 0.0
    uniform_box_noise: bool = False
    learned: int | None = None


@dataclass(frozen=True, slots=True)
class RoundResult:
    """One round over B x P prompts: mean loss, and IoU of the answer carried on and of the best.

    `weight`: what the loss counts for in the gradient; at 0 it has none.
    """

    loss: Tensor
    chosen_iou: Tensor
    best_iou: Tensor
    weight: float = 1.0


def plan(rounds: Rounds, draw: random.Random) -> list[bool]:
    """For every round after the first, whether it brings a new point."""
    steps = [True] * rounds.corrections
    if rounds.no_point_rounds:
        steps.insert(draw.randrange(len(steps) + 1), False)
        steps.append(False)
    return steps


def weigh(count: int, learned: int | None, draw: random.Random) -> list[float]:
    """What each of `count` rounds counts for in the gradient: the first always, others if they are drawn, and then for
    those that are not. Ends with the last that counts: nothing needs to be asked after it."""
    others = count - 1
    drawn = others if learned is None else min(others, learned - 1)
    if drawn == others:
        return [1.0] * count
    chosen = sorted(draw.sample(range(1, count), drawn))
    return [1.0, *(others / drawn if number in chosen else 0.0 for number in range(1, max(chosen, default=0) + 1))]


def play(
    network: TrainableNetwork, features: Features, masks: Tensor, start: Start, rounds: Rounds, draw: random.Random
) -> Iterator[RoundResult]:
    """The rounds of all prompts, in step: masks (B, P, S, S) bool, none empty. Backpropagate each that has a weight
    before the next."""
    generator = torch.Generator(masks.device).manual_seed(draw.getrandbits(62))
    targets = functional.interpolate(masks.float(), size=(network.low_size,) * 2, mode="area")
    prompts = _first_prompts(masks, start, rounds, generator)
    is_lone_point = start == "point" or network.family == "sam"  # SAM 2 counts a box as two points
    logits: Tensor | None = None
    brings_point = [False, *plan(rounds, draw)]
    for number, weight in enumerate(weigh(len(brings_point), rounds.learned, draw)):
        if brings_point[number] and logits is not None:
            prompts = _with_correction(prompts, masks, logits, rounds, generator)
        with torch.set_grad_enabled(weight > 0 and torch.is_grad_enabled()):
            answers, predicted = network.decode(features, prompts, multimask=number == 0 and is_lone_point)
            at_clicks = (
                click_loss(answers, (prompts.points_xy + 0.5) / masks.shape[-1], prompts.labels)
                if rounds.click_weight
                else None
            )
            result, logits = _score(answers, predicted, targets, rounds, at_clicks)
        prompts = Prompts(
            points_xy=prompts.points_xy, labels=prompts.labels, boxes_xyxy=prompts.boxes_xyxy, mask_logits=logits
        )
        yield replace(result, weight=weight)


def _first_prompts(masks: Tensor, start: Start, rounds: Rounds, generator: torch.Generator) -> Prompts:
    images, count = masks.shape[:2]
    if start == "box":
        return Prompts(
            points_xy=torch.zeros(images, count, 0, 2, device=masks.device),
            labels=torch.zeros(images, count, 0, dtype=torch.long, device=masks.device),
            boxes_xyxy=sampling.noisy_boxes(masks, is_uniform=rounds.uniform_box_noise, generator=generator),
            mask_logits=None,
        )
    points = sampling.uniform_point(masks, generator).float()[:, :, None]
    labels = torch.ones(images, count, 1, dtype=torch.long, device=masks.device)
    return Prompts(points_xy=points, labels=labels, boxes_xyxy=None, mask_logits=None)


def _with_correction(
    prompts: Prompts, masks: Tensor, logits: Tensor, rounds: Rounds, generator: torch.Generator
) -> Prompts:
    answers = functional.interpolate(logits, size=masks.shape[-2:], mode="bilinear", align_corners=False) > 0
    from_mask = None
    if rounds.corrections_from_mask > 0:
        from_mask = torch.rand(masks.shape[:2], generator=generator, device=masks.device) < rounds.corrections_from_mask
    points, labels = sampling.correction_points(masks, answers, from_mask=from_mask, generator=generator)
    return Prompts(
        points_xy=torch.cat([prompts.points_xy, points.float()[:, :, None]], dim=2),
        labels=torch.cat([prompts.labels, labels[:, :, None]], dim=2),
        boxes_xyxy=prompts.boxes_xyxy,
        mask_logits=logits,
    )


def _score(
    logits: Tensor, predicted: Tensor, targets: Tensor, rounds: Rounds, at_clicks: Tensor | None
) -> tuple[RoundResult, Tensor]:
    """Losses of (B, P, K) answers, and the logits (B, P, L, L) of the most confident one, cut off from gradients."""
    wanted = targets[:, :, None].expand_as(logits)
    cell_loss = focal_loss if rounds.mask_loss == "focal" else balanced_loss
    mask_losses = rounds.mask_weight * cell_loss(logits, wanted) + rounds.dice_weight * dice_loss(logits, wanted)
    if at_clicks is not None:
        mask_losses = mask_losses + rounds.click_weight * at_clicks
    iou = actual_iou(logits, wanted)
    iou_losses = functional.mse_loss(predicted, iou, reduction="none")
    if rounds.iou_loss == "l1":
        iou_losses = functional.l1_loss(predicted, iou, reduction="none")
    best = mask_losses.argmin(-1, keepdim=True)
    iou_loss = iou_losses.mean(-1, keepdim=True) if rounds.iou_of_all_masks else iou_losses.gather(-1, best)
    chosen = predicted.detach().argmax(-1, keepdim=True)
    loss = (mask_losses.gather(-1, best) + rounds.iou_weight * iou_loss).mean()
    if rounds.chosen_weight and logits.shape[2] > 1:
        loss = loss + rounds.chosen_weight * mask_losses.gather(-1, chosen).mean()
    at = chosen[..., None, None].expand(-1, -1, 1, *logits.shape[-2:])
    result = RoundResult(loss, iou.gather(-1, chosen).mean(), iou.amax(-1).mean())
    return result, logits.detach().gather(2, at)[:, :, 0]
