"""The audit log: newest first, page by page, with who did it."""

from fastapi.testclient import TestClient

from backend.events.service import record


def test_pages_newest_first_with_actors(client: TestClient, project_id: int) -> None:
    database = client.app.state.resources.database  # type: ignore[attr-defined]
    me = client.get("/api/me").json()["user"]
    with database.write() as session:
        for number in range(4):
            record(session, project_id, "snapshot.made", {"number": number}, actor_id=me["id"], is_audit=True)
        record(session, project_id, "not.for.people", {})
        record(session, project_id, "model.promoted", {}, is_audit=True)

    address = f"/api/projects/{project_id}/audit-log"
    first = client.get(address, params={"limit": 2}).json()
    assert [item["kind"] for item in first["items"]] == ["model.promoted", "snapshot.made"]
    assert [item["actor"] for item in first["items"]] == [None, {"id": me["id"], "name": me["name"]}]
    second = client.get(address, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [item["data"]["number"] for item in second["items"]] == [2, 1, 0]
    assert second["next_cursor"] is None
    for wrong in ({"limit": 0}, {"limit": 201}, {"cursor": 0}, {"cursor": "x"}, {"cursor": 2**31}):
        assert client.get(address, params=wrong).status_code == 422


def test_what_is_rolled_back_never_happened(client: TestClient, project_id: int) -> None:
    database = client.app.state.resources.database  # type: ignore[attr-defined]
    try:
        with database.write() as session:
            record(session, project_id, "audit.passed", {}, is_audit=True)
            raise RuntimeError
    except RuntimeError:
        pass
    assert client.get(f"/api/projects/{project_id}/audit-log").json() == {"items": [], "next_cursor": None}
