"""The report for a terminal."""

from typing import Any

HEADS = [
    "round",
    "stage",
    "images",
    "masks",
    "clicks",
    "seconds",
    "reached",
    "brush",
    "kept",
    "edited",
    "rejected",
    "run",
]


def to_rows(report: dict[str, Any]) -> tuple[list[str], list[list[object]]]:
    """Headings, and a row for each stage of each round."""
    rows: list[list[object]] = []
    for one in report["rounds"]:
        for stage in one["stages"]:
            counts = [stage["outcomes"].get(name, {}).get("masks", 0) for name in ("kept", "edited", "rejected")]
            figures = [_shown(stage[name]) for name in ("clicks", "seconds", "share_reached")]
            run = (one["run"] or {}).get("state", "")
            place = [one["number"], stage["stage"], stage["images"], stage["masks"]]
            rows.append([*place, *figures, stage["painted"], *counts, run])
    return HEADS, rows


def _shown(interval: dict[str, float] | None) -> str:
    """Without its bounds, which the page has room for."""
    return "-" if interval is None else f"{interval['value']:.2f}"
