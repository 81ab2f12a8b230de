"""The model server over HTTP."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from model_server.app import create_app
from model_server.contract.messages import ModelsResponse, PredictResponse
from model_server.engine import Priority
from model_server.settings import Settings
from tests.model_server.conftest import disc_png, put_bytes

CLICK = {"type": "point", "x": 64.0, "y": 48.0, "label": 1}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        deadline = time.monotonic() + 20
        while client.get("/readyz").status_code != 200:
            assert time.monotonic() < deadline
        yield client


@pytest.fixture
def image(settings: Settings) -> str:
    return put_bytes(settings, disc_png((96, 128)))


def request_of(image: str, *prompts: dict, **more: object) -> dict:
    return {"image_sha256": image, "size_hw": [96, 128], "prompts": list(prompts), **more}


def test_predict(client: TestClient, image: str) -> None:
    first = client.post("/predict", json=request_of(image, CLICK))
    assert first.status_code == 200
    answer = PredictResponse.model_validate(first.json())
    assert len(answer.masks) == 3
    assert answer.masks[1].area > 0
    assert answer.timings_ms.encode > 0
    refined = request_of(image, CLICK | {"candidate": 1}, {"type": "box", "x1": 3, "y1": 3, "x2": 90, "y2": 90})
    second = PredictResponse.model_validate(client.post("/predict", json=refined).json())
    assert len(second.masks) == 1
    assert second.timings_ms.encode == 0
    with_mask = request_of(image, {"type": "mask", "rle": answer.masks[1].rle}, model_version=answer.model_version)
    assert client.post("/predict", json=with_mask).status_code == 200


def test_models(client: TestClient) -> None:
    answer = ModelsResponse.model_validate(client.get("/models").json())
    assert answer.device == "cpu"
    assert [(model.name, model.is_default) for model in answer.models] == [("spot", True)]


def test_embedding_ahead_of_need(client: TestClient, image: str) -> None:
    status = f"/embeddings/{image}/status"
    assert client.get(status).json() == {"ready": False}
    for cached in (False, True):
        answer = client.post("/embed", json={"image_sha256": image, "priority": "lookahead"}).json()
        assert answer["cached"] is cached
        assert answer["seconds"] >= 0
    assert client.get(status, params={"model_version": answer["model_version"]}).json() == {"ready": True}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"prompts": []}, 422, "no_prompts"),
        ({"prompts": [CLICK] * 101}, 422, "too_many_prompts"),
        ({"prompts": [CLICK | {"x": 500}]}, 422, "point_outside_image"),
        ({"prompts": [{"type": "box", "x1": 9, "y1": 9, "x2": 3, "y2": 20}]}, 422, "box_inside_out"),
        ({"prompts": [{"type": "mask", "rle": {"size": [96, 128], "counts": "xyz"}}]}, 422, "mask_malformed"),
        ({"prompts": [{"type": "mask", "rle": {"size": [9, 9], "counts": "a"}}]}, 422, "mask_size_mismatch"),
        ({"prompts": [{"type": "scribble"}]}, 422, "malformed_request"),
        ({"size_hw": [128, 96]}, 422, "image_size_mismatch"),
        ({"size_hw": [0, 96]}, 422, "malformed_request"),
        ({"image_sha256": "../../etc/passwd"}, 422, "malformed_request"),
        ({"image_sha256": "0" * 64}, 404, "unknown_image"),
        ({"model_version": "nobody-00000000"}, 404, "unknown_model_version"),
    ],
)
def test_bad_requests_are_named(client: TestClient, image: str, change: dict, status: int, code: str) -> None:
    response = client.post("/predict", json=request_of(image, CLICK) | change)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(client: TestClient, image: str, number: str) -> None:
    body = (
        f'{{"image_sha256":"{image}","size_hw":[96,128],"prompts":[{{"type":"point","x":{number},"y":1,"label":1}}]}}'
    )
    response = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (422, "not_finite")


def test_a_damaged_image_is_named(client: TestClient, settings: Settings) -> None:
    damaged = put_bytes(settings, disc_png((96, 128))[:-60])
    response = client.post("/predict", json=request_of(damaged, CLICK))
    assert response.status_code == 422
    assert response.json()["error"]["code"] in ("truncated_image", "damaged_image")


def test_a_client_that_left_is_dropped(client: TestClient, image: str) -> None:
    engine = client.app.state.engine
    release, entered = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        entered.set()
        release.wait(120)

    engine.submit(image, None, hold, priority=Priority.CLICK)
    assert entered.wait(120)
    body = json.dumps(request_of(image, CLICK)).encode()
    arriving = iter([{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}])

    async def receive() -> dict:
        return next(arriving)

    async def send(message: dict) -> None:
        pass  # nobody listens

    scope = {
        "type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict", "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "http_version": "1.1", "scheme": "http",
        "server": ("test", 80), "client": ("test", 1), "root_path": "", "app": client.app, "state": {},
    }  # fmt: skip
    asyncio.run(client.app(scope, receive, send))
    assert engine.load.waiting == 1  # only the one that holds the device
    release.set()


def test_operations(client: TestClient, image: str) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    client.post("/predict", json=request_of(image, CLICK))
    client.post("/predict", json=request_of(image))
    text = client.get("/metrics").text
    assert "segloop_model_predict_seconds_count 1.0" in text
    assert 'segloop_model_errors_total{code="no_prompts"} 1.0' in text
    assert 'segloop_model_embedding_bytes{level="memory"}' in text
    assert client.get("/nothing").json()["error"]["code"] == "not_found"
