"""Embeddings for decoding in the browser, through the backend and a real model server with the tiny network."""

import io
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
from fastapi.testclient import TestClient

from backend.settings import Settings

HEIGHT, WIDTH = 75, 131


@pytest.fixture
def settings(settings: Settings, model_server_url: str) -> Settings:
    return settings.model_copy(update={"model_server_url": model_server_url})


@pytest.fixture
def image_id(client: TestClient, project_id: int) -> int:
    file = io.BytesIO()
    PIL.Image.fromarray(np.random.default_rng(8).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)).save(file, "PNG")
    answer = client.post(f"/api/projects/{project_id}/images", files={"files": ("noise.png", file.getvalue())})
    created: int = answer.json()["created"][0]["id"]
    return created


def read(client: TestClient, image_id: int, query: str = "", **headers: str) -> Any:
    """Asks again while the embedding is being made, as a page does."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = client.get(f"/api/images/{image_id}/embedding{query}", headers=headers)
        if answer.status_code != 202:
            return answer
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["cache-control"] == "no-store"
    raise AssertionError("the embedding was not made within a minute")


def test_the_bytes_are_what_the_header_says(client: TestClient, image_id: int) -> None:
    answer = read(client, image_id)
    assert answer.status_code == 200, answer.text
    described = json.loads(answer.headers["segloop-embedding"])
    assert described["size_hw"] == [HEIGHT, WIDTH]
    assert described["byte_length"] == len(answer.content) == int(answer.headers["content-length"])
    assert described["model_version"].startswith("tiny-")
    end = 0
    for feature in described["features"]:
        count = int(np.prod(feature["shape"]))
        assert feature["byte_offset"] == end
        values = np.frombuffer(answer.content, "<f2", count, offset=end)
        assert np.isfinite(values).all()
        assert values.std() > 0
        end += 2 * count
    assert end == len(answer.content)


def test_kept_for_ever_by_version_and_asked_about_without(client: TestClient, image_id: int) -> None:
    live = read(client, image_id)
    version = json.loads(live.headers["segloop-embedding"])["model_version"]
    named = read(client, image_id, f"?model_version={version}")
    assert named.content == live.content
    assert live.headers["cache-control"] == "private, no-cache"
    assert named.headers["cache-control"] == "private, max-age=31536000, immutable"
    etag = live.headers["etag"]
    assert named.headers["etag"] == etag
    again = read(client, image_id, **{"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert read(client, image_id, **{"If-None-Match": '"other"'}).status_code == 200


def test_refusals_are_named(client: TestClient, image_id: int) -> None:
    unknown = read(client, image_id, "?model_version=sam9-00000000")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_model_version")
    gone = read(client, image_id + 1000)
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "image_not_found")


def test_only_who_may_click_may_read_it(client: TestClient, image_id: int, make_person: Callable[..., Any]) -> None:
    stranger = make_person("annotator")
    assert client.get(f"/api/images/{image_id}/embedding", headers=stranger.headers).status_code == 404


class TestWithoutModelServer:
    """Nobody listens where the model server should be."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"model_server_url": "http://127.0.0.1:9"})

    def test_one_is_told_to_ask_again(self, client: TestClient, image_id: int) -> None:
        answer = read(client, image_id)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_server_unavailable")
        assert answer.headers["retry-after"]
