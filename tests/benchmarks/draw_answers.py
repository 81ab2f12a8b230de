"""Draws docs/images/nano.webp: the bundled model's three answers to one click on each of six photos of scikit-image.

Usage: python -m tests.benchmarks.draw_answers OUT.webp
"""

import sys

import numpy as np
import torch
from PIL import Image, ImageDraw

from backend.demo import find_photos
from model_server.answers import answer_step, to_masks
from model_server.contract.geometry import PointPrompt
from model_server.contract.masks import decode
from model_server.networks.registry import BUNDLED, load_network

# Places of the clicks, as shares of the photo's width and height.
CLICKS = {
    "chelsea.png": (0.50, 0.50), "coins.png": (0.43, 0.16), "coffee.png": (0.50, 0.45),
    "rocket.jpg": (0.51, 0.58), "astronaut.png": (0.43, 0.21), "retina.jpg": (0.75, 0.50),
}  # fmt: skip
PANEL, GAP, COLUMNS = (256, 200), 6, 6
GROUND, ACCENT = (27, 28, 30), (59, 158, 255)


def main() -> None:
    """Three panels a photo, the most confident answer first, with the IoU that the model expects."""
    network = load_network(BUNDLED / "nano", torch.device("cpu"))
    photos = {path.name: path for path in find_photos()}
    panels = []
    for name, (across, down) in CLICKS.items():
        photo = Image.open(photos[name]).convert("RGB")
        size_hw = (photo.height, photo.width)
        (embedding,) = network.encode([network.prepare(photo)], [size_hw])
        click = PointPrompt(x=across * photo.width, y=down * photo.height, label=1)
        answers = to_masks(answer_step(network, embedding, [click], None), network.frame(size_hw))
        for answer in sorted(answers, key=lambda one: -one.predicted_iou):
            panels.append(draw(photo, np.array(decode(answer.rle)), (across, down), f"{answer.predicted_iou:.2f}"))
    rows = -(-len(panels) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (PANEL[0] + GAP) + GAP, rows * (PANEL[1] + GAP) + GAP), GROUND)
    for number, panel in enumerate(panels):
        at = (GAP + number % COLUMNS * (PANEL[0] + GAP), GAP + number // COLUMNS * (PANEL[1] + GAP))
        sheet.paste(panel, at)
    sheet.save(sys.argv[1], quality=85, method=6)


def draw(photo: Image.Image, mask: np.ndarray, click: tuple[float, float], score: str) -> Image.Image:
    """The photo, dark outside the mask, with the click and the score."""
    pixels = np.array(photo)
    pixels[~mask] = pixels[~mask] // 4
    small = Image.fromarray(pixels)
    small.thumbnail(PANEL)
    panel = Image.new("RGB", PANEL, GROUND)
    left, top = (PANEL[0] - small.width) // 2, (PANEL[1] - small.height) // 2
    panel.paste(small, (left, top))
    pen, x, y = ImageDraw.Draw(panel), left + click[0] * small.width, top + click[1] * small.height
    pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=ACCENT, outline="white")
    pen.text((4, 2), score, fill="white")
    return panel


if __name__ == "__main__":
    main()
