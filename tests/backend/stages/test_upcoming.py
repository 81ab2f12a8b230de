"""Which image comes next, and that it is lent to whoever is ready for it."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient


@pytest.fixture
def team(client: TestClient, project_id: int, make_person: Callable[..., Any]) -> list[Any]:
    people = sorted((make_person("annotator") for _ in range(3)), key=lambda person: person.user_id)
    for person in people:
        client.post(f"/api/projects/{project_id}/members", json={"email": person.email, "role": "annotator"})
    return people


def lend(client: TestClient, project_id: int, person: Any, **body: Any) -> Any:
    return client.post(f"/api/projects/{project_id}/work/next", json=body, headers=person.headers)


def upcoming(client: TestClient, project_id: int, person: Any, query: str = "") -> int | None:
    answer = client.get(f"/api/projects/{project_id}/work/upcoming{query}", headers=person.headers)
    assert answer.status_code == 200, answer.text
    item = answer.json()["item"]
    assert item is None or item["lease_token"] is None, "it is not lent"
    return None if item is None else int(item["image"]["id"])


def finish(client: TestClient, person: Any, item: Any) -> None:
    body = {"lease_token": item["lease_token"]}
    assert client.post(f"/api/work/{item['id']}/finish", json=body, headers=person.headers).status_code == 200


def test_people_at_work_are_told_of_different_images_and_get_them(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    images = [add_image() for _ in range(6)]
    items = [lend(client, project_id, person).json() for person in team]
    told = [upcoming(client, project_id, person) for person in team]
    assert told == images[3:]
    assert told == [upcoming(client, project_id, person) for person in team], "asking lends nothing"
    for person, item, image_id in reversed(list(zip(team, items, told, strict=True))):
        finish(client, person, item)
        assert lend(client, project_id, person, prefer=image_id).json()["image"]["id"] == image_id
    assert [upcoming(client, project_id, person) for person in team] == [None] * 3


def test_what_somebody_else_took_meanwhile_is_not_insisted_on(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    first, second, third = add_image(), add_image(), add_image()
    item = lend(client, project_id, team[0]).json()
    assert item["image"]["id"] == first
    assert upcoming(client, project_id, team[0]) == second
    assert lend(client, project_id, team[1]).json()["image"]["id"] == second
    finish(client, team[0], item)
    assert lend(client, project_id, team[0], prefer=second).json()["image"]["id"] == third


def test_a_finished_image_is_not_opened_again_by_preferring_it(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    first, _ = add_image(), add_image()
    finish(client, team[1], lend(client, project_id, team[1]).json())
    assert lend(client, project_id, team[0], prefer=first).json()["image"]["id"] != first


def test_only_of_the_stage_asked_for(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    image_id = add_image()
    assert upcoming(client, project_id, team[0], "?stage=assisted_manual") == image_id
    assert upcoming(client, project_id, team[0], "?stage=semi_automatic") is None
    assert lend(client, project_id, team[0], prefer=image_id, stage="semi_automatic").status_code == 204


def test_finishing_and_lending_are_one_step(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    first, second = add_image(), add_image()
    person = team[0]
    item = lend(client, project_id, person).json()
    assert item["image"]["id"] == first
    done = {"work_id": item["id"], "lease_token": item["lease_token"]}
    following = lend(client, project_id, person, finish=done).json()
    assert following["image"]["id"] == second
    assert lend(client, project_id, person, finish=done).json()["id"] == following["id"], "an answer that got lost"
    states = {image["id"]: image["state"] for image in client.get(f"/api/projects/{project_id}/images").json()["items"]}
    assert states == {first: "done", second: "claimed"}
    last = {"work_id": following["id"], "lease_token": following["lease_token"]}
    assert lend(client, project_id, person, finish=last).status_code == 204


def test_nothing_is_lent_where_nothing_could_be_finished(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    add_image(), add_image()
    item = lend(client, project_id, team[0]).json()
    lost = lend(client, project_id, team[1], finish={"work_id": item["id"], "lease_token": "not this one"})
    assert (lost.status_code, lost.json()["error"]["code"]) == (409, "lease_lost")
    other = client.post("/api/projects", json={"name": "Other"}).json()["id"]
    done = {"work_id": item["id"], "lease_token": item["lease_token"]}
    elsewhere = client.post(f"/api/projects/{other}/work/next", json={"finish": done})
    assert (elsewhere.status_code, elsewhere.json()["error"]["code"]) == (404, "work_not_found")
    again = lend(client, project_id, team[0]).json()
    assert again["id"] == item["id"], "still theirs, still in work"
    assert upcoming(client, project_id, team[1]) is not None
