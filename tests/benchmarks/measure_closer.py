"""What looking closer brings: the same clicks on the same masks, with the whole photo encoded and with the part that is
seen by a person who has zoomed in to the object first (four times its box).

Usage: python -m tests.benchmarks.measure_closer DATASET ... [--split val] [--masks 200] [--most-area PIXELS]
Means and paired differences with 95 % intervals over images (2,000 resamples).
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from model_server.dataset import read_dataset
from model_server.evaluation.comparison import difference
from model_server.evaluation.methods import NetworkMethod
from model_server.evaluation.protocols import NOC_CLICKS
from model_server.evaluation.sampling import Limits, draw
from model_server.evaluation.scoring import score
from model_server.evaluation.summary import measure
from model_server.networks.registry import BUNDLED, load_network

MEASURES = {"one click": "center_1", "best of three": "center_1_best", "nine": "center_9", "NoC@85": "center_noc_85"}
MASKS_PER_IMAGE = 10


def main() -> None:
    """Prints a row for each dataset and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--split")
    parser.add_argument("--masks", type=int, default=200)
    parser.add_argument("--most-area", type=int, help="only smaller masks, in pixels of the image")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network(BUNDLED / "nano", torch.device("cpu"))
    methods = [NetworkMethod(network, looks_closer=looks_closer) for looks_closer in (True, False)]
    print(f"{network.facts.model_version}\n| set | masks on photos | measure | whole | closer | difference |")
    for folder in wanted.datasets:
        dataset = read_dataset(folder, split=wanted.split)
        if wanted.most_area:
            small = [
                replace(picture, masks=tuple(mask for mask in picture.masks if mask.area < wanted.most_area))
                for picture in dataset.pictures
            ]
            dataset = replace(dataset, pictures=tuple(picture for picture in small if picture.masks))
        pictures = draw(dataset, Limits(masks=wanted.masks, masks_per_image=MASKS_PER_IMAGE), seed=0)
        scored = score(pictures, methods, {"center": NOC_CLICKS}, seed=0)
        closer, whole = (measure(run, scored, seed=0) for run in scored.runs)
        differences = difference(closer, whole, scored, seed=0).estimates
        for name, key in MEASURES.items():
            one, other, change = (found[key, "all"] for found in (whole.estimates, closer.estimates, differences))
            assert one is not None
            assert other is not None
            assert change is not None
            print(
                f"| {folder.name} | {one.masks} on {one.images} | {name} | {one.mean:.3f} | {other.mean:.3f} | "
                f"{change.mean:+.3f} ({change.low:+.3f} to {change.high:+.3f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
