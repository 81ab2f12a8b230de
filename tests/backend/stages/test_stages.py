"""Policies of the stages, the order they lend in, and what they say about themselves."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

import backend.stages.policies
import backend.stages.tasks
from backend.jobs.runner import drain
from model_server.contract import masks
from tests.backend.stages.conftest import Stages

STAGES = ["assisted_manual", "semi_automatic", "fully_automatic"]


def draw(stages: Stages, image_id: int, seconds: float = 10.0, **more: Any) -> Any:
    mask = np.zeros((40, 60), bool)
    mask[5:20, 10:30] = True
    body = {"rle": dict(masks.encode(mask)), "active_seconds": seconds} | more
    answer = stages.client.post(f"/api/images/{image_id}/annotations", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_three_stages_with_their_defaults(client: TestClient, stages: Stages, images: list[int]) -> None:
    answer = client.get(f"{stages.address}/stages").json()
    assert [one["stage"] for one in answer["stages"]] == STAGES
    assert (answer["model_version"], answer["detector_version"]) == (None, None)
    first, _, last = answer["stages"]
    assert first["counts"] == {"proposing": 0, "ready": 10, "claimed": 0, "done": 0, "skipped": 0, "moved": 0}
    assert (first["revision"], first["rate_per_hour"], first["masks"]) == (0, None, 0)
    assert (first["policy"]["hint_seconds"], first["policy"]["review_share"]) == (30.0, 0.0)
    assert (last["policy"]["review_share"], last["policy"]["automatic"]["pred_iou_thresh"]) == (0.05, None)
    assert first["exit"]["unmet"] == ["No exit rule is set: images go on when an administrator moves them."]
    assert not any(one["exit"]["is_ready"] for one in answer["stages"])


def test_a_change_touches_only_what_it_names(stages: Stages) -> None:
    changed = stages.change("semi_automatic", hint_seconds=12, exit={"min_masks": 7}).json()
    assert (changed["revision"], changed["policy"]["hint_seconds"], changed["policy"]["queue_order"]) == (
        1,
        12,
        "oldest",
    )
    assert (changed["policy"]["exit"]["min_masks"], changed["policy"]["exit"]["batch"]) == (7, 100)
    again = stages.change("semi_automatic", exit={"min_images": 2}).json()
    assert (again["revision"], again["policy"]["exit"]["min_masks"]) == (2, 7)
    assert stages.change("semi_automatic", revision=10**20, hint_seconds=5).status_code == 422
    late = stages.change("semi_automatic", revision=1, hint_seconds=5)
    assert (late.status_code, late.json()["error"]["code"], late.json()["error"]["revision"]) == (
        409,
        "policy_changed",
        2,
    )
    log = stages.client.get(f"{stages.address}/audit-log").json()["items"]
    assert [one["kind"] for one in log] == ["stage.policy_changed"] * 2
    assert log[-1]["data"]["changes"] == {"hint_seconds": [30.0, 12.0], "exit.min_masks": [None, 7]}


BAD_POLICIES: dict[str, dict[str, Any]] = {
    "unknown field": {"speed": 3},
    "unknown inner field": {"exit": {"speed": 3}},
    "no order": {"queue_order": "prettiest"},
    "share above one": {"review_share": 1.5},
    "negative": {"exit": {"batch": -1}},
    "not an object": {"exit": 3},
    "too dense": {"automatic": {"points_per_side": 4096}},
    "text": {"hint_seconds": "soon"},
}


@pytest.mark.parametrize("name", BAD_POLICIES)
def test_a_policy_that_does_not_fit_is_refused(name: str, stages: Stages) -> None:
    answer = stages.change("assisted_manual", **BAD_POLICIES[name])
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_policy")
    assert stages.read("assisted_manual")["revision"] == 0


def test_there_are_only_three_stages(stages: Stages) -> None:
    answer = stages.change("automatic", revision=0, hint_seconds=1)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "stage_not_found")


@pytest.mark.parametrize("order", ["oldest", "newest", "random"])
def test_the_queue_follows_its_order(
    order: str, stages: Stages, images: list[int], add_image: Callable[..., int]
) -> None:
    assert stages.change("assisted_manual", queue_order=order).status_code == 200
    expected = sorted([*images, add_image()], reverse=order == "newest")
    lent = []
    while (answer := stages.lend()).status_code == 200:
        lent.append(answer.json()["image"]["id"])
        stages.end(answer.json())
    assert sorted(lent) == sorted(expected)
    assert (lent == expected) == (order != "random")
    stages.check_counts()


def test_a_long_queue_is_brought_into_order_bit_by_bit(
    stages: Stages, images: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend.stages.policies, "ROWS_AT_ONCE", 3)
    stages.change("assisted_manual", queue_order="newest")
    drain(stages.resources, threading.Event())
    jobs = stages.client.get(f"{stages.address}/jobs").json()["items"]
    assert {job["state"] for job in jobs if job["kind"] == "rank"} == {"done"}
    lent = []
    while (answer := stages.lend()).status_code == 200:
        lent.append(answer.json()["image"]["id"])
        stages.end(answer.json())
    assert lent == sorted(images, reverse=True)


def test_every_move_of_an_item_is_counted(stages: Stages, images: list[int]) -> None:
    first = stages.lend().json()
    assert (first["remaining"], first["hint_seconds"], first["is_audit"]) == (10, 30.0, False)
    assert stages.counts("assisted_manual") == {"ready": 9, "claimed": 1}
    stages.end(first, "release")
    stages.end(stages.lend().json(), "skip", reason="dark")
    done = stages.lend().json()
    stages.end(done)
    assert stages.counts("assisted_manual") == {"ready": 8, "done": 1, "skipped": 1}
    reopened = stages.lend(image_id=done["image"]["id"]).json()
    other = stages.lend(image_id=images[-1]).json()
    assert stages.counts("assisted_manual") == {"ready": 7, "claimed": 1, "done": 1, "skipped": 1}
    assert other["id"] != reopened["id"]
    stages.end(other)
    assert stages.client.delete(f"/api/images/{images[0]}").status_code == 204
    assert stages.counts("assisted_manual") == {"ready": 7, "done": 2}
    assert stages.read("assisted_manual")["rate_per_hour"] > 0
    stages.check_counts()


def test_the_exit_rule_names_what_is_missing(stages: Stages, images: list[int]) -> None:
    rule = {"min_masks": 2, "min_images": 1, "max_seconds_per_mask": 14}
    stages.change("assisted_manual", exit=rule)
    draw(stages, images[0], seconds=30)
    exit_ = stages.read("assisted_manual")["exit"]
    assert not exit_["is_ready"]
    assert exit_["unmet"][:2] == ["1 of the 2 masks the rule asks for.", "0 of the 1 images the rule asks for."]
    assert "seconds" not in exit_["unmet"][2]
    assert [(one["name"], one["need"]) for one in exit_["progress"]] == [
        ("masks", 2),
        ("images", 1),
        ("seconds_per_mask", 14),
    ]
    for _ in range(3):
        draw(stages, images[0], seconds=10)
    stages.end(stages.lend().json())
    stage = stages.read("assisted_manual")
    assert (stage["exit"]["is_ready"], stage["exit"]["unmet"], stage["masks"]) == (True, [], 4)


def test_seconds_are_no_more_than_the_image_was_lent(stages: Stages, images: list[int]) -> None:
    item = stages.lend().json()
    kept = draw(stages, item["image"]["id"], seconds=9000.0, work_item_id=item["id"])
    assert 0 <= kept["active_seconds"] < 60
    assert draw(stages, item["image"]["id"], seconds=9000.0)["active_seconds"] == 3600.0, "without its item"
    stages.check_counts()


def test_a_change_on_an_image_that_was_lent_again_keeps_the_seconds_of_before(
    client: TestClient, stages: Stages, images: list[int]
) -> None:
    kept = draw(stages, images[0], seconds=400.0)
    item = stages.lend(image_id=images[0]).json()
    body = {"rle": kept["rle"], "comment": "at dusk", "work_item_id": item["id"]}
    address, headers = f"/api/annotations/{kept['id']}", {"If-Match": '"1"'}
    changed = client.put(address, json=body | {"active_seconds": 9000.0}, headers=headers).json()
    assert (changed["comment"], 400 <= changed["active_seconds"] < 460) == ("at dusk", True)
