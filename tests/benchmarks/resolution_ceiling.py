"""How well masks of a dataset could be answered at most at a network's resolution: which IoU a domain can reach at all.

Usage: python -m tests.benchmarks.resolution_ceiling DATASET ... [--input 256] [--split val] [--min-area 64]

A network answers with logits on a grid of four pixels of its input (SAM 2 at 256 pixels: 64 x 64), interpolated to the
photo. The human mask itself goes that way here: averaged on the grid, then back, bilinear, at the level 0.5.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import interpolate

from model_server.contract.masks import decode
from model_server.dataset import read_dataset

STRIDE = 4
LEVELS = (0.75, 0.85, 0.90)


def ceiling(pixels: torch.Tensor, input_size: int) -> float:
    """The IoU of a mask (height, width), bool, with itself after the grid of an input of `input_size` pixels."""
    height, width = pixels.shape
    scale = input_size / max(height, width) / STRIDE
    grid = (max(1, round(height * scale)), max(1, round(width * scale)))
    low = interpolate(pixels[None, None].float(), size=grid, mode="area")
    back = interpolate(low, size=(height, width), mode="bilinear", align_corners=False)[0, 0] > 0.5
    return float((back & pixels).sum() / (back | pixels).sum())


def main() -> None:
    """Prints a row for each dataset."""
    parser = argparse.ArgumentParser()
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--input", type=int, default=256)
    parser.add_argument("--split", default="val")
    parser.add_argument("--min-area", type=int, default=64)
    wanted = parser.parse_args()
    print("| set | masks | mean | " + " | ".join(f"{level} or more" for level in LEVELS) + " |")
    for folder in wanted.datasets:
        masks = [mask for picture in read_dataset(folder, split=wanted.split).pictures for mask in picture.masks]
        large = [mask for mask in masks if mask.area >= wanted.min_area]
        reached = np.array(
            [ceiling(torch.from_numpy(decode(mask.segmentation).copy()), wanted.input) for mask in large]
        )
        shares = " | ".join(f"{(reached >= level).mean():.0%}" for level in LEVELS)
        print(f"| {folder.name} | {len(large)} | {reached.mean():.3f} | {shares} |")


if __name__ == "__main__":
    main()
