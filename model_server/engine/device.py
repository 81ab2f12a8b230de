"""Where to compute, and on how many threads."""

import os

import torch

SMALL_INPUT = 512  # decoders of inputs up to this are faster on one thread: their products are too small to share


def choose_device(name: str) -> torch.device:
    """`auto` is the first CUDA device, else the CPU. Raises ValueError for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"SEGLOOP_MODEL_DEVICE is {name}, but torch sees no CUDA device")
    if name not in ("cpu", "cuda"):
        raise ValueError(f"SEGLOOP_MODEL_DEVICE must be auto, cpu or cuda, not {name!r}")
    return torch.device(name)


def default_threads() -> int:
    """All cores but a share for the backend beside us on large machines; both of two."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if cores <= 2 else min(cores - 1, 16)
