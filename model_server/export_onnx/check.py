"""Whether a file gives torch's numbers, and whether smaller weights still draw the same masks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from PIL import Image, ImageDraw

from model_server.export_onnx.errors import ExportError
from model_server.export_onnx.graph import DecoderGraph
from model_server.export_onnx.rules import Rules
from model_server.networks.network import Embedding, Logits, Network, PromptTensors

TOLERANCE = 1e-4  # of logits, times the largest logit where that is above 1 (float32 cannot do better), and of IoU
AGREEMENT = 0.99  # least mean IoU of smaller weights with float32: browser and server draw the same masks
PICTURE_HW = (241, 322)
DRAWN_PICTURES = 4
MASK_THRESHOLD = 0.0

Outputs = tuple[Logits, Logits]  # (4, h, w) and (4,)


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest differences to torch: of logits, divided by the largest logit where that is above 1, and of IoU."""

    logits: float
    predicted_iou: float


def open_session(model: bytes | Path, *, threads: int = 1) -> Any:
    """An ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors; what it would rather have otherwise is not for the person who exports
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def feed(network: Network, rules: Rules, embedding: Embedding, prompts: PromptTensors) -> dict[str, Any]:
    """A session's inputs for one step, by name."""
    frame = network.frame(embedding.size_hw)
    box = None if prompts.box_xyxy is None else frame.to_input(prompts.box_xyxy.reshape(2, 2))
    points, labels = rules.tokens(frame.to_input(prompts.points_xy), prompts.labels, box)
    low = frame.low_size
    mask = np.zeros((low, low), np.float32) if prompts.mask_input is None else prompts.mask_input
    return {f"features_{i}": feature[None].numpy() for i, feature in enumerate(embedding.features)} | {
        "points": points,
        "labels": labels,
        "mask_input": mask[None, None].astype(np.float32),
        "has_mask_input": np.array([prompts.mask_input is not None], np.float32),
    }


def run(session: Any, inputs: dict[str, Any]) -> Outputs:
    """What the file answers."""
    logits, predicted_iou = session.run(("logits", "predicted_iou"), inputs)
    return logits[0], predicted_iou[0]


def answering(rules: Rules, prompts: PromptTensors, outputs: Outputs) -> list[int]:
    """Which of the four masks answer this step."""
    return rules.answer(
        *outputs,
        point_count=len(prompts.points_xy),
        has_box=prompts.box_xyxy is not None,
        prompt_count=prompts.prompt_count,
    )


@torch.no_grad()
def measure_parity(network: Network, graph: DecoderGraph, rules: Rules, session: Any) -> Parity:
    """The session against the graph in torch, and the graph with the rules applied against the network's own answer.

    Points, box, mask and every mixture, on one picture. Raises ExportError decoder_parity_failed.
    """
    embedding = encode(network, drawn_picture(0))
    worst = Parity(0.0, 0.0)
    for prompts in _mixtures(embedding.size_hw, low_size=network.frame(embedding.size_hw).low_size):
        inputs = feed(network, rules, embedding, prompts)
        exported = run(session, inputs)
        features = [torch.from_numpy(inputs[f"features_{i}"]) for i in range(len(embedding.features))]
        rest = [torch.from_numpy(inputs[name]) for name in ("points", "labels", "mask_input", "has_mask_input")]
        logits, predicted_iou = (output[0].numpy() for output in graph(features, *rest))
        chosen = answering(rules, prompts, (logits, predicted_iou))
        served = network.decode(embedding, prompts, "auto")
        if served.logits.shape != logits[chosen].shape:
            raise ExportError("decoder_parity_failed", f"{len(chosen)} masks answer instead of {len(served.logits)}.")
        scale = max(1.0, float(np.abs(logits).max()))
        worst = Parity(
            max(worst.logits, _gap(exported[0], logits) / scale, _gap(exported[0][chosen], served.logits) / scale),
            max(
                worst.predicted_iou,
                _gap(exported[1], predicted_iou),
                _gap(exported[1][chosen], served.predicted_iou),
            ),
        )
    if not max(worst.logits, worst.predicted_iou) <= TOLERANCE:
        raise ExportError(
            "decoder_parity_failed",
            f"ONNX Runtime differs from torch by {worst.logits:.1e} in logits and {worst.predicted_iou:.1e} in "
            f"predicted IoU; {TOLERANCE:.0e} is allowed. Nothing was written.",
        )
    return worst


def measure_agreement(
    network: Network, rules: Rules, exact: Any, smaller: Any, pictures: Sequence[Image.Image]
) -> tuple[float, int]:
    """Mean IoU of the masks of two sessions over prompts sampled on the pictures, and how many masks that were."""
    overlaps: list[float] = []
    for number, picture in enumerate(pictures):
        embedding = encode(network, picture)
        for prompts in _sampled_prompts(embedding.size_hw, seed=number):
            inputs = feed(network, rules, embedding, prompts)
            expected, given = run(exact, inputs), run(smaller, inputs)
            pairs = zip(answering(rules, prompts, expected), answering(rules, prompts, given), strict=True)
            overlaps += [_iou(expected[0][one], given[0][other]) for one, other in pairs]
    return float(np.mean(overlaps)), len(overlaps)


def require_agreement(weights: str, agreement: float) -> None:
    """Raises ExportError decoder_disagrees when smaller weights draw other masks."""
    if not agreement >= AGREEMENT:
        raise ExportError(
            "decoder_disagrees",
            f"With {weights} weights the masks agree with float32 to a mean IoU of {agreement:.4f} only; {AGREEMENT} "
            "is asked for. Nothing was written; take float32.",
        )


def encode(network: Network, picture: Image.Image) -> Embedding:
    """One picture's embedding, as it is kept."""
    return network.encode([network.prepare(picture)], [(picture.height, picture.width)])[0]


def drawn_picture(seed: int) -> Image.Image:
    """Coloured shapes that overlap on a gradient with grain: something to segment when no picture is given."""
    rng = np.random.default_rng(seed)
    height, width = PICTURE_HW
    corners = Image.fromarray(rng.integers(40, 216, (2, 2, 3), dtype=np.uint8))
    picture = corners.resize((width, height), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(picture)
    for shape in range(12):
        x, y = rng.uniform((0, 0), (width * 0.8, height * 0.8))
        box = (x, y, x + rng.uniform(20, 110), y + rng.uniform(20, 90))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        if shape % 2:
            draw.ellipse(box, fill=colour)
        else:
            draw.polygon([(box[0], box[1]), (box[2], (box[1] + box[3]) / 2), (box[0], box[3])], fill=colour)
    grain = rng.normal(0, 6, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def _mixtures(size_hw: tuple[int, int], *, low_size: int) -> Iterator[PromptTensors]:
    """No, one or three points, with and without a box and a mask; all but nothing at all."""
    rng = np.random.default_rng(11)
    mask = rng.normal(0, 20, (low_size, low_size)).astype(np.float32)
    for point_count, has_box, has_mask in product((0, 1, 3), (False, True), (False, True)):
        if point_count or has_box or has_mask:
            yield _prompts(
                _points(rng, size_hw, point_count),
                rng.integers(0, 2, point_count),
                _box(rng, size_hw) if has_box else None,
                mask if has_mask else None,
            )


def _sampled_prompts(size_hw: tuple[int, int], *, seed: int) -> Iterator[PromptTensors]:
    """Eight clicks, four pairs of an inner and an outer click, four boxes."""
    rng = np.random.default_rng(seed)
    for _ in range(8):
        yield _prompts(_points(rng, size_hw, 1), np.array([1]), None, None)
    for _ in range(4):
        yield _prompts(_points(rng, size_hw, 2), np.array([1, 0]), None, None)
    for _ in range(4):
        yield _prompts(_points(rng, size_hw, 0), np.empty(0), _box(rng, size_hw), None)


def _prompts(points: Logits, labels: Any, box: Logits | None, mask: Logits | None) -> PromptTensors:
    return PromptTensors(
        points_xy=points,
        labels=labels.astype(np.int64),
        box_xyxy=box,
        mask_input=mask,
        prompt_count=len(points) + (box is not None) + (mask is not None),
    )


def _points(rng: np.random.Generator, size_hw: tuple[int, int], count: int) -> Logits:
    return rng.uniform(0, size_hw[::-1], (count, 2)).astype(np.float32)


def _box(rng: np.random.Generator, size_hw: tuple[int, int]) -> Logits:
    corners = np.sort(rng.uniform(0, 1, (2, 2)), axis=0)
    corners[1] = np.maximum(corners[1], corners[0] + 0.1)
    return (corners * size_hw[::-1]).astype(np.float32).reshape(4)


def _gap(one: Logits, other: Logits) -> float:
    return float(np.abs(one - other).max())


def _iou(one: Logits, other: Logits) -> float:
    inside, across = one > MASK_THRESHOLD, other > MASK_THRESHOLD
    union = int((inside | across).sum())
    return int((inside & across).sum()) / union if union else 1.0
