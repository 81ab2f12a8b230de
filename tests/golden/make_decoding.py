"""Writes decoding.json: what the model server makes of logits, prompts and mask prompts, for tests of the page.

Run by hand (`python -m tests.golden.make_decoding`) when a rule changes.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from model_server.answers import to_masks, to_tensors
from model_server.contract import masks
from model_server.contract.geometry import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from model_server.export_onnx.rules import FAMILIES, Rules, Stability
from model_server.networks.frame import Frame, padded, stretched
from model_server.networks.network import Decoded
from model_server.networks.parts import clicked_parts

FILE = Path(__file__).with_name("decoding.json")
INPUT, LOW = 64, 16
SIZES_HW = ((41, 53), (97, 33), (9, 200), (16, 16), (1, 1))
RULES: dict[str, Rules] = FAMILIES | {"stability": replace(FAMILIES["sam2"], stability=Stability(0.5, 0.9))}


def frame_of(rules: Rules, size_hw: tuple[int, int]) -> Frame:
    """How an image lies in the square."""
    return (padded if rules.resize == "pad" else stretched)(size_hw, input_size=INPUT, low_size=LOW)


def mask_case(name: str, rules: Rules, size_hw: tuple[int, int], seed: int) -> dict[str, Any]:
    """Logits, smooth or noisy, and the mask they become. Eighths: JSON keeps them exactly."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:LOW, :LOW]
    bump = 4 - np.hypot(rows - rng.uniform(3, 12), columns - rng.uniform(3, 12))
    logits = bump if seed % 3 else rng.normal(0, 2, (LOW, LOW))
    logits = np.round(8 * logits).astype(np.float32) / 8
    (mask,) = to_masks(Decoded(logits[None], np.ones(1, np.float32)), frame_of(rules, size_hw))
    return {"rules": name, "size_hw": size_hw, "logits": logits.ravel().tolist()} | {
        "rle": mask.rle,
        "stability_score": mask.stability_score,
        "area": mask.area,
        "bbox_xywh": mask.bbox_xywh,
    }


def disc(size_hw: tuple[int, int]) -> Any:
    """A mask prompt: an off-centre disc."""
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    return np.hypot(rows - 0.4 * size_hw[0], columns - 0.6 * size_hw[1]) < 0.3 * min(size_hw) + 1


def prompt_lists(size_hw: tuple[int, int]) -> list[list[Prompt]]:
    """Points, boxes and masks, alone and mixed."""
    height, width = size_hw
    inside = PointPrompt(x=width / 3, y=height / 7, label=1)
    outside = PointPrompt(x=width * 0.9, y=height * 0.77, label=0)
    box = BoxPrompt(x1=width * 0.1, y1=height * 0.2, x2=width * 0.8, y2=height * 0.9)
    mask = MaskPrompt(rle=masks.encode(disc(size_hw)))
    return [[inside], [outside, inside], [box], [box, inside], [inside, box, outside], [mask], [mask, inside]]


def prompt_case(name: str, rules: Rules, size_hw: tuple[int, int], prompts: list[Prompt], seed: int) -> dict[str, Any]:
    """The tokens that go in, and which of four masks answer."""
    frame = frame_of(rules, size_hw)
    tensors = to_tensors(prompts, None, frame)
    box = None if tensors.box_xyxy is None else frame.to_input(tensors.box_xyxy.reshape(2, 2))
    points, labels = rules.tokens(frame.to_input(tensors.points_xy), tensors.labels, box)
    rng = np.random.default_rng(seed)
    logits = np.round(8 * rng.normal(seed % 2, 1, (4, 3, 3))).astype(np.float32) / 8
    predicted_iou = np.round(64 * rng.uniform(0, 1, 4)).astype(np.float32) / 64
    answer = rules.answer(
        logits,
        predicted_iou,
        point_count=len(tensors.points_xy),
        has_box=box is not None,
        prompt_count=tensors.prompt_count,
    )
    is_mask_last = isinstance(prompts[-1], MaskPrompt)
    return {
        "rules": name,
        "size_hw": size_hw,
        "prompts": [asdict(prompt) for prompt in prompts],
        "points": points.ravel().tolist(),
        "labels": labels.ravel().tolist(),
        "mask_input": tensors.mask_input.ravel().tolist() if is_mask_last and tensors.mask_input is not None else None,
        "logits": logits.ravel().tolist(),
        "predicted_iou": predicted_iou.tolist(),
        "answer": answer,
    }


def parts_case(name: str, rules: Rules, size_hw: tuple[int, int], prompts: list[Prompt], seed: int) -> dict[str, Any]:
    """A noisy candidate, and which of its pixels are dropped."""
    frame = frame_of(rules, size_hw)
    rng = np.random.default_rng(seed)
    logits = np.round(8 * rng.normal(-0.6, 1, (1, LOW, LOW))).astype(np.float32) / 8
    meant = clicked_parts(Decoded(logits, np.ones(1, np.float32)), to_tensors(prompts, None, frame), frame).logits
    return {
        "rules": name,
        "size_hw": size_hw,
        "prompts": [asdict(prompt) for prompt in prompts],
        "logits": logits.ravel().tolist(),
        "dropped": np.flatnonzero(meant != logits).tolist(),
    }


def build() -> dict[str, Any]:
    """The whole file."""
    everything = [(name, rules, size_hw) for name, rules in RULES.items() for size_hw in SIZES_HW]
    return {
        "image_size": INPUT,
        "low_size": LOW,
        "rules": {name: asdict(rules) for name, rules in RULES.items()},
        "masks": [mask_case(*one, seed) for seed, one in enumerate(everything[:10] * 2)],
        "prompts": [
            prompt_case(*one, prompts, seed) for one in everything for seed, prompts in enumerate(prompt_lists(one[2]))
        ],
        "parts": [
            parts_case(*one, prompts, seed)
            for one in everything[:10]
            for seed, prompts in enumerate(prompt_lists(one[2]))
        ],
    }


def as_text(built: dict[str, Any]) -> str:
    """One case a line."""
    lines = [
        f'"{name}": [\n' + ",\n".join(json.dumps(case) for case in value) + "\n]"
        if isinstance(value, list)
        else f'"{name}": {json.dumps(value)}'
        for name, value in built.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(as_text(build()))
