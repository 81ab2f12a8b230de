"""What a training step costs: `python -m tests.benchmarks.bench_training [--rounds N] [--json FILE]`.

The bundled model on pictures drawn here, all eleven rounds of SAM's algorithm, batch 2 x 8 prompts. Reference: the
plain loop that one writes with transformers: float32, attention as shipped, every picture encoded in every step, all
rounds in one graph. Ways are timed in turn, again and again, so that a noisy machine is unfair to all of them. Memory
is the peak of a process that only makes that way's steps.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from model_server.dataset import read_dataset
from model_server.networks.registry import BUNDLED
from model_server.training.augment import Augmentation
from model_server.training.configuration import Configuration, DataChoice, Tune
from model_server.training.loop import Run
from model_server.training.network import TrainableNetwork, load_trainable
from model_server.training.rounds import Rounds, play
from model_server.training.samples import Samples, Sampling, Source, collate
from model_server.training.train import choose_precision
from model_server.training.tuning import choose_weights
from tests.benchmarks.bench_evaluation import write_dataset

BATCH, PROMPTS = 2, 8
STEPS = 2  # a turn

Step = Callable[[], object]


def samples(folder: Path) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    sampling = Sampling(
        input_size=256,
        prompts_per_image=PROMPTS,
        stretched=True,
        augmentation=Augmentation(scale=(1.0, 1.0), flip=False),
    )
    made = Samples([Source(dataset=read_dataset(folder), weight=1.0)], sampling, seed=0)
    return [collate([made[BATCH * k + i] for i in range(BATCH)]) for k in range(4)]  # type: ignore[misc]


def trainable(tune: Tune, *, attention: str = "eager") -> TrainableNetwork:
    network = load_trainable(BUNDLED / "nano", input_size=256)
    for part in network.model.modules():
        if "Attention" in type(part).__name__ and hasattr(part, "config"):
            part.config._attn_implementation = attention
    choose_weights(network, tune, lora_rank=8)
    return network


def ours(folder: Path, tune: Tune, *, precision: str = "auto", attention: str = "eager", reuse: bool = True) -> Step:
    configuration = Configuration(data=(DataChoice(folder=""),), base="nano", tune=tune, batch_size=BATCH, warmup=1)
    chosen = choose_precision(precision, torch.device("cpu"))
    run = Run(trainable(tune, attention=attention), configuration, torch.device("cpu"), chosen)
    batches = samples(folder)

    def step() -> None:
        pixels, masks, pictures = batches[run.step % len(batches)]
        run.advance(pixels, masks, pictures if reuse else torch.full_like(pictures, -1))

    return step


def plain(folder: Path, tune: Tune, *, attention: str = "sdpa") -> Step:
    """One graph over all rounds of both kinds of prompts, float32, no reuse."""
    network = trainable(tune, attention=attention).train()
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 1e-4)
    batches, draw = samples(folder), random.Random(0)

    def step() -> None:
        pixels, masks, _ = batches[draw.randrange(len(batches))]
        features = network.encode(pixels)
        loss = sum(
            result.loss
            for start, part in (("point", masks[:, : PROMPTS // 2]), ("box", masks[:, PROMPTS // 2 :]))
            for result in play(network, features, part, start, Rounds(), draw)  # type: ignore[arg-type]
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimiser.step()

    return step


WAYS: dict[str, Callable[[Path], Step]] = {
    "full: plain loop": lambda folder: plain(folder, "full"),
    "full: ours": lambda folder: ours(folder, "full"),
    "full: ours, float32": lambda folder: ours(folder, "full", precision="fp32"),
    "full: ours, attention as shipped": lambda folder: ours(folder, "full", attention="sdpa"),
    "decoder: plain loop": lambda folder: plain(folder, "decoder"),
    "decoder: ours": lambda folder: ours(folder, "decoder"),
    "decoder: ours, encoding every time": lambda folder: ours(folder, "decoder", reuse=False),
}


def peak_megabytes(way: str, folder: Path) -> float:
    """Of a fresh process that makes a few steps of one way."""
    argv = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.benchmarks.bench_training",
        "--only",
        way,
        "--data",
        str(folder),
    ]
    return float(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.only:
        step = WAYS[given.only](given.data)
        for _ in range(3):
            step()
        # getrusage would report the parent's peak, which outlives fork and exec
        peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        print(int(peak.split()[1]) / 1024)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder, 6)
        steps = {way: make(folder) for way, make in WAYS.items()}
        for step in steps.values():
            for _ in range(STEPS):
                step()
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(given.rounds):
            for way, step in steps.items():
                begin = time.perf_counter()
                for _ in range(STEPS):
                    step()
                seconds[way].append((time.perf_counter() - begin) / STEPS)
        memory = {way: peak_megabytes(way, folder) for way in WAYS}
    report = {}
    for way, times in seconds.items():
        reference = seconds[way.split(":")[0] + ": plain loop"]
        ratios = [slow / quick for slow, quick in zip(reference, times, strict=True)]
        middle = statistics.median(times)
        report[way] = {
            "seconds_per_step": round(middle, 3),
            "pictures_per_second": round(BATCH / middle, 2),
            "prompts_per_second": round(BATCH * PROMPTS / middle, 1),
            "times_faster_than_plain": round(statistics.median(ratios), 2),
            "from_to": [round(min(ratios), 2), round(max(ratios), 2)],
            "peak_megabytes": round(memory[way]),
        }
        print(f"{way:38} {json.dumps(report[way])}")
    if given.json:
        given.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
