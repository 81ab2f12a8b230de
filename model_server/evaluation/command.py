"""The command line of the evaluation: reads what is asked, runs it with a progress bar, writes what was measured."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from model_server.dataset import UnusableDataset
from model_server.engine.device import SMALL_INPUT, choose_device, default_threads
from model_server.evaluation.baselines import baselines
from model_server.evaluation.cases import cases
from model_server.evaluation.evaluate import Evaluated, Evaluation, evaluate
from model_server.evaluation.methods import STARTS, Method, load_method
from model_server.evaluation.outputs import per_mask_csv, require_writable, write
from model_server.evaluation.protocols import NOC_CLICKS
from model_server.evaluation.report import to_html
from model_server.evaluation.sampling import Limits
from model_server.evaluation.table import print_tables
from model_server.networks.weights import UnusableModel
from model_server.settings import read_settings

FAILED, INTERRUPTED = 1, 130
PIPE_WIDTH = 240  # characters of a table that no terminal limits
REPORT_FILE = "index.html"
STDOUT = Path("-")

messages = Console(stderr=True, highlight=False, soft_wrap=True)


def main(argv: list[str] | None = None) -> int:
    """Evaluate as the arguments say; the exit code: 0, 1 failed, 2 misused, 130 stopped.

    Results go to stdout and files, all else to stderr.
    """
    options = _parser().parse_args(argv)
    try:
        return _run(options)
    except (UnusableModel, UnusableDataset) as error:
        messages.print(error.message, markup=False)
    except (OSError, ValueError) as error:
        messages.print(str(error), markup=False)
    except KeyboardInterrupt:
        messages.print("Stopped; nothing was written.")
        return INTERRUPTED
    return FAILED


def _run(options: argparse.Namespace) -> int:
    settings = read_settings()
    threads = options.threads or settings.model_threads or default_threads()
    cv2.setNumThreads(threads)
    device = choose_device(options.device or settings.model_device)
    names = [options.model, *([options.against] if options.against else [])]
    methods: list[Method] = [
        load_method(name, models_dir=settings.models_dir, device=device, looks_closer=options.closer) for name in names
    ]
    if options.baselines:
        methods += [method for method in baselines() if set(method.starts) & set(options.starts)]
    is_small = all(method.describe().get("image_size", 0) <= SMALL_INPUT for method in methods)
    torch.set_num_threads(1 if is_small else threads)
    evaluation = Evaluation(
        folders=tuple(options.dataset),
        split=options.split,
        steps=_steps(options),
        limits=Limits(
            images=options.max_images,
            masks=options.max_masks,
            masks_per_image=options.masks_per_image,
            min_area=options.min_area,
        ),
        seed=options.seed,
        skip_unusable=options.skip_unusable,
    )
    for file in (options.json, options.per_mask, options.report and options.report / REPORT_FILE):
        if file and file != STDOUT:
            require_writable(file)
    with _progress() as progress:
        evaluated = evaluate(methods, evaluation, progress, is_paired=bool(options.against))
    evaluated.document["machine"] = {"device": str(device), "threads": threads, "torch": torch.__version__}
    stream = sys.stderr if options.json == STDOUT else sys.stdout
    print_tables(
        evaluated.document, Console(file=stream, highlight=False, width=None if stream.isatty() else PIPE_WIDTH)
    )
    _write(options, evaluated)
    return 0


def _write(options: argparse.Namespace, evaluated: Evaluated) -> None:
    if options.json:
        text = json.dumps(evaluated.document, indent=1, allow_nan=False) + "\n"
        if options.json == STDOUT:
            sys.stdout.write(text)
        else:
            write(options.json, text)
    if options.per_mask:
        write(options.per_mask, per_mask_csv(evaluated.scored, evaluated.measured))
    if options.report:
        start = options.starts[0]
        shown = {
            name: cases(scored.runs[0], scored, start, seed=options.seed) for name, scored in evaluated.scored.items()
        }
        write(options.report / REPORT_FILE, to_html(evaluated.document, shown))


def _steps(options: argparse.Namespace) -> dict[Any, int]:
    steps = {start: options.clicks for start in STARTS if start in options.starts and start != "box"}
    return steps | ({"box": 1 + options.box_clicks} if "box" in options.starts else {})


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=messages
    )


def _starts(text: str) -> list[str]:
    starts = [start.strip() for start in text.split(",") if start.strip()]
    if not starts or set(starts) - set(STARTS):
        raise argparse.ArgumentTypeError(f"{text!r}: give one or more of {', '.join(STARTS)}")
    return starts


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="segloop evaluate", description="Measure a model on human masks.")
    add = parser.add_argument
    add("model", metavar="MODEL", help="a bundled model, one of SEGLOOP_MODELS_DIR, or a folder")
    add("dataset", metavar="DATASET", type=Path, nargs="+", help="folders of pictures with COCO json")
    add("--split", help="only pictures of this split")
    add("--starts", type=_starts, default=["center", "box"], help="first prompts: center, random, box (center,box)")
    add("--clicks", type=_count, default=NOC_CLICKS, help="clicks at most; 20 are needed for the number of clicks (20)")
    add("--box-clicks", type=int, default=0, choices=range(10), metavar="0-9", help="clicks after a box (0)")
    add("--against", metavar="MODEL", help="a second model on the same masks: paired differences")
    add("--baselines", action="store_true", help="classical methods on the same masks")
    add("--max-images", type=_count, help="random images at most, of every dataset")
    add("--max-masks", type=_count, help="random images until about so many masks, of every dataset")
    add("--masks-per-image", type=_count, help="random masks at most of every image")
    add("--min-area", type=_count, default=1, help="smaller masks are left out, in pixels of the image")
    add("--seed", type=int, default=0, help="of samples, random clicks and intervals (0)")
    add("--closer", action="store_true", help="as for a person who zooms in to each object before clicking")
    add("--skip-unusable", action="store_true", help="leave out pictures and masks that cannot be used, and count them")
    add("--device", help="auto, cpu or cuda (SEGLOOP_MODEL_DEVICE)")
    add("--threads", type=_count, help="processor threads (SEGLOOP_MODEL_THREADS)")
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help="everything that was measured; - is stdout, the tables then go to stderr",
    )
    add("--per-mask", type=Path, metavar="FILE", help="a CSV line for every mask and method")
    add("--report", type=Path, metavar="DIR", help="an HTML page with drawings and the worst cases as pictures")
    return parser
