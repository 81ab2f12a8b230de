"""What an evaluation costs and what of it: `python -m tests.benchmarks.bench_evaluation [--pictures N] [--json FILE]`.

The bundled model, pictures drawn here, all prompts of the default protocols on one thread. The rate is taken without a
profiler; the shares come from a second run under one that counts processor time.
"""

import argparse
import cProfile
import json
import os
import platform
import pstats
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from model_server.contract.masks import Bools, encode
from model_server.dataset import Picture, read_dataset
from model_server.evaluation.methods import Method, Start, load_method
from model_server.evaluation.scoring import Scored, score

SIZE_HW = (480, 640)
MASKS_PER_PICTURE = 6
STEPS: dict[Start, int] = {"center": 20, "box": 1}
PARTS = {  # part of the work: function, and the file it stands in
    "decode the prompts": ("decode", "sam2.py"),
    "logits to masks": ("to_masks", "predict.py"),
    "find the next click": ("next_click", "clicks.py"),
    "IoU": ("iou", "protocols.py"),
    "encode the picture": ("encode", "sam2.py"),
}


def ellipse(generator: np.random.Generator) -> Bools:
    height, width = SIZE_HW
    rows, columns = np.mgrid[:height, :width]
    x, y = generator.uniform(0.1, 0.9) * width, generator.uniform(0.1, 0.9) * height
    wide, high = generator.uniform(12, 150, 2)
    return np.asarray(((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2 <= 1)


def write_dataset(folder: Path, pictures: int) -> None:
    generator = np.random.default_rng(0)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(pictures):
        coarse = generator.integers(0, 255, (8, 11, 3), dtype=np.uint8)
        pixels = np.array(Image.fromarray(coarse).resize(SIZE_HW[::-1], Image.Resampling.BICUBIC))
        for _ in range(MASKS_PER_PICTURE):
            mask = ellipse(generator)
            pixels[mask] = 0.3 * pixels[mask] + 0.7 * generator.integers(0, 255, 3)
            annotations.append({"id": len(annotations), "image_id": number, "segmentation": encode(mask)})
        name = f"{number}.jpg"
        Image.fromarray(pixels).save(folder / name, quality=90)
        images.append({"id": number, "file_name": name, "height": SIZE_HW[0], "width": SIZE_HW[1]})
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))


def run(pictures: list[Picture], method: Method) -> Scored:
    return score(pictures, [method], STEPS, seed=0)


def shares(pictures: list[Picture], method: Method) -> dict[str, float]:
    """The share of the processor time in each part, its callees included."""
    profile = cProfile.Profile(time.process_time)
    profile.runcall(run, pictures, method)
    stats: Any = pstats.Stats(profile)
    found = {}
    for part, (function, file) in PARTS.items():
        rows = [row for (path, _, name), row in stats.stats.items() if name == function and Path(path).name == file]
        found[part] = round(sum(row[3] for row in rows) / stats.total_tt, 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder), options.pictures)
        method = load_method(options.model, models_dir=Path("data/models"), device=torch.device("cpu"))
        pictures = list(read_dataset(Path(folder)).pictures)
        run(pictures[:1], method)
        before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        started, processor_started = time.perf_counter(), time.process_time()
        scored = run(pictures, method)
        seconds, processor_seconds = time.perf_counter() - started, time.process_time() - processor_started
        parts = shares(pictures, method)
    prompts = sum(scored.runs[0].prompts.values())
    results = {
        "masks": len(scored.areas),
        "prompts": prompts,
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor_seconds, 2),
        "masks_per_second": round(len(scored.areas) / seconds, 2),
        "prompts_per_second": round(prompts / seconds, 1),
        "prompts_per_processor_second": round(prompts / processor_seconds, 1),
        "shares_of_processor_time": parts,
        "peak_rss_mb_after_one_picture": before_mb,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    facts = {
        "model": method.name,
        "picture_hw": SIZE_HW,
        "threads": 1,
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "torch": torch.__version__,
    }
    document = json.dumps({"facts": facts, "results": results}, indent=2)
    print(document)
    if options.json:
        options.json.write_text(document + "\n")


if __name__ == "__main__":
    main()
