"""Who works on which image now, and an administrator who takes an image out of somebody's hands."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text, update

from backend.stages.held import held_items
from backend.stages.tables import WorkItem
from model_server.contract import masks
from tests.backend.stages.conftest import Stages

MASK = dict(masks.encode(np.ones((40, 60), bool)))


@pytest.fixture
def people(client: TestClient, project_id: int, make_person: Callable[..., Any]) -> list[Any]:
    """Three annotators of the project."""
    annotators = [make_person("annotator", f"{name}@example.org") for name in ("ann", "bo", "cy")]
    for person in annotators:
        client.post(f"/api/projects/{project_id}/members", json={"email": person.email, "role": "annotator"})
    return annotators


def lend(stages: Stages, person: Any, **body: Any) -> Any:
    return stages.client.post(f"{stages.address}/work/next", json=body, headers=person.headers).json()


def held(stages: Stages, **params: Any) -> Any:
    answer = stages.client.get(f"{stages.address}/work", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def free(stages: Stages, work_id: int, holder: Any, **body: Any) -> Any:
    return stages.client.post(f"/api/work/{work_id}/free", json={"holder_id": holder.user_id} | body)


def test_work_in_hands_is_listed_newest_first_with_holder_and_lease(
    stages: Stages, images: list[int], people: list[Any]
) -> None:
    assert held(stages) == {"items": [], "next_cursor": None}
    first = lend(stages, people[0])
    second = lend(stages, people[1])
    items = held(stages)["items"]
    assert [one["work_id"] for one in items] == [second["id"], first["id"]]
    assert items[1] | {"held_since": "", "lease_until": ""} == {
        "work_id": first["id"],
        "image_id": first["image"]["id"],
        "file_name": first["image"]["file_name"],
        "stage": "assisted_manual",
        "is_audit": False,
        "holder": {"id": people[0].user_id, "name": "annotator"},
        "held_since": "",
        "lease_until": "",
        "has_run_out": False,
    }
    since, until = (datetime.fromisoformat(items[1][name]) for name in ("held_since", "lease_until"))
    assert timedelta(seconds=119) < until - since < timedelta(seconds=121)
    assert abs(datetime.now(UTC) - since) < timedelta(seconds=60)
    stages.client.post(
        f"/api/work/{first['id']}/finish", json={"lease_token": first["lease_token"]}, headers=people[0].headers
    )
    assert [one["work_id"] for one in held(stages)["items"]] == [second["id"]], "what is finished is in nobody's hands"


def test_a_lease_that_ran_out_is_still_listed_and_said_to_have(
    stages: Stages, images: list[int], people: list[Any]
) -> None:
    item = lend(stages, people[0])
    with stages.resources.database.write() as session:
        session.execute(update(WorkItem).where(WorkItem.id == item["id"]).values(lease_until=1.0))
    [listed] = held(stages)["items"]
    assert (listed["has_run_out"], listed["holder"]["id"]) == (True, people[0].user_id)


def test_pages_meet_without_a_gap(stages: Stages, images: list[int], people: list[Any]) -> None:
    lent = [lend(stages, person)["id"] for person in people]
    with stages.resources.database.write() as session:  # claimed in one moment
        session.execute(update(WorkItem).where(WorkItem.id.in_(lent[:2])).values(claimed_at=1.25))
    seen, cursor = [], None
    while True:
        page = held(stages, limit=1, **({} if cursor is None else {"cursor": cursor}))
        seen += [one["work_id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [lent[2], lent[1], lent[0]]
    for wrong in ({"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"cursor": "1.5"}, {"cursor": "1.5_" + "9" * 30}):
        assert stages.client.get(f"{stages.address}/work", params=wrong).status_code == 422, wrong


def test_the_list_is_read_by_an_index_whatever_the_size_of_the_project(stages: Stages) -> None:
    with stages.resources.database.read() as session:
        dialect = session.get_bind().dialect
        literal = held_items(stages.project_id, before=(2.0, 3)).compile(
            dialect=dialect, compile_kwargs={"literal_binds": True}
        )
        if dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN" if dialect.name == "sqlite" else "EXPLAIN"
        plan = "\n".join(str(row) for row in session.execute(text(f"{explain} {literal}")))
    assert re.search(r"ix_work_items_state.*project_id.*state", plan, re.DOTALL), plan


def test_freed_work_waits_again_and_its_holder_loses_nothing(
    stages: Stages, images: list[int], people: list[Any]
) -> None:
    client = stages.client
    ann, bo, _ = people
    item = lend(stages, ann)
    assert client.post(f"/api/work/{item['id']}/free", json={"holder_id": 1}, headers=ann.headers).status_code == 403
    answer = free(stages, item["id"], ann, reason=" On holiday ")
    assert answer.status_code == 204
    assert held(stages)["items"] == []
    assert stages.counts("assisted_manual") == {"ready": 10}
    stages.check_counts()
    [entry] = client.get(f"{stages.address}/audit-log").json()["items"]
    assert (entry["kind"], entry["actor"]["name"]) == ("work.freed", "admin")
    assert entry["data"] == {
        "image_id": item["image"]["id"],
        "file_name": item["image"]["file_name"],
        "stage": "assisted_manual",
        "holder": {"id": ann.user_id, "name": "annotator"},
        "reason": "On holiday",
    }

    token = {"lease_token": item["lease_token"]}
    for verb in ("heartbeat", "finish", "skip", "release"):
        lost = client.post(f"/api/work/{item['id']}/{verb}", json=token, headers=ann.headers)
        assert (lost.status_code, lost.json()["error"]["code"]) == (409, "lease_lost"), verb
    late = {"rle": MASK, "work_item_id": item["id"], "active_seconds": 3.0}
    address = f"/api/images/{item['image']['id']}/annotations"
    assert client.post(address, json=late, headers=ann.headers).status_code == 201, "what was unsaved is still kept"
    assert lend(stages, bo)["image"]["id"] == item["image"]["id"], "the next person is lent it"


def test_only_what_its_holder_still_has_is_freed(stages: Stages, images: list[int], people: list[Any]) -> None:
    ann, bo, _ = people
    item = lend(stages, ann)
    assert free(stages, item["id"], ann).status_code == 204
    again = free(stages, item["id"], ann)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "not_held")
    theirs = lend(stages, bo)
    assert theirs["id"] == item["id"]
    assert free(stages, item["id"], ann).status_code == 409, "not what somebody else has taken since"
    assert [one["holder"]["id"] for one in held(stages)["items"]] == [bo.user_id]
    assert free(stages, 999, ann).status_code == 404
    assert stages.client.post(f"/api/work/{item['id']}/free", json={}).status_code == 422
    stages.check_counts()
