"""The report: one HTML file that needs nothing else, with drawings and pictures inside. Light and dark."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import Any

from model_server.evaluation import plots
from model_server.evaluation.cases import Case
from model_server.evaluation.comparison import MEAN_NAME
from model_server.evaluation.measures import SIZES
from model_server.evaluation.protocols import CLICK_COUNTS, NOC_CLICKS
from model_server.evaluation.report_style import STYLE
from model_server.evaluation.table import MEASURES

HEADLINES = ("center_1", "center_1_best", "center_3", "center_9", "center_noc_90", "random_1", "box")
CASE_HEADINGS = {
    "worst": "Worst answers to the first prompt",
    "median": "In the middle",
    "best": "Best answers",
}


def to_html(document: dict[str, Any], cases: dict[str, list[Case]]) -> str:
    """The whole page; `cases` by dataset, of the first method."""
    names = list(document["methods"])
    title = f"Evaluation of {names[0]}" + (f" against {names[1]}" if document.get("comparison") else "")
    sections = [_dataset_section(facts, document, cases.get(facts["name"], [])) for facts in document["datasets"]]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>{_intro(document)}{_overview(document)}{_sentences(document)}"
        f"{''.join(sections)}{_method_notes(document)}</main></body></html>\n"
    )


def _intro(document: dict[str, Any]) -> str:
    pictures = sum(facts["pictures"] for facts in document["datasets"])
    masks = sum(facts["masks"] for facts in document["datasets"])
    sets = ", ".join(facts["name"] for facts in document["datasets"])
    return (
        f'<p class="muted">{masks:,} masks on {pictures:,} pictures of {escape(sets)}. {document["created"]}, '
        f"{document['seconds']:,.0f} s, seed {document['settings']['seed']}.</p>"
    )


def _overview(document: dict[str, Any]) -> str:
    """One row per dataset and method, the headline measures."""
    rows = document["results"] + document["mean_over_datasets"]
    shown = [name for name in HEADLINES if any(name in row["measures"] for row in rows)]
    heads = ["Dataset", "Method", *(MEASURES[name] for name in shown)]
    body = [
        [escape(row["dataset"]), escape(row["method"]), *(_figure(_all(row, name)) for name in shown)] for row in rows
    ]
    return (
        f"{_table(heads, body, labels=2)}"
        '<p class="muted">Mean IoU over masks, and mean clicks needed (NoC, fewer is better); below each figure its '
        "95 % interval.</p>"
    )


def _all_figures(rows: dict[str, dict[str, Any]]) -> str:
    """Every measure of one dataset, folded away."""
    body = [
        [heading if size == "all" else f"{heading}, {size}"]
        + [_figure(row["measures"].get(measure, {}).get(size)) for row in rows.values()]
        for measure, heading in MEASURES.items()
        for size in SIZES
        if any(row["measures"].get(measure, {}).get(size) for row in rows.values())
    ]
    return f"<details><summary>All figures</summary>{_table(['Measure', *rows], body, labels=1)}</details>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, labels: int) -> str:
    """Cells are HTML already, headings are not; the first `labels` columns are words."""

    def cells(tag: str, texts: Sequence[str]) -> str:
        kinds = ("" if column < labels else ' class="n"' for column in range(len(texts)))
        return "".join(f"<{tag}{kind}>{text}</{tag}>" for kind, text in zip(kinds, texts, strict=True))

    head = cells("th", [escape(text) for text in heads])
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _all(row: dict[str, Any], measure: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = row["measures"].get(measure, {}).get("all")
    return found


def _figure(estimate: dict[str, Any] | None) -> str:
    if estimate is None:
        return ""
    interval = "" if estimate["low"] is None else f"<small>{estimate['low']:.3f} – {estimate['high']:.3f}</small>"
    return f"{estimate['mean']:.3f}{interval}"


def _sentences(document: dict[str, Any]) -> str:
    sentences = document["notes"] + [row["verdict"] for row in document.get("comparison", [])]
    return "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)


def _dataset_section(facts: dict[str, Any], document: dict[str, Any], cases: Sequence[Case]) -> str:
    rows = {row["method"]: row for row in document["results"] if row["dataset"] == facts["name"]}
    by_size = ", ".join(f"{facts['masks_by_size'][size]:,} {size}" for size in SIZES[1:])
    split = f", split {facts['split']}" if facts["split"] else ""
    return (
        f"<section><h2>{escape(facts['name'])}</h2>"
        f'<p class="muted">{facts["masks"]:,} of {facts["masks_in_dataset"]:,} masks on {facts["pictures"]:,} of '
        f"{facts['pictures_in_dataset']:,} pictures{escape(split)}; {by_size}. "
        f"Fingerprint {facts['fingerprint'][:12]}.</p>"
        f'{_legend(list(rows))}<div class="plots">{"".join(_plots(rows))}</div>{_all_figures(rows)}'
        f"{_case_pictures(cases)}</section>"
    )


def _legend(names: Sequence[str]) -> str:
    items = "".join(
        f'<li><i class="s{number % plots.SERIES}"></i>{escape(name)}</li>' for number, name in enumerate(names)
    )
    return f'<ul class="legend">{items}</ul>'


def _plots(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Every drawing for which there are figures. Methods without a figure keep their colour."""
    found = []
    if any("center_2" in row["measures"] for row in rows.values()):
        lines = [plots.Line(name, _curve(row, "center")) for name, row in rows.items()]
        found.append(_captioned(plots.curves(lines, x_label="clicks", ticks=CLICK_COUNTS), "IoU after each click"))
    for start, caption in (("center", "one click"), ("random", "one random click"), ("box", "a box")):
        if not any(start in row["histograms"] for row in rows.values()):
            continue
        counts = {name: row["histograms"].get(start, {}).get("chosen", [0]) for name, row in rows.items()}
        drawing = plots.histogram(counts, low=0, high=1, ticks=plots.IOU_TICKS, x_label="IoU")
        found.append(_captioned(drawing, f"Masks by IoU after {caption}"))
    if any(row["calibration"].get("center", {}).get("chosen") for row in rows.values()):
        bins = {name: _bins(row) for name, row in rows.items()}
        found.append(_captioned(plots.reliability(bins), "What the model expects of its one-click answer"))
    for measure, caption in (("center_1", "IoU after one click"), ("box", "IoU after a box")):
        if any(measure in row["measures"] for row in rows.values()):
            series = {name: _sizes(row, measure) for name, row in rows.items()}
            found.append(_captioned(plots.bars(SIZES[1:], series, x_label="size of the mask"), caption))
    if any(row["noc"] for row in rows.values()):
        drawing = plots.histogram(
            _noc(rows), low=0.5, high=NOC_CLICKS + 0.5, ticks=(1, 5, 10, 15, NOC_CLICKS), x_label="clicks to IoU 0.90"
        )
        found.append(_captioned(drawing, "Clicks needed; the last step holds those that never got there"))
    return found


def _noc(rows: dict[str, dict[str, Any]]) -> dict[str, list[int]]:
    return {name: row["noc"].get("center", {}).get("90", {}).get("masks_by_clicks", [0]) for name, row in rows.items()}


def _captioned(drawing: str, caption: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{drawing}</figure>"


def _curve(row: dict[str, Any], start: str) -> list[tuple[float, float, plots.Interval]]:
    estimates = ((count, _all(row, f"{start}_{count}")) for count in CLICK_COUNTS)
    return [(count, estimate["mean"], _interval(estimate)) for count, estimate in estimates if estimate]


def _interval(estimate: dict[str, Any]) -> plots.Interval:
    return None if estimate["low"] is None else (estimate["low"], estimate["high"])


def _bins(row: dict[str, Any]) -> list[tuple[float, float, int]]:
    calibration = row["calibration"].get("center", {}).get("chosen") or {"bins": []}
    return [
        (min(1.0, max(0.0, found["mean_predicted"])), found["mean_actual"], found["masks"])
        for found in calibration["bins"]
        if found["masks"]
    ]


def _sizes(row: dict[str, Any], measure: str) -> list[tuple[float, plots.Interval] | None]:
    estimates = [row["measures"].get(measure, {}).get(size) for size in SIZES[1:]]
    return [(estimate["mean"], _interval(estimate)) if estimate else None for estimate in estimates]


def _case_pictures(cases: Sequence[Case]) -> str:
    parts = []
    for kind, heading in CASE_HEADINGS.items():
        figures = "".join(_case_picture(case) for case in cases if case.kind == kind)
        if figures:
            parts.append(f'<h3>{heading}</h3><div class="cases">{figures}</div>')
    legend = '<p class="muted">White outline: the human mask. Blue: the answer. Dot or frame: the prompt.</p>'
    return "".join(parts) + (legend if parts else "")


def _case_picture(case: Case) -> str:
    expected = "" if case.predicted_iou is None else f", expected {case.predicted_iou:.2f}"
    title = f"{case.file_name}, annotation {case.annotation_id}, {case.area:,} pixels"
    source = f"data:image/webp;base64,{b64encode(case.webp).decode('ascii')}"
    return (
        f'<figure><img src="{source}" alt="{escape(title)}" title="{escape(title)}" loading="lazy">'
        f"<figcaption>IoU {case.iou:.2f}{expected}</figcaption></figure>"
    )


def _method_notes(document: dict[str, Any]) -> str:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(', '.join(f'{key} {value}' for key, value in facts.items()))}</dd>"
        for name, facts in document["methods"].items()
    )
    sizes = document["settings"]["size_classes"]
    average = f" {MEAN_NAME.capitalize()}: unweighted." if document["mean_over_datasets"] else ""
    return (
        f"<section><h2>How it was measured</h2><dl>{rows}</dl>"
        "<p>One click: the pixel farthest from the object's border. Next clicks: the middle of the largest error. "
        "A single answer is the most confident one; “best of 3” picks by the human mask, which no user has. "
        "NoC: clicks to an IoU of 0.85 or 0.90, 20 where it is not reached (RITM). Intervals: percentile bootstrap "
        f"over images, {document['settings']['interval']['resamples']} resamples. Sizes: {escape(sizes)}.{average}</p>"
        "</section>"
    )
