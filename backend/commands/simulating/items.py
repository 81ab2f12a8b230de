"""One lent image worked through: masks drawn, proposals kept, corrected or rejected, automatic masks audited."""

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from typing import Any

from backend.commands.server import Refused
from backend.commands.simulating.connection import PatientServer
from backend.commands.simulating.drawing import CLICK_SECONDS, Drawing, Effort, draw, evidence, painted
from backend.commands.simulating.matching import best_pairs
from backend.commands.simulating.results import Outcome, Row
from model_server.contract.masks import Rle

LEAST_OVERLAP = 0.5  # a mask that agrees less with every known one is none of them
# An auditor mends all that can be seen (SAM, section 5): what agrees less than this gets the true outline.
AUDIT_IOU = 0.95
FIRST_STAGE = "assisted_manual"  # that of masks which name no work item

Existing = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """A lent image (WorkItemOut) with its known masks, of which the first `most_drawn` are drawn if nobody has."""

    work: dict[str, Any]
    truths: tuple[Rle, ...]
    effort: Effort
    most_drawn: int | None = None

    @property
    def image_id(self) -> int:
        """Of the lent image."""
        return int(self.work["image"]["id"])

    @property
    def is_audit(self) -> bool:
        """Whether automatic masks are looked at, and no work is left but that."""
        return bool(self.work.get("is_audit"))


def work_through(server: PatientServer, item: Item, *, workers: int, tell: Callable[[Row], None]) -> None:
    """Does what a person does with a lent image, `workers` masks at a time, and finishes it.

    Masks that people have kept on it stay and are not drawn again. Raises Refused, CommandError, Stopped.
    """
    existing: list[Existing] = server.call("GET", f"/images/{item.image_id}/annotations")["items"]
    offered = [one for one in existing if _is_offered(one, item)]
    finished = [one["rle"] for one in existing if not _is_offered(one, item)]
    done = {known for known, _, _ in best_pairs(item.truths, finished, at_least=LEAST_OVERLAP)}
    open_numbers = [number for number in range(len(item.truths)) if number not in done]
    open_truths = [item.truths[number] for number in open_numbers]
    pairs = best_pairs(open_truths, [one["rle"] for one in offered], at_least=LEAST_OVERLAP)
    matches = {other: (open_truths[known], iou) for known, other, iou in pairs}
    to_draw = set(range(len(item.truths))[: item.most_drawn]) - done - {open_numbers[known] for known, _, _ in pairs}

    wrong = [one for number, one in enumerate(offered) if number not in matches]
    tasks: list[Callable[[], Row | None]] = []
    if item.is_audit:
        tasks += [partial(_reject, server, item, one) for one in wrong]
    for number, one in enumerate(offered):
        if number not in matches:
            continue
        if matches[number][1] >= (AUDIT_IOU if item.is_audit else item.effort.target_iou):
            tasks.append(partial(_keep, server, item, one, iou=matches[number][1]))
        else:
            tasks.append(partial(_correct, server, item, one, truth=matches[number][0], found_iou=matches[number][1]))
    tasks += [partial(_add, server, item, item.truths[number]) for number in sorted(to_draw)]
    _run_all(server, item, tasks, workers=workers, tell=tell)
    if wrong and not item.is_audit:
        _reject_rest(server, item, wrong, tell)
    _say_of_work(server, item, "finish")


def give_back(server: PatientServer, item: Item) -> None:
    """Gives the image back to the queue, if it is still lent; asks once and at once, as the end may be near."""
    path, body = f"/work/{item.work['id']}/release", {"lease_token": item.work["lease_token"]}
    server.plain.http.post(path, json=body, timeout=5.0)


def _run_all(
    server: PatientServer,
    item: Item,
    tasks: list[Callable[[], Row | None]],
    *,
    workers: int,
    tell: Callable[[Row], None],
) -> None:
    renewed = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(task) for task in tasks]
        try:
            for ended in as_completed(running):
                if (row := ended.result()) is not None:
                    tell(row)
                if time.monotonic() - renewed > item.work["lease_seconds"] / 4:
                    _say_of_work(server, item, "heartbeat")
                    renewed = time.monotonic()
        finally:
            for one in running:
                one.cancel()


def _say_of_work(server: PatientServer, item: Item, word: str) -> None:
    server.call("POST", f"/work/{item.work['id']}/{word}", json={"lease_token": item.work["lease_token"]})


def _is_offered(one: Existing, item: Item) -> bool:
    """Whether the model made it and nobody has judged it yet."""
    return one["state"] == "proposed" or (item.is_audit and one["origin"] == "automatic")


def _add(server: PatientServer, item: Item, truth: Rle) -> Row | None:
    """Draws a known mask; None when it had been kept before."""
    drawing = draw(server, item.image_id, truth, item.effort)
    body, is_painted = _body(item, drawing, truth)
    if body is not None:
        if item.work["stage"] != FIRST_STAGE:
            # What says the stage also bounds the seconds by the time the image was lent, and modelled time is faster.
            body["work_item_id"] = item.work["id"]
        # Of image and mask, so that a mask sent again after a broken line or in another run stays one.
        key = f"simulate:{item.image_id}:{hashlib.sha256(truth['counts'].encode()).hexdigest()[:32]}"
        try:
            path = f"/images/{item.image_id}/annotations"
            server.call("POST", path, json=body, headers={"Idempotency-Key": key})
        except Refused as refused:
            if refused.code != "idempotency_key_reused":
                raise
            return None
    return _row(item, drawing, "missed" if body is None else "added", is_painted=is_painted)


def _correct(server: PatientServer, item: Item, one: Existing, *, truth: Rle, found_iou: float) -> Row:
    """Clicks on from what was proposed. An auditor also outlines what clicks leave."""
    if found_iou < item.effort.target_iou:
        drawing = draw(server, item.image_id, truth, item.effort, start=one["rle"])
    else:
        drawing = Drawing(prompts=[])
    body, is_painted = _body(item, drawing, truth)
    if not is_painted and (drawing.best is None or drawing.best.iou <= found_iou):
        return _keep(server, item, one, iou=found_iou)  # clicks made nothing better and there is no brush
    assert body is not None
    _judge(server, one, "PUT", "", json=body | {"proposal": one["proposal"], "category_id": one["category_id"]})
    return _row(item, drawing, "edited", is_painted=is_painted, found_iou=found_iou, version=one["model_version"])


def _body(item: Item, drawing: Drawing, truth: Rle) -> tuple[dict[str, Any] | None, bool]:
    """What to keep, and whether a brush finished it."""
    is_reached = drawing.best is not None and drawing.best.iou >= item.effort.target_iou
    if item.effort.has_brush and (item.is_audit or not is_reached):
        return painted(truth, drawing), True
    return evidence(drawing), False


def _keep(server: PatientServer, item: Item, one: Existing, *, iou: float) -> Row:
    if one["state"] == "proposed":
        _judge(server, one, "POST", "/accept")
    return _row(item, Drawing(prompts=[]), "kept", found_iou=iou, version=one["model_version"])


def _reject(server: PatientServer, item: Item, one: Existing) -> Row:
    if one["state"] == "proposed":
        _judge(server, one, "POST", "/reject")
    else:
        _judge(server, one, "DELETE", "")
    return _row(item, Drawing(prompts=[]), "rejected", found_iou=0.0, version=one["model_version"])


def _reject_rest(server: PatientServer, item: Item, wrong: list[Existing], tell: Callable[[Row], None]) -> None:
    """All that are undecided in the end at once, by one key; each was looked at."""
    server.call("POST", f"/images/{item.image_id}/proposals/reject-all")
    for number, one in enumerate(wrong):
        drawing = Drawing(prompts=[])
        tell(_row(item, drawing, "rejected", found_iou=0.0, version=one["model_version"], is_clicked=number == 0))


def _judge(server: PatientServer, one: Existing, method: str, word: str, **options: Any) -> None:
    headers = {"If-Match": f'"{one["revision"]}"'}
    try:
        server.call(method, f"/annotations/{one['id']}{word}", headers=headers, **options)
    except Refused as refused:
        if refused.status != 412:  # else it was this very request, whose answer got lost, or a person who was first
            raise


def _row(
    item: Item,
    drawing: Drawing,
    outcome: Outcome,
    *,
    is_painted: bool = False,
    found_iou: float | None = None,
    version: str | None = None,
    is_clicked: bool = True,
) -> Row:
    """Looking costs what finding does; rejecting is one click more, unless it went with another."""
    best = drawing.best
    rejecting = outcome == "rejected" and is_clicked
    iou = max(best.iou if best else 0.0, found_iou or 0.0)
    return Row(
        image_id=item.image_id,
        stage=item.work["stage"],
        outcome=outcome,
        model_version=(best.model_version if best else version) or "",
        clicks=len(drawing.clicked) + rejecting,
        seconds=round(drawing.seconds + CLICK_SECONDS * rejecting, 3),
        iou=round(iou, 4),
        is_reached=iou >= item.effort.target_iou,
        is_painted=is_painted,
        first_iou=round(drawing.steps[0].iou, 4) if drawing.steps and found_iou is None else None,
        found_iou=None if found_iou is None else round(found_iou, 4),
    )
