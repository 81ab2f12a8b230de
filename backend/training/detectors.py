"""The end of a detector's round: taken in, measured beside the live one on the same frozen pictures, and judged."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from sqlalchemy.orm import Session

from backend.errors import Conflict
from backend.jobs.runner import Finish
from backend.training import programs, service
from backend.training.ending import end_run
from backend.training.frozen import MIN_FROZEN_IMAGES
from backend.training.processes import Workshop
from backend.training.schemas import DetectorMetrics, Gate, GateAnswer, RunMetrics, TrainOptions
from backend.training.tables import TrainingRun

MAX_IMAGES = 200

# Whether the live detector is measured beside a candidate; if not, why: there is none, it reads another encoder's
# embeddings (and cannot go on with the live model), or its files are not here or cannot be used.
Rival = Literal["measured", "none", "outlived", "unmeasured"]


def judge(shop: Workshop, run: TrainingRun, model: Path, name: str, base: str | Path) -> Finish:
    """Keeps the detector and says whether it may go live."""
    staged = programs.stage(shop.settings.resolved_detectors_dir, model, name)
    with (staged / "model.safetensors").open("rb") as file:
        candidate = f"{name}-{hashlib.file_digest(file, 'sha256').hexdigest()[:8]}"
    with shop.run.resources.database.read() as session:
        was_live = service.live_version(session, run.project_id, "detector")
    dataset, options = shop.folder / "dataset", TrainOptions.model_validate(run.options)
    rival, live = _rival(shop, was_live, staged)
    figures = None
    if programs.has_frozen(dataset):
        try:
            figures = _measure(shop, [staged, *([live] if live else [])], base, dataset)
        except Conflict as conflict:
            if live is None or conflict.code != "program_failed":
                raise
            rival, figures = "unmeasured", _measure(shop, [staged], base, dataset)
    programs.keep(staged)
    metrics = RunMetrics(
        compared_with=was_live,
        frozen=None,
        general=None,
        gate=decide(options.gate, figures, was_live, rival=rival),
        detector=None if figures is None else _named(figures),
    )
    curve = programs.read_curve(shop.folder / "out" / "progress.jsonl")

    def finish(session: Session) -> None:
        row = service.get_run(session, run.id)
        row.candidate_version, row.metrics, row.curve = candidate, metrics.model_dump(), curve.points
        end_run(session, row, metrics, was_live=was_live, auto_promote=options.auto_promote)

    return finish


def _rival(shop: Workshop, live: str | None, candidate: Path) -> tuple[Rival, Path | None]:
    """How the live detector can be compared with; its folder, if it looks at the same embeddings or, as published
    detectors do, at pictures."""
    if live is None:
        return "none", None
    folder = shop.settings.resolved_detectors_dir / live.rpartition("-")[0]
    if not (folder / "config.json").exists():
        return "unmeasured", None
    theirs, ours = (
        json.loads((one / "config.json").read_text()).get("encoder_fingerprint") for one in (folder, candidate)
    )
    return ("measured", folder) if theirs in (None, ours) else ("outlived", None)


def _measure(shop: Workshop, folders: list[Path], base: str | Path, dataset: Path) -> dict[str, Any]:
    # Of the live one by name: another may be live when a broken-off run is gone on with.
    file = shop.folder / f"evaluate-detectors-{'-'.join(folder.name for folder in folders[1:]) or 'alone'}.json"
    if not file.exists():
        what = (*folders, "--dataset", dataset, "--split", "frozen", "--base", base)
        options = ("--max-images", str(MAX_IMAGES), "--threads", str(shop.threads), "--json", file)
        line = shop.module("model_server.training.compare_detectors", *what, *options)
        shop.call("evaluate-detectors", line, lambda: ("measuring", 0, 0))
    figures: dict[str, Any] = json.loads(file.read_text())
    return figures


def decide(gate: Gate, figures: dict[str, Any] | None, was_live: str | None, *, rival: Rival) -> GateAnswer:
    """Passed only where the whole interval of the difference in average recall lies above the asked-for gain, or where
    no live detector could go on."""
    if figures is None or figures["pictures"] < MIN_FROZEN_IMAGES:
        count = 0 if figures is None else figures["pictures"]
        return GateAnswer(
            is_passed=False,
            reason=f"Too little evidence: {count} frozen images with masks; the gate needs {MIN_FROZEN_IMAGES}.",
        )
    found = figures["detectors"][0]
    on = f"on {figures['pictures']} frozen images with {figures['boxes']} masks"
    alone = f"Average recall of 100 boxes {found['ar_100']:.3f} {on}"
    if rival == "unmeasured":
        why = f"{was_live} cannot be measured beside it; promote it by hand if it finds more"
        return GateAnswer(is_passed=False, reason=f"{alone}, but {why}.")
    if rival != "measured":
        why = "there is none yet" if rival == "none" else "the live one reads another encoder's embeddings"
        return GateAnswer(is_passed=found["ar_100"] > 0, reason=f"{alone}; nothing to compare with, {why}.")
    gain = figures["difference"]["ar_100"]
    interval = f"95 % interval {gain['low']:+.3f} to {gain['high']:+.3f}"
    reason = f"Average recall of 100 boxes: {gain['value']:+.3f} ({interval}) {on}."
    # A margin in clicks says nothing of boxes.
    min_gain = 0.0 if gate.measure == "noc_85" else gate.min_gain
    if gain["low"] > min_gain:
        return GateAnswer(is_passed=True, reason=reason)
    asked = "a gain" if min_gain == 0 else f"a gain above {min_gain:g}"
    return GateAnswer(is_passed=False, reason=f"{reason} That does not show {asked}.")


def _named(figures: dict[str, Any]) -> DetectorMetrics:
    """As the run shows it: the candidate, and the live one where it was measured."""
    candidate, *live = figures["detectors"]
    facts = {name: figures[name] for name in ("pictures", "boxes", "difference")}
    return DetectorMetrics(candidate=candidate, live=live[0] if live else None, **facts)
