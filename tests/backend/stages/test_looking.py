"""A finished image that is only looked at stays finished; one that is changed while it is lent waits again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from backend.stages.checks import check_stages
from backend.stages.tables import WorkItem
from tests.backend.stages.conftest import Stages
from tests.backend.stages.models import square
from tests.backend.stages.test_audit import make_masks
from tests.backend.stages.test_stages import draw


@pytest.fixture
def annotator(client: TestClient, project_id: int, make_person: Callable[..., Any]) -> Any:
    person = make_person("annotator")
    client.post(f"/api/projects/{project_id}/members", json={"email": person.email, "role": "annotator"})
    return person


@pytest.fixture
def finished(client: TestClient, stages: Stages, images: list[int], annotator: Any) -> list[int]:
    """Two of ten images: one that the annotator has finished with a mask on it, one that they put aside."""
    for verb, body in (("finish", {}), ("skip", {"reason": "too dark"})):
        item = client.post(f"{stages.address}/work/next", json={}, headers=annotator.headers).json()
        draw(stages, item["image"]["id"], work_item_id=item["id"])
        token = {"lease_token": item["lease_token"]} | body
        assert client.post(f"/api/work/{item['id']}/{verb}", json=token, headers=annotator.headers).status_code == 200
    return images[:2]


def read_items(stages: Stages, image_ids: list[int]) -> list[Any]:
    """All that is known of the items of these images, but for the lease."""
    names = [one for one in WorkItem.__table__.c if one.name not in ("lease_token", "claimed_at", "lease_until")]
    with stages.resources.database.read() as session:
        rows = session.execute(select(*names).where(WorkItem.image_id.in_(image_ids)).order_by(WorkItem.id))
        return [tuple(row) for row in rows]


def lend_and_release(stages: Stages, person: Any, **body: Any) -> Any:
    """What this person is lent; they give it back at once."""
    item = stages.client.post(f"{stages.address}/work/next", json=body, headers=person.headers).json()
    token = {"lease_token": item["lease_token"]}
    assert stages.client.post(f"/api/work/{item['id']}/release", json=token, headers=person.headers).status_code == 200
    return item


def look_and_release(stages: Stages, person: Any, image_id: int) -> None:
    stages.end(stages.lend(image_id=image_id).json(), "release")


def look_at_another(stages: Stages, person: Any, image_id: int) -> None:
    stages.lend(image_id=image_id)
    stages.end(stages.lend(image_id=image_id + 5).json(), "release")


def lose(stages: Stages, image_id: int) -> dict[str, Any]:
    item: dict[str, Any] = stages.lend(image_id=image_id).json()
    with stages.resources.database.write() as session:
        session.execute(update(WorkItem).where(WorkItem.state == "claimed").values(lease_until=1.0))
    return item


def lose_while_others_work(stages: Stages, person: Any, image_id: int) -> None:
    item = lose(stages, image_id)
    told = stages.client.get(f"{stages.address}/work/upcoming", headers=person.headers).json()["item"]
    assert told["image"]["id"] != image_id
    assert lend_and_release(stages, person)["image"]["id"] != image_id
    late = stages.client.post(f"/api/work/{item['id']}/finish", json={"lease_token": item["lease_token"]})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "lease_lost")


def lose_for_a_minute(stages: Stages, person: Any, image_id: int) -> None:
    lose(stages, image_id)
    check_stages(stages.resources)


def lose_before_an_admission(stages: Stages, person: Any, image_id: int) -> None:
    lose(stages, image_id)
    stages.admit("semi_automatic", count=1)


def lose_to_another_looker(stages: Stages, person: Any, image_id: int) -> None:
    lose(stages, image_id)
    assert lend_and_release(stages, person, image_id=image_id)["image"]["id"] == image_id


WAYS = [
    look_and_release,
    look_at_another,
    lose_while_others_work,
    lose_for_a_minute,
    lose_before_an_admission,
    lose_to_another_looker,
]


@pytest.mark.parametrize("look", WAYS)
def test_looking_changes_nothing(
    stages: Stages, finished: list[int], annotator: Any, look: Callable[[Stages, Any, int], None]
) -> None:
    before = read_items(stages, finished)
    for image_id in finished:
        look(stages, annotator, image_id)
        stages.check_counts()
    assert read_items(stages, finished) == before
    counts = stages.counts("assisted_manual")
    assert (counts["done"], counts["skipped"]) == (1, 1)


@pytest.mark.parametrize("way", ["release", "lost"])
@pytest.mark.parametrize("change", ["add", "reword", "delete", "delete and restore"])
def test_what_was_changed_waits_again(stages: Stages, finished: list[int], way: str, change: str) -> None:
    item = stages.lend(image_id=finished[0]).json() if way == "release" else lose(stages, finished[0])
    [mask] = stages.annotations(finished[0])
    address = f"/api/annotations/{mask['id']}"
    if change == "add":
        draw(stages, finished[0], work_item_id=item["id"])
    elif change == "reword":
        body = {"rle": mask["rle"], "comment": "Is this one?", "work_item_id": item["id"]}
        assert stages.client.put(address, json=body, headers={"If-Match": '"1"'}).status_code == 200
    else:
        assert stages.client.delete(address, headers={"If-Match": '"1"'}).status_code == 204
    if change == "delete and restore":
        assert stages.client.post(f"{address}/restore").status_code == 200
    if way == "release":
        assert stages.end(item, "release")["state"] == "ready"
    else:
        check_stages(stages.resources)
    assert stages.counts("assisted_manual") == {"ready": 9, "skipped": 1}
    stages.check_counts()


def test_an_automatic_image_stays_nobodys(stages: Stages, images: list[int]) -> None:
    stages.change("fully_automatic", review_share=0)
    admission_id = stages.admit("fully_automatic")["admission_id"]
    make_masks(stages, [square(2)])
    before = read_items(stages, images)
    for image_id in images:
        stages.lend(image_id=image_id)
    stages.end(stages.lend(image_id=images[0]).json(), "release")
    assert read_items(stages, images) == before
    stages.check_counts()
    assert stages.revert(admission_id) == {"reverted": 10, "stay": 0}


def test_a_review_outlives_a_look(stages: Stages, finished: list[int]) -> None:
    item = stages.client.get(f"{stages.address}/review").json()
    stages.client.post(f"/api/work/{item['id']}/review", json={"decision": "accept"})
    stages.end(stages.lend(image_id=finished[0]).json(), "release")
    assert stages.client.get(f"{stages.address}/review").status_code == 204


def test_finishing_anew_is_the_lookers(stages: Stages, finished: list[int]) -> None:
    stages.end(stages.lend(image_id=finished[0]).json())
    stages.end(stages.lend(image_id=finished[1]).json())
    assert stages.counts("assisted_manual") == {"ready": 8, "done": 2}
    assert stages.client.get(f"{stages.address}/review").json()["finished_by"]["name"] == "admin"
    stages.check_counts()


def test_many_who_ask_for_work_at_once_give_it_back_once(
    client: TestClient, stages: Stages, finished: list[int], make_person: Callable[..., Any], project_id: int
) -> None:
    people = [make_person("annotator") for _ in range(6)]
    for person in people:
        client.post(f"/api/projects/{project_id}/members", json={"email": person.email, "role": "annotator"})
    lose(stages, finished[0])

    def lend(person: Any) -> Any:
        return client.post(f"{stages.address}/work/next", json={}, headers=person.headers).json()["image"]["id"]

    with ThreadPoolExecutor(6) as pool:
        lent = list(pool.map(lend, people))
    assert len(set(lent)) == 6
    assert not set(lent) & set(finished)
    assert stages.counts("assisted_manual") == {"ready": 2, "claimed": 6, "done": 1, "skipped": 1}
    stages.check_counts()
