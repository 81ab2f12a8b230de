"""Looking through a project's images, their pictures and their caching, and removing one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from moto.server import ThreadedMotoServer
from PIL import Image
from sqlalchemy import select

from backend.annotations.schemas import AnnotationIn
from backend.annotations.service import create_annotation
from backend.app import create_app
from backend.auth.authorize import Principal
from backend.auth.tables import User
from backend.database import Database
from backend.settings import Settings
from model_server.contract import masks
from tests.running import wait_until_blocked

Upload = Callable[..., dict[str, Any]]
Photo = Callable[..., bytes]


@pytest.fixture
def images(upload: Upload, photo: Photo) -> list[dict[str, Any]]:
    """Seven small images."""
    created: list[dict[str, Any]] = upload(*[(f"{n}.png", photo(n, "PNG", size_hw=(8, 9))) for n in range(7)])[
        "created"
    ]
    return created


def ids(page: dict[str, Any]) -> list[int]:
    return [image["id"] for image in page["items"]]


def test_pages_by_cursor(client: TestClient, project_id: int, images: list[dict[str, Any]]) -> None:
    address = f"/api/projects/{project_id}/images"
    everything = client.get(address).json()
    assert everything["items"] == images
    assert (everything["total"], everything["next_cursor"]) == (7, None)
    seen: list[int] = []
    cursor: str | None = None
    while cursor is not None or not seen:
        page = client.get(address, params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        assert page["total"] == 7
        seen += ids(page)
        cursor = page["next_cursor"]
    assert seen == [image["id"] for image in images]
    assert client.get(address, params={"cursor": 2**31 - 1}).json()["items"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=x", "cursor=-1", "cursor=99999999999", "state=lost"])
def test_questions_that_make_no_sense(client: TestClient, project_id: int, query: str) -> None:
    answer = client.get(f"/api/projects/{project_id}/images?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


def test_filters_by_state(client: TestClient, project_id: int, images: list[dict[str, Any]]) -> None:
    address = f"/api/projects/{project_id}/images"
    done = client.post(f"/api/projects/{project_id}/work/next", json={}).json()
    client.post(f"/api/work/{done['id']}/finish", json={"lease_token": done["lease_token"]})
    claimed = client.post(f"/api/projects/{project_id}/work/next", json={}).json()
    for state, expected in (
        ("done", [done["image"]["id"]]),
        ("claimed", [claimed["image"]["id"]]),
        ("ready", [image["id"] for image in images[2:]]),
        ("skipped", []),
        ("proposing", []),
    ):
        page = client.get(address, params={"state": state}).json()
        assert (ids(page), page["total"]) == (expected, len(expected))
        assert {image["state"] for image in page["items"]} <= {state}


class TestShortLease:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"lease_seconds": -1.0})

    def test_an_image_whose_lease_ran_out_is_ready(
        self, client: TestClient, project_id: int, images: list[dict[str, Any]]
    ) -> None:
        claimed = client.post(f"/api/projects/{project_id}/work/next", json={}).json()
        assert claimed["state"] == "claimed"
        assert client.get(f"/api/images/{claimed['image']['id']}").json()["state"] == "ready"
        ready = client.get(f"/api/projects/{project_id}/images", params={"state": "ready"}).json()
        assert len(ready["items"]) == 7


@pytest.mark.parametrize("kind", ["file", "thumbnail", "display"])
def test_pictures_are_cached_for_ever(client: TestClient, images: list[dict[str, Any]], kind: str) -> None:
    address = f"/api/images/{images[0]['id']}/{kind}"
    first = client.get(address)
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    for sent in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = client.get(address, headers={"if-none-match": sent})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert client.get(address, headers={"if-none-match": '"other"'}).content == first.content


def test_a_picture_the_storage_lost_is_named(
    client: TestClient, images: list[dict[str, Any]], settings: Settings
) -> None:
    for path in Path(settings.storage_url).rglob(f"*{images[0]['sha256']}*"):
        path.unlink()
    for kind in ("file", "thumbnail", "display"):
        answer = client.get(f"/api/images/{images[0]['id']}/{kind}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "picture_lost")


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_picture_the_storage_lost_or_cut_off_comes_back_with_its_file(
    client: TestClient, settings: Settings, upload: Upload, photo: Photo, is_lost: bool
) -> None:
    content = photo(7)
    (created,) = upload(("a.png", content))["created"]
    for path in Path(settings.storage_url).rglob(f"*{created['sha256']}*"):
        if is_lost:
            path.unlink()
        elif path.read_bytes() == content:
            path.write_bytes(content[:100])
    again = upload(("a.png", content))
    assert (again["created"], len(again["duplicates"])) == ([], 1)
    for kind in ("file", "thumbnail", "display"):
        assert client.get(f"/api/images/{created['id']}/{kind}").status_code == 200
    assert client.get(f"/api/images/{created['id']}/file").content == content


def test_removing_an_image(
    client: TestClient, project_id: int, images: list[dict[str, Any]], upload: Upload, photo: Photo
) -> None:
    last = images[-1]["id"]
    assert client.delete(f"/api/images/{last}").status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/file"), ("GET", "/thumbnail"), ("GET", "/display")):
        answer = client.request(method, f"/api/images/{last}{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "image_not_found")
    assert client.get(f"/api/projects/{project_id}/images").json()["total"] == 6
    # The address of a removed image is cached by browsers: no other image may get it.
    (new,) = upload(("new.png", photo(99)))["created"]
    assert new["id"] > last


def test_a_mask_that_is_being_kept_is_waited_for(client: TestClient, images: list[dict[str, Any]]) -> None:
    """Else it would be removed without being counted, or acknowledged and gone."""
    database: Database = client.app.state.resources.database  # type: ignore[attr-defined]
    image = images[0]
    rle = masks.encode(np.ones((image["height"], image["width"]), np.bool_))
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            author = Principal(session.scalars(select(User.id)).one(), "", "admin")
            create_annotation(
                session, image["id"], AnnotationIn.model_validate({"rle": rle}), author, idempotency_key=None
            )
            removal = pool.submit(client.delete, f"/api/images/{image['id']}")
            wait_until_blocked(database)
        answer = removal.result()
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "image_has_masks")
    assert len(client.get(f"/api/images/{image['id']}/annotations").json()["items"]) == 1


def test_an_image_with_masks_stays(client: TestClient, images: list[dict[str, Any]]) -> None:
    image = images[0]
    mask = np.zeros((image["height"], image["width"]), bool)
    mask[2:5, 2:5] = True
    prompts = [{"type": "point", "x": 3, "y": 3, "label": 1}]
    body = {"rle": dict(masks.encode(mask)), "prompts": prompts, "clicks": 1, "active_seconds": 1.0}
    kept = client.post(f"/api/images/{image['id']}/annotations", json=body)
    assert kept.status_code == 201, kept.text
    assert client.get(f"/api/images/{image['id']}").json()["annotation_count"] == 1
    refused = client.delete(f"/api/images/{image['id']}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "image_has_masks")
    removed = client.delete(f"/api/annotations/{kept.json()['id']}", headers={"If-Match": kept.headers["etag"]})
    assert removed.status_code == 204
    assert client.get(f"/api/images/{image['id']}").json()["annotation_count"] == 0
    assert client.delete(f"/api/images/{image['id']}").status_code == 204


def test_pictures_from_an_object_store(
    settings: Settings, make_person: Callable[..., Any], project_id: int, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    server = ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        httpx.put(f"{endpoint}/photos").raise_for_status()
        remote = settings.model_copy(update={"storage_url": "s3://photos/all", "s3_endpoint": endpoint})
        headers = make_person("admin").headers
        with TestClient(create_app(remote), base_url="http://127.0.0.1:8000", headers=headers) as client:
            data = photo(1, "TIFF")
            answer = client.post(f"/api/projects/{project_id}/images", files=[("files", ("a b.tif", data))]).json()
            (image,) = answer["created"]
            original = client.get(f"/api/images/{image['id']}/file")
            assert original.content == data
            assert original.headers["content-disposition"].startswith("attachment;")
            for kind, media_type in (("thumbnail", "image/webp"), ("display", "image/jpeg")):
                picture = client.get(f"/api/images/{image['id']}/{kind}")
                assert Image.open(BytesIO(picture.content)).get_format_mimetype() == media_type
                assert picture.headers["content-type"] == media_type
            server.stop()
            for kind in ("file", "thumbnail"):
                away = client.get(f"/api/images/{image['id']}/{kind}")
                assert (away.status_code, away.json()["error"]["code"]) == (503, "storage_unavailable")
                assert away.headers["Retry-After"] == "5"
            away = client.post(f"/api/projects/{project_id}/images", files=[("files", ("b.tif", photo(2, "TIFF")))])
            assert (away.status_code, away.json()["error"]["code"]) == (503, "storage_unavailable")
    finally:
        server.stop()
