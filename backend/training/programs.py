"""The programs of a round, each as one call: train, take in, measure. What they write is read here and nowhere else."""

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.errors import Conflict
from backend.training.processes import Watch, Workshop
from backend.training.schemas import DETECTOR_STEPS, TrainOptions

CURVE_POINTS = 200
REPORT_SECONDS = 3.0
# Twenty clicks a mask take a small network a third of a second, for each of two versions.
MAX_MASKS = 200
MASKS_PER_IMAGE = 10  # so that they are of twenty images, where there are so many: dense ones would be of two or three
LOOK_SECONDS = 2.0  # between two looks at how far a trainer is
SCENES = ("--images", "40", "--seed", "7")

LEARNED_ROUNDS = 2  # of a step: the same gradient on average in little more than half of the time
CLOSER_SHARE = 0.5  # of the views, where a project is worked on zoomed in

Point = dict[str, float]


@dataclass(frozen=True)
class Curve:
    """What a trainer has said so far: a thinned curve, how far it is, and how long it has worked in all starts."""

    points: list[Point]
    done: int
    total: int
    phase: str
    seconds: float
    seconds_left: float | None


def read_curve(file: Path) -> Curve:
    """From the lines of a `progress.jsonl`. Steps that a killed trainer had made and a later one repeats count once."""
    points: list[Point] = []
    done, total, phase, seconds, left = 0, 0, "starting", 0.0, None
    since: float | None = None
    last = 0.0
    for line in _json_lines(file):
        event, now = line.get("event"), float(line.get("time", 0.0))
        if event in ("started", "resumed"):
            seconds, since = seconds + (last - since if since is not None else 0.0), now
            points = [point for point in points if point["step"] <= line["step"]]
        last = now
        if event in ("encoding", "evaluating"):
            done, total, phase = line["done"], line["total"], event
        if event != "step":
            continue
        done, total, phase, left = line["step"], line["steps"], "training", line.get("seconds_left")
        spent = round(seconds + now - (since if since is not None else now), 1)
        iou = {"iou": line["first_chosen_iou"]} if "first_chosen_iou" in line else {}  # of a model; detectors have none
        points.append({"step": line["step"], "loss": line["loss"], "seconds": spent} | iou)
    seconds += last - since if since is not None else 0.0
    every = -(-len(points) // CURVE_POINTS) if points else 1
    return Curve(points[::-1][::every][::-1], done, total, phase, seconds, left)


def _json_lines(file: Path) -> list[dict[str, Any]]:
    try:
        lines = file.read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    # A line that is being written has no end yet; one that a killed trainer left is followed by another.
    found = []
    for line in lines:
        if line.endswith("\n"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


def train(shop: Workshop, kind: str, base: str | Path, options: TrainOptions, say: Callable[[Curve], None]) -> Path:
    """Trains on the run's dataset, goes on where an earlier attempt was; gives the model's folder."""
    out, dataset = shop.folder / "out", shop.folder / "dataset"
    if (out / "model" / "config.json").exists():
        return out / "model"
    progress = out / "progress.jsonl"

    watch = _watching(progress, say)

    common: tuple[str | Path, ...] = (dataset, "--base", base, "--out", out, "--split", "train", "--seed", "0")
    common += ("--threads", str(shop.threads), "--report-seconds", f"{REPORT_SECONDS}")
    if options.hook_command:
        line = ["/bin/sh", "-c", shop.settings.training_hook_command]
        more = {
            "SEGLOOP_RUN_DIR": str(shop.folder),
            "SEGLOOP_DATASET": str(dataset),
            "SEGLOOP_BASE": str(base),
            "SEGLOOP_OUT": str(out),
            "SEGLOOP_RUN_KIND": kind,
            "SEGLOOP_RUN_OPTIONS": options.model_dump_json(),
        }
        out.mkdir(exist_ok=True)
        shop.call("train", line, watch, more=more)
    elif kind == "detector":
        measured = ("--eval", dataset, "--eval-split", "frozen") if has_frozen(dataset) else ()
        limits = ("--steps", str(DETECTOR_STEPS * options.steps), "--max-minutes", f"{options.max_minutes}")
        line = shop.module("model_server.training.train_detector", *common, *limits, *measured)
        _call_trainer(shop, out, line, watch)
    else:
        left = max(0.01, options.max_minutes - read_curve(progress).seconds / 60)
        line = shop.module("model_server.training.train", *common, *_model_options(shop, options, left))
        _call_trainer(shop, out, line, watch)
    if not (out / "model" / "config.json").exists() or not (out / "model" / "model.safetensors").exists():
        raise Conflict("no_model", "The training ended without a model/config.json and model/model.safetensors.")
    return out / "model"


def _watching(progress: Path, say: Callable[[Curve], None]) -> Watch:
    """Looks at what the trainer has said, no oftener than it matters: days of it take a second to read."""
    looked_at, size, curve = -math.inf, -1, read_curve(progress)

    def watch() -> tuple[str, int, int]:
        nonlocal looked_at, size, curve
        if time.monotonic() - looked_at >= LOOK_SECONDS:
            looked_at, now = time.monotonic(), progress.stat().st_size if progress.exists() else 0
            if now != size:
                size, curve = now, read_curve(progress)
            say(curve)
        return curve.phase, curve.done, curve.total

    return watch


def _call_trainer(shop: Workshop, out: Path, line: list[str], watch: Watch) -> None:
    """Once more from the beginning where its checkpoint is one of other options: this software is newer than it."""
    try:
        shop.call("train", line, watch)
    except Conflict as conflict:
        if "run_differs" not in conflict.message:
            raise
        for name in ("checkpoint", "checkpoint.old", "checkpoint.unfinished"):
            shutil.rmtree(out / name, ignore_errors=True)
        (out / "progress.jsonl").unlink(missing_ok=True)
        shop.call("train", line, watch)


def _model_options(shop: Workshop, options: TrainOptions, minutes: float) -> list[str | Path]:
    replay = [shop.settings.data_dir.resolve() / "replay" / name for name in options.replay]
    return [
        *("--tune", options.tune, "--steps", str(options.steps), "--batch-size", str(options.batch_size)),
        *("--rate", f"{options.rate}", "--warmup", str(max(1, options.steps // 10)), "--max-minutes", f"{minutes:.3f}"),
        *(("--keep-base", f"{options.keep_base}") if options.keep_base else ()),
        *(("--closer-share", f"{CLOSER_SHARE}") if options.closer else ()),
        *("--learned", str(LEARNED_ROUNDS)),
        *("--workers", "1" if shop.threads > 1 else "0"),
        *(() if options.augment else ("--scale", "1", "1", "--stretch", "1", "--colour", "0", "--no-flip")),
        *(("--replay", *replay) if replay else ()),
    ]


def has_frozen(dataset: Path) -> bool:
    """Whether a run's dataset has an image that is never trained on."""
    images = json.loads((dataset / "annotations.json").read_text())["images"]
    return any(image["split"] == "frozen" for image in images)


def stage(folder: Path, model: Path, name: str) -> Path:
    """Copies a model or detector to where it can be measured under its name; not offered to anybody before `keep`."""
    if (folder / name / "config.json").exists():
        return folder / name
    staging = folder / ".incoming" / name
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for file in ("model.safetensors", "config.json", "training.json"):
        if (model / file).exists():
            shutil.copyfile(model / file, staging / file)
    return staging


def keep(staged: Path) -> None:
    """Offers what was staged, whole; the model server lists new folders by itself."""
    if staged.parent.name == ".incoming":
        staged.rename(staged.parent.parent / staged.name)


def evaluate(
    shop: Workshop,
    candidate: Path,
    live: str | Path,
    folders: list[Path],
    *,
    live_version: str,
    split: str | None,
    looks_closer: bool,
) -> dict[str, Any]:
    """Measures both versions on the same masks; the document of `segloop evaluate --json`. `live`: where the files of
    `live_version` lie. With `looks_closer` as for a person who zooms in to each of them.
    """
    name = f"evaluate-{split or 'general'}"
    file = shop.folder / f"{name}.json"
    # Another version may be live when a broken-off run is gone on with.
    if not file.exists() or live_version not in json.loads(file.read_text())["methods"]:
        limits = ("--max-masks", str(MAX_MASKS), "--masks-per-image", str(MASKS_PER_IMAGE))
        bounds = ("--starts", "center", *limits, "--threads", str(shop.threads))
        which = (*(("--split", split) if split else ()), *(("--closer",) if looks_closer else ()))
        arguments = (candidate, *folders, "--against", live, *bounds, *which, "--json", file)
        line = shop.module("model_server.evaluation", *arguments)
        shop.call(name, line, lambda: ("measuring", 0, 0))
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def names_splits(dataset: Path) -> bool:
    """Whether images of a COCO folder say which split they are of."""
    file = dataset / "annotations.json"
    found = [file] if file.exists() else sorted(dataset.glob("*.json"))
    try:
        return any("split" in image for image in json.loads(found[0].read_text())["images"])
    except (OSError, ValueError, LookupError, TypeError):
        return False  # what is wrong with it the evaluation says


def general_set(shop: Workshop) -> Path:
    """The installation's general set; without one, forty drawn scenes, drawn once."""
    if shop.settings.general_set:
        return Path(shop.settings.general_set).resolve()
    folder = shop.settings.data_dir.resolve() / "general-scenes"
    if not (folder / "annotations.json").exists():
        own = shop.folder / "general-scenes"
        shutil.rmtree(own, ignore_errors=True)
        shop.call(
            "scenes", shop.module("model_server.training.scenes", "--out", own, *SCENES), lambda: ("drawing", 0, 0)
        )
        try:
            own.rename(folder)
        except OSError:  # another run was faster
            shutil.rmtree(own, ignore_errors=True)
    return folder


# With what a kill or a full disk left of a checkpoint or model half-written.
LARGE = ("dataset", *(f"out/{name}{end}" for name in ("checkpoint", "model") for end in ("", ".old", ".unfinished")))


def is_clean(folder: Path) -> bool:
    """Whether `clean_up` would find nothing."""
    return not any((folder / name).exists() for name in LARGE)


def clean_up(folder: Path) -> None:
    """After a run's end: its pictures, checkpoint and model go, lines and figures stay."""
    for name in LARGE:
        shutil.rmtree(folder / name, ignore_errors=True)


def discard(folder: Path, *kept: Path) -> None:
    """Nothing of a cancelled run stays, nor of a candidate that nobody promoted."""
    for path in (folder, *kept):
        (path / "config.json").unlink(missing_ok=True)  # first: without it, it is no model for anybody
        shutil.rmtree(path, ignore_errors=True)
