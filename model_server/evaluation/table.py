"""The document as a table for a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

from model_server.evaluation.measures import SIZES

MEASURES = {  # measure: heading
    "center_1": "1 click",
    "center_1_best": "best of 3",
    "center_2": "2 clicks",
    "center_3": "3 clicks",
    "center_5": "5 clicks",
    "center_9": "9 clicks",
    "center_noc_85": "NoC@85",
    "center_noc_90": "NoC@90",
    "random_1": "1 random",
    "random_1_best": "best of 3",
    "random_9": "9 from random",
    "box": "box",
    "box_1": "box + 1",
    "box_3": "box + 3",
    "box_9": "box + 9",
}
BY_SIZE = ("center_1", "center_1_best", "box")


def print_tables(document: dict[str, Any], console: Console) -> None:
    """Mean IoU and clicks by dataset and method, then by size of mask, then the comparison."""
    rows = document["results"] + document["mean_over_datasets"]
    shown = {name: head for name, head in MEASURES.items() if any(name in row["measures"] for row in rows)}
    console.print(_overview(rows, shown))
    console.print(_by_size(rows, {name: head for name, head in shown.items() if name in BY_SIZE}))
    for sentence in document["notes"] + [row["verdict"] for row in document.get("comparison", [])]:
        console.print(sentence)


def _overview(rows: list[dict[str, Any]], shown: dict[str, str]) -> Table:
    table = Table(title="Mean IoU of the masks (95 % interval), clicks needed", title_justify="left", box=None)
    table.add_column("dataset")
    table.add_column("method")
    table.add_column("masks", justify="right")
    for head in shown.values():
        table.add_column(head, justify="right")
    last = None
    for row in rows:
        estimates = [row["measures"].get(name, {}).get("all") for name in shown]
        masks = max((estimate["masks"] for estimate in estimates if estimate), default=0)
        table.add_row(
            "" if row["dataset"] == last else row["dataset"], row["method"], str(masks), *map(_figure, estimates)
        )
        last = row["dataset"]
    return table


def _by_size(rows: list[dict[str, Any]], shown: dict[str, str]) -> Table:
    table = Table(title="By area: small < 32^2 <= medium < 96^2 <= large, pixels", title_justify="left", box=None)
    table.add_column("dataset")
    table.add_column("method")
    for head in shown.values():
        for size in SIZES[1:]:
            table.add_column(f"{head} {size[0].upper()}", justify="right")
    for row in rows:
        figures = [_mean(row["measures"].get(name, {}).get(size)) for name in shown for size in SIZES[1:]]
        table.add_row(row["dataset"], row["method"], *figures)
    return table


def _mean(estimate: dict[str, Any] | None) -> str:
    return "" if estimate is None else f"{estimate['mean']:.3f}"


def _figure(estimate: dict[str, Any] | None) -> str:
    if estimate is None:
        return ""
    if estimate["low"] is None:
        return f"{estimate['mean']:.3f}"
    return f"{estimate['mean']:.3f} [dim]{estimate['low']:.3f}–{estimate['high']:.3f}[/dim]"
