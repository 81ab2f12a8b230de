"""The annotators' queue: lent once, lost to nobody, given back when a lease runs out."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from backend.stages.tables import WorkItem


@pytest.fixture
def team(client: TestClient, project_id: int, make_person: Callable[..., Any]) -> list[Any]:
    people = [make_person("annotator") for _ in range(8)]
    for person in people:
        client.post(f"/api/projects/{project_id}/members", json={"email": person.email, "role": "annotator"})
    return people


def lend(client: TestClient, project_id: int, person: Any, **body: Any) -> Any:
    return client.post(f"/api/projects/{project_id}/work/next", json=body, headers=person.headers)


def end(client: TestClient, item: dict[str, Any], verb: str, person: Any, **body: Any) -> Any:
    body = {"lease_token": item["lease_token"]} | body
    return client.post(f"/api/work/{item['id']}/{verb}", json=body, headers=person.headers)


def run_out(client: TestClient, item: dict[str, Any]) -> None:
    """Lets the lease of an item end now."""
    database = client.app.state.resources.database  # type: ignore[attr-defined]
    with database.write() as session:
        session.execute(update(WorkItem).where(WorkItem.id == item["id"]).values(lease_until=1.0))


def test_images_are_lent_in_order_and_finished(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    first, second = add_image(), add_image()
    item = lend(client, project_id, team[0]).json()
    assert (item["image"]["id"], item["state"], item["remaining"]) == (first, "claimed", 2)
    assert lend(client, project_id, team[0]).json()["lease_token"] == item["lease_token"], (
        "the same person, the same item"
    )
    other = lend(client, project_id, team[1]).json()
    assert other["image"]["id"] == second
    assert lend(client, project_id, team[2]).status_code == 204
    done = end(client, item, "finish", team[0])
    assert (done.status_code, done.json()["state"]) == (200, "done")
    assert end(client, item, "finish", team[0]).status_code == 200, "finishing twice is no error"
    assert client.get(f"/api/projects/{project_id}").json()["done_count"] == 1
    assert lend(client, project_id, team[0]).status_code == 204


def test_eight_people_never_get_the_same_image(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    for _ in range(8):
        add_image()
    with ThreadPoolExecutor(8) as pool:
        lent = list(pool.map(lambda person: lend(client, project_id, person).json()["image"]["id"], team))
    assert len(set(lent)) == 8


def test_a_lost_lease_goes_to_the_next_and_the_late_finish_is_refused(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    add_image()
    item = lend(client, project_id, team[0]).json()
    assert end(client, item, "heartbeat", team[0]).status_code == 200
    run_out(client, item)
    assert end(client, item, "heartbeat", team[0]).status_code == 200, "nobody took it: it is still theirs"
    run_out(client, item)
    taken = lend(client, project_id, team[1]).json()
    assert (taken["id"], taken["lease_token"] != item["lease_token"]) == (item["id"], True)
    for verb in ("heartbeat", "finish", "skip", "release"):
        refused = end(client, item, verb, team[0])
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "lease_lost")
    assert end(client, taken, "finish", team[1]).status_code == 200


def test_skip_release_and_reopen(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    first, second = add_image(), add_image()
    item = lend(client, project_id, team[0]).json()
    assert end(client, item, "release", team[0]).json()["state"] == "ready"
    assert lend(client, project_id, team[0], after=item["id"]).json()["image"]["id"] == second
    held = lend(client, project_id, team[0], image_id=first).json()
    assert held["image"]["id"] == first
    busy = lend(client, project_id, team[1], image_id=first)
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "already_claimed")
    assert lend(client, project_id, team[1]).json()["image"]["id"] == second, "what was held before was given back"
    skipped = end(client, held, "skip", team[0], reason="too dark")
    assert skipped.json()["state"] == "skipped"
    assert client.get(f"/api/images/{first}").json()["skip_reason"] == "too dark"
    (listed,) = client.get(f"/api/projects/{project_id}/images?state=skipped").json()["items"]
    assert (listed["id"], listed["skip_reason"]) == (first, "too dark")
    reopened = lend(client, project_id, team[2], image_id=first).json()
    assert (reopened["state"], reopened["image"]["skip_reason"]) == ("claimed", "too dark")
    assert end(client, reopened, "finish", team[2]).json()["image"]["skip_reason"] is None
    assert lend(client, project_id, team[3], image_id=999).status_code == 404


def test_nothing_to_do(client: TestClient, project_id: int, team: list[Any]) -> None:
    assert lend(client, project_id, team[0]).status_code == 204
