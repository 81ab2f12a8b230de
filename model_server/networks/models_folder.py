"""The folder of models: what lies in it, and how a model gets in whole or not at all."""

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from model_server.networks.registry import load_network
from model_server.networks.weights import UnusableModel

INCOMING = ".incoming"  # two levels deep, where the model server looks for no models
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CARRIED = ("config.json", "*.safetensors", "README.md", "LICENSE*", "source.json", "training.json")


def add(path: Path, models_dir: Path, name: str) -> Path:
    """Take in a transformers folder or an official file under `name`; the model's folder. Raises UnusableModel."""
    if not path.exists():
        raise UnusableModel("model_missing", f"There is no {path}.")
    with incoming(models_dir, name) as staging:
        try:
            if path.is_dir():
                _copy(path, staging)
            else:
                from model_server.networks.official import convert_file  # brings transformers, which takes seconds

                convert_file(path, staging)
            return keep(staging, models_dir)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def incoming(models_dir: Path, name: str) -> Iterator[Path]:
    """A folder for a model that is being made, for one process at a time. It stays for whoever goes on with it.

    Raises UnusableModel model_name_unusable, model_exists, model_busy.
    """
    if not NAME.fullmatch(name):
        raise UnusableModel(
            "model_name_unusable", f"{name!r} cannot be a model's name: letters, digits, '.', '_', '-'."
        )
    if (models_dir / name).exists():
        raise UnusableModel("model_exists", f"There is a model {name} already in {models_dir}.")
    staging = models_dir / INCOMING / name
    staging.mkdir(parents=True, exist_ok=True)
    with (staging.parent / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnusableModel("model_busy", f"{name} is being taken in by another process.") from None
        staging.mkdir(exist_ok=True)  # the one who held the lock before may have taken it away
        yield staging


def keep(staging: Path, models_dir: Path) -> Path:
    """Load the model once, as proof, and give it its name. Raises UnusableModel."""
    load_network(staging, torch.device("cpu"))
    target = models_dir / staging.name
    if target.exists():
        raise UnusableModel("model_exists", f"There is a model {staging.name} already in {models_dir}.")
    return staging.rename(target)


def folders(models_dir: Path) -> dict[str, Path]:
    """Every folder with a configuration, by name."""
    return {file.parent.name: file.parent for file in sorted(models_dir.glob("*/config.json"))}


def _copy(folder: Path, staging: Path) -> None:
    for pattern in CARRIED:
        for file in folder.glob(pattern):
            shutil.copyfile(file, staging / file.name)
