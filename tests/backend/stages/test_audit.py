"""Audits of automatic masks: what people kept, corrected and rejected, as figures with their intervals."""

import hashlib
import random
import threading
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

import backend.stages.audit_draw
import backend.stages.tasks
from backend.annotations.audit_counts import IOU_THRESHOLDS, STABILITY_THRESHOLDS
from backend.annotations.proposals import Found, add_found, mark_audited
from backend.annotations.tables import Annotation
from backend.images.tables import Image
from backend.jobs.runner import drain
from backend.projects.tables import Project
from backend.stages.audit import wilson
from backend.stages.checks import check_stages
from backend.stages.policies import read_policy
from backend.stages.proposing import Answer, Waiting, is_audited, write
from backend.stages.tables import WorkItem
from backend.training.frozen import split_of
from tests.backend.stages.conftest import Stages
from tests.backend.stages.models import SIZE_HW, square

STAGE = "fully_automatic"
VERSION = "tiny-11111111"


def make_masks(stages: Stages, found: list[Found], version: str = VERSION) -> None:
    """Every image that waits for automatic masks gets these, as if a model had found them."""
    with stages.resources.database.write() as session:
        policy = read_policy(session, stages.project_id, "fully_automatic")
        waiting = select(WorkItem, Image).join(Image, Image.id == WorkItem.image_id)
        for item, image in session.execute(waiting.where(WorkItem.state == "proposing")).all():
            facts = Waiting(item.id, item.admission_id, image.id, item.rank, image.sha256, SIZE_HW, None, None)
            assert write(session, "fully_automatic", policy, facts, Answer(found, version))


@pytest.fixture
def audited(stages: Stages, images: list[int]) -> list[int]:
    """Ten images, all to be audited, each with four automatic masks."""
    stages.change(STAGE, review_share=1, exit={"audit_min_masks": 8})
    stages.admit(STAGE)
    make_masks(stages, [square(2), square(14), square(28), square(44, predicted_iou=0.99)])
    return images


def read_audit(stages: Stages) -> Any:
    return stages.client.get(f"{stages.address}/statistics/audit").json()


def test_nothing_audited_says_nothing(stages: Stages, images: list[int]) -> None:
    audit = read_audit(stages)
    assert (audit["masks"], audit["is_passed"], audit["by_threshold"]) == (0, False, [])
    assert audit["share_75"] == {"value": None, "low": None, "high": None}


def test_an_audit_counts_what_people_left(client: TestClient, stages: Stages, audited: list[int]) -> None:
    assert stages.counts(STAGE) == {"ready": 10}
    first = stages.lend().json()
    assert (first["is_audit"], first["stage"]) == (True, STAGE)
    kept, corrected, rejected, _ = stages.annotations(first["image"]["id"])
    body = {"rle": dict(square(16).rle), "work_item_id": first["id"]}
    client.put(f"/api/annotations/{corrected['id']}", json=body, headers={"If-Match": '"1"'})
    client.delete(f"/api/annotations/{rejected['id']}", headers={"If-Match": '"1"'})
    missing = {"rle": dict(square(30, top=25).rle), "work_item_id": first["id"]}
    client.post(f"/api/images/{first['image']['id']}/annotations", json=missing)
    assert read_audit(stages)["masks"] == 0, "an audit counts once it is finished"
    stages.end(first)
    audit = read_audit(stages)
    assert (audit["masks"], audit["images"], audit["rejected"], audit["added"]) == (4, 1, 1, 1)
    assert (audit["share_75"]["value"], audit["share_90"]["value"]) == (0.5, 0.5)
    assert (audit["need"], audit["is_passed"]) == (8, False)
    left = {one["id"]: one for one in stages.annotations(first["image"]["id"])}
    assert left[kept["id"]]["proposal_iou"] == 1.0
    assert left[corrected["id"]]["proposal_iou"] == pytest.approx(0.6)
    table = {(one["pred_iou_thresh"], one["stability_score_thresh"]): one for one in audit["by_threshold"]}
    assert list(table) == [(0.88, 0.97), (0.96, 0.97)], "the strictest of those that keep the same"
    assert (table[(0.88, 0.97)]["masks"], table[(0.88, 0.97)]["kept_share"]) == (4, 1.0)
    strict = table[(0.96, 0.97)]
    assert (strict["masks"], strict["kept_share"], strict["share_90"]["value"]) == (1, 0.25, 1.0)
    stages.check_counts()


def test_a_passed_audit_is_said_once(stages: Stages, audited: list[int]) -> None:
    assert stages.read(STAGE)["exit"]["unmet"] == ["0 of the 8 automatic masks an audit needs were looked at."]
    for _ in range(2):
        stages.end(stages.lend().json())
    for _ in range(2):
        check_stages(stages.resources)
    assert read_audit(stages)["is_passed"] is True
    assert stages.read(STAGE)["exit"]["is_ready"] is True
    log = stages.client.get(f"{stages.address}/audit-log").json()["items"]
    assert [one["kind"] for one in log].count("audit.passed") == 1
    stages.check_counts()


def test_each_version_has_its_own_audit(client: TestClient, stages: Stages, images: list[int]) -> None:
    """Masks of another model were audited by nobody, however good or bad those of the model before were."""
    stages.change(STAGE, review_share=1, exit={"audit_min_masks": 2})
    stages.admit(STAGE, count=4)
    make_masks(stages, [square(2), square(14)])
    held = stages.lend(stage=STAGE).json()
    for one in stages.annotations(held["image"]["id"]):
        client.delete(f"/api/annotations/{one['id']}", headers={"If-Match": '"1"'})
    stages.end(held)
    assert (read_audit(stages)["masks"], read_audit(stages)["is_passed"]) == (2, False)

    stages.admit(STAGE, count=3)
    make_masks(stages, [square(2), square(14)], "tiny-22222222")
    audit = read_audit(stages)
    assert (audit["model_version"], audit["masks"], audit["by_threshold"]) == ("tiny-22222222", 0, [])
    assert audit["versions"] == ["tiny-22222222", VERSION]
    assert stages.read(STAGE)["exit"]["unmet"] == ["0 of the 2 automatic masks an audit needs were looked at."]
    held = stages.lend(image_id=images[4]).json()
    stages.end(held)
    check_stages(stages.resources)
    assert (read_audit(stages)["masks"], read_audit(stages)["is_passed"]) == (2, True)
    assert stages.read(STAGE)["exit"]["is_ready"] is True
    before = client.get(f"{stages.address}/statistics/audit", params={"model_version": VERSION}).json()
    assert (before["model_version"], before["masks"], before["rejected"], before["is_passed"]) == (VERSION, 2, 2, False)
    unknown = client.get(f"{stages.address}/statistics/audit", params={"model_version": "nano-3"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "no_automatic_masks")

    promote_back(stages)
    assert (read_audit(stages)["model_version"], read_audit(stages)["is_passed"]) == (VERSION, False), "it is live"
    check_stages(stages.resources)
    assert stages.read(STAGE)["exit"]["is_ready"] is False
    stages.check_counts()


def promote_back(stages: Stages) -> None:
    """The first version is live again."""
    with stages.resources.database.write() as session:
        session.execute(update(Project).where(Project.id == stages.project_id).values(model_version=VERSION))


def test_a_correction_with_a_later_model_audits_the_model_that_made_the_mask(
    client: TestClient, stages: Stages, audited: list[int]
) -> None:
    item = stages.lend().json()
    image_id = item["image"]["id"]
    body = {"rle": dict(square(16).rle), "work_item_id": item["id"], "model_version": "tiny-99999999"}
    one = stages.annotations(image_id)[0]
    assert client.put(f"/api/annotations/{one['id']}", json=body, headers={"If-Match": '"1"'}).status_code == 200
    missing = body | {"rle": dict(square(30, top=25).rle)}
    added = client.post(f"/api/images/{image_id}/annotations", json=missing).json()
    stages.end(item)
    audit = read_audit(stages)
    assert audit["versions"] == [VERSION]
    assert (audit["masks"], audit["images"], audit["added"]) == (4, 1, 1)
    client.delete(f"/api/annotations/{added['id']}", headers={"If-Match": '"1"'})
    assert read_audit(stages)["added"] == 0


def test_a_larger_share_also_draws_from_what_is_done(
    client: TestClient, stages: Stages, images: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend.stages.audit_draw, "ROWS_AT_ONCE", 3)
    stages.change(STAGE, review_share=0, queue_order="newest")
    stages.admit(STAGE)
    make_masks(stages, [square(2)])
    stages.end(stages.lend(image_id=images[0]).json())
    item = client.get(f"{stages.address}/review", params={"image_id": images[1]}).json()
    assert client.post(f"/api/work/{item['id']}/review", json={"decision": "accept"}).status_code == 200
    assert stages.counts(STAGE) == {"done": 10}

    with stages.resources.database.read() as session:
        checksums = dict(tuple(row) for row in session.execute(select(Image.id, Image.sha256)))
    expected = [image_id for image_id in images[2:] if is_audited(checksums[image_id], 0.6)]
    for share in (0.6, 0.3):  # a smaller one takes nothing back
        stages.change(STAGE, review_share=share)
        drain(stages.resources, threading.Event())
        assert stages.counts(STAGE) == count_states(len(expected))
        stages.check_counts()
    audits = []
    while (answer := stages.lend(stage=STAGE)).status_code == 200:
        audits.append(answer.json())
        stages.end(audits[-1])
    assert all(item["is_audit"] for item in audits)
    assert [item["image"]["id"] for item in audits] == sorted(expected, reverse=True)
    assert read_audit(stages)["masks"] == len(expected)

    stages.change(STAGE, review_share=1)
    drain(stages.resources, threading.Event())
    assert stages.counts(STAGE) == count_states(8 - len(expected))
    stages.check_counts()


def count_states(ready: int) -> dict[str, int]:
    """Of ten images; only states that hold something."""
    return {state: count for state, count in (("ready", ready), ("done", 10 - ready)) if count}


def test_finishing_what_is_no_audit_audits_nothing(stages: Stages, images: list[int]) -> None:
    stages.change(STAGE, review_share=0)
    stages.admit(STAGE)
    make_masks(stages, [square(2)])
    assert stages.counts(STAGE) == {"done": 10}
    stages.end(stages.lend(image_id=images[0]).json())
    assert read_audit(stages)["masks"] == 0
    stages.check_counts()


def test_an_automatic_mask_can_be_rejected_and_come_back(
    client: TestClient, stages: Stages, audited: list[int]
) -> None:
    item = stages.lend().json()
    one = stages.annotations(item["image"]["id"])[0]
    client.post(f"/api/annotations/{one['id']}/reject", headers={"If-Match": '"1"'})
    assert client.post(f"/api/annotations/{one['id']}/restore").json()["state"] == "accepted"
    stages.end(item)
    assert read_audit(stages)["share_90"]["value"] == 1.0
    stages.check_counts()


def test_figures_equal_those_of_the_masks_themselves(stages: Stages, images: list[int]) -> None:
    """Three hundred masks, each as sure, stable and good as chance has it, often exactly at a threshold."""
    draw = random.Random(0)
    rows = []
    for number in range(300):
        on_bound = (draw.choice((*IOU_THRESHOLDS, 1.0)), draw.choice((*STABILITY_THRESHOLDS, 1.0)))
        predicted, stability = (bound + draw.choice((-1e-9, 0, 1e-9, -0.03)) for bound in on_bound)
        agreement = draw.choice((None, 0.0, 0.75, 0.7500001, 0.9, 0.9000001, draw.random()))
        one = replace(square(2), predicted_iou=predicted, stability_score=stability)
        rows.append((images[number % 7], one, agreement))
    with stages.resources.database.write() as session:
        for image_id, one, agreement in rows:
            image = session.get_one(Image, image_id)
            add_found(session, image, [one], origin="automatic", stage=STAGE, model_version=VERSION)
            session.flush()
            newest = session.scalars(select(Annotation).order_by(Annotation.id.desc()).limit(1)).one()
            newest.proposal_iou = agreement
        for image_id in images:
            mark_audited(session, image_id, stage=STAGE, model_version=VERSION)
    audit = read_audit(stages)
    judged = [(one.predicted_iou, one.stability_score, 1.0 if iou is None else iou) for _, one, iou in rows]
    assert (audit["masks"], audit["images"]) == (300, 7)
    for percent in (75, 90):
        share = wilson(sum(iou > percent / 100 for *_, iou in judged), 300)
        assert audit[f"share_{percent}"] == share.model_dump()
    listed = {(row["pred_iou_thresh"], row["stability_score_thresh"]) for row in audit["by_threshold"]}
    bounds = [(iou, stability) for iou in IOU_THRESHOLDS for stability in STABILITY_THRESHOLDS]
    kept = {one: sum(iou > one[0] and stable >= one[1] for iou, stable, _ in judged) for one in bounds}
    for iou, stability in bounds:
        as_strict = [one for one in bounds if one[0] >= iou and one[1] >= stability and one != (iou, stability)]
        is_strictest = kept[(iou, stability)] not in [0, *(kept[one] for one in as_strict)]
        assert ((iou, stability) in listed) == is_strictest
    for row in audit["by_threshold"]:
        bounds = (row["pred_iou_thresh"], row["stability_score_thresh"])
        ious = [iou for predicted, stability, iou in judged if predicted > bounds[0] and stability >= bounds[1]]
        assert (row["masks"], row["kept_share"]) == (len(ious), len(ious) / 300)
        assert row["share_75"] == wilson(sum(iou > 0.75 for iou in ious), len(ious)).model_dump()
        assert row["share_90"] == wilson(sum(iou > 0.90 for iou in ious), len(ious)).model_dump()


def test_the_intervals_are_wilsons() -> None:
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    some, none = wilson(81, 263), wilson(0, 20)
    assert (some.low, some.high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))
    assert (none.low, none.high) == (pytest.approx(0.0, abs=1e-9), pytest.approx(0.1611, abs=1e-4))


CHECKSUMS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(20_000)]


def test_the_draw_takes_its_share() -> None:
    drawn = sum(is_audited(sha256, 0.05) for sha256 in CHECKSUMS)
    assert drawn == pytest.approx(1000, abs=100)
    assert not any(is_audited(sha256, 0.0) for sha256 in CHECKSUMS)
    assert all(is_audited(sha256, 1.0) for sha256 in CHECKSUMS)


@pytest.mark.parametrize(("audited", "frozen"), [(0.05, 0.2), (0.5, 0.2), (0.5, 0.5)])
def test_an_audit_says_nothing_of_what_is_frozen(audited: float, frozen: float) -> None:
    sides = [split_of(sha256, frozen) for sha256 in CHECKSUMS if is_audited(sha256, audited)]
    assert sides.count("frozen") / len(sides) == pytest.approx(frozen, abs=0.05)
