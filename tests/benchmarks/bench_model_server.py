"""What a click costs and why: `python -m tests.benchmarks.bench_model_server [--repeat N] [--json FILE]`.

Everything runs in one process on the bundled model and one picture drawn here. Competitors take turns, in random order,
so that whatever else the machine does hits both; the ratio reported is the median of the paired ratios.
"""

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from torch.nn import functional
from transformers import Sam2Model

from model_server.answers import to_masks, to_tensors
from model_server.contract.blobs import image_key, open_store
from model_server.contract.geometry import PointPrompt
from model_server.engine import Engine, Priority
from model_server.networks.network import Decoded, Network
from model_server.networks.registry import BUNDLED
from model_server.predict import Predictor
from model_server.replay import Memo
from model_server.settings import read_settings

SIZE_HW = (1080, 1920)

Samples = dict[str, list[float]]


def milliseconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) * 1e3


def take_turns(competitors: dict[str, Callable[[], object]], repeat: int) -> Samples:
    samples: Samples = {name: [] for name in competitors}
    for run in competitors.values():
        run(), run()
    for _ in range(repeat):
        for name in random.sample(list(competitors), len(competitors)):
            samples[name].append(milliseconds(competitors[name]))
    return samples


def picture() -> Image.Image:
    """Soft coloured blobs: smooth regions with edges, as photos have."""
    coarse = np.random.default_rng(7).integers(0, 255, (9, 16, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(SIZE_HW[::-1], Image.Resampling.BICUBIC).quantize(24).convert("RGB")


def random_click() -> PointPrompt:
    return PointPrompt(x=random.uniform(0, SIZE_HW[1]), y=random.uniform(0, SIZE_HW[0]), label=1)


def naive_masks(logits: torch.Tensor) -> list[Any]:
    """Upsample all, threshold, transpose, encode; stability at full resolution: the usual way."""
    full = functional.interpolate(logits, SIZE_HW, mode="bilinear", align_corners=False)[0]
    stability = (full > 1).sum((1, 2)) / (full > -1).sum((1, 2)).clamp(min=1)
    packed: Any = coco_mask.encode(np.asfortranarray((full > 0).numpy().astype(np.uint8).transpose(1, 2, 0)))
    return [packed, stability, coco_mask.area(packed), coco_mask.toBbox(packed)]


def bench_click(engine: Engine, network: Network, repeat: int) -> dict[str, Samples]:
    """Click to RLE with the embedding there: ours against transformers' model as shipped; then its two halves."""
    shipped = Sam2Model.from_pretrained(BUNDLED / "nano", dtype=torch.float32).eval()
    image = picture()
    (embedding,) = network.encode([network.prepare(image)], [SIZE_HW])
    features = [feature.float()[None] for feature in embedding.features]
    frame = network.frame(SIZE_HW)
    side = network.facts.image_size

    def shipped_decode() -> torch.Tensor:
        click = random_click()
        at = torch.tensor([[[[click.x * side / SIZE_HW[1], click.y * side / SIZE_HW[0]]]]])
        with torch.inference_mode():
            labels = torch.ones(1, 1, 1, dtype=torch.long)
            masks: torch.Tensor = shipped(
                image_embeddings=list(features), input_points=at, input_labels=labels
            ).pred_masks
            return masks[0]

    def our_decode() -> Decoded:
        return network.decode(embedding, to_tensors([random_click()], None, frame), "auto")

    decoded = our_decode()
    logits = torch.from_numpy(decoded.logits)[None]
    same = [mask.rle["counts"].encode() for mask in to_masks(decoded, frame)]
    assert same == [packed["counts"] for packed in naive_masks(logits)[0]], "faster, but not the same masks"
    return {
        "click to RLE": take_turns(
            {"ours": lambda: to_masks(our_decode(), frame), "as shipped": lambda: naive_masks(shipped_decode())}, repeat
        ),
        "decode": take_turns({"ours": our_decode, "as shipped": shipped_decode}, repeat),
        "logits to RLE": take_turns(
            {"ours": lambda: to_masks(decoded, frame), "as shipped": lambda: naive_masks(logits)}, repeat
        ),
    }


def bench_memo(engine: Engine, image: str, repeat: int) -> Samples:
    """The tenth click on a mask, with and without the nine before remembered."""
    clicks = [random_click() for _ in range(9)]
    remembering = Predictor(engine)

    def tenth(predictor: Predictor) -> Callable[[], object]:
        return lambda: predictor.submit(image, SIZE_HW, [*clicks, random_click()]).result()

    return take_turns({"remembered": tenth(remembering), "replayed": tenth(Predictor(engine, Memo(0)))}, repeat)


def bench_encode(engine: Engine, network: Network, repeat: int) -> Samples:
    """One image: resized, encoded. The file's decoding is apart, as it runs beside the device."""
    image = picture()
    file = BytesIO()
    image.save(file, "JPEG", quality=90)
    pixels = network.prepare(image)
    torch.set_num_threads(engine.threads)
    return take_turns(
        {
            "JPEG to RGB": lambda: Image.open(BytesIO(file.getvalue())).convert("RGB"),
            "resize": lambda: network.prepare(image),
            "encode": lambda: network.encode([pixels], [SIZE_HW]),
        },
        max(5, repeat // 4),
    )


def bench_engine(engine: Engine, image: str, repeat: int) -> Samples:
    """The same click through the engine's queue and threads."""
    predictor = Predictor(engine)
    return take_turns({"click in process": lambda: predictor.submit(image, SIZE_HW, [random_click()]).result()}, repeat)


def cold_start(data_dir: Path) -> float:
    """Seconds from the start of a fresh Python to a warmed-up engine."""
    program = (
        "from model_server.engine import Engine\nfrom model_server.settings import read_settings\n"
        f"Engine(read_settings({{'SEGLOOP_DATA_DIR': {str(data_dir)!r}}})).warm_up()"
    )
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - started


def summary(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples)
    return {
        "median_ms": round(statistics.median(ordered), 3),
        "min_ms": round(ordered[0], 3),
        "p90_ms": round(ordered[int(0.9 * (len(ordered) - 1))], 3),
        "p99_ms": round(ordered[int(0.99 * (len(ordered) - 1))], 3),
        "samples": len(ordered),
    }


def report(groups: dict[str, Samples]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for group, samples in groups.items():
        results[group] = {name: summary(values) for name, values in samples.items()}
        if len(samples) == 2:
            ours, others = samples.values()
            ratios = sorted(theirs / mine for mine, theirs in zip(ours, others, strict=True))
            spread = (ratios[len(ratios) // 4], ratios[3 * len(ratios) // 4])
            results[group]["ratio"] = {
                "median": round(statistics.median(ratios), 2),
                "quartiles": [round(value, 2) for value in spread],
            }
    return results


def print_table(results: dict[str, Any]) -> None:
    print(f"{'':32}{'median':>10}{'min':>10}{'p90':>10}{'p99':>10}  ms")
    for group, rows in results.items():
        for name, row in rows.items():
            if name == "ratio":
                low, high = row["quartiles"]
                print(f"{'':32}{row['median']:>9}x  (quartiles {low}x to {high}x)")
            else:
                figures = "".join(f"{row[key]:>10.2f}" for key in ("median_ms", "min_ms", "p90_ms", "p99_ms"))
                print(f"{group + ': ' + name:32}{figures}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings({"SEGLOOP_DATA_DIR": folder})
        file = BytesIO()
        picture().save(file, "PNG")
        image = sha256(file.getvalue()).hexdigest()
        open_store(settings.storage_url).put(image_key(image), file.getvalue())
        start_seconds = cold_start(Path(folder))
        engine = Engine(settings)
        engine.warm_up()
        engine.submit(image, None, None, priority=Priority.CLICK).result()
        network = engine.models.load(engine.models.default)
        torch.set_num_threads(engine.threads)
        groups = {
            **bench_click(engine, network, options.repeat),
            "tenth click": bench_memo(engine, image, options.repeat),
            "engine": bench_engine(engine, image, options.repeat),
            "image": bench_encode(engine, network, options.repeat),
        }
        engine.close()
    results = report(groups)
    print_table(results)
    facts = {
        "picture_hw": SIZE_HW,
        "cold_start_seconds": round(start_seconds, 2),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "threads": engine.threads,
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
