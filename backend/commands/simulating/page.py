"""The report as one HTML file that needs nothing else."""

from collections.abc import Iterator
from html import escape
from typing import Any

from backend.commands.simulating.plots import Point, over_rounds

Json = dict[str, Any]

STYLE = """
:root { color-scheme: light dark; --page: #fff; --rule: #e3e6ea; --text: #16181b; --muted: #5d6570;
  --c0: #1667c7; --c1: #b86a00; --c2: #1d8a5f; --c3: #8a4bb0; }
@media (prefers-color-scheme: dark) { :root { --page: #0e0f11; --rule: #26292e; --text: #e7e9ec; --muted: #9aa1ab;
  --c0: #3b9eff; --c1: #e39a3b; --c2: #3fb98a; --c3: #b98be0; } }
body { margin: 0 auto; max-width: 1120px; padding: 32px 24px; background: var(--page); color: var(--text);
  font: 14px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { font-size: 22px; font-weight: 600; margin: 0; }
h2 { font-size: 17px; font-weight: 600; margin: 32px 0 8px; }
.muted, figcaption, small { color: var(--muted); } small { display: block; font-size: 11px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; width: 100%; }
th { font-weight: 500; color: var(--muted); text-align: left; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 16px; }
figure { margin: 0; } figcaption { font-size: 12px; }
svg { width: 100%; } svg text { font-size: 10px; fill: var(--muted); }
.x { text-anchor: middle; } .y { text-anchor: end; } .grid { stroke: var(--rule); } .axis { stroke: var(--muted); }
.s0 { --c: var(--c0); } .s1 { --c: var(--c1); } .s2 { --c: var(--c2); } .s3 { --c: var(--c3); }
.line { fill: none; stroke: var(--c); stroke-width: 1.5; } .dot { fill: var(--c); } .whisker { stroke: var(--c); }
i { display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 4px; background: var(--c); }
"""
DRAWN = {"clicks": "clicks per mask", "seconds": "seconds per mask", "share_reached": "share that reached the target"}
MEASURED = {"iou_1": "IoU after 1 click", "iou_3": "IoU after 3 clicks", "noc_85": "clicks to IoU 0.85"}
WORKED = ("Round", "Stage", "Model", "Images", "Masks", "Clicks", "Seconds", "Reached", "By brush", "Outcomes")
TRAINED = (
    "Round",
    "Run",
    "Candidate",
    "IoU at 1 click, live",
    "candidate",
    "Clicks to 0.85, live",
    "candidate",
    "Reason",
)


def to_html(report: Json) -> str:
    """The whole page of a journal's JSON."""
    subject, settings = report["subject"], report["settings"]
    title = f"Simulation on {subject['dataset']}"
    sentence = (
        f"Project {subject['project']}; {report['created']}; target IoU {settings['target_iou']}, at most "
        f"{settings['max_clicks']} clicks, seed {settings['seed']}. Means over masks with 95 % intervals from "
        "resampled images. Seconds are modelled: 1 s to find an object, 1.5 s a click, and the wait that was measured."
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f'<p class="muted">{escape(sentence)}</p><div class="plots">{_plots(report)}</div>'
        f"<h2>Work</h2>{_table(WORKED, [_worked(one, stage) for one in report['rounds'] for stage in one['stages']])}"
        f"<h2>Training</h2>{_table(TRAINED, [_trained(one) for one in report['rounds'] if one['run']])}</body></html>\n"
    )


def _plots(report: Json) -> str:
    rounds = report["rounds"]
    stages = dict.fromkeys(stage["stage"] for one in rounds for stage in one["stages"])
    drawings = []
    for name, label in DRAWN.items():
        series = {stage.replace("_", " "): list(_of_stage(rounds, stage, name)) for stage in stages}
        drawings.append(over_rounds(series, rounds=len(rounds), y_label=label))
    for name, label in MEASURED.items():
        series = {who: list(_of_run(rounds, who, name)) for who in ("live", "candidate")}
        if any(series.values()):
            drawings.append(over_rounds(series, rounds=len(rounds), y_label=f"{label}, frozen split"))
    return "".join(drawings)


def _of_stage(rounds: list[Json], stage: str, name: str) -> Iterator[Point]:
    for one in rounds:
        for found in one["stages"]:
            if found["stage"] == stage and found[name]:
                yield Point(one["number"], **found[name])


def _of_run(rounds: list[Json], who: str, name: str) -> Iterator[Point]:
    for one in rounds:
        if found := _measure(one["run"], who, name):
            yield Point(one["number"], found["value"], found.get("low"), found.get("high"))


def _measure(run: Json | None, who: str, name: str) -> Json | None:
    found: Json | None = ((((run or {}).get("metrics") or {}).get("frozen") or {}).get(who) or {}).get(name)
    return found


def _worked(one: Json, stage: Json) -> list[str]:
    outcomes = ", ".join(f"{count['masks']} {name}" for name, count in stage["outcomes"].items())
    return [
        str(one["number"]),
        stage["stage"].replace("_", " "),
        escape(", ".join(stage["model_versions"])),
        str(stage["images"]),
        str(stage["masks"]),
        *(_figure(stage[name]) for name in DRAWN),
        str(stage["painted"]),
        outcomes,
    ]


def _trained(one: Json) -> list[str]:
    run = one["run"]
    measures = [_figure(_measure(run, who, name)) for name in ("iou_1", "noc_85") for who in ("live", "candidate")]
    words = [str(run.get(name) or "") for name in ("state", "candidate_version", "reason")]
    return [str(one["number"]), escape(words[0]), escape(words[1]), *measures, escape(words[2])]


def _figure(interval: Json | None) -> str:
    if interval is None:
        return "–"
    low, high = interval.get("low"), interval.get("high")
    between = "" if low is None or high is None else f"<small>{low:.2f} to {high:.2f}</small>"
    return f"{interval['value']:.3f}{between}"


def _table(heads: tuple[str, ...], rows: list[list[str]]) -> str:
    """Cells are HTML already."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
