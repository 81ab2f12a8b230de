"""Projects, members and categories through HTTP."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi.testclient import TestClient

from backend.projects import service
from tests.running import wait_until_blocked


def test_a_project_lives_and_is_deleted(client: TestClient) -> None:
    created = client.post("/api/projects", json={"name": "  Streets ", "description": "day and night"}).json()
    assert (created["name"], created["role"], created["image_count"]) == ("Streets", "admin", 0)
    address = f"/api/projects/{created['id']}"
    assert client.patch(address, json={"name": "Roads"}).json()["name"] == "Roads"
    assert [one["id"] for one in client.get("/api/projects").json()["items"]] == [created["id"]]
    assert client.delete(address).status_code == 204
    assert client.get("/api/projects").json() == {"items": [], "next_cursor": None, "total": 0}
    assert client.get(address).json()["error"]["code"] == "project_deleted"


def test_a_deleted_project_is_restored_by_an_administrator(
    client: TestClient, project_id: int, make_person: Callable[..., Any]
) -> None:
    address, ann = f"/api/projects/{project_id}", make_person("annotator")
    client.post(f"{address}/members", json={"email": ann.email, "role": "admin"})
    assert client.delete(address).status_code == 204
    (deleted,) = client.get("/api/projects?deleted=true").json()["items"]
    assert (deleted["id"], deleted["deleted_at"] is not None) == (project_id, True)
    for refused in (
        client.get("/api/projects?deleted=true", headers=ann.headers),
        client.post(f"{address}/restore", headers=ann.headers),
    ):
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "admins_only")
    assert client.post(f"{address}/restore").json()["deleted_at"] is None
    assert client.post(f"{address}/restore").status_code == 200, "once more is no error"
    assert client.get(address, headers=ann.headers).json()["role"] == "admin"
    assert client.get("/api/projects?deleted=true").json()["total"] == 0
    kinds = [one["kind"] for one in client.get(f"{address}/audit-log").json()["items"]]
    assert kinds == ["project.restored", "project.deleted"]
    assert client.post("/api/projects/12345/restore").json()["error"]["code"] == "project_not_found"


def test_guidelines_are_kept_as_written_and_have_a_limit(client: TestClient, project_id: int) -> None:
    address = f"/api/projects/{project_id}"
    assert client.get(address).json()["guidelines"] == ""
    text = "# Cells\n\n- one mask *each* <b>as it stands</b>"
    assert client.patch(address, json={"guidelines": text}).json()["guidelines"] == text
    assert client.patch(address, json={"name": "Other"}).json()["guidelines"] == text, "absent fields stay"
    assert client.patch(address, json={"guidelines": "x" * 20_000}).status_code == 200
    refused = client.patch(address, json={"guidelines": "x" * 20_001})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_request")
    assert client.patch(address, json={"guidelines": ""}).json()["guidelines"] == ""


def test_a_project_needs_a_name(client: TestClient) -> None:
    for name in ("", "   ", "x" * 121, None, 5):
        answer = client.post("/api/projects", json={"name": name})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


def test_a_text_with_a_nul_character_is_refused_and_one_with_its_name_is_not(
    client: TestClient, project_id: int
) -> None:
    address = f"/api/projects/{project_id}"
    calls = [
        client.patch(address, json={"guidelines": "a\0b"}),
        client.post(f"{address}/categories", json={"name": "\0"}),
        client.post(f"{address}/snapshots", json={"note": "\0"}),
        client.post("/api/auth/login", json={"email": "\0", "password": "\0"}),
    ]
    assert {(refused.status_code, refused.json()["error"]["code"]) for refused in calls} == {(422, "invalid_request")}
    assert client.patch(address, json={"guidelines": "\\u0000"}).json()["guidelines"] == "\\u0000"


def test_a_number_too_long_to_be_an_id_is_not_found(client: TestClient) -> None:
    for digits in ("99999999999999999999", "1" * 5000):
        assert client.get(f"/api/projects/{digits}").json()["error"]["code"] == "project_not_found"


def test_members_see_only_their_projects(client: TestClient, project_id: int, make_person: Callable[..., Any]) -> None:
    ann = make_person("annotator")
    assert client.get("/api/projects", headers=ann.headers).json()["total"] == 0
    added = client.post(f"/api/projects/{project_id}/members", json={"email": ann.email, "role": "annotator"})
    assert added.status_code == 201
    mine = client.get("/api/projects", headers=ann.headers).json()["items"]
    assert [(one["id"], one["role"]) for one in mine] == [(project_id, "annotator")]
    client.post(f"/api/projects/{project_id}/members", json={"email": ann.email, "role": "researcher"})
    roles = {one["user_id"]: one["role"] for one in client.get(f"/api/projects/{project_id}/members").json()["items"]}
    assert roles[ann.user_id] == "researcher"
    assert client.delete(f"/api/projects/{project_id}/members/{ann.user_id}").status_code == 204
    assert client.get("/api/projects", headers=ann.headers).json()["total"] == 0
    stranger = client.post(f"/api/projects/{project_id}/members", json={"email": "no@example.org", "role": "admin"})
    assert stranger.json()["error"]["code"] == "user_not_found"


def test_categories(client: TestClient, project_id: int) -> None:
    address = f"/api/projects/{project_id}/categories"
    car, tree = (client.post(address, json={"name": name}).json() for name in ("car", "tree"))
    assert (car["position"], tree["position"]) == (0, 1)
    assert client.post(address, json={"name": "car"}).json()["error"]["code"] == "category_exists"
    assert client.patch(f"{address}/{car['id']}", json={"name": "tree"}).status_code == 409
    assert client.patch(f"{address}/{car['id']}", json={"name": "lorry"}).json()["name"] == "lorry"
    assert client.delete(f"{address}/{tree['id']}").status_code == 204
    assert [one["name"] for one in client.get(address).json()["items"]] == ["lorry"]
    other = client.post("/api/projects", json={"name": "Other"}).json()["id"]
    foreign = client.patch(f"/api/projects/{other}/categories/{car['id']}", json={"name": "stolen"})
    assert foreign.json()["error"]["code"] == "category_not_found"


def test_who_is_second_with_the_same_category_or_member_is_told_so(
    client: TestClient, project_id: int, make_person: Callable[..., Any]
) -> None:
    address, email = f"/api/projects/{project_id}", make_person("annotator").email
    database = client.app.state.resources.database  # type: ignore[attr-defined]
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            service.add_category(session, project_id, "car")
            second = pool.submit(client.post, f"{address}/categories", json={"name": "car"})
            wait_until_blocked(database)
        assert second.result().status_code == 409
        with database.write() as session:
            service.set_member(session, project_id, email=email, role="annotator")
            second = pool.submit(client.post, f"{address}/members", json={"email": email, "role": "annotator"})
            wait_until_blocked(database)
        # On SQLite the second waits for its turn, and finds the member there.
        assert second.result().status_code == (201 if database.is_sqlite else 409)
    assert [one["email"] for one in client.get(f"{address}/members").json()["items"]].count(email) == 1


def test_a_value_that_no_column_can_keep_is_refused_by_name(client: TestClient, project_id: int) -> None:
    """In a path, which no schema looks at. SQLite's text holds it: there the next step is what fails here."""
    database = client.app.state.resources.database  # type: ignore[attr-defined]
    answer = client.post("/api/models/%00/promote", json={"project_id": project_id, "reason": "it gains"})
    expected = (503, "model_server_unavailable") if database.is_sqlite else (422, "invalid_request")
    assert (answer.status_code, answer.json()["error"]["code"]) == expected
