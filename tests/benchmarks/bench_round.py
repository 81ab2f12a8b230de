"""How long a round of the loop takes: `python -m tests.benchmarks.bench_round [--steps N] [--masks N] [--json FILE]`.

The programs that a run starts, with the policy's own settings: the bundled model is tuned on 1,000 masks of drawn
pictures, then both versions are measured on the frozen fifth of them. Minutes of the clock and of the processors, by
program, with the machine's load: with few steps it tells what start and end cost, with the default what a round does.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from backend.training.programs import LEARNED_ROUNDS, MAX_MASKS
from backend.training.schemas import TrainOptions
from tests.benchmarks.bench_evaluation import MASKS_PER_PICTURE, write_dataset
from tests.running import REPOSITORY

MASKS = 1000
FROZEN_EVERY = 5


def write_masks(folder: Path, masks: int) -> int:
    """A dataset of at least so many masks with its frozen part; gives their number."""
    folder.mkdir()
    write_dataset(folder, -(-masks // MASKS_PER_PICTURE))
    file = folder / "annotations.json"
    dataset = json.loads(file.read_text())
    for image in dataset["images"]:
        image["split"] = "frozen" if image["id"] % FROZEN_EVERY == 0 else "train"
    file.write_text(json.dumps(dataset))
    return len(dataset["annotations"])


def run(module: str, *arguments: str | Path, threads: int) -> dict[str, float]:
    """Minutes of the clock and of the processors, of a program and all that it starts."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "SEGLOOP_MODEL_THREADS": str(threads)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    line = [sys.executable, "-W", "ignore", "-m", module, *map(str, arguments)]
    subprocess.run(line, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"minutes": round((time.perf_counter() - began) / 60, 2), "processor_minutes": round(processors / 60, 2)}


def measure(folder: Path, options: TrainOptions, masks: int, threads: int) -> dict[str, Any]:
    """One round's programs, one after the other."""
    dataset, out = folder / "dataset", folder / "out"
    count = write_masks(dataset, masks)
    train = run(
        "model_server.training.train",
        dataset,
        *("--base", "nano", "--out", out, "--split", "train", "--seed", "0", "--threads", threads),
        *("--tune", options.tune, "--steps", options.steps, "--batch-size", options.batch_size),
        *("--rate", options.rate, "--warmup", max(1, options.steps // 10)),
        *("--learned", LEARNED_ROUNDS, "--workers", 1 if threads > 1 else 0),
        threads=threads,
    )
    evaluate = run(
        "model_server.evaluation",
        *(out / "model", dataset, "--against", "nano", "--split", "frozen", "--starts", "center"),
        *("--max-masks", MAX_MASKS, "--threads", threads, "--json", folder / "evaluation.json"),
        threads=threads,
    )
    total = {name: round(train[name] + evaluate[name], 2) for name in train}
    return {"masks": count, "steps": options.steps, "train": train, "evaluate": evaluate, "round": total}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=TrainOptions().steps)
    parser.add_argument("--masks", type=int, default=MASKS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    options = TrainOptions(steps=chosen.steps)
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), options, chosen.masks, chosen.threads)
    measured |= {"threads": chosen.threads, "cores": os.cpu_count()}
    measured |= {"load": [round(value, 2) for value in os.getloadavg()]}
    print("  ".join(f"{name} {value}" for name, value in measured.items()))
    print(json.dumps({"round": measured}))
    if chosen.json:
        chosen.json.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
