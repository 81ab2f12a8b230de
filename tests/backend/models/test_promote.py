"""Which version is live: promoted, taken back, asked for twice at once, and not there at all."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from backend.jobs.resources import Resources
from backend.jobs.tables import Job
from backend.models.service import promote, record_version
from backend.models.tables import Promotion


@pytest.fixture
def resources(client: TestClient) -> Resources:
    found: Resources = client.app.state.resources  # type: ignore[attr-defined]
    return found


@pytest.fixture
def versions(resources: Resources) -> list[str]:
    """Three versions; the last has another encoder."""
    names = ["a-00000001", "b-00000002", "c-00000003"]
    with resources.database.write() as session:
        for name in names:
            described = {"name": name[0], "family": "sam2", "image_size": 64, "parameters": 1}
            encoder = "other" if name[0] == "c" else "same"
            record_version(session, described | {"model_version": name, "encoder_fingerprint": encoder})
    return names


def live(client: TestClient, project_id: int) -> Any:
    return client.get(f"/api/projects/{project_id}").json()["model_version"]


def ask(client: TestClient, project_id: int, version: str) -> tuple[int, Any]:
    body = {"project_id": project_id, "reason": "it is better"}
    answer = client.post(f"/api/models/{version}/promote", json=body)
    return answer.status_code, answer.json()


def back(client: TestClient, project_id: int) -> tuple[int, Any]:
    answer = client.post(f"/api/projects/{project_id}/rollback", json={"reason": "it is not"})
    return answer.status_code, answer.json()


def test_promoted_and_taken_back_one_by_one(client: TestClient, project_id: int, versions: list[str]) -> None:
    """The model server is away: versions that were seen before will do."""
    status, first = ask(client, project_id, versions[0])
    assert (status, first["from_version"], first["author"]["name"]) == (201, None, "admin")
    assert ask(client, project_id, versions[1])[0] == 201
    assert live(client, project_id) == versions[1]
    assert ask(client, project_id, versions[1])[1]["error"]["code"] == "already_live"
    assert back(client, project_id)[1]["to_version"] == versions[0]
    assert back(client, project_id)[1]["to_version"] is None
    assert live(client, project_id) is None
    assert back(client, project_id)[1]["error"]["code"] == "nothing_to_roll_back"
    assert ask(client, project_id, versions[2])[0] == 201
    assert back(client, project_id)[1]["to_version"] is None
    history = client.get(f"/api/projects/{project_id}/promotions").json()["items"]
    assert [one["is_rollback"] for one in history] == [True, False, True, True, False, False]


def test_who_may(client: TestClient, project_id: int, versions: list[str], make_person: Callable[..., Any]) -> None:
    person = make_person("annotator")
    body = {"project_id": project_id, "reason": "I like it"}
    address = f"/api/models/{versions[0]}/promote"
    assert client.post(address, json=body, headers=person.headers).status_code == 404
    client.post(f"/api/projects/{project_id}/members", json={"email": person.email, "role": "researcher"})
    assert client.post(address, json=body, headers=person.headers).status_code == 403
    client.post(f"/api/projects/{project_id}/members", json={"email": person.email, "role": "admin"})
    assert client.post(address, json=body, headers=person.headers).status_code == 201
    assert client.post(address, json=body | {"reason": " "}).status_code == 422


def test_two_at_once_come_one_after_the_other(project_id: int, resources: Resources, versions: list[str]) -> None:
    together = threading.Barrier(2)

    def act(version: str) -> None:
        together.wait()
        with resources.database.write() as session:
            promote(session, project_id, "model", version, reason="both at once", author_id=None)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, versions[:2]))
    with resources.database.read() as session:
        first, second = session.scalars(select(Promotion).order_by(Promotion.id))
    assert (first.from_version, second.from_version) == (None, first.to_version)
    assert {first.to_version, second.to_version} == set(versions[:2])


def test_another_encoder_has_embeddings_made_anew(
    client: TestClient, project_id: int, resources: Resources, versions: list[str], add_image: Callable[..., int]
) -> None:
    images = [add_image() for _ in range(18)]

    def embeds(priority: int) -> list[int]:
        with resources.database.read() as session:
            jobs = session.scalars(select(Job).where(Job.kind == "embed", Job.priority == priority)).all()
        return [image for job in jobs if ":c-" in (job.dedupe_key or "") for image in job.args["image_ids"]]

    for version in versions:
        assert ask(client, project_id, version)[0] == 201
    assert (embeds(10), embeds(-10)) == (images[:16], images[16:])


class TestWithModelServer:
    @pytest.fixture
    def settings(self, settings: Any, model_server_url: str) -> Any:
        return settings.model_copy(update={"model_server_url": model_server_url})

    def test_only_what_the_model_server_serves(
        self, client: TestClient, project_id: int, versions: list[str], add_image: Callable[..., int]
    ) -> None:
        assert ask(client, project_id, versions[0])[1]["error"]["code"] == "model_not_found"
        assert ask(client, project_id, "nothing-00000000")[0] == 404
        tiny = client.get("/api/models").json()["items"][0]["id"]
        assert ask(client, project_id, tiny)[0] == 201
        body = {"project_id": project_id, "reason": "it sees", "kind": "detector"}
        answer = client.post("/api/models/nothing-00000000/promote", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "detector_not_found")
