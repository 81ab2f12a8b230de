"""The end of a detector's round: taken in, measured beside the live one on the same frozen pictures, and judged."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from backend.jobs.runner import Finish
from backend.training import programs, service
from backend.training.ending import end_run
from backend.training.gate import MIN_FROZEN_IMAGES
from backend.training.processes import Workshop
from backend.training.schemas import GateAnswer, RunMetrics, TrainOptions
from backend.training.tables import TrainingRun


def judge(shop: Workshop, run: TrainingRun, model: Path, name: str, base: str | Path) -> Finish:
    """Keeps the detector and says whether it may go live."""
    candidate = programs.take_in_detector(shop, model, name)
    with shop.run.resources.database.read() as session:
        was_live = service.live_version(session, run.project_id, "detector")
    dataset, options = shop.folder / "dataset", TrainOptions.model_validate(run.options)
    live = _comparable(shop, was_live, shop.settings.resolved_detectors_dir / name)
    figures = _measure(shop, [name, *([live] if live else [])], base, dataset) if programs.has_frozen(dataset) else None
    metrics = RunMetrics(
        frozen=None, general=None, gate=_decide(figures, was_live, live), detector=figures and _named(figures)
    )
    curve = programs.read_curve(shop.folder / "out" / "progress.jsonl")

    def finish(session: Session) -> None:
        row = service.get_run(session, run.id)
        row.candidate_version, row.metrics, row.curve = candidate, metrics.model_dump(), curve.points
        end_run(session, row, metrics, was_live=was_live, auto_promote=options.auto_promote)

    return finish


def _comparable(shop: Workshop, live: str | None, candidate: Path) -> str | None:
    """The name of the live detector, if it looks at the same embeddings."""
    folder = shop.settings.resolved_detectors_dir / (live or "").rpartition("-")[0]
    if live is None or not (folder / "config.json").exists():
        return None
    encoders = [json.loads((one / "config.json").read_text()).get("encoder_fingerprint") for one in (folder, candidate)]
    return folder.name if encoders[0] == encoders[1] else None


def _measure(shop: Workshop, names: list[str], base: str | Path, dataset: Path) -> dict[str, Any]:
    file = shop.folder / "evaluate-detectors.json"
    if not file.exists():
        folders = [shop.settings.resolved_detectors_dir / name for name in names]
        arguments = (*folders, "--dataset", dataset, "--split", "frozen", "--base", base, "--json", file)
        line = shop.module("model_server.training.compare_detectors", *arguments, "--threads", str(shop.threads))
        shop.call("evaluate-detectors", line, lambda: ("measuring on the frozen set", 0, 0))
    figures: dict[str, Any] = json.loads(file.read_text())
    return figures


def _decide(figures: dict[str, Any] | None, was_live: str | None, live: str | None) -> GateAnswer:
    if figures is None or figures["pictures"] < MIN_FROZEN_IMAGES:
        count = 0 if figures is None else figures["pictures"]
        return GateAnswer(
            is_passed=False,
            reason=f"Too little evidence: {count} frozen images with masks; the gate needs {MIN_FROZEN_IMAGES}.",
        )
    found = figures["detectors"][0]
    on = f"on {figures['pictures']} frozen images with {figures['boxes']} masks"
    if live is None:
        why = "there is none yet" if was_live is None else "the live one reads another encoder's embeddings"
        reason = f"Average recall of 100 boxes {found['ar_100']:.3f} {on}; nothing to compare with, {why}."
        return GateAnswer(is_passed=found["ar_100"] > 0, reason=reason)
    gain = figures["difference"]["ar_100"]
    interval = f"95 % interval {gain['low']:+.3f} to {gain['high']:+.3f}"
    reason = f"Average recall of 100 boxes: {gain['value']:+.3f} ({interval}) {on}."
    if gain["low"] > 0:
        return GateAnswer(is_passed=True, reason=reason)
    return GateAnswer(is_passed=False, reason=f"{reason} That does not show a gain.")


def _named(figures: dict[str, Any]) -> dict[str, Any]:
    """As the run shows it: the candidate, and the live one where it was measured."""
    candidate, *live = figures["detectors"]
    facts = {name: figures[name] for name in ("pictures", "boxes", "difference")}
    return {"candidate": candidate, "live": live[0] if live else None} | facts
