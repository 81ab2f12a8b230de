"""A click's decoding in torch and in ONNX Runtime: `python -m tests.benchmarks.bench_onnx [MODEL] [--repeat N]`.

One thread of the CPU, our decoder against the exported files, on photographs of scikit-image, every click another one.
Competitors take turns in random order; agreement is the mean IoU of a file's masks with those of the float32 file.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from PIL import Image
from skimage import data

from model_server.contract.decoder import Weights
from model_server.export_onnx import check
from model_server.export_onnx.command import find_folder
from model_server.export_onnx.errors import ExportError
from model_server.export_onnx.export import export_decoder
from model_server.export_onnx.graph import decoder_rules
from model_server.networks.network import Embedding, PromptTensors
from model_server.networks.registry import load_network

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")


def click(size_hw: tuple[int, int]) -> PromptTensors:
    xy = [[random.uniform(0, size_hw[1]), random.uniform(0, size_hw[0])]]
    return PromptTensors(
        points_xy=np.array(xy, np.float32), labels=np.array([1]), box_xyxy=None, mask_input=None, prompt_count=1
    )


def milliseconds(run: Callable[[PromptTensors], object], prompts: PromptTensors) -> float:
    started = time.perf_counter()
    run(prompts)
    return (time.perf_counter() - started) * 1e3


def spread(samples: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(samples, n=4)
    return {"median": round(middle, 2), "p25": round(low, 2), "p75": round(high, 2)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", default="nano")
    parser.add_argument("--repeat", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = find_folder(options.model)
    network = load_network(folder, torch.device("cpu"))
    rules = decoder_rules(network)
    photos = [Image.fromarray(getattr(data, name)()) for name in PHOTOS]
    embedding: Embedding = check.encode(network, photos[0])

    def in_session(session: Any) -> Callable[[PromptTensors], object]:
        return lambda prompts: check.run(session, check.feed(network, rules, embedding, prompts))

    result: dict[str, dict[str, Any]] = {"torch": {}}
    competitors: dict[str, Callable[[PromptTensors], object]] = {
        "torch": lambda prompts: network.decode(embedding, prompts, "auto")
    }
    with tempfile.TemporaryDirectory() as place:
        for weights in get_args(Weights):
            file = Path(place) / f"{weights}.onnx"
            try:
                report = export_decoder(folder, file, weights=weights, pictures=photos)
            except ExportError as error:
                result[weights] = {"refused": error.message}
                continue
            result[weights] = {
                "bytes": report.bytes,
                "export_seconds": report.seconds,
                "parity": report.parity_logits,
                "agreement": report.agreement,
            }
            competitors[weights] = in_session(check.open_session(file))
    samples: dict[str, list[float]] = {name: [] for name in competitors}
    for number in range(options.repeat + 3):
        prompts = click(embedding.size_hw)
        for name in random.sample(list(competitors), len(competitors)):
            spent = milliseconds(competitors[name], prompts)
            if number >= 3:
                samples[name].append(spent)
    for name, spent in samples.items():
        ratios = [one / theirs for one, theirs in zip(samples["torch"], spent, strict=True)]
        result[name] |= {"milliseconds": spread(spent), "times_faster_than_torch": spread(ratios)}
    for name, figures in result.items():
        print(f"{name:8} {json.dumps(figures)}")
    if options.json:
        options.json.write_text(json.dumps({"model": network.facts.model_version, "decoders": result}, indent=2))


if __name__ == "__main__":
    main()
