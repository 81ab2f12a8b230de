"""What preparing an image for people costs: `python -m tests.benchmarks.bench_prefill [--repeat N] [--json FILE]`.

The bundled model and one picture whose embedding is cached, in one process. A box head of the usual size finds boxes
(its weights are random, which costs the same) and the model answers as many of them as asked for, against one click.
They take turns in random order; the ratio is the median of the paired ratios of processor time: on a busy machine
clocks say little. The detector alone: a pre-fill that keeps no box.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from model_server.contract.blobs import open_store
from model_server.contract.detection import ProposeOptions
from model_server.contract.geometry import PointPrompt
from model_server.detect.detectors import Detectors
from model_server.detect.proposals import Proposed, Proposer
from model_server.engine import Engine, Priority
from model_server.networks.box_head import BoxHead, shape_as_json, shape_of
from model_server.predict import Predictor
from model_server.replay import Memo
from model_server.settings import read_settings
from tests.model_server.automatic_reference import photo, png
from tests.model_server.conftest import put_bytes

SIZE_HW = (480, 640)
# Exactly so many masks are made; 0: boxes only.
PROPOSALS = (0, 8, 32)
# As many boxes as a trained detector leaves: an untrained one likes all places the same.
BOXES = 64
GOAL_CLICKS = 3


def write_head(folder: Path, engine: Engine, image: str) -> str:
    """A box head for the bundled model's embeddings; gives its version."""
    facts = engine.models.facts(None)
    shape = engine.submit(
        image, None, lambda _, embedding: shape_of(embedding, input_size=facts.image_size), priority=Priority.CLICK
    ).result()
    torch.manual_seed(0)
    folder.mkdir(parents=True)
    save_file(BoxHead(shape.value).state_dict(), folder / "model.safetensors")
    config = shape_as_json(shape.value) | {"encoder_fingerprint": facts.encoder_fingerprint}
    (folder / "config.json").write_text(json.dumps(config))
    detectors = Detectors(folder.parent, loaded_limit=1, device=engine.device)
    return detectors.all()[0].detector_version


def competitors(folder: Path) -> tuple[dict[str, Callable[[], Any]], Engine]:
    """A click, and pre-fills with so many proposals."""
    settings = read_settings({"SEGLOOP_DATA_DIR": str(folder)})
    engine = Engine(settings)
    image = put_bytes(settings, png(photo(SIZE_HW)))
    version = write_head(folder / "detectors" / "boxes", engine, image)
    detectors = Detectors(folder / "detectors", loaded_limit=1, device=engine.device)
    proposer = Proposer(engine, detectors, open_store(settings.storage_url), max_pixels=settings.max_pixels)
    predictor = Predictor(engine, Memo(0))

    def click() -> None:
        prompt = PointPrompt(x=random.uniform(0, SIZE_HW[1]), y=random.uniform(0, SIZE_HW[0]), label=1)
        predictor.submit(image, SIZE_HW, [prompt]).result()

    def propose(count: int, *, min_score: float) -> list[Proposed]:
        options = ProposeOptions(
            min_score=min_score, min_predicted_iou=0, box_nms_thresh=1, mask_nms_thresh=1, max_proposals=max(1, count)
        )
        made = asyncio.run(proposer.propose(image, SIZE_HW, options, model_version=None, detector_version=version))
        assert made.encode_ms == 0
        return made.proposed

    least = min(one.score for one in propose(BOXES, min_score=0))

    def prefill(count: int) -> None:
        assert len(propose(count, min_score=least if count else 1)) == count

    return {"click": click} | {str(n): lambda n=n: prefill(n) for n in PROPOSALS}, engine  # type: ignore[misc]


def measure(repeat: int, runs: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Milliseconds of the processors, of all threads, by what was run."""
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeat + 2):
        for name in random.sample(list(runs), len(runs)):
            began = time.process_time()
            runs[name]()
            if turn >= 2:  # the first ones warm up
                samples[name].append((time.process_time() - began) * 1e3)
    return samples


def report(samples: dict[str, list[float]]) -> dict[str, Any]:
    """Quartiles of milliseconds, and of paired ratios to a click, of all and of what is beside the detector."""
    results: dict[str, Any] = {"click": {"ms": spread(samples["click"])}}
    for count in PROPOSALS:
        turns = list(zip(samples[str(count)], samples["0"], samples["click"], strict=True))
        results[f"{count} proposals"] = {
            "ms": spread(samples[str(count)]),
            "clicks": spread([spent / click for spent, _, click in turns]),
        }
        if count:
            beside = [(spent - detector) / click for spent, detector, click in turns]
            goal = {"is_within_goal": statistics.median(beside) <= GOAL_CLICKS}
            results[f"{count} proposals"] |= {"clicks_beside_detector": spread(beside)} | goal
    return results


def spread(values: list[float]) -> list[float]:
    """Lower quartile, median, upper quartile."""
    return [round(value, 2) for value in statistics.quantiles(values, n=4)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=60)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        runs, engine = competitors(Path(folder))
        results = report(measure(chosen.repeat, runs))
        engine.close()
    document = {"prefill": results, "cores": os.cpu_count(), "load": [round(value, 2) for value in os.getloadavg()]}
    for name, row in results.items():
        print(f"{name:14} {json.dumps(row)}")
    print(json.dumps(document))
    if chosen.json:
        chosen.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
