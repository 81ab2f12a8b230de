"""The document as tables for a terminal: one per dataset, a row per measure, a column per method."""

from typing import Any

from rich.console import Console
from rich.table import Table

from model_server.evaluation.measures import SIZES

MEASURES = {  # measure: heading
    "center_1": "1 click",
    "center_1_best": "1 click, best of 3",
    "center_2": "2 clicks",
    "center_3": "3 clicks",
    "center_5": "5 clicks",
    "center_9": "9 clicks",
    "center_noc_85": "NoC@85",
    "center_noc_90": "NoC@90",
    "random_1": "1 random click",
    "random_1_best": "1 random click, best of 3",
    "random_3": "random, then 2 clicks",
    "random_9": "random, then 8 clicks",
    "random_noc_90": "random, NoC@90",
    "box": "box",
    "box_1": "box and 1 click",
    "box_3": "box and 3 clicks",
    "box_9": "box and 9 clicks",
}
BY_SIZE = ("center_1", "center_1_best", "box")


def print_tables(document: dict[str, Any], console: Console) -> None:
    """Mean IoU and clicks by dataset and method, by size of mask, and the notes and verdicts."""
    rows = document["results"] + document["mean_over_datasets"]
    for name in dict.fromkeys(row["dataset"] for row in rows):
        console.print(_table(name, [row for row in rows if row["dataset"] == name]))
        console.print()
    for sentence in document["notes"] + [row["verdict"] for row in document.get("comparison", [])]:
        console.print(sentence, markup=False)


def _table(name: str, rows: list[dict[str, Any]]) -> Table:
    masks = max(estimate["all"]["masks"] for row in rows for estimate in row["measures"].values() if estimate["all"])
    table = Table(title=f"{name}: {masks} masks, mean IoU or clicks (95 % interval)", title_justify="left", box=None)
    table.add_column("")
    for row in rows:
        table.add_column(row["method"], justify="right")
    for measure, heading in MEASURES.items():
        if not any(measure in row["measures"] for row in rows):
            continue
        for size in SIZES if measure in BY_SIZE else SIZES[:1]:
            estimates = [row["measures"].get(measure, {}).get(size) for row in rows]
            if any(estimates):
                table.add_row(heading if size == "all" else f"  {size}", *map(_figure, estimates))
    for heading, figures in _shares(rows):
        if any(figures):
            table.add_row(heading, *figures)
    return table


def _figure(estimate: dict[str, Any] | None) -> str:
    if estimate is None:
        return ""
    interval = "" if estimate["low"] is None else f" [dim]{estimate['low']:.3f} to {estimate['high']:.3f}[/dim]"
    return f"{estimate['mean']:.3f}{interval}"


def _shares(rows: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """What is no mean over masks."""

    def text(row: dict[str, Any], *path: str) -> str:
        found: Any = row
        for name in path:
            found = (found or {}).get(name)
        if found is None:
            return ""
        return " ".join(f"{share:.0%}" for share in found) if isinstance(found, list) else f"{found:.3g}"

    return [
        ("IoU falls at click 2, 3, ...", [text(row, "falls", "center") for row in rows]),
        ("masks of 20 clicks for 0.90", [text(row, "noc", "center", "90", "at_least_20") for row in rows]),
        ("1 click: |expected - actual|", [text(row, *_CHOSEN, "mean_absolute_error") for row in rows]),
        ("1 click: calibration error", [text(row, *_CHOSEN, "expected_calibration_error") for row in rows]),
    ]


_CHOSEN = ("calibration", "center", "chosen")
