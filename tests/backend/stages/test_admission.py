"""Moving images into a stage and back: dry run, by rule, by itself, never under somebody's hands."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from backend.images.tables import Image
from backend.stages.checks import check_stages
from backend.stages.tables import WorkItem
from tests.backend.stages.conftest import Stages
from tests.backend.stages.test_audit import make_masks
from tests.backend.stages.test_stages import draw


def test_a_dry_run_moves_nothing(stages: Stages, images: list[int]) -> None:
    would = stages.admit("semi_automatic", dry_run=True, count=3)
    assert (would["image_count"], would["admission_id"]) == (3, None)
    assert [one["id"] for one in would["first"]] == images[:3]
    assert stages.counts("assisted_manual") == {"ready": 10}
    done = stages.admit("semi_automatic", count=3)
    assert (done["image_count"], [one["id"] for one in done["first"]]) == (3, images[:3])
    assert stages.counts("assisted_manual") == {"ready": 7, "moved": 3}
    assert stages.counts("semi_automatic") == {"ready": 3}
    stages.check_counts()


RULES: dict[str, tuple[dict[str, Any], int]] = {
    "all": ({}, 10),
    "count": ({"count": 4}, 4),
    "more than there are": ({"count": 400}, 10),
    "share": ({"random_share": 0.3}, 3),
    "share and count": ({"random_share": 0.5, "count": 2}, 2),
    "named": ({"image_ids": [2, 3, 999]}, 2),
    "by name": ({"name_contains": "NIGHT_"}, 2),
    "by a name with a wildcard": ({"name_contains": "%"}, 0),
}


@pytest.mark.parametrize("name", RULES)
def test_rules(name: str, stages: Stages, images: list[int]) -> None:
    rule, expected = RULES[name]
    with stages.resources.database.write() as session:
        renamed = update(Image).where(Image.id.in_(images[4:6])).values(file_name="Night_1.jpg")
        session.execute(renamed)
    would = stages.admit("semi_automatic", dry_run=True, **rule)
    done = stages.admit("semi_automatic", **rule)
    assert would["image_count"] == done["image_count"] == expected
    assert would["first"] == [one | {"state": "ready"} for one in done["first"]]
    assert stages.counts("semi_automatic").get("ready", 0) == expected
    assert (done["admission_id"] is None) == (expected == 0)
    stages.check_counts()


def test_what_is_done_moves_only_when_asked(stages: Stages, images: list[int]) -> None:
    item = stages.lend().json()
    stages.end(item)
    assert stages.admit("semi_automatic", dry_run=True)["image_count"] == 9
    assert stages.admit("semi_automatic", include_done=True)["image_count"] == 10
    assert stages.counts("assisted_manual") == {"moved": 10}
    assert stages.lend(image_id=item["image"]["id"]).json()["stage"] == "semi_automatic"
    stages.check_counts()


def test_what_was_done_counts_as_done_wherever_it_goes(
    client: TestClient, stages: Stages, images: list[int], project_id: int
) -> None:
    stages.change("assisted_manual", exit={"min_images": 2})
    for _ in range(2):
        item = stages.lend().json()
        draw(stages, item["image"]["id"], work_item_id=item["id"])
        stages.end(item)
    assert stages.read("assisted_manual")["exit"]["is_ready"] is True
    moved = stages.admit("semi_automatic", count=9, include_done=True)
    assert stages.counts("assisted_manual") == {"done": 1, "moved": 9}
    assert stages.read("assisted_manual")["exit"]["is_ready"] is True, "the work stays done"
    manual = client.get(f"{stages.address}/statistics/overview").json()["stages"][0]
    assert (manual["images"], manual["masks_per_image"]) == ({"done": 1, "moved": 9}, 1.0)
    assert client.get(f"/api/projects/{project_id}").json()["image_count"] == 10
    assert client.get(f"{stages.address}/images").json()["total"] == 10
    stages.check_counts()
    stages.revert(moved["admission_id"])
    stages.check_counts()
    assert client.delete(f"/api/images/{images[-1]}").status_code == 204
    stages.check_counts()


def test_an_image_under_somebodys_hands_stays(stages: Stages, images: list[int]) -> None:
    item = stages.lend().json()
    assert stages.admit("semi_automatic")["image_count"] == 9
    assert stages.end(item)["state"] == "done"
    stages.check_counts()


def test_a_lease_that_ran_out_does_not_hold_an_image_back(stages: Stages, images: list[int]) -> None:
    item = stages.lend().json()
    with stages.resources.database.write() as session:
        session.execute(update(WorkItem).where(WorkItem.id == item["id"]).values(lease_until=1.0))
    assert stages.admit("semi_automatic")["image_count"] == 10
    late = stages.client.post(f"/api/work/{item['id']}/finish", json={"lease_token": item["lease_token"]})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "lease_lost")
    stages.check_counts()


def test_masks_of_an_image_that_was_moved_on_meanwhile_stay(stages: Stages, images: list[int]) -> None:
    """The stage changes under an annotator's hands: they were away, the image went on, they go on drawing."""
    item = stages.lend().json()
    image_id = item["image"]["id"]
    kept = [draw(stages, image_id, work_item_id=item["id"])["id"]]
    stages.change("assisted_manual", queue_order="newest", budget_images=1)
    with stages.resources.database.write() as session:
        session.execute(update(WorkItem).where(WorkItem.id == item["id"]).values(lease_until=1.0))
    assert stages.admit("semi_automatic")["image_count"] == 10
    kept.append(draw(stages, image_id, work_item_id=item["id"])["id"])
    beat = stages.client.post(f"/api/work/{item['id']}/heartbeat", json={"lease_token": item["lease_token"]})
    assert (beat.status_code, beat.json()["error"]["code"]) == (409, "lease_lost")
    again = stages.lend(image_id=image_id).json()
    assert (again["stage"], again["id"] != item["id"]) == ("semi_automatic", True)
    assert [one["id"] for one in stages.annotations(image_id)] == kept
    assert stages.end(again)["state"] == "done"
    stages.check_counts()


def test_refusals(stages: Stages, images: list[int]) -> None:
    def code(stage: str, **rule: Any) -> tuple[int, str]:
        body = {"rule": rule, "dry_run": False}
        answer = stages.client.post(f"{stages.address}/stages/{stage}/admit", json=body)
        return answer.status_code, answer.json()["error"]["code"]

    assert code("assisted_manual") == (422, "no_earlier_stage")
    assert code("elsewhere") == (404, "stage_not_found")
    for rule in ({"count": 0}, {"random_share": 0}, {"random_share": 2}, {"name_contains": ""}, {"colour": "red"}):
        assert code("semi_automatic", **rule) == (422, "invalid_request")
    stages.change("semi_automatic", budget_images=4)
    assert stages.admit("semi_automatic")["image_count"] == 4
    assert code("semi_automatic") == (409, "budget_used_up")
    assert stages.counts("semi_automatic") == {"ready": 4}


def test_images_that_went_on_have_used_the_budget(stages: Stages, images: list[int]) -> None:
    stages.change("semi_automatic", budget_images=4)
    assert stages.admit("semi_automatic", count=3)["image_count"] == 3
    item = stages.lend(stage="semi_automatic", prefer=images[0]).json()
    stages.end(item)
    went_on = stages.admit("fully_automatic", image_ids=images[:2], include_done=True)
    assert went_on["image_count"] == 2
    assert item["image"]["id"] in images[:2], "one that was done there is among them"
    body = {"rule": {}, "dry_run": True}
    assert stages.client.post(f"{stages.address}/stages/semi_automatic/admit", json=body).json()["image_count"] == 1
    last = stages.admit("semi_automatic")
    assert last["image_count"] == 1
    answer = stages.client.post(f"{stages.address}/stages/semi_automatic/admit", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "budget_used_up")
    stages.revert(last["admission_id"])
    assert stages.admit("semi_automatic")["image_count"] == 1, "what was taken back has used nothing"


def test_two_administrators_at_once_move_each_image_once(stages: Stages, images: list[int]) -> None:
    with ThreadPoolExecutor(4) as pool:
        moved = list(pool.map(lambda _: stages.admit("semi_automatic", count=4)["image_count"], range(4)))
    assert sum(moved) == 10
    assert stages.counts("semi_automatic") == {"ready": 10}
    stages.check_counts()


def test_an_admission_can_be_taken_back(stages: Stages, images: list[int]) -> None:
    stages.end(stages.lend().json())
    admission_id = stages.admit("semi_automatic", include_done=True, reason="to try")["admission_id"]
    touched = stages.lend().json()
    drawn = stages.lend(image_id=images[5]).json()
    draw(stages, images[5], work_item_id=drawn["id"])
    stages.end(drawn, "release")
    held = stages.lend(image_id=touched["image"]["id"]).json()
    assert stages.revert(admission_id) == {"reverted": 8, "stay": 2}
    assert stages.counts("semi_automatic") == {"ready": 1, "claimed": 1}
    assert stages.counts("assisted_manual")["moved"] == 2
    stages.check_counts()
    stages.end(held, "release")
    assert stages.revert(admission_id) == {"reverted": 1, "stay": 1}
    listed = stages.client.get(f"{stages.address}/admissions").json()["items"][0]
    assert (listed["from_stage"], listed["to_stage"], listed["image_count"]) == (
        "assisted_manual",
        "semi_automatic",
        10,
    )
    assert (listed["reason"], listed["author"]["name"], listed["reverted_count"]) == ("to try", "admin", 9)
    kinds = [one["kind"] for one in stages.client.get(f"{stages.address}/audit-log").json()["items"]]
    assert sorted(kinds) == ["stage.admitted", "stage.reverted", "stage.reverted"]
    stages.check_counts()


def test_another_projects_admission_is_not_found(
    client: TestClient, stages: Stages, images: list[int], project_id: int
) -> None:
    admission_id = stages.admit("semi_automatic")["admission_id"]
    other = client.post("/api/projects", json={"name": "Other"}).json()["id"]
    answer = client.post(f"/api/projects/{other}/admissions/{admission_id}/revert", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "admission_not_found")


def test_an_exit_rule_that_holds_keeps_the_next_stage_filled(stages: Stages, images: list[int]) -> None:
    rule = {"min_masks": 1, "is_automatic": True, "batch": 3}
    stages.change("semi_automatic", exit=rule)
    stages.change("fully_automatic", review_share=1)
    stages.admit("semi_automatic")
    check_stages(stages.resources)
    assert stages.counts("fully_automatic") == {}
    item = stages.lend(image_id=images[-1]).json()
    draw(stages, images[-1], work_item_id=item["id"])
    stages.end(item)
    for _ in range(2):
        check_stages(stages.resources)
        assert stages.counts("fully_automatic") == {"proposing": 3}
    make_masks(stages, [])
    stages.end(stages.lend(stage="fully_automatic").json())
    check_stages(stages.resources)
    assert stages.counts("fully_automatic") == {"ready": 2, "done": 1, "proposing": 1}
    log = stages.client.get(f"{stages.address}/audit-log").json()["items"]
    assert [one["kind"] for one in log].count("stage.exit_reached") == 1
    admissions = stages.client.get(f"{stages.address}/admissions").json()["items"]
    assert [(one["image_count"], one["author"]) for one in admissions[:2]] == [(1, None), (3, None)]
    stages.check_counts()


def test_stages_are_lent_in_turn_or_as_asked(stages: Stages, images: list[int], add_image: Callable[..., int]) -> None:
    stages.admit("semi_automatic", image_ids=images[:1])
    assert stages.lend().json()["stage"] == "semi_automatic"
    other = stages.lend(stage="assisted_manual").json()
    assert other["stage"] == "assisted_manual"
    assert stages.counts("semi_automatic") == {"ready": 1}, "one person holds one image"
    assert stages.lend(stage="fully_automatic").status_code == 204
    assert stages.lend(stage="somewhere").status_code == 422
