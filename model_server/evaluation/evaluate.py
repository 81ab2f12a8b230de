"""From folders and methods to the document: read, draw, score, summarise, dataset by dataset."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.progress import Progress

from model_server.dataset import Dataset, UnusableDataset, by_distinct_names, read_dataset
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


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The document (SCHEMA), and by dataset what it was made of; `measured` in the order of the methods."""

    document: dict[str, Any]
    scored: dict[str, Scored]
    measured: dict[str, list[Measured]]


def evaluate(methods: list[Method], asked: Evaluation, progress: Progress, *, is_paired: bool = False) -> Evaluated:
    """Run every method on every dataset. `is_paired` compares the first two methods.

    Raises UnusableDataset, and ValueError for two methods or two datasets that are the same.
    """
    started = perf_counter()
    _require_different([method.name for method in methods], "model")
    _require_different([str(folder.resolve()) for folder in asked.folders], "dataset")
    evaluated = Evaluated(_head(methods, asked), {}, {})
    document = evaluated.document
    for dataset in _read(asked):
        scored = _score(dataset, methods, asked, progress)
        measured = [measure(run, scored, seed=asked.seed) for run in scored.runs]
        evaluated.scored[dataset.name], evaluated.measured[dataset.name] = scored, measured
        document["datasets"].append(describe_dataset(dataset, scored, asked.split))
        document["results"] += [result(run, dataset, part) for run, part in zip(scored.runs, measured, strict=True)]
    if len(evaluated.measured) > 1:
        by_method = zip(*evaluated.measured.values(), strict=True)
        document["mean_over_datasets"] = [
            {"method": method.name, "dataset": MEAN_NAME, "measures": nested(mean_over_datasets(list(parts)))}
            for method, parts in zip(methods, by_method, strict=True)
        ]
    if is_paired:
        document["comparison"] = compare(
            methods[0].name,
            methods[1].name,
            {
                name: difference(measured[0], measured[1], evaluated.scored[name], seed=asked.seed)
                for name, measured in evaluated.measured.items()
            },
        )
    document["notes"] = _notes(document["datasets"])
    document["seconds"] = round(perf_counter() - started, 3)
    return evaluated


def _head(methods: list[Method], asked: Evaluation) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": _settings(asked),
        "methods": {method.name: method.describe() for method in methods},
        "datasets": [],
        "results": [],
        "mean_over_datasets": [],
    }


def _read(asked: Evaluation) -> list[Dataset]:
    """All datasets, before anything is run on the first. Two folders of one name go by their paths."""
    return by_distinct_names(
        [read_dataset(folder, split=asked.split, skip_unusable=asked.skip_unusable) for folder in asked.folders]
    )


def _require_different(names: list[str], kind: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"The {kind} {name} is given twice.")


def _score(dataset: Dataset, methods: list[Method], asked: Evaluation, progress: Progress) -> Scored:
    pictures = draw(dataset, asked.limits, seed=asked.seed)
    if not pictures:
        raise UnusableDataset(
            "dataset_empty", f"{dataset.folder}: there is no mask of {asked.limits.min_area} pixels or more."
        )
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
