"""Everything a run depends on, as data: written into every checkpoint, compared when a run is resumed."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from model_server.training.augment import Augmentation
from model_server.training.rounds import Rounds
from model_server.training.schedule import Schedule

Tune = Literal["full", "decoder", "head", "lora"]
NEW = "new:"  # the prefix of a base that starts from nothing
TUNES: tuple[Tune, ...] = ("full", "decoder", "head", "lora")


class UnusableConfiguration(Exception):
    """Options that cannot work together; `code` is stable, `message` is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoice:
    """A dataset folder, its share of the samples, and whether it is there to keep what the base model knew."""

    folder: str
    weight: float = 1.0
    split: str | None = None
    is_replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One training run.

    `tune`: `full` trains everything; `decoder` all but what makes embeddings; `head` only the output tokens and
    their small networks (HQ-SAM style); `lora` low-rank changes of the decoder's attention, merged when saved. The
    last three leave the encoder as it is, so cached embeddings stay valid. `average_from`: share of the steps after
    which weights are averaged, 1 for never. `keep_base`: share of the base's weights in the finished model; in between
    it has learned what is new and forgotten little (WiSE-FT, arXiv 2109.01903; 0.5 there without tuning it).
    """

    data: tuple[DataChoice, ...]
    base: str
    tune: Tune = "full"
    input_size: int | None = None
    steps: int = 1000
    batch_size: int = 4
    prompts_per_image: int = 8
    rate: float = 8e-4
    encoder_rate: float | None = None
    layer_decay: float = 0.8
    weight_decay: float = 0.1
    warmup: int = 250
    schedule: Schedule = "cosine"
    clip: float = 1.0
    average_from: float = 1.0
    keep_base: float = 0.0
    lora_rank: int = 8
    seed: int = 0
    rounds: Rounds = field(default_factory=Rounds)
    augmentation: Augmentation = field(default_factory=Augmentation)
    region_share: float = 0.0
    scene_share: float = 0.0
    paste_share: float = 0.0
    closer_share: float = 0.0
    min_area: int = 16

    def as_json(self) -> dict[str, Any]:
        """Plain data, as in checkpoints."""
        made: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return made

    def fingerprint(self) -> str:
        """The same for two runs that would do the same, given the same data."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


def check(configuration: Configuration) -> None:
    """Raises UnusableConfiguration for values that no run could use."""
    positive = ("steps", "batch_size", "prompts_per_image", "rate", "lora_rank", "min_area", "clip")
    for name in positive:
        if not getattr(configuration, name) > 0:
            raise UnusableConfiguration("option_out_of_range", f"--{name.replace('_', '-')} must be above 0.")
    for name in ("region_share", "scene_share", "paste_share", "closer_share", "average_from", "keep_base"):
        if not 0 <= getattr(configuration, name) <= 1:
            raise UnusableConfiguration("option_out_of_range", f"--{name.replace('_', '-')} must be from 0 to 1.")
    if configuration.keep_base and configuration.base.startswith(NEW):
        raise UnusableConfiguration(
            "nothing_to_keep", "--keep-base needs a trained --base; this one starts from nothing."
        )
    if not configuration.data:
        raise UnusableConfiguration("no_data", "There is nothing to learn from: name a dataset folder.")
    if any(choice.weight <= 0 for choice in configuration.data):
        raise UnusableConfiguration("option_out_of_range", "A dataset's weight must be above 0.")
    if configuration.rounds.learned is not None and configuration.rounds.learned < 1:
        raise UnusableConfiguration("option_out_of_range", "--learned must be 1 or more.")
    low, high = configuration.augmentation.scale
    if not 0 < low <= high or configuration.augmentation.stretch < 1:
        raise UnusableConfiguration("option_out_of_range", "Scales must be above 0, smaller first; a stretch from 1.")
