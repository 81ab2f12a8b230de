"""The gate: what an evaluation said of the live version and a candidate, and whether that is enough to go live."""

from typing import Any

from backend.errors import Conflict
from backend.training.frozen import MIN_FROZEN_IMAGES
from backend.training.schemas import Comparison, Figure, Gate, GateAnswer, Interval, Measure, Measures

MEASURE_OF: dict[Figure, str] = {
    "iou_1": "center_1",
    "iou_3": "center_3",
    "iou_5": "center_5",
    "noc_85": "center_noc_85",
    "noc_90": "center_noc_90",
}
IN_WORDS: dict[Measure, str] = {
    "iou_1": "IoU after one click",
    "iou_3": "IoU after three clicks",
    "noc_85": "clicks to IoU 0.85",
}


def read_comparison(document: dict[str, Any], *, live: str, number: int = 0) -> Comparison:
    """The figures of a dataset of `segloop evaluate CANDIDATE DATASET... --against LIVE --json`.

    Raises Conflict model_replaced when another version was measured than the live one.
    """
    candidate, measured = document["methods"]
    if measured != live:
        raise Conflict("model_replaced", f"The files of {live} were replaced: {measured} was measured.")
    name = document["datasets"][number]["name"]
    rows = {row["method"]: row for row in document["results"] if row["dataset"] == name}
    (compared,) = (row for row in document["comparison"] if row["dataset"] == name)
    differences = compared["differences"]
    return Comparison(
        live=_measures(rows[live]),
        candidate=_measures(rows[candidate]),
        difference={name: _interval(differences[measure]["all"]) for name, measure in MEASURE_OF.items()},
    )


def decide(
    gate: Gate, frozen: Comparison | None, general: Comparison | None, *, general_before: float = 0.0
) -> GateAnswer:
    """Passed only where the whole interval of the paired difference lies above the asked-for gain on frozen masks, and
    the mean on the general set has not fallen too far.

    `general_before`: what the rounds that led to the live version changed there, so that many small losses do not add
    up to a large one; gains of theirs are not there to be lost again.
    """
    if frozen is None:
        return _no("There is no frozen mask to compare on: more images need masks.")
    gain = frozen.difference[gate.measure]
    if frozen.live.images < MIN_FROZEN_IMAGES or gain.low is None or gain.high is None:
        few = f"{frozen.live.masks} masks on {frozen.live.images} frozen images"
        return _no(f"Too little evidence: {few}; the gate needs {MIN_FROZEN_IMAGES} images.")
    sign = -1 if gate.measure == "noc_85" else 1  # fewer clicks are better
    least = gain.low if sign > 0 else -gain.high
    evidence = (
        f"{IN_WORDS[gate.measure]}: {gain.value:+.3f} (95 % interval {gain.low:+.3f} to {gain.high:+.3f}, "
        f"{frozen.live.masks} frozen masks on {frozen.live.images} images)"
    )
    if not least > gate.min_gain:
        asked = "a gain" if gate.min_gain == 0 else f"a gain above {gate.min_gain:g}"
        return _no(f"{evidence}. That does not show {asked}.")
    if general is None:
        return GateAnswer(is_passed=True, reason=f"{evidence}. There is no general set to compare on.")
    name = general_measure(gate)
    change, before = general.difference[name].value, min(0.0, general_before)
    on_general = f"{IN_WORDS[name]} on the general set: {change:+.3f}"
    if before < 0:
        on_general += f", {change + before:+.3f} with the rounds before"
    if change + before < -gate.max_general_loss:
        return _no(f"{evidence}, but {on_general}, more than the {gate.max_general_loss:g} it may lose.")
    return GateAnswer(is_passed=True, reason=f"{evidence}. {on_general}.")


def general_measure(gate: Gate) -> Measure:
    """What is compared on the general set: its masks are not corrected until they are right."""
    return "iou_3" if gate.measure == "iou_3" else "iou_1"


def _no(reason: str) -> GateAnswer:
    return GateAnswer(is_passed=False, reason=reason)


def _measures(row: dict[str, Any]) -> Measures:
    found = {name: row["measures"][measure]["all"] for name, measure in MEASURE_OF.items()}
    calibration = row["calibration"]["center"]["chosen"]
    return Measures(
        images=found["iou_1"]["images"],
        masks=found["iou_1"]["masks"],
        calibration_error=calibration and calibration["expected_calibration_error"],
        **{name: _interval(estimate) for name, estimate in found.items()},
    )


def _interval(estimate: dict[str, Any]) -> Interval:
    return Interval(value=estimate["mean"], low=estimate["low"], high=estimate["high"])
