"""One mask, one start: prompts given until the protocol ends, and how well each was answered."""

from dataclasses import dataclass, field

import numpy as np

from model_server.contract import masks
from model_server.contract.geometry import Prompt
from model_server.contract.masks import Bools, Rle
from model_server.evaluation.clicks import Click, first_click, next_click, random_click, tight_box
from model_server.evaluation.methods import Answer, Session, Start

CLICK_COUNTS = (1, 2, 3, 5, 9)  # SAM, appendix D.1
NOC_CLICKS = 20  # RITM: clicks at most, and what a mask counts that never gets there
NOC_THRESHOLDS = (0.85, 0.90)
LEAST_PROMPTS = CLICK_COUNTS[-1] + 1  # a box and nine clicks: so far every curve is complete


@dataclass(frozen=True, slots=True)
class Truth:
    """A human mask to be found again. `void_hw` marks pixels that count neither way (RITM's label -1)."""

    rle: Rle
    mask_hw: Bools
    void_hw: Bools | None = None

    def iou(self, answer: Rle) -> float:
        """Intersection over union, void pixels left out."""
        if self.void_hw is None:
            return masks.iou(answer, self.rle)
        predicted, truth = masks.decode(answer) & ~self.void_hw, self.mask_hw & ~self.void_hw
        union = int((predicted | truth).sum())
        return int((predicted & truth).sum()) / union if union else 0.0


@dataclass(frozen=True, slots=True)
class Trial:
    """Prompts, their answers, and the IoU of the one mask given after each; of all masks given after the first."""

    prompts: list[Prompt] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)
    candidate_ious: list[float] = field(default_factory=list)


def run_trial(session: Session, truth: Truth, start: Start, *, steps: int, generator: np.random.Generator) -> Trial:
    """Prompt `steps` times (the box counts), then click where it is most wrong; stop early when that is pointless.

    RITM stops at IoU >= 0.90 (evaluate_sample, max_iou_thr); here never before LEAST_PROMPTS (its min_clicks), which
    changes no number of clicks and completes the curve. Answers are carried on as the model server does it:
    the most confident mask's logits. Where nothing is wrong any more the list ends; the answer would stay.
    """
    trial, clicked = Trial(), list[Click]()
    while len(trial.ious) < steps:
        if start == "box" and not trial.prompts:
            trial.prompts.append(tight_box(masks.bbox_xywh(truth.rle)))
        else:
            clicked.append(_click(truth, start, trial, clicked, generator))
            trial.prompts.append(clicked[-1].prompt())
        answer = session.answer(trial.prompts, trial.answers[-1] if trial.answers else None)
        if not trial.answers:
            trial.candidate_ious.extend(truth.iou(mask) for mask in answer.masks)
        trial.answers.append(answer)
        trial.ious.append(truth.iou(answer.masks[answer.chosen]))
        is_good = len(trial.ious) >= LEAST_PROMPTS and trial.ious[-1] >= NOC_THRESHOLDS[-1]
        if is_good or trial.ious[-1] == 1:
            break
    return trial


def _click(truth: Truth, start: Start, trial: Trial, clicked: list[Click], generator: np.random.Generator) -> Click:
    if trial.answers:
        answer = trial.answers[-1]
        return next_click(truth.mask_hw, masks.decode(answer.masks[answer.chosen]), clicked, truth.void_hw)
    object_hw = truth.mask_hw if truth.void_hw is None else truth.mask_hw & ~truth.void_hw
    return random_click(object_hw, generator) if start == "random" else first_click(object_hw)
