"""What people make of a model's proposals: accepted, corrected, rejected, all at once and undone."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.annotations.proposals import Found, add_found
from backend.images.tables import Image
from tests.backend.stages.conftest import Stages
from tests.backend.stages.models import SIZE_HW, square
from tests.backend.stages.test_audit import make_masks

VERSION = "tiny-11111111"


@pytest.fixture
def image_id(add_image: Callable[..., int]) -> int:
    return add_image(SIZE_HW)


@pytest.fixture
def proposed(stages: Stages, image_id: int) -> list[dict[str, Any]]:
    """Three proposals on an image."""
    with stages.resources.database.write() as session:
        image = session.get_one(Image, image_id)
        found: list[Found] = [square(2), square(20), square(40)]
        add_found(session, image, found, origin="detector", stage="semi_automatic", model_version=VERSION)
    return stages.annotations(image_id)


def judge(client: TestClient, one: dict[str, Any], verb: str, revision: int | None = None) -> Any:
    headers = {"If-Match": f'"{one["revision"] if revision is None else revision}"'}
    return client.post(f"/api/annotations/{one['id']}/{verb}", headers=headers)


def test_accepting_keeps_the_proposal_as_it_is(
    client: TestClient, stages: Stages, proposed: list[dict[str, Any]]
) -> None:
    answer = judge(client, proposed[0], "accept")
    kept = answer.json()
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert (kept["state"], kept["origin"], kept["stage"]) == ("accepted", "detector", "semi_automatic")
    assert (kept["rle"], kept["author"]["name"], kept["proposal_iou"]) == (proposed[0]["rle"], "admin", 1.0)
    assert judge(client, proposed[0], "accept").json() == kept, "sent again after a lost answer"
    assert judge(client, kept, "accept").json() == kept
    assert stages.read("semi_automatic")["masks"] == 1
    stages.check_counts()


def test_rejecting_takes_it_away_and_it_can_come_back(
    client: TestClient, stages: Stages, image_id: int, proposed: list[dict[str, Any]]
) -> None:
    rejected = judge(client, proposed[0], "reject").json()
    assert (rejected["state"], rejected["proposal_iou"]) == ("rejected", 0.0)
    assert judge(client, proposed[0], "reject").json() == rejected
    deleted = client.delete(f"/api/annotations/{proposed[1]['id']}", headers={"If-Match": '"1"'})
    assert deleted.status_code == 204
    assert [one["id"] for one in stages.annotations(image_id)] == [proposed[2]["id"]]
    stages.check_counts()
    restored = client.post(f"/api/annotations/{proposed[1]['id']}/restore").json()
    assert (restored["state"], restored["author"], restored["proposal_iou"]) == ("proposed", None, None)
    accepted = judge(client, rejected, "accept").json()
    assert (accepted["state"], accepted["proposal_iou"]) == ("accepted", 1.0)
    stages.check_counts()


def test_correcting_keeps_what_was_proposed(client: TestClient, stages: Stages, proposed: list[dict[str, Any]]) -> None:
    better = square(4)
    body = {"rle": dict(better.rle), "clicks": 1, "active_seconds": 3.5}
    address = f"/api/annotations/{proposed[0]['id']}"
    corrected = client.put(address, json=body, headers={"If-Match": '"1"'}).json()
    assert (corrected["state"], corrected["origin"], corrected["rle"]) == ("accepted", "detector", dict(better.rle))
    assert corrected["proposal"] == proposed[0]["proposal"]
    assert corrected["model_version"] == VERSION
    assert corrected["proposal_iou"] == pytest.approx(6 * 8 / (10 * 8))
    stages.check_counts()
    judge(client, corrected, "reject")
    back = client.post(f"{address}/restore").json()
    assert (back["state"], back["proposal_iou"]) == ("accepted", corrected["proposal_iou"])
    stages.check_counts()


def test_two_people_judge_one_proposal(client: TestClient, proposed: list[dict[str, Any]]) -> None:
    judge(client, proposed[0], "reject")
    lost = judge(client, proposed[0], "accept")
    assert (lost.status_code, lost.json()["error"]["code"]) == (412, "revision_conflict")
    assert lost.json()["error"]["current"]["state"] == "rejected"
    assert client.post(f"/api/annotations/{proposed[0]['id']}/accept").status_code == 428


def test_all_at_once_and_undone(
    client: TestClient, stages: Stages, image_id: int, proposed: list[dict[str, Any]]
) -> None:
    address = f"/api/images/{image_id}/proposals"
    judge(client, proposed[2], "reject")
    accepted = client.post(f"{address}/accept-all").json()["accepted"]
    assert accepted == [proposed[0]["id"], proposed[1]["id"]]
    assert client.post(f"{address}/accept-all").json() == {"accepted": []}
    stages.check_counts()
    body = {"rle": dict(square(21).rle)}
    client.put(f"/api/annotations/{accepted[1]}", json=body, headers={"If-Match": '"2"'})
    undone = client.post(f"{address}/undo-accept-all", json={"ids": [*accepted, 999]}).json()
    assert undone == {"proposed": [accepted[0]]}
    by_id = {one["id"]: one for one in stages.annotations(image_id)}
    assert (by_id[accepted[0]]["state"], by_id[accepted[0]]["author"]) == ("proposed", None)
    assert by_id[accepted[1]]["state"] == "accepted"
    assert client.post(f"{address}/accept-all").json() == {"accepted": [accepted[0]]}
    stages.check_counts()


def test_all_rejected_at_once_and_undone(
    client: TestClient, stages: Stages, image_id: int, proposed: list[dict[str, Any]]
) -> None:
    address = f"/api/images/{image_id}/proposals"
    judge(client, proposed[2], "accept")
    rejected = client.post(f"{address}/reject-all").json()["rejected"]
    assert rejected == [proposed[0]["id"], proposed[1]["id"]]
    assert client.post(f"{address}/reject-all").json() == {"rejected": []}, "sent again after a lost answer"
    assert [(one["id"], one["state"]) for one in stages.annotations(image_id)] == [(proposed[2]["id"], "accepted")]
    stages.check_counts()
    revisions = client.get(f"/api/annotations/{rejected[0]}/revisions").json()["items"]
    assert [one["content"]["state"] for one in revisions] == ["proposed"]
    client.post(f"/api/annotations/{rejected[1]}/restore")
    undone = client.post(f"{address}/undo-reject-all", json={"ids": [*rejected, proposed[2]["id"], 999]}).json()
    assert undone == {"proposed": [rejected[0]]}, "not what stands, and not what somebody brought back already"
    assert [one["state"] for one in stages.annotations(image_id)] == ["proposed", "proposed", "accepted"]
    assert stages.annotations(image_id)[0]["proposal_iou"] is None
    stages.check_counts()


def test_what_a_person_drew_is_no_proposal(client: TestClient, image_id: int) -> None:
    drawn = client.post(f"/api/images/{image_id}/annotations", json={"rle": dict(square(2).rle)}).json()
    for verb in ("accept", "reject"):
        answer = judge(client, drawn, verb)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_a_proposal")


def test_an_image_is_removed_with_its_proposals(
    client: TestClient, stages: Stages, image_id: int, proposed: list[dict[str, Any]]
) -> None:
    judge(client, proposed[0], "reject")
    assert client.delete(f"/api/images/{image_id}").status_code == 204
    stages.check_counts()


def test_undecided_proposals_stay_behind_when_the_image_goes_on(
    client: TestClient, stages: Stages, image_id: int
) -> None:
    """In the automatic stage the same objects have automatic masks: nobody is asked about both."""
    found: list[Found] = [square(2), square(20), square(40)]
    stages.admit("semi_automatic")
    with stages.resources.database.write() as session:
        image = session.get_one(Image, image_id)
        add_found(session, image, found, origin="detector", stage="semi_automatic", model_version=VERSION)
    proposed = stages.annotations(image_id)
    kept = judge(client, proposed[0], "accept").json()
    stages.change("fully_automatic", review_share=1)
    admission_id = stages.admit("fully_automatic")["admission_id"]
    make_masks(stages, found)
    audit = stages.lend().json()
    assert (audit["stage"], audit["is_audit"]) == ("fully_automatic", True)
    assert client.get(f"/api/images/{image_id}").json()["annotation_count"] == 3
    origins = [(one["origin"], one["state"]) for one in stages.annotations(image_id)]
    assert origins == [("detector", "accepted"), ("automatic", "accepted"), ("automatic", "accepted")]
    assert client.post(f"/api/images/{image_id}/proposals/accept-all").json()["accepted"] == []
    stages.end(audit, "release")
    stages.check_counts()

    assert stages.revert(admission_id) == {"reverted": 1, "stay": 0}
    assert stages.annotations(image_id) == [kept, *proposed[1:]]
    accepted = client.post(f"/api/images/{image_id}/proposals/accept-all").json()["accepted"]
    assert accepted == [one["id"] for one in proposed[1:]]
    stages.check_counts()
