"""What a run starts from: where it lies, and the prompts, losses and sizes it was trained with."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_server.networks.registry import BUNDLED
from model_server.networks.weights import UnusableModel, read_config
from model_server.settings import read_settings
from model_server.training.augment import Augmentation
from model_server.training.rounds import Rounds


def find_base(base: str) -> Path:
    """The folder of a bundled model, at a path, or of a model of the installation. Raises UnusableModel."""
    for folder in (BUNDLED / base, Path(base), read_settings().models_dir / base):
        if (folder / "config.json").is_file():
            return folder
    read_config(Path(base))  # says what is wrong with it
    return Path(base)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a base was trained with, which a run goes on with unless told otherwise; the defaults are SAM's.

    `min_area`: smallest mask, in pixels of the input.
    """

    rounds: Rounds = field(default_factory=Rounds)
    augmentation: Augmentation = field(default_factory=Augmentation)
    min_area: int = 16


def habits_of(base: str) -> Habits:
    """As the base's training.json says; SAM's where it says nothing.

    SAM's suit SAM: with 20 x focal + dice nano's unsure masks stayed empty while it was trained, and pictures shrunk to
    a tenth leave little of 256 pixels.
    """
    try:
        told: Any = json.loads((find_base(base) / "training.json").read_text())["configuration"]
        sizes = {**told["augmentation"], "scale": tuple(told["augmentation"]["scale"])}
        return Habits(
            rounds=Rounds(**_known(Rounds, told["rounds"])),
            augmentation=Augmentation(**_known(Augmentation, sizes)),
            min_area=int(told["min_area"]),
        )
    except (OSError, UnusableModel, ValueError, LookupError, TypeError, AttributeError):
        return Habits()  # a base that cannot be used at all is named when it is loaded


def _known(kind: type, told: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in dataclasses.fields(kind)}
    return {name: value for name, value in told.items() if name in names}
