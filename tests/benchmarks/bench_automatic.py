"""What fully automatic masks cost: `python -m tests.benchmarks.bench_automatic [--repeat N] [--clicks N] [--json F]`,
or only whole pictures, on a larger grid: `--images-only --points-per-side 32` (the generators' own grid).

Against the published generators, segment-anything's, transformers' (of SAM) and sam2's, as shipped, on equal random
weights, one picture and thresholds at quantiles of their own scores. All encode the picture anew each time. They run by
turns in one process; the ratio is the median of the paired ratios. FLOPs are counted: no machine changes them.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import SamConfig, SamImageProcessorPil, SamModel, pipeline
from transformers.models.sam.image_processing_pil_sam import _rle_to_mask

from model_server.automatic import Generator
from model_server.contract.automatic import SAM, SAM2, AutomaticOptions
from model_server.contract.geometry import PointPrompt
from model_server.engine import Engine, Priority
from model_server.networks.two_way import TwoWayDecoder
from model_server.networks.two_way_prompts import TwoWayPrompts
from model_server.predict import Predictor
from model_server.replay import Memo
from model_server.settings import read_settings
from tests.model_server.automatic_reference import Both, batched_nms, build_both, gap_near, photo, png
from tests.model_server.conftest import put_bytes
from tests.model_server.reference import HIERA_TINY, build_sam, build_sam2, randomise
from tests.model_server.test_parity import set_image_size

Competitor = Callable[[Both, AutomaticOptions], int]

SIZE_HW = (480, 640)
INPUT_SIZE = 512
POINTS_PER_SIDE = 8
SHARES = (0.05, 0.3)  # of the candidates that the predicted IoU lets through
SAM_SHAPE = {"width": 192, "depth": 4, "heads": 3, "global_blocks": [1, 3], "image_size": INPUT_SIZE}


def build(family: str, folder: Path) -> Both:
    if family == "sam2":
        reference = randomise(build_sam2(HIERA_TINY, image_size=INPUT_SIZE))
        both = build_both(folder, reference, SIZE_HW, lambda config: set_image_size(config, INPUT_SIZE))
    else:
        reference = randomise(build_sam(**SAM_SHAPE))
        head = reference.mask_decoder.iou_prediction_head.layers[-1]
        head.weight.data *= 0.1  # scores that a threshold of 0..1 can part
        head.bias.data[:] = 0.5
        both = build_both(folder, reference, SIZE_HW)
    both.engine.cache._memory_limit = 0  # no embedding is kept: each run encodes, as theirs do
    return both


def ours(both: Both, options: AutomaticOptions) -> int:
    run = Generator(both.engine).generate(both.image_sha256, SIZE_HW, options, model_version=None)
    return len(asyncio.run(run).selected)


def theirs(both: Both, options: AutomaticOptions) -> int:
    return len(both.theirs(options, two_steps=True))


class Processor(SamImageProcessorPil):
    """Transformers' own, but for torchvision's suppression of boxes, which is not installed."""

    def post_process_for_mask_generation(
        self, all_masks: list[Any], all_scores: torch.Tensor, all_boxes: torch.Tensor, crops_nms_thresh: float
    ) -> tuple[list[Any], torch.Tensor, list[Any], torch.Tensor]:
        """As image_processing_pil_sam has it."""
        kept = batched_nms(all_boxes.float(), all_scores, torch.zeros(len(all_boxes)), crops_nms_thresh)
        rles = [all_masks[i] for i in kept]
        return [_rle_to_mask(rle) for rle in rles], all_scores[kept], rles, all_boxes[kept]


def of_transformers(folder: Path) -> Competitor:
    """Its pipeline over the converted weights; each mask is an array at the end, as shipped."""
    model = SamModel.from_pretrained(folder / "models" / "same", attn_implementation="sdpa").eval()
    side = {"height": INPUT_SIZE, "width": INPUT_SIZE}
    processor = Processor(size={"longest_edge": INPUT_SIZE}, pad_size=side)
    generate = pipeline("mask-generation", model=model, image_processor=processor, device="cpu")

    def run(both: Both, options: AutomaticOptions) -> int:
        found = generate(
            both.image,
            points_per_batch=options.points_per_batch,
            points_per_crop=options.points_per_side,
            pred_iou_thresh=options.pred_iou_thresh,
            stability_score_thresh=options.stability_score_thresh,
        )
        return len(found["masks"])

    return run


def options_for(both: Both, share: float, points_per_side: int) -> AutomaticOptions:
    """The share's threshold on predicted IoU; the stability that half of the survivors reach."""
    base = (SAM2 if both.is_sam2 else SAM).model_copy(update={"points_per_side": points_per_side})
    off = {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "box_nms_thresh": 1.0}
    everything = both.theirs(base.model_copy(update=off), two_steps=True)
    pred_iou_thresh = gap_near([mask["predicted_iou"] for mask in everything], share)
    stable = [mask["stability_score"] for mask in everything if mask["predicted_iou"] > pred_iou_thresh]
    return base.model_copy(
        update={"pred_iou_thresh": pred_iou_thresh, "stability_score_thresh": float(np.median(stable)) - 1e-6}
    )


def seconds(run: Callable[..., object], *arguments: object) -> float:
    started = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - started


def processor_seconds(run: Callable[..., object], *arguments: object) -> float:
    """Of all threads: what a busy machine distorts least, and what both pay, one of them on two threads."""
    started = time.process_time()
    run(*arguments)
    return time.process_time() - started


def bench_images(folder: Path, repeat: int, points_per_side: int) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for family in ("sam", "sam2"):
        both = build(family, folder / family)
        competitors: dict[str, Competitor] = {"ours": ours, "as shipped": theirs}
        if family == "sam":
            competitors["transformers"] = of_transformers(folder / family)
        for share in SHARES:
            options = options_for(both, share, points_per_side)
            masks = {name: run(both, options) for name, run in competitors.items()}  # warms up, too
            results[f"{family}, {share:.0%} survive"] = {"masks": masks} | {
                measure.__name__: in_turns(measure, competitors, both, options, repeat)
                for measure in (seconds, processor_seconds)
            }
        both.engine.close()
    return results


def in_turns(
    measure: Callable[..., float],
    competitors: dict[str, Competitor],
    both: Both,
    options: AutomaticOptions,
    repeat: int,
) -> dict[str, Any]:
    """Medians, and how many times longer than ours each takes: median, lowest and highest of the turns."""
    turns = []
    for _ in range(repeat):
        order = random.sample(list(competitors.items()), len(competitors))
        turns.append({name: measure(run, both, options) for name, run in order})
    ratios = {name: sorted(turn[name] / turn["ours"] for turn in turns) for name in competitors if name != "ours"}
    return {
        "median": {name: round(statistics.median(turn[name] for turn in turns), 2) for name in competitors},
        "ratio": {name: round(statistics.median(of_name), 2) for name, of_name in ratios.items()},
        "spread": {name: [round(of_name[0], 2), round(of_name[-1], 2)] for name, of_name in ratios.items()},
    }


def peak_memory(folder: Path) -> dict[str, float]:
    """How far above the loaded model a process of its own goes, in MB."""
    peaks = {}
    for name in ("ours", "theirs"):
        command = [sys.executable, "-m", "tests.benchmarks.bench_automatic", "--peak-of", name]
        peaks[name] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return peaks


def print_peak(name: str) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        both = build("sam", Path(folder))
        options = SAM.model_copy(
            update={"points_per_side": POINTS_PER_SIDE, "pred_iou_thresh": 0.55, "stability_score_thresh": 0.5}
        )
        run = {"ours": ours, "theirs": theirs}[name]
        run(both, options.model_copy(update={"points_per_side": 1}))
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew, on Linux
        before = resident("VmRSS")
        run(both, options)
        print(resident("VmHWM") - before)
        both.engine.close()


def resident(name: str) -> float:
    """A line of the process's own status, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def count_flops() -> dict[str, float]:
    """GFLOP per prompt of SAM's decoder at 1024 x 1024, two per multiplication, 8 prompts at once."""
    prompts = 8
    reference = randomise(build_sam(width=32, depth=1, heads=2, global_blocks=[0], image_size=1024))
    vision = {"num_hidden_layers": 1, "hidden_size": 32, "num_attention_heads": 2, "mlp_dim": 32}
    model = SamModel(SamConfig(vision_config=vision | {"global_attn_indexes": [0]})).eval()  # type: ignore[arg-type]
    counted: dict[str, float] = {}

    def count(name: str, run: Callable[[], Any], per: int) -> Any:
        with FlopCounterMode(display=False) as counter:
            value = run()
        counted[name] = round(counter.get_total_flops() / per / 1e9, 3)
        return value

    with torch.inference_mode():
        features, tokens = torch.randn(1, 256, 64, 64), torch.randn(prompts, 2, 256)
        position = model.get_image_wide_positional_embeddings()  # type: ignore[no-untyped-call]
        dense = torch.randn(1, 256, 1, 1).expand(prompts, -1, 64, 64)
        decode = reference.mask_decoder.predict_masks
        count("reference", lambda: decode(features, position, tokens, dense), prompts)
        decoder = TwoWayDecoder(model.mask_decoder, position)
        many = TwoWayPrompts(decoder, model.prompt_encoder)
        image = count("once per image", lambda: many.prepare(decoder.prepare(features[0], None)), 1)

        def decode_above(least: float) -> torch.Tensor:
            asked = many.ask(image, tokens)
            survivors = (asked.scores[:, 1:] > least).nonzero()
            asked.logits(survivors[:, 0], 1 + survivors[:, 1])
            return survivors

        ordered = many.ask(image, tokens).scores[:, 1:].flatten().sort().values
        for share in (0.0, 0.05, 0.3, 1.0):
            above = float(ordered[min(int((1 - share) * len(ordered)), len(ordered) - 1)]) if share < 1 else -1e9
            survivors = decode_above(above)
            prompts_left = len(survivors[:, 0].unique())
            name = f"{len(survivors)} of {3 * prompts} masks of {prompts_left} of {prompts} prompts"
            count(name, lambda above=above: decode_above(above), prompts)
    return counted


@contextmanager
def bulk_run(engine: Engine, image: str, size_hw: tuple[int, int]) -> Iterator[None]:
    """Automatic masks of one image, again and again, beside what is measured."""
    stop, started = threading.Event(), threading.Event()

    async def generate() -> None:
        options = AutomaticOptions(pred_iou_thresh=0.5, stability_score_thresh=0.5)
        generator = Generator(engine)

        async def again() -> None:
            while True:
                await generator.generate(image, size_hw, options, model_version=None)

        task = asyncio.ensure_future(again())
        started.set()
        await asyncio.to_thread(stop.wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(generate()))
    thread.start()
    started.wait()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def bench_clicks(folder: Path, clicks: int) -> dict[str, Any]:
    """The bundled model: a click on a cached image, alone and beside a bulk run on another, by turns of 20."""
    settings = read_settings({"SEGLOOP_DATA_DIR": str(folder)})
    engine = Engine(settings)
    other_hw = SIZE_HW[::-1]
    image, other = (put_bytes(settings, png(photo(size_hw))) for size_hw in (SIZE_HW, other_hw))
    predictor = Predictor(engine, Memo(0))
    engine.submit(image, None, None, priority=Priority.CLICK).result()

    def click() -> None:
        prompt = PointPrompt(x=random.uniform(0, SIZE_HW[1]), y=random.uniform(0, SIZE_HW[0]), label=1)
        predictor.submit(image, SIZE_HW, [prompt]).result()

    for _ in range(5):
        click()
    samples: dict[str, list[float]] = {"alone": [], "beside a bulk run": []}
    while len(samples["alone"]) < clicks:
        samples["alone"] += [1e3 * seconds(click) for _ in range(20)]
        with bulk_run(engine, other, other_hw):
            time.sleep(0.3)
            samples["beside a bulk run"] += [1e3 * seconds(click) for _ in range(20)]
    engine.close()
    results: dict[str, Any] = {
        name: {f"p{q}_ms": round(float(np.percentile(values, q)), 1) for q in (50, 90, 99)}
        for name, values in samples.items()
    }
    alone, beside = results.values()
    results["ratio"] = {q: round(beside[q] / alone[q], 2) for q in alone}
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=8)
    parser.add_argument("--clicks", type=int, default=200)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--points-per-side", type=int, default=POINTS_PER_SIDE, help="of whole pictures")
    parser.add_argument("--images-only", action="store_true")
    parser.add_argument("--peak-of", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    random.seed(0)
    if chosen.peak_of:
        print_peak(chosen.peak_of)
        return
    torch.set_num_threads(1)  # the engine's decoding of small inputs is on one thread, too
    document: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if not chosen.images_only:
            document["gflop_per_prompt"] = count_flops()
            print(json.dumps(document), flush=True)
            document["click"] = bench_clicks(Path(folder) / "click", chosen.clicks)
            print(json.dumps(document["click"]), flush=True)
            document["peak_mb_above_model"] = peak_memory(Path(folder))
            print(json.dumps(document["peak_mb_above_model"]), flush=True)
        document["images"] = bench_images(Path(folder), chosen.repeat, chosen.points_per_side)
    document["facts"] = {
        "picture_hw": SIZE_HW,
        "input_size": INPUT_SIZE,
        "points": chosen.points_per_side**2,
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "torch": torch.__version__,
    }
    print(json.dumps(document, indent=2))
    if chosen.json:
        chosen.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
