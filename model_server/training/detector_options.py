"""The command line of a detector's training run, and what the run depends on, as data."""

import argparse
import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_server.training.configuration import DataChoice, UnusableConfiguration
from model_server.training.options import REPORT_SECONDS, SAVE_SECONDS, read_choice

EMBEDDING_BYTES = 2 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorConfiguration:
    """One run. `base` is the model whose embeddings the head reads; it stays as it is. `negative_weight`: what a
    position without a labelled box counts (see detector_loss). `flip`: pictures are encoded mirrored, too.
    """

    data: tuple[DataChoice, ...]
    base: str
    steps: int = 1000
    batch_size: int = 8
    rate: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 100
    clip: float = 5.0
    width: int = 64
    blocks: int = 3
    negative_weight: float = 0.1
    flip: bool = True
    seed: int = 0
    evaluation: DataChoice | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data, as in checkpoints."""
        made: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return made

    def fingerprint(self) -> str:
        """The same for two runs that would do the same, given the same data and base."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


def parse(argv: list[str] | None) -> tuple[DetectorConfiguration, argparse.Namespace]:
    """What to train, and how to run it. Raises UnusableConfiguration."""
    given = _parser().parse_args(argv)
    evaluation = None
    if given.eval is not None:
        evaluation = DataChoice(folder=str(given.eval.resolve()), split=given.eval_split)
    names = ("base", "steps", "batch_size", "rate", "weight_decay", "warmup", "width", "blocks", "negative_weight")
    configuration = DetectorConfiguration(
        data=tuple(read_choice(text, given.split, is_replay=False) for text in given.data),
        flip=given.flip,
        seed=given.seed,
        evaluation=evaluation,
        **{name: getattr(given, name) for name in names},
    )
    _check(configuration, given.max_minutes)
    return configuration, given


def _check(configuration: DetectorConfiguration, max_minutes: float | None) -> None:
    for name in ("steps", "batch_size", "rate"):
        if not getattr(configuration, name) > 0:
            raise UnusableConfiguration("option_out_of_range", f"--{name.replace('_', '-')} must be above 0.")
    if not 0 <= configuration.negative_weight <= 1:
        raise UnusableConfiguration("option_out_of_range", "--negative-weight must be from 0 to 1.")
    if configuration.width % 8 or not 8 <= configuration.width <= 512 or not 1 <= configuration.blocks <= 16:
        raise UnusableConfiguration(
            "option_out_of_range", "--width must be a multiple of 8 up to 512, --blocks from 1 to 16."
        )
    if any(not choice.weight > 0 for choice in configuration.data):
        raise UnusableConfiguration("option_out_of_range", "A dataset's weight must be above 0.")
    if max_minutes is not None and not max_minutes > 0:
        raise UnusableConfiguration("option_out_of_range", "--max-minutes must be above 0.")


def _parser() -> argparse.ArgumentParser:
    default = DetectorConfiguration(data=(), base="nano")
    parser = argparse.ArgumentParser(
        prog="segloop train-detector",
        description="Train a class-agnostic box detector on COCO folders: a small head over a model's embeddings, "
        "each made once. Progress is one JSON object a line. A run that was stopped or killed goes on when it is "
        "started again with the same options.",
    )
    add = parser.add_argument
    add("data", nargs="+", metavar="FOLDER[=WEIGHT]", help="annotations.json with its pictures; weight: how often")
    add("--base", default=default.base, help="a bundled model or a model folder: whose embeddings are read")
    add("--out", type=Path, required=True, help="the run's folder: checkpoint, progress, and model when done")
    add("--split", default=None, help="of pictures that name a split, use only these")
    add("--eval", type=Path, default=None, metavar="FOLDER", help="measure the finished detector on these pictures")
    add("--eval-split", default=None, help="of those that name a split, only these")
    add("--skip-unusable", action="store_true", help="leave out pictures and masks that cannot be used")
    group = parser.add_argument_group("the run")
    add = group.add_argument
    add("--steps", type=int, default=default.steps)
    add("--batch-size", type=int, default=default.batch_size, help="pictures a step")
    add("--rate", type=float, default=default.rate, help="learning rate")
    add("--weight-decay", type=float, default=default.weight_decay)
    add("--warmup", type=int, default=default.warmup, help="steps")
    add("--width", type=int, default=default.width, help="channels of the head")
    add("--blocks", type=int, default=default.blocks, help="of the head")
    add(
        "--negative-weight",
        type=float,
        default=default.negative_weight,
        help="what a place without a labelled box counts; small, for not everything is labelled",
    )
    add("--flip", action=argparse.BooleanOptionalAction, default=default.flip, help="show pictures mirrored, too")
    add("--seed", type=int, default=default.seed)
    group = parser.add_argument_group("this machine")
    add = group.add_argument
    add("--max-minutes", type=float, default=None, help="finish with what was learnt by then")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    add("--threads", type=int, default=0, help="0: torch's choice")
    add("--embedding-bytes", type=float, default=EMBEDDING_BYTES, help="kept in memory; others are made again")
    add("--save-seconds", type=float, default=SAVE_SECONDS, help="between checkpoints")
    add("--report-seconds", type=float, default=REPORT_SECONDS, help="between progress lines")
    return parser
