"""The command line of a training run."""

import argparse
import dataclasses
import math
from pathlib import Path
from typing import Any

from model_server.training.base import habits_of
from model_server.training.configuration import TUNES, Configuration, DataChoice, UnusableConfiguration
from model_server.training.rounds import Rounds

SAVE_SECONDS = 120.0
REPORT_SECONDS = 10.0


def parse(argv: list[str] | None) -> tuple[Configuration, argparse.Namespace]:
    """What to train, and how to run it: the second part changes no more than the last digits."""
    given = _parser().parse_args(argv)
    data = [read_choice(text, given.split, is_replay=False) for text in given.data]
    data += [read_choice(text, given.split, is_replay=True) for text in given.replay]
    habits = habits_of(given.base)
    configuration = Configuration(
        data=tuple(data),
        rounds=_rounds(given, habits.rounds),
        augmentation=dataclasses.replace(habits.augmentation, **_augmentation(given)),
        min_area=habits.min_area if given.min_area is None else given.min_area,
        **{
            name: getattr(given, name)
            for name in (
                *("base", "tune", "input_size", "steps", "batch_size", "prompts_per_image", "rate", "encoder_rate"),
                *(
                    "layer_decay",
                    "weight_decay",
                    "warmup",
                    "schedule",
                    "clip",
                    "average_from",
                    "keep_base",
                    "lora_rank",
                    "seed",
                ),
                *("region_share", "scene_share", "paste_share", "closer_share"),
            )
        },
    )
    return configuration, given


def _rounds(given: argparse.Namespace, of_base: Rounds) -> Rounds:
    """As the base was trained, but for what the command line says."""
    names = (
        *("corrections", "no_point_rounds", "box_share", "mask_loss", "mask_weight", "dice_weight", "iou_weight"),
        *("click_weight", "chosen_weight", "learned"),
    )
    chosen = {name: getattr(given, name) for name in names if getattr(given, name) is not None}
    if given.sam2_losses is not None:
        chosen["iou_loss"] = "l1" if given.sam2_losses else "mse"
        chosen["corrections_from_mask"] = 0.1 if given.sam2_losses else 0.0
        chosen["iou_of_all_masks"] = chosen["uniform_box_noise"] = given.sam2_losses
    return dataclasses.replace(of_base, **chosen)


def _augmentation(given: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of it."""
    chosen = {name: getattr(given, name) for name in ("stretch", "colour", "flip") if getattr(given, name) is not None}
    return chosen if given.scale is None else {**chosen, "scale": tuple(given.scale)}


def read_choice(text: str, split: str | None, *, is_replay: bool) -> DataChoice:
    """A FOLDER[=WEIGHT] of a command line. Raises UnusableConfiguration."""
    folder, separator, weight = text.rpartition("=")
    try:
        return DataChoice(
            folder=str(Path(folder if separator else text).resolve()),
            weight=float(weight) if separator else 1.0,
            split=split,
            is_replay=is_replay,
        )
    except ValueError:
        raise UnusableConfiguration("option_malformed", f"{text!r}: the weight after = is not a number.") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="segloop train",
        description="Train a promptable network on COCO folders as SAM was trained. Progress is one JSON object a "
        "line. A run that was stopped or killed goes on when it is started again with the same options.",
    )
    add = parser.add_argument
    add("data", nargs="+", metavar="FOLDER[=WEIGHT]", help="annotations.json with its pictures; weight: how often")
    add("--base", default="nano", help="a bundled model, a model folder, or new:nano to start from nothing")
    add("--out", type=Path, required=True, help="the run's folder: checkpoint, progress, and model when done")
    add("--tune", choices=TUNES, default="decoder", help="what learns; all but full keep embeddings valid")
    add(
        "--replay", nargs="*", default=[], metavar="FOLDER[=WEIGHT]", help="data of the base model, not to be forgotten"
    )
    add("--split", default=None, help="of pictures that name a split, use only these")
    add("--skip-unusable", action="store_true", help="leave out pictures and masks that cannot be used")
    group = parser.add_argument_group("the run")
    add = group.add_argument
    add("--steps", type=int, default=1000)
    add("--batch-size", type=int, default=4, help="pictures a step")
    add("--prompts-per-image", type=int, default=8)
    add("--input-size", type=int, default=None, help="side in pixels; the base's own by default")
    add("--rate", type=float, default=1e-4, help="learning rate of the decoder")
    add("--encoder-rate", type=float, default=None, help="learning rate of the encoder's last layer")
    add("--layer-decay", type=float, default=0.8, help="rate of a layer relative to the next")
    add("--weight-decay", type=float, default=0.1)
    add("--warmup", type=int, default=250, help="steps")
    add("--schedule", choices=("cosine", "steps", "constant"), default="cosine")
    add("--clip", type=float, default=1.0, help="largest norm of the gradient")
    add("--average-from", type=float, default=1.0, help="average the weights after this share of the steps")
    add(
        "--keep-base",
        type=float,
        default=0.0,
        help="share of the base's weights in the finished model, against forgetting",
    )
    add("--lora-rank", type=int, default=8)
    add("--seed", type=int, default=0)
    group = parser.add_argument_group("prompts and losses (defaults: as the base was trained; else SAM, appendix A)")
    add = group.add_argument
    add("--corrections", type=int, help="further points after the first prompt")
    add("--no-point-rounds", action=argparse.BooleanOptionalAction, help="two rounds without a new point")
    add("--learned", type=int, help="rounds of a step to learn from: the first and others at random; all by default")
    add("--box-share", type=float, help="prompts that begin with a box")
    add("--mask-loss", choices=("focal", "balanced"), help="balanced learns from random weights")
    add("--mask-weight", type=float)
    add("--dice-weight", type=float)
    add("--iou-weight", type=float)
    add("--click-weight", type=float, help="cross-entropy at the clicked points")
    add("--chosen-weight", type=float, help="loss of the most confident of three answers, beside the best's")
    add(
        "--sam2-losses",
        action=argparse.BooleanOptionalAction,
        help="SAM 2's variations: L1 on all predicted IoUs, a tenth of the "
        "corrections from the mask, uniform box noise",
    )
    group = parser.add_argument_group("samples (scale to flip, and min-area: as the base was trained)")
    add = group.add_argument
    add("--scale", type=float, nargs=2, metavar=("LOW", "HIGH"), help="large-scale jitter")
    add("--stretch", type=float, help="largest change of aspect")
    add("--colour", type=float, help="strength of colour changes, 0 to 1")
    add("--flip", action=argparse.BooleanOptionalAction)
    add("--region-share", type=float, default=0.0, help="samples whose masks are regions found by code")
    add("--scene-share", type=float, default=0.0, help="samples drawn by code")
    add("--paste-share", type=float, default=0.0, help="samples with instances pasted in")
    add("--closer-share", type=float, default=0.0, help="views of those who have zoomed in to a mask")
    add("--min-area", type=int, help="smallest mask, in pixels of the input")
    group = parser.add_argument_group("this machine")
    add = group.add_argument
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    add("--precision", choices=("auto", "bf16", "fp32"), default="auto", help="of products; auto: what is faster here")
    add("--threads", type=int, default=0, help="0: torch's choice")
    add("--workers", type=int, default=1, help="processes that make samples")
    add("--region-cache", type=Path, default=Path("region-cache"), help="where regions found by code are kept")
    add("--max-minutes", type=float, default=math.inf, help="then the model is saved as it is")
    add("--save-seconds", type=float, default=SAVE_SECONDS, help="between checkpoints")
    add("--report-seconds", type=float, default=REPORT_SECONDS, help="between progress lines")
    return parser
