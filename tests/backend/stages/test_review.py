"""Finished images are accepted, or sent back with a reason that reaches the annotator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from model_server.contract import masks
from tests.backend.stages.conftest import Stages
from tests.backend.stages.models import square
from tests.backend.stages.test_audit import make_masks


@pytest.fixture
def annotator(client: TestClient, project_id: int, make_person: Callable[..., Any]) -> Any:
    person = make_person("annotator")
    client.post(f"/api/projects/{project_id}/members", json={"email": person.email, "role": "annotator"})
    return person


def finish_next(client: TestClient, project_id: int, person: Any, **annotation: Any) -> tuple[dict[str, Any], Any]:
    """The annotator keeps one mask on their next image and finishes it."""
    item = client.post(f"/api/projects/{project_id}/work/next", json={}, headers=person.headers).json()
    body = {"rle": dict(masks.encode(np.ones((40, 60), bool))), "work_item_id": item["id"]} | annotation
    mask = client.post(f"/api/images/{item['image']['id']}/annotations", json=body, headers=person.headers).json()
    token = {"lease_token": item["lease_token"]}
    assert client.post(f"/api/work/{item['id']}/finish", json=token, headers=person.headers).status_code == 200
    return item, mask


def decide(client: TestClient, item: dict[str, Any], decision: str, **body: Any) -> Any:
    return client.post(f"/api/work/{item['id']}/review", json={"decision": decision} | body)


def audit(client: TestClient, project_id: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/api/projects/{project_id}/audit-log").json()["items"]
    return items


def test_finished_images_wait_in_turn_until_each_is_accepted(
    client: TestClient, project_id: int, add_image: Callable[..., int], annotator: Any, stages: Stages
) -> None:
    address = f"/api/projects/{project_id}/review"
    first, second = add_image(), add_image()
    assert client.get(address).status_code == 204
    finish_next(client, project_id, annotator)
    finish_next(client, project_id, annotator)
    item = client.get(address).json()
    assert (item["image"]["id"], item["state"], item["remaining"]) == (first, "done", 2)
    assert (item["lease_token"], item["review"], item["finished_by"]["id"]) == (None, None, annotator.user_id)
    assert client.get(address, params={"after_image": first}).json()["image"]["id"] == second
    assert client.get(address, params={"after_image": second}).json()["image"]["id"] == first, "round and round"
    accepted = decide(client, item, "accept").json()
    assert (accepted["state"], accepted["review"]["sent_back_reason"], accepted["remaining"]) == ("done", None, 1)
    assert decide(client, item, "accept").status_code == 200, "saying it twice is no error"
    assert client.get(address).json()["image"]["id"] == second
    assert client.get(address, params={"image_id": first}).json()["review"]["by"]["name"] == "admin"
    assert [entry["kind"] for entry in audit(client, project_id)] == ["image.accepted"]
    stages.check_counts()


def test_masks_that_changed_while_they_were_looked_at_are_not_accepted(
    client: TestClient, project_id: int, add_image: Callable[..., int], annotator: Any, stages: Stages
) -> None:
    add_image()
    item, mask = finish_next(client, project_id, annotator)
    seen = {mask["id"]: mask["revision"]}
    for different in ({}, {mask["id"]: 7}, seen | {mask["id"] + 1: 1}):
        refused = decide(client, item, "accept", seen=different)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "changed_meanwhile")
    assert client.get(f"/api/projects/{project_id}/review").json()["review"] is None
    assert decide(client, item, "accept", seen=seen).status_code == 200


def test_an_image_sent_back_reaches_its_annotator_first_with_the_reason(
    client: TestClient, project_id: int, add_image: Callable[..., int], annotator: Any, stages: Stages
) -> None:
    image_id = add_image()
    add_image()
    item, mask = finish_next(client, project_id, annotator, comment="Is this one cell?")
    sent = decide(client, item, "send_back", reason=" Two cells ", annotation_ids=[mask["id"]])
    assert (sent.status_code, sent.json()["state"]) == (200, "ready")
    assert decide(client, item, "send_back", reason="Two cells").status_code == 200, "saying it twice is no error"
    assert client.get(f"/api/projects/{project_id}").json()["done_count"] == 0
    stages.check_counts()
    [entry] = audit(client, project_id)
    assert (entry["kind"], entry["actor"]["name"], entry["data"]["reason"]) == ("image.sent_back", "admin", "Two cells")
    assert (entry["data"]["image_id"], entry["data"]["finished_by"]) == (image_id, annotator.user_id)
    [standing] = client.get(f"/api/images/{image_id}/annotations").json()["items"]
    assert standing["comment"] == "Is this one cell?\nReviewer: Two cells"
    assert standing["author"]["id"] == annotator.user_id, "the mask is still theirs"

    told = client.get(f"/api/projects/{project_id}/work/upcoming", headers=annotator.headers).json()["item"]
    lent = client.post(f"/api/projects/{project_id}/work/next", json={}, headers=annotator.headers).json()
    assert lent["image"]["id"] == told["image"]["id"] == image_id, "theirs before the other one"
    assert lent["review"] == {"by": sent.json()["review"]["by"], "sent_back_reason": "Two cells"}
    token = {"lease_token": lent["lease_token"]}
    done = client.post(f"/api/work/{lent['id']}/finish", json=token, headers=annotator.headers).json()
    assert (done["state"], done["review"]) == ("done", None), "finished anew, it waits for another review"
    assert client.get(f"/api/projects/{project_id}/review").json()["image"]["id"] == image_id
    stages.check_counts()


def test_an_image_sent_back_stays_its_annotators_whoever_looks_at_it(
    client: TestClient, project_id: int, add_image: Callable[..., int], annotator: Any, make_person: Callable[..., Any]
) -> None:
    image_id = add_image()
    item, _ = finish_next(client, project_id, annotator)
    for _ in range(2):
        add_image()
    assert decide(client, item, "send_back", reason="Two cells").status_code == 200
    other = make_person("annotator")
    client.post(f"/api/projects/{project_id}/members", json={"email": other.email, "role": "annotator"})
    for person in (annotator, other):
        lent = client.post(
            f"/api/projects/{project_id}/work/next", json={"image_id": image_id}, headers=person.headers
        ).json()
        token = {"lease_token": lent["lease_token"]}
        assert client.post(f"/api/work/{lent['id']}/release", json=token, headers=person.headers).status_code < 300
    lent = client.post(f"/api/projects/{project_id}/work/next", json={}, headers=annotator.headers).json()
    assert (lent["image"]["id"], lent["review"]["sent_back_reason"]) == (image_id, "Two cells")


def test_what_cannot_be_reviewed_is_refused_by_name(
    client: TestClient, project_id: int, add_image: Callable[..., int], annotator: Any
) -> None:
    image_id, other = add_image(), add_image()
    item, _ = finish_next(client, project_id, annotator)

    def code(answer: Any) -> tuple[int, str]:
        return answer.status_code, answer.json()["error"]["code"]

    assert code(decide(client, item, "send_back", reason="  ")) == (422, "reason_missing")
    wrong = decide(client, item, "send_back", reason="no", annotation_ids=[99])
    assert code(wrong) == (422, "annotation_of_other_image")
    assert code(client.get(f"/api/projects/{project_id}/review", params={"image_id": other})) == (409, "not_finished")
    assert code(client.get(f"/api/projects/{project_id}/review", params={"image_id": 99})) == (404, "image_not_found")
    client.post(f"/api/projects/{project_id}/work/next", json={"image_id": image_id}, headers=annotator.headers)
    for decision in ("accept", "send_back"):
        assert code(decide(client, item, decision, reason="late")) == (409, "not_finished")
    refused = client.post(f"/api/work/{item['id']}/review", json={"decision": "accept"}, headers=annotator.headers)
    assert refused.status_code == 403
    assert audit(client, project_id) == []


def test_what_a_model_finished_is_no_ones_to_review(stages: Stages, images: list[int]) -> None:
    stages.change("fully_automatic", review_share=0)
    stages.admit("fully_automatic", count=9)
    make_masks(stages, [square(2)])
    assert stages.counts("fully_automatic") == {"done": 9}
    address = f"{stages.address}/review"
    assert stages.client.get(address).status_code == 204
    stages.end(stages.lend(stage="assisted_manual").json())
    item = stages.client.get(address).json()
    assert (item["image"]["id"], item["remaining"]) == (images[9], 1)
    assert stages.client.get(address, params={"image_id": images[0]}).json()["finished_by"] is None, (
        "it can be looked at"
    )


def test_an_automatic_image_that_is_sent_back_is_audited(stages: Stages, images: list[int]) -> None:
    stages.change("fully_automatic", review_share=0)
    stages.admit("fully_automatic")
    make_masks(stages, [square(2)])
    item = stages.client.get(f"{stages.address}/review", params={"image_id": images[3]}).json()
    assert decide(stages.client, item, "send_back", reason="one is missing").status_code == 200
    lent = stages.lend(stage="fully_automatic").json()
    assert (lent["image"]["id"], lent["is_audit"]) == (images[3], True)
    assert lent["review"]["sent_back_reason"] == "one is missing"
    stages.end(lent)
    assert stages.client.get(f"{stages.address}/statistics/audit").json()["masks"] == 1
    assert stages.client.get(f"{stages.address}/review").json()["image"]["id"] == images[3], "a person has finished it"
    stages.check_counts()
