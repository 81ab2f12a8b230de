"""A run's folder: `checkpoint/` to go on from, `model/` when it is done. Both appear whole or not at all.

checkpoint/state.pt       weights, optimiser, step: tensors and numbers, read with weights_only
checkpoint/run.json       configuration, fingerprints
model/                    a transformers folder in fp16, with training.json: where it came from
"""

import json
import os
import pickle
import shutil
import subprocess
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from model_server.training.loop import Run
from model_server.training.tuning import merge_low_rank


class UnusableCheckpoint(Exception):
    """A run's folder that cannot be gone on from; `code` is stable, `message` is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Resumable(Protocol):
    """A run that says all it needs to go on: tensors and numbers only."""

    def state(self) -> dict[str, Any]:
        """What `resume` of its class takes."""


def save_checkpoint(folder: Path, run: Resumable, facts: dict[str, Any]) -> None:
    """Replace the run's checkpoint. A kill at any moment leaves the old one or the new one."""
    unfinished = _fresh(folder / "checkpoint.unfinished")
    with (unfinished / "state.pt").open("wb") as opened:
        torch.save(run.state(), opened)
        opened.flush()
        os.fsync(opened.fileno())
    (unfinished / "run.json").write_text(json.dumps(facts, indent=1))
    _swap(unfinished, folder / "checkpoint")


def load_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """State and facts of the last checkpoint, None where there is none. Raises UnusableCheckpoint."""
    kept = folder / "checkpoint"
    if not kept.exists() and (folder / "checkpoint.old").exists():
        (folder / "checkpoint.old").rename(kept)  # killed between the two renames
    if not kept.exists():
        return None
    try:
        facts = json.loads((kept / "run.json").read_text())
        state = torch.load(kept / "state.pt", map_location="cpu", weights_only=True)
    except (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise UnusableCheckpoint(
            "checkpoint_damaged", f"{kept} cannot be read ({error}). Name another --out, or remove it."
        ) from error
    return state, facts


def checkpoint_of(folder: Path, fingerprint: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """As load_checkpoint, for this very run. Raises UnusableCheckpoint, also for a finished run or another one."""
    kept = load_checkpoint(folder)
    if kept is None and (folder / "model").exists():
        raise UnusableCheckpoint("run_is_done", f"{folder} holds a finished model. Name another --out.")
    if kept is not None and kept[1]["fingerprint"] != fingerprint:
        raise UnusableCheckpoint(
            "run_differs", f"{folder} holds a run with other options or data. Use the same ones, or another --out."
        )
    return kept


def save_model(folder: Path, run: Run, facts: dict[str, Any], base: dict[str, torch.Tensor]) -> Path:
    """Write the finished model in fp16: low-rank changes merged, `keep_base` of the base's weights mixed in, if given.

    The run cannot go on after this.
    """
    model = run.network.model
    model.load_state_dict(run.final_weights())
    merge_low_rank(model)
    for name, tensor in model.state_dict().items():
        if name in base and tensor.is_floating_point():
            tensor.lerp_(base[name].to(tensor), run.configuration.keep_base)
    weights = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous().cpu()
        for name, tensor in model.state_dict().items()
    }
    config = model.config.to_diff_dict()
    config.pop("_name_or_path", None)  # a folder of this machine
    config["architectures"], config["dtype"] = [type(model).__name__], "float16"
    return write_model(folder, _unshared(weights), config, facts)


def write_model(folder: Path, weights: dict[str, torch.Tensor], config: dict[str, Any], facts: dict[str, Any]) -> Path:
    """Put `model/` in the run's folder, whole. Raises OSError."""
    unfinished = _fresh(folder / "model.unfinished")
    try:
        save_file(weights, unfinished / "model.safetensors", metadata={"format": "pt"})
    except SafetensorError as error:  # its own name for a full disk
        raise OSError(f"{unfinished / 'model.safetensors'}: {error}") from error
    (unfinished / "model.safetensors").chmod(0o644)  # as every other file of a model; safetensors makes it private
    (unfinished / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (unfinished / "training.json").write_text(json.dumps(facts, indent=1) + "\n")
    _swap(unfinished, folder / "model")
    return folder / "model"


def current_commit() -> str | None:
    """The commit of the code that runs, with a + when files differ from it; None outside a checkout."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, timeout=10)
        changed = subprocess.run(
            ["git", "status", "--porcelain", "-uno"], cwd=here, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return commit.stdout.strip() + ("+" if changed.stdout.strip() else "") if commit.returncode == 0 else None


def _unshared(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """One name for tensors that are the same storage (tied weights), as transformers saves them."""
    seen: dict[int, str] = {}
    return {name: tensor for name, tensor in weights.items() if seen.setdefault(tensor.data_ptr(), name) == name}


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _swap(unfinished: Path, target: Path) -> None:
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    unfinished.rename(target)
    shutil.rmtree(old, ignore_errors=True)
