"""From folders and methods to the document: read, draw, score, summarise, dataset by dataset."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.progress import Progress

from model_server.dataset import Dataset, read_dataset
from model_server.evaluation.comparison import MEAN_NAME, compare, difference
from model_server.evaluation.intervals import LEVEL, RESAMPLES
from model_server.evaluation.methods import Method, Start
from model_server.evaluation.sampling import Limits, draw
from model_server.evaluation.scoring import Scored, score
from model_server.evaluation.summary import (
    SCHEMA,
    Measured,
    describe_dataset,
    mean_over_datasets,
    measure,
    nested,
    result,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What to evaluate on. `steps`: prompts per mask by start."""

    folders: tuple[Path, ...]
    split: str | None
    steps: dict[Start, int]
    limits: Limits
    seed: int
    skip_unusable: bool


def evaluate(methods: list[Method], asked: Evaluation, progress: Progress, *, paired: bool = False) -> dict[str, Any]:
    """Everything measured, as SCHEMA says. `paired` compares the first two methods. Raises UnusableDataset."""
    started = perf_counter()
    datasets = [read_dataset(folder, split=asked.split, skip_unusable=asked.skip_unusable) for folder in asked.folders]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": _settings(asked),
        "methods": {method.name: method.describe() for method in methods},
        "datasets": [],
        "results": [],
    }
    by_method: dict[str, list[Measured]] = {method.name: [] for method in methods}
    differences: dict[str, Measured] = {}
    for dataset in datasets:
        scored = _score(dataset, methods, asked, progress)
        measured = [measure(run, scored, seed=asked.seed) for run in scored.runs]
        document["datasets"].append(describe_dataset(dataset, scored, asked.split))
        for run, part in zip(scored.runs, measured, strict=True):
            document["results"].append(result(run, dataset, part))
            by_method[run.method.name].append(part)
        if paired:
            differences[dataset.name] = difference(measured[0], measured[1], scored, seed=asked.seed)
    document["mean_over_datasets"] = [
        {"method": name, "dataset": MEAN_NAME, "measures": nested(mean_over_datasets(parts))}
        for name, parts in by_method.items()
        if len(parts) > 1
    ]
    if paired:
        document["comparison"] = compare(methods[0].name, methods[1].name, differences)
    document["notes"] = _notes(document["datasets"])
    document["seconds"] = round(perf_counter() - started, 3)
    return document


def _score(dataset: Dataset, methods: list[Method], asked: Evaluation, progress: Progress) -> Scored:
    pictures = draw(dataset, asked.limits, seed=asked.seed)
    task = progress.add_task(dataset.name, total=sum(len(picture.masks) for picture in pictures))
    return score(
        pictures,
        methods,
        asked.steps,
        seed=asked.seed,
        skip_unusable=asked.skip_unusable,
        on_masks=lambda count: progress.advance(task, count),
    )


def _settings(asked: Evaluation) -> dict[str, Any]:
    return {
        "split": asked.split,
        "steps": asked.steps,
        "limits": asdict(asked.limits),
        "seed": asked.seed,
        "skip_unusable": asked.skip_unusable,
        "interval": {"level": LEVEL, "resamples": RESAMPLES, "resampled": "images", "kind": "percentile"},
        "size_classes": "area in pixels of the image as stored: small < 32^2 <= medium < 96^2 <= large (COCO)",
    }


def _notes(datasets: list[dict[str, Any]]) -> list[str]:
    notes = []
    for facts in datasets:
        if facts["pictures"] == 1:
            notes.append(f"{facts['name']}: one image alone allows no intervals; they are left out.")
        if facts["annotators"] > 1:
            notes.append(f"{facts['name']}: several annotators drew the same images; every region counts as one mask.")
        if facts["skipped"]:
            count = len(facts["skipped"])
            notes.append(f"{facts['name']}: {count} pictures or masks were left out; the first: {facts['skipped'][0]}.")
    return notes
