"""What looking closer brings: one click on small objects, encoded with the whole photo and with the part that is seen.

Usage: python -m tests.benchmarks.measure_closer DATASET [OBJECTS]. The view is taken as four times the object's
box; paired differences with 95 % bootstrap intervals over images (2,000 resamples, seed 0).
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import distance_transform_edt

from model_server.answers import answer_step
from model_server.closer import placed, prompts_in
from model_server.contract.geometry import PointPrompt
from model_server.contract.masks import bbox_xywh, decode
from model_server.contract.runs import runs_of
from model_server.contract.view import closer_cell
from model_server.dataset import open_picture, read_dataset
from model_server.networks.network import Network
from model_server.networks.registry import BUNDLED, load_network
from model_server.networks.upsample import Upsampler

SMALL = 32**2  # pixels, as COCO counts
VIEW = 4.0


def centre(mask: np.ndarray) -> PointPrompt:
    """The pixel farthest from the mask's edge."""
    y, x = np.unravel_index(distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1].argmax(), mask.shape)
    return PointPrompt(x=float(x) + 0.5, y=float(y) + 0.5, label=1)


def iou(
    network: Network, picture: Image.Image, click: PointPrompt, truth: np.ndarray, cell: tuple[int, int, int, int]
) -> float:
    """Of the most confident answer, made on a part of the picture."""
    part = picture.crop(cell)
    size_hw, whole_hw = (part.height, part.width), truth.shape
    (embedding,) = network.encode([network.prepare(part)], [size_hw])
    frame = network.frame(size_hw)
    decoded = answer_step(network, embedding, prompts_in(cell, [click]), None)
    best = int(decoded.predicted_iou.argmax())
    ((changes,),) = Upsampler(frame).changes(decoded.logits[best : best + 1], (0.0,))
    runs = runs_of(placed(changes, cell, whole_hw, whole=None), size_hw=whole_hw)
    answer = np.zeros(whole_hw, bool)
    for x, top, bottom in zip(runs.x, runs.top, runs.bottom, strict=True):
        answer[top:bottom, x] = True
    return float((answer & truth).sum() / (answer | truth).sum())


def main() -> None:
    """Print both means and the difference."""
    network = load_network(BUNDLED / "nano", torch.device("cpu"))
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    pictures = list(read_dataset(Path(sys.argv[1])).pictures)
    random = np.random.default_rng(0)
    random.shuffle(pictures)  # type: ignore[arg-type]
    pairs: list[list[tuple[float, float]]] = []
    for one in pictures:
        if sum(map(len, pairs)) >= wanted:
            break
        picture, found = open_picture(one).convert("RGB"), []
        height, width = one.size_hw
        for mask in one.masks:
            x, y, w, h = bbox_xywh(mask.segmentation)
            side_x, side_y = VIEW * w / 2, VIEW * h / 2
            view = (max(0.0, x + w / 2 - side_x), max(0.0, y + h / 2 - side_y),
                    min(float(width), x + w / 2 + side_x), min(float(height), y + h / 2 + side_y))  # fmt: skip
            cell = closer_cell(view, one.size_hw, input_size=network.facts.image_size)
            if mask.area >= SMALL or cell is None:
                continue
            truth = np.array(decode(mask.segmentation))
            click = centre(truth)
            whole = (0, 0, width, height)
            found.append((iou(network, picture, click, truth, whole), iou(network, picture, click, truth, cell)))
        if found:
            pairs.append(found)
    if not pairs:
        sys.exit("None of these photos is large enough to be looked at closer by this model.")
    means = []
    for _ in range(2000):
        drawn = np.concatenate([pairs[i] for i in random.integers(0, len(pairs), len(pairs))])
        means.append((drawn[:, 1] - drawn[:, 0]).mean())
    every = np.concatenate(pairs)
    low, high = np.quantile(means, [0.025, 0.975])
    whole, closer = every.mean(0)
    print(
        f"{network.facts.model_version}, one click on {len(every)} objects under {SMALL} pixels of {len(pairs)} photos:"
    )
    print(f"whole photo {whole:.3f}, closer {closer:.3f}, {closer - whole:+.3f} (95 % {low:+.3f} to {high:+.3f})")


if __name__ == "__main__":
    main()
