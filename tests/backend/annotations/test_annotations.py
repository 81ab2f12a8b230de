"""Keeping, changing, deleting and restoring masks through HTTP, and everything that must be refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from model_server.contract import masks

HEIGHT, WIDTH = 40, 60


def ring_rle() -> dict[str, Any]:
    """A square ring with a hole, and a separate single pixel."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:20, 10:30] = True
    mask[8:15, 14:22] = False
    mask[39, 59] = True
    return dict(masks.encode(mask))


def body(**changes: Any) -> dict[str, Any]:
    return {
        "rle": ring_rle(),
        "prompts": [
            {"type": "point", "x": 12.5, "y": 6.5, "label": 1, "candidate": 2},
            {"type": "point", "x": 17.0, "y": 10.0, "label": 0, "candidate": None},
        ],
        "clicks": 2,
        "active_seconds": 7.25,
        "model_version": "nano-12345678",
        "candidate": 2,
        "proposal": {"rle": ring_rle(), "predicted_iou": 0.91, "stability_score": 0.97},
    } | changes


@pytest.fixture
def image_id(add_image: Callable[..., int]) -> int:
    return add_image((HEIGHT, WIDTH))


def keep(client: TestClient, image_id: int, **changes: Any) -> dict[str, Any]:
    answer = client.post(f"/api/images/{image_id}/annotations", json=body(**changes))
    assert answer.status_code == 201, answer.text
    kept: dict[str, Any] = answer.json()
    return kept


def test_a_kept_mask_carries_its_evidence(client: TestClient, image_id: int) -> None:
    answer = client.post(f"/api/images/{image_id}/annotations", json=body())
    kept = answer.json()
    assert answer.headers["ETag"] == '"1"'
    assert kept["rle"] == ring_rle()
    assert (kept["area"], kept["bbox_xywh"]) == (15 * 20 - 7 * 8 + 1, [10, 5, 50, 35])
    assert kept["prompts"] == body()["prompts"]
    assert (kept["clicks"], kept["active_seconds"], kept["candidate"]) == (2, 7.25, 2)
    assert kept["proposal"] == body()["proposal"]
    assert (kept["origin"], kept["stage"], kept["state"]) == ("model", "assisted_manual", "accepted")
    assert kept["author"]["name"] == "admin"
    assert client.get(f"/api/images/{image_id}/annotations").json()["items"] == [kept]


BAD_MASKS = {
    "other size": {"size": [WIDTH, HEIGHT], "counts": ring_rle()["counts"]},
    "too short": {"size": [HEIGHT, WIDTH], "counts": "1"},
    "garbage": {"size": [HEIGHT, WIDTH], "counts": "\x7f\u00ff~~~~"},
    "empty string": {"size": [HEIGHT, WIDTH], "counts": ""},
    "negative run": {"size": [HEIGHT, WIDTH], "counts": "O"},
    "overflow": {"size": [HEIGHT, WIDTH], "counts": "o" * 5000 + "0"},
    "negative size": {"size": [-1, WIDTH], "counts": "1"},
    "no pixels": dict(masks.encode(np.zeros((HEIGHT, WIDTH), bool))),
}


@pytest.mark.parametrize("name", BAD_MASKS)
def test_a_mask_that_does_not_fit_is_refused(name: str, client: TestClient, image_id: int) -> None:
    answer = client.post(f"/api/images/{image_id}/annotations", json=body(rle=BAD_MASKS[name]))
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["code"] not in ("", "internal_error")
    assert client.get(f"/api/images/{image_id}/annotations").json()["items"] == []


BAD_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "point outside": ({"prompts": [{"type": "point", "x": 61, "y": 1, "label": 1}]}, "point_outside_image"),
    "box inside out": ({"prompts": [{"type": "box", "x1": 9, "y1": 1, "x2": 3, "y2": 8}]}, "box_inside_out"),
    "unknown prompt": ({"prompts": [{"type": "text", "text": "cat"}]}, "invalid_request"),
    "no such category": ({"category_id": 999}, "category_not_found"),
    "negative seconds": ({"active_seconds": -1}, "invalid_request"),
    "candidate 3": ({"candidate": 3}, "invalid_request"),
    "unknown field": ({"state": "accepted"}, "invalid_request"),
    "proposal of another size": (
        {"proposal": {"rle": {"size": [1, 1], "counts": "01"}, "predicted_iou": 1, "stability_score": 1}},
        "mask_size_mismatch",
    ),
    "foreign work item": ({"work_item_id": 999}, "work_item_of_other_image"),
}


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_evidence_that_does_not_fit_is_refused(name: str, client: TestClient, image_id: int) -> None:
    change, code = BAD_FIELDS[name]
    answer = client.post(f"/api/images/{image_id}/annotations", json=body(**change))
    assert answer.status_code in (404, 422)
    assert answer.json()["error"]["code"] == code, answer.text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(number: str, client: TestClient, image_id: int) -> None:
    text = '{"rle": {"size": [40, 60], "counts": "0"}, "active_seconds": NUMBER}'.replace("NUMBER", number)
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"/api/images/{image_id}/annotations", content=text, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


def test_deep_nesting_is_refused(client: TestClient, image_id: int) -> None:
    text = "[" * 100_000 + "]" * 100_000
    headers = {"Content-Type": "application/json"}
    assert client.post(f"/api/images/{image_id}/annotations", content=text, headers=headers).status_code in (400, 422)


def test_the_same_key_keeps_one_mask(client: TestClient, image_id: int) -> None:
    address, headers = f"/api/images/{image_id}/annotations", {"Idempotency-Key": "click-1"}
    first = client.post(address, json=body(), headers=headers)
    second = client.post(address, json=body(), headers=headers)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (second.status_code, second.json()) == (201, first.json())
    other = client.post(address, json=body(clicks=5), headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert len(client.get(address).json()["items"]) == 1


def test_the_same_key_at_the_same_time_keeps_one_mask(client: TestClient, image_id: int) -> None:
    address, headers = f"/api/images/{image_id}/annotations", {"Idempotency-Key": "storm"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post(address, json=body(), headers=headers), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(client.get(address).json()["items"]) == 1


def test_two_people_change_one_mask_and_both_versions_are_kept(
    client: TestClient, image_id: int, project_id: int, make_person: Callable[..., Any]
) -> None:
    ben = make_person("annotator")
    client.post(f"/api/projects/{project_id}/members", json={"email": ben.email, "role": "annotator"})
    kept = keep(client, image_id)
    address = f"/api/annotations/{kept['id']}"
    bens = client.put(address, json=body(clicks=9), headers={"If-Match": '"1"'} | ben.headers)
    assert (bens.status_code, bens.json()["revision"], bens.headers["ETag"]) == (200, 2, '"2"')
    mine = client.put(address, json=body(clicks=4), headers={"If-Match": '"1"'})
    error = mine.json()["error"]
    assert (mine.status_code, error["code"]) == (412, "revision_conflict")
    assert (error["current"]["clicks"], error["current"]["author"]["id"]) == (9, ben.user_id)
    revisions = {one["id"]: one for one in client.get(f"{address}/revisions").json()["items"]}
    lost = revisions[error["yours_kept_as"]]
    assert (lost["is_conflict"], lost["content"]["clicks"]) == (True, 4)
    assert [one["content"]["clicks"] for one in revisions.values() if not one["is_conflict"]] == [2]
    resolved = client.put(address, json=body(clicks=4), headers={"If-Match": '"2"'})
    assert resolved.json()["revision"] == 3


def test_a_change_needs_the_revision_it_was_made_to(client: TestClient, image_id: int) -> None:
    address = f"/api/annotations/{keep(client, image_id)['id']}"
    for method in ("PUT", "DELETE"):
        without = client.request(method, address, json=body())
        assert (without.status_code, without.json()["error"]["code"]) == (428, "if_match_missing")
        for odd in ("*", "1", '"x"', '"1", "2"'):
            malformed = client.request(method, address, json=body(), headers={"If-Match": odd})
            assert (malformed.status_code, malformed.json()["error"]["code"]) == (422, "if_match_malformed")


def test_a_deleted_mask_can_be_restored(client: TestClient, image_id: int) -> None:
    kept = keep(client, image_id)
    address = f"/api/annotations/{kept['id']}"
    assert client.delete(address, headers={"If-Match": '"7"'}).status_code == 412
    assert client.delete(address, headers={"If-Match": '"1"'}).status_code == 204
    assert client.delete(address, headers={"If-Match": '"1"'}).status_code == 204
    assert client.get(f"/api/images/{image_id}/annotations").json()["items"] == []
    restored = client.post(f"{address}/restore").json()
    assert (restored["state"], restored["revision"], restored["rle"]) == ("accepted", 3, kept["rle"])
    assert client.post(f"{address}/restore").json()["revision"] == 3


def test_a_category_in_use_stays(client: TestClient, image_id: int, project_id: int) -> None:
    category = client.post(f"/api/projects/{project_id}/categories", json={"name": "ring"}).json()
    keep(client, image_id, category_id=category["id"])
    answer = client.delete(f"/api/projects/{project_id}/categories/{category['id']}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "category_in_use")


def test_a_category_whose_masks_were_deleted_can_go(client: TestClient, image_id: int, project_id: int) -> None:
    category = client.post(f"/api/projects/{project_id}/categories", json={"name": "slip"}).json()
    kept = keep(client, image_id, category_id=category["id"])
    client.delete(f"/api/annotations/{kept['id']}", headers={"If-Match": '"1"'})
    assert client.delete(f"/api/projects/{project_id}/categories/{category['id']}").status_code == 204
    restored = client.post(f"/api/annotations/{kept['id']}/restore")
    assert (restored.status_code, restored.json()["category_id"]) == (200, None)


def test_flags_and_comment_go_with_every_version(client: TestClient, image_id: int) -> None:
    plain = keep(client, image_id)
    assert (plain["flags"], plain["comment"]) == ([], "")
    kept = keep(client, image_id, flags=["cut_by_border", "unsure", "unsure"], comment=" where does it end? ")
    assert (kept["flags"], kept["comment"]) == (["unsure", "cut_by_border"], "where does it end?")
    address = f"/api/annotations/{kept['id']}"
    changed = client.put(address, json=body(flags=["crowd"]), headers={"If-Match": '"1"'}).json()
    assert (changed["flags"], changed["comment"]) == (["crowd"], "")
    [before] = client.get(f"{address}/revisions").json()["items"]
    assert (before["content"]["flags"], before["content"]["comment"]) == (kept["flags"], kept["comment"])


@pytest.mark.parametrize(
    "change", [{"flags": ["odd"]}, {"flags": "unsure"}, {"comment": "a" * 2001}, {"comment": "\0"}, {"flags": None}]
)
def test_unknown_flags_and_endless_comments_are_refused(
    change: dict[str, Any], client: TestClient, image_id: int
) -> None:
    answer = client.post(f"/api/images/{image_id}/annotations", json=body(**change))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


def test_seconds_without_an_item_are_bounded_too(client: TestClient, project_id: int, image_id: int) -> None:
    """By an hour for each change; by the time since the image was lent where its item is named."""
    assert keep(client, image_id, active_seconds=1e6)["active_seconds"] == 3600
    other = keep(client, image_id, active_seconds=20)
    changed = client.put(
        f"/api/annotations/{other['id']}", json=body(active_seconds=1e6), headers={"If-Match": '"1"'}
    ).json()
    assert changed["active_seconds"] == 3620
    item = client.post(f"/api/projects/{project_id}/work/next", json={"image_id": image_id}).json()
    lent = keep(client, image_id, active_seconds=1e6, work_item_id=item["id"])
    assert lent["active_seconds"] < 600, "lent a moment ago"
