"""One known mask drawn by clicks through the API, as a person would who knows exactly what they want.

Seconds are modelled as in SAM 2 (appendix on interactive evaluation): 1 s to find the object and 1.5 s for each click;
added is what the server really took to answer.
"""

from dataclasses import dataclass, field
from typing import Any

from backend.commands.simulating.clicker import Click, next_click
from backend.commands.simulating.connection import PatientServer
from model_server.contract import masks
from model_server.contract.masks import Rle
from model_server.contract.view import ViewBox, zoomed_view

FIND_SECONDS = 1.0
CLICK_SECONDS = 1.5
LOOK_SECONDS, MOST_LOOKS = 0.2, 50  # after that the whole image answers


@dataclass(frozen=True, slots=True)
class Effort:
    """When a mask is good enough, how many clicks it may cost, whether a brush finishes what clicks do not, and whether
    the person zooms in to each object before the first click.
    """

    target_iou: float
    max_clicks: int
    has_brush: bool
    looks_closer: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """The most confident answer to the first `prompt_count` prompts. `index`: which of `count` candidates it was."""

    mask: dict[str, Any]
    iou: float
    index: int
    count: int
    prompt_count: int
    model_version: str


@dataclass(slots=True)
class Drawing:
    """All that became of one mask, one step for each click."""

    prompts: list[dict[str, Any]]
    clicked: list[Click] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    wait_seconds: float = 0.0

    @property
    def best(self) -> Step | None:
        """The answer to keep: the best there was, the first of equals; None when none touched the object."""
        return max((step for step in self.steps if step.iou > 0), key=lambda step: step.iou, default=None)

    @property
    def seconds(self) -> float:
        """Of modelled work, see the module."""
        return FIND_SECONDS + CLICK_SECONDS * len(self.clicked) + self.wait_seconds


def draw(server: PatientServer, image_id: int, truth: Rle, effort: Effort, *, start: Rle | None = None) -> Drawing:
    """Clicks until the mask is good enough, clicks run out, or nothing is left to click; from `start` if given."""
    truth_hw = masks.decode(truth)
    shown_hw = masks.decode(start) if start else truth_hw & False
    drawing = Drawing(prompts=[{"type": "mask", "rle": start}] if start else [])
    view = zoomed_view(masks.bbox_xywh(truth), truth_hw.shape) if effort.looks_closer else None
    while len(drawing.clicked) < effort.max_clicks:
        click = next_click(truth_hw, shown_hw, drawing.clicked)
        if click is None:
            break
        drawing.clicked.append(click)
        drawing.prompts.append(click.prompt())
        answer, seconds = _ask(server, image_id, drawing.prompts, view)
        drawing.wait_seconds += seconds
        index = max(range(len(answer["masks"])), key=lambda i: answer["masks"][i]["predicted_iou"])
        mask = answer["masks"][index]
        shown_hw = masks.decode(mask["rle"])
        iou = masks.iou(mask["rle"], truth)
        version = answer["model_version"]
        drawing.steps.append(Step(mask, iou, index, len(answer["masks"]), len(drawing.prompts), version))
        if iou >= effort.target_iou:
            break
    return drawing


def _ask(
    server: PatientServer, image_id: int, prompts: list[dict[str, Any]], view: ViewBox | None
) -> tuple[dict[str, Any], float]:
    """The answer, and the seconds it took. What is zoomed in to is waited for: a person is not there sooner than it."""
    body = {"prompts": prompts} | ({"view_xyxy": view} if view else {})
    for _ in range(MOST_LOOKS):
        answer, seconds = server.timed("POST", f"/images/{image_id}/predict", json=body)
        if not answer["is_part_pending"]:
            break
        server.pause(LOOK_SECONDS)
    return answer, seconds


def evidence(drawing: Drawing) -> dict[str, Any] | None:
    """The best answer as the body of a mask to keep; None when there is none."""
    best = drawing.best
    if best is None:
        return None
    return _effort(drawing) | {
        "rle": best.mask["rle"],
        "prompts": drawing.prompts[: best.prompt_count],
        "model_version": best.model_version,
        "candidate": best.index if best.count > 1 else None,
        "proposal": {name: best.mask[name] for name in ("rle", "predicted_iou", "stability_score")},
    }


def painted(truth: Rle, drawing: Drawing) -> dict[str, Any]:
    """The true mask, as a brush would finish it, with the evidence of the clicks before. Brush time is not modelled."""
    return (evidence(drawing) or _effort(drawing)) | {"rle": truth}


def _effort(drawing: Drawing) -> dict[str, Any]:
    return {"clicks": len(drawing.clicked), "active_seconds": round(drawing.seconds, 3)}
