"""Every method over every mask of a sample. A picture is opened once and looked at once by each method."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import numpy.typing as npt

from model_server.contract import masks
from model_server.dataset import Mask, Picture, UnusableDataset, open_picture
from model_server.evaluation.methods import Method, Start
from model_server.evaluation.protocols import LEAST_PROMPTS, Trial, Truth, run_trial

Doubles = npt.NDArray[np.float64]
CANDIDATES = 3


@dataclass(frozen=True, slots=True)
class Scores:
    """What one method scored on every mask of a sample from one start. NaN: not asked, or not answered.

    `ious`, `predicted` (masks, steps): the single answer after each prompt, and the IoU the method itself expects.
    `candidate_ious`, `candidate_predicted` (masks, 3): all answers to the first prompt. Doubles, so that 18 pixels
    of 20 reach an IoU of 0.90.
    """

    ious: Doubles
    predicted: Doubles
    candidate_ious: Doubles
    candidate_predicted: Doubles

    @classmethod
    def empty(cls, mask_count: int, steps: int) -> "Scores":
        """All NaN."""
        shapes = ((mask_count, steps),) * 2 + ((mask_count, CANDIDATES),) * 2
        return cls(*(np.full(shape, np.nan) for shape in shapes))

    def keep(self, row: int, trial: Trial) -> None:
        """A trial that ended because nothing was wrong any more keeps its IoU of 1 up to LEAST_PROMPTS."""
        self.ious[row, : len(trial.ious)] = trial.ious
        if trial.ious[-1] == 1:
            self.ious[row, len(trial.ious) : LEAST_PROMPTS] = 1
        self.candidate_ious[row, : len(trial.candidate_ious)] = trial.candidate_ious
        for step, answer in enumerate(trial.answers):
            if answer.predicted_iou is not None:
                self.predicted[row, step] = answer.predicted_iou[answer.chosen]
        if (predicted := trial.answers[0].predicted_iou) is not None:
            self.candidate_predicted[row, : len(predicted)] = predicted


@dataclass(frozen=True, slots=True)
class Run:
    """A method's scores by start, and the seconds spent on looking at pictures and on answering with its clicks."""

    method: Method
    scores: dict[Start, Scores]
    seconds: dict[str, float] = field(default_factory=lambda: {"look": 0.0, "answer": 0.0})
    prompts: dict[Start, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scored:
    """A sample and the runs over it. Rows are the masks of all `pictures` in order; `image_of_mask` is an index."""

    pictures: list[Picture]
    runs: list[Run]
    skipped: list[str]

    @property
    def image_of_mask(self) -> npt.NDArray[np.int64]:
        """The picture's index of every mask."""
        return np.repeat(np.arange(len(self.pictures)), [len(picture.masks) for picture in self.pictures])

    @property
    def areas(self) -> npt.NDArray[np.int64]:
        """Pixels of every mask."""
        return np.array([mask.area for picture in self.pictures for mask in picture.masks], np.int64)


def score(
    pictures: list[Picture],
    methods: Sequence[Method],
    steps: dict[Start, int],
    *,
    seed: int,
    skip_unusable: bool = False,
    on_masks: Callable[[int], None] = lambda _: None,
) -> Scored:
    """Run every protocol in `steps` (prompts per mask). `on_masks` hears how many masks are done.

    Raises UnusableDataset for a picture that cannot be read, unless `skip_unusable`: then its rows stay NaN,
    and dataset_empty where not one can.
    """
    mask_count = sum(len(picture.masks) for picture in pictures)
    runs = [_empty_run(method, mask_count, steps) for method in methods]
    skipped: list[str] = []
    row = 0
    for picture in pictures:
        try:
            _score_picture(picture, row, runs, seed)
        except UnusableDataset as error:
            if not skip_unusable:
                raise
            skipped.append(error.message)
        row += len(picture.masks)
        on_masks(len(picture.masks))
    if len(skipped) == len(pictures):
        raise UnusableDataset("dataset_empty", f"Not one picture can be read; the first: {skipped[0]}")
    return Scored(pictures, runs, skipped)


def _empty_run(method: Method, mask_count: int, steps: dict[Start, int]) -> Run:
    asked = {
        start: count if method.is_correctable else min(count, 1)
        for start, count in steps.items()
        if start in method.starts
    }
    return Run(method, {start: Scores.empty(mask_count, count) for start, count in asked.items()})


def _score_picture(picture: Picture, row: int, runs: list[Run], seed: int) -> None:
    image = open_picture(picture)
    for run in runs:
        started = perf_counter()
        session = run.method.look(image)
        looked = perf_counter()
        for offset, mask in enumerate(picture.masks):
            truth = Truth(mask.segmentation, masks.decode(mask.segmentation))
            near = session.near(masks.bbox_xywh(mask.segmentation))
            for start, scores in run.scores.items():
                trial = run_trial(near, truth, start, steps=scores.ious.shape[1], generator=generator_of(mask, seed))
                scores.keep(row + offset, trial)
                run.prompts[start] = run.prompts.get(start, 0) + len(trial.prompts)
        run.seconds["look"] += looked - started
        run.seconds["answer"] += perf_counter() - looked


def generator_of(mask: Mask, seed: int) -> np.random.Generator:
    """Chance that depends on the mask alone, so that a sample's other masks and the method change nothing."""
    return np.random.default_rng([seed, abs(mask.annotation_id)])
