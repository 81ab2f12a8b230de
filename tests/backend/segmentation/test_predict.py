"""Prompts to masks through the backend and a real model server with the tiny network, and what happens without one."""

import io
import threading
from typing import Any

import numpy as np
import PIL.Image
import pytest
from fastapi.testclient import TestClient

import backend.segmentation.tasks
from backend.jobs.runner import drain
from backend.settings import Settings
from model_server.contract import masks

assert backend.segmentation.tasks
HEIGHT, WIDTH = 97, 143


@pytest.fixture
def settings(settings: Settings, model_server_url: str) -> Settings:
    return settings.model_copy(update={"model_server_url": model_server_url})


@pytest.fixture
def photo() -> bytes:
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[30:70, 40:100] = 230
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def image_id(client: TestClient, project_id: int, photo: bytes) -> int:
    answer = client.post(f"/api/projects/{project_id}/images", files={"files": ("bright.png", photo)})
    created: int = answer.json()["created"][0]["id"]
    return created


def predict(client: TestClient, image_id: int, *prompts: dict[str, Any], **options: Any) -> Any:
    return client.post(f"/api/images/{image_id}/predict", json={"prompts": list(prompts)} | options)


POINT = {"type": "point", "x": 70.0, "y": 50.0, "label": 1}


def test_a_click_gives_masks_of_the_images_size(client: TestClient, image_id: int) -> None:
    answer = predict(client, image_id, POINT)
    assert answer.status_code == 200, answer.text
    found = answer.json()["masks"]
    assert len(found) == 3
    for one in found:
        masks.validate(one["rle"], (HEIGHT, WIDTH), max_bytes=100_000)
        assert masks.area(one["rle"]) == one["area"]
        assert [int(side) for side in masks.bbox_xywh(one["rle"])] == one["bbox_xywh"]
    assert answer.json()["model_version"].startswith("tiny-")


def test_the_same_prompts_give_the_same_masks(client: TestClient, image_id: int) -> None:
    prompts = [POINT | {"candidate": 1}, {"type": "point", "x": 5.0, "y": 5.0, "label": 0}]
    first, second = (predict(client, image_id, *prompts).json()["masks"] for _ in range(2))
    assert first == second
    assert len(first) == 1


def test_a_kept_answer_is_accepted_as_it_came(client: TestClient, image_id: int) -> None:
    answer = predict(client, image_id, POINT).json()
    best = max(answer["masks"], key=lambda one: one["predicted_iou"])
    proposal = {name: best[name] for name in ("rle", "predicted_iou", "stability_score")}
    body = {"rle": best["rle"], "prompts": [POINT], "model_version": answer["model_version"], "proposal": proposal}
    kept = client.post(f"/api/images/{image_id}/annotations", json=body)
    assert kept.status_code == 201, kept.text
    assert (kept.json()["rle"], kept.json()["area"]) == (best["rle"], best["area"])


REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "none": ([], "no_prompts"),
    "point outside": ([POINT | {"x": WIDTH + 1}], "point_outside_image"),
    "negative": ([POINT | {"y": -0.5}], "point_outside_image"),
    "inside out": ([{"type": "box", "x1": 50, "y1": 50, "x2": 40, "y2": 60}], "box_inside_out"),
    "two boxes": ([{"type": "box", "x1": 1, "y1": 1, "x2": 9, "y2": 9}] * 2, "too_many_boxes"),
    "other size": ([{"type": "mask", "rle": {"size": [1, 1], "counts": "01"}}], "mask_size_mismatch"),
    "label 2": ([POINT | {"label": 2}], "invalid_request"),
    "text": ([{"type": "text", "text": "cat"}], "invalid_request"),
    "too many": ([POINT] * 101, "too_many_prompts"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_prompts_that_do_not_fit_are_refused(name: str, client: TestClient, image_id: int) -> None:
    prompts, code = REFUSED[name]
    answer = predict(client, image_id, *prompts)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_refused(number: str, client: TestClient, image_id: int) -> None:
    text = '{"prompts": [{"type": "point", "x": NUMBER, "y": 1, "label": 1}]}'.replace("NUMBER", number)
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"/api/images/{image_id}/predict", content=text, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] in ("not_finite", "invalid_request")


def test_an_unknown_model_version_is_named(client: TestClient, image_id: int) -> None:
    answer = predict(client, image_id, POINT, model_version="sam9-00000000")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_model_version")


def test_upload_has_embeddings_made_ahead(client: TestClient, image_id: int, project_id: int) -> None:
    resources = client.app.state.resources  # type: ignore[attr-defined]
    assert drain(resources, threading.Event()) == 1
    jobs = client.get(f"/api/projects/{project_id}/jobs").json()["items"]
    assert [(job["kind"], job["state"]) for job in jobs] == [("embed", "done")]
    assert predict(client, image_id, POINT).json()["timings_ms"]["encode"] == 0


def test_work_counts_for_the_default_model_before_anybody_looked_at_the_models(
    client: TestClient, image_id: int, project_id: int
) -> None:
    """Images finished before counted for no version: the flywheel had no masks per image for the first model."""
    drain(client.app.state.resources, threading.Event())  # type: ignore[attr-defined]
    found = predict(client, image_id, POINT).json()
    kept = {"rle": found["masks"][0]["rle"], "model_version": found["model_version"], "prompts": [POINT]}
    assert client.post(f"/api/images/{image_id}/annotations", json=kept).status_code == 201
    item = client.post(f"/api/projects/{project_id}/work/next", json={}).json()
    assert client.post(f"/api/work/{item['id']}/finish", json={"lease_token": item["lease_token"]}).status_code == 200
    (first,) = client.get(f"/api/projects/{project_id}/statistics/flywheel").json()["rounds"]
    assert (first["model_version"], first["masks_per_image"]) == (found["model_version"], 1)


def test_models_are_listed(client: TestClient) -> None:
    answer = client.get("/api/models").json()
    assert answer["is_model_server_up"] is True
    assert [(one["name"], one["is_default"]) for one in answer["items"]] == [("tiny", True)]


class TestWithoutModelServer:
    """Nobody listens where the model server should be."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"model_server_url": "http://127.0.0.1:9"})

    def test_a_click_says_so_and_may_be_repeated(self, client: TestClient, image_id: int) -> None:
        answer = predict(client, image_id, POINT)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_server_unavailable")
        assert answer.json()["error"]["message"].startswith("The model server does not answer.")
        assert int(answer.headers["Retry-After"]) >= 1

    def test_masks_can_still_be_kept(self, client: TestClient, image_id: int) -> None:
        rle = masks.encode(np.ones((HEIGHT, WIDTH), bool))
        assert client.post(f"/api/images/{image_id}/annotations", json={"rle": rle}).status_code == 201

    def test_embeddings_are_tried_again_later(self, client: TestClient, image_id: int, project_id: int) -> None:
        drain(client.app.state.resources, threading.Event())  # type: ignore[attr-defined]
        job = client.get(f"/api/projects/{project_id}/jobs").json()["items"][0]
        assert (job["state"], job["attempt"]) == ("queued", 1)
        assert "model server" in job["error"]

    def test_known_models_stay_listed(self, client: TestClient) -> None:
        assert client.get("/api/models").json() == {"items": [], "device": None, "is_model_server_up": False}
