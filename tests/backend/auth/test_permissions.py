"""The permission table, cell by cell: every route x everybody who could ask."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert, update

from backend.app import create_app
from backend.auth.permissions import PERMISSIONS, RESOURCES, Role
from backend.database import Base, Database, utc_now
from backend.exports.tables import Export
from backend.settings import Settings
from model_server.contract import masks

# Where the body is looked at before the caller: an empty one would be refused for what it is.
BODIES = {"POST /images/{image_id}/predict": {"prompts": [{"type": "point", "x": 1, "y": 1, "label": 1}]}}
ROLES: tuple[Role, ...] = ("admin", "annotator", "researcher")


def api_routes() -> list[str]:
    """`METHOD /path` (below /api) of every route of the real app, from its OpenAPI description."""
    paths: dict[str, dict[str, Any]] = create_app().openapi()["paths"]
    return [f"{method.upper()} {path.removeprefix('/api')}" for path, methods in paths.items() for method in methods]


def test_every_route_has_an_entry_and_every_entry_a_route() -> None:
    assert sorted(api_routes()) == sorted(PERMISSIONS)


def test_only_sign_in_is_public() -> None:
    public = {route for route, rule in PERMISSIONS.items() if rule.kind == "public"}
    assert public == {"POST /auth/login", "POST /auth/link"}


def test_a_route_without_an_entry_answers_nobody(app_client: TestClient, make_person: Callable[..., Any]) -> None:
    key = "GET /me"
    rule = PERMISSIONS.pop(key)
    try:
        answer = app_client.get("/api/me", headers=make_person("admin").headers)
    finally:
        PERMISSIONS[key] = rule
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_permitted")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An open event stream would never end: here it is refused once the caller is known."""
    return settings.model_copy(update={"event_listeners": 0})


@pytest.fixture
def filled_project(client: TestClient) -> dict[str, Any]:
    """A project with one row in every table that a route's address may name; ids by path parameter."""
    database: Database = client.app.state.resources.database  # type: ignore[attr-defined]
    project_id: int = client.post("/api/projects", json={"name": "Matrix"}).json()["id"]
    assert Export
    tables = Base.metadata.tables
    now = utc_now()
    rle = masks.encode(np.ones((4, 6), bool))
    with database.write() as session:

        def add(table: str, **values: Any) -> int:
            statement = insert(tables[table]).values(project_id=project_id, created_at=now, **values)
            return int(session.execute(statement.returning(tables[table].c.id)).scalar_one())

        image_id = add(
            "images",
            sha256="0" * 64,
            file_name="a.jpg",
            width=6,
            height=4,
            format="JPEG",
            byte_size=1,
            is_plain=True,
        )
        annotation_id = add(
            "annotations",
            image_id=image_id,
            height=4,
            width=6,
            counts=rle["counts"],
            area=24,
            bbox_xywh=[0, 0, 6, 4],
            state="accepted",
            origin="manual",
            stage="assisted_manual",
            prompts=[],
            clicks=0,
            active_seconds=0,
            revision=1,
            updated_at=now,
        )
        work_id = add("work_items", image_id=image_id, stage="assisted_manual", state="ready")
        job_id = add(
            "jobs",
            kind="export",
            args={},
            state="dead",
            priority=0,
            run_after=0,
            attempt=1,
            max_attempts=1,
            phase="",
            done=0,
            total=0,
            is_cancel_requested=False,
        )
        export_id = add("exports", format="coco", include_images=False, job_id=job_id)
        snapshot_id = add("snapshots", number=1, note="", frozen_share=0.2)
        run_id = add(
            "training_runs",
            kind="model",
            state="failed",
            options={},
            trigger="person",
            mask_count=0,
            curve=[],
        )
    return {
        "project_id": project_id,
        "image_id": image_id,
        "annotation_id": annotation_id,
        "work_id": work_id,
        "job_id": job_id,
        "export_id": export_id,
        "snapshot_id": snapshot_id,
        "other": snapshot_id,
        "run_id": run_id,
        "user_id": 999999,
        "category_id": 999999,
        "admission_id": 999999,
        "stage": "semi_automatic",
        "token_id": 999999,
        "webhook_id": 999999,
        "model_version": "none-00000000",
    }


def call(client: TestClient, route: str, ids: dict[str, Any], headers: dict[str, str]) -> int:
    """Calls the route with an empty body and returns the status; 401, 403 and 404 are refusals of permission."""
    method, path = route.split(" ")
    address = "/api" + re.sub(r"\{(\w+)\}", lambda found: str(ids[found.group(1)]), path)
    body: Any = BODIES.get(route, {}) if method in ("POST", "PUT", "PATCH") else None
    return client.request(method, address, headers={"Authorization": ""} | headers, json=body).status_code


@pytest.mark.parametrize("route", sorted(PERMISSIONS))
def test_matrix(
    route: str, client: TestClient, filled_project: dict[str, int], make_person: Callable[..., Any]
) -> None:
    rule = PERMISSIONS[route]
    project_id = filled_project["project_id"]
    if rule.kind == "public":
        assert call(client, route, filled_project, {}) == 422
        return
    assert call(client, route, filled_project, {}) == 401
    assert call(client, route, filled_project, {"Authorization": "Bearer segloop_wrong"}) == 401

    outsiders = [make_person("annotator"), make_person("researcher")]
    for outsider in outsiders:
        status = call(client, route, filled_project, outsider.headers)
        if rule.kind == "member":
            assert status == 404, "who is not a member must not learn that it exists"
        elif rule.kind == "admin":
            assert status == 403
        else:
            assert status not in (401, 403)
    if rule.kind != "member":
        return
    # Refusals first: an allowed call may change or delete what the others are asked about.
    for role in sorted(ROLES, key=lambda one: one in rule.roles):
        member = make_person("annotator")
        client.post(f"/api/projects/{project_id}/members", json={"email": member.email, "role": role})
        status = call(client, route, filled_project, member.headers)
        if role in rule.roles:
            assert status not in (401, 403), f"{role} may call {route}"
            break
        assert status == 403, f"{role} must not call {route}"


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_researchers_steer_their_own_kinds_of_work_only(
    action: str, client: TestClient, filled_project: dict[str, Any], make_person: Callable[..., Any]
) -> None:
    database: Database = client.app.state.resources.database  # type: ignore[attr-defined]
    researcher = make_person("researcher")
    member = {"email": researcher.email, "role": "researcher"}
    client.post(f"/api/projects/{filled_project['project_id']}/members", json=member)
    address = f"/api/jobs/{filled_project['job_id']}/{action}"
    for kind, expected in (("export", False), ("snapshot", False), ("train", True), ("propose", True), ("embed", True)):
        with database.write() as session:
            session.execute(update(Base.metadata.tables["jobs"]).values(kind=kind, state="running"))
        answer = client.post(address, headers=researcher.headers)
        assert (answer.status_code == 403) is expected, (kind, answer.text)


@pytest.mark.parametrize("name", sorted(RESOURCES))
def test_unknown_and_absurd_ids_are_not_found(name: str, client: TestClient) -> None:
    route = next(route for route in PERMISSIONS if f"{{{name}}}" in route and route.startswith(("GET", "POST")))
    for wrong in ("999999", "99999999999999999999999", "0", "x", "-1"):
        method, path = route.split(" ")
        address = "/api" + re.sub(r"\{\w+\}", wrong, path)
        assert client.request(method, address, json={}).status_code == 404


def test_a_deleted_project_is_gone_for_its_members(client: TestClient, filled_project: dict[str, int]) -> None:
    assert client.delete(f"/api/projects/{filled_project['project_id']}").status_code == 204
    for address in (
        f"/api/projects/{filled_project['project_id']}",
        f"/api/images/{filled_project['image_id']}/annotations",
        f"/api/jobs/{filled_project['job_id']}",
    ):
        answer = client.get(address)
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "project_deleted")
