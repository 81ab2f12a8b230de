"""Fully automatic masks: whole runs, who goes first on the device, what is bounded, and the same over HTTP."""

import asyncio
import json
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from model_server.app import create_app
from model_server.automatic import Generated, Generator
from model_server.automatic.candidates import suppress
from model_server.contract import masks
from model_server.contract.automatic import (
    AutomaticOptions,
    AutomaticResponse,
)
from model_server.engine import Engine, EngineError, Overloaded, Priority
from model_server.networks.network import Network
from model_server.settings import Settings
from tests.model_server.conftest import disc_png, put_bytes, write_tiny
from tests.model_server.test_engine import until

SIZE_HW = (96, 128)
WAIT_SECONDS = 120
LOOSE = AutomaticOptions(points_per_side=4, stability_score_thresh=0.3, min_mask_region_area=0)


@pytest.fixture
def image(settings: Settings) -> str:
    return put_bytes(settings, disc_png(SIZE_HW))


def generate(engine: Engine, image: str, options: AutomaticOptions = LOOSE, **more: Any) -> Generated:
    arguments = {"model_version": None} | more
    return asyncio.run(Generator(engine).generate(image, SIZE_HW, options, **arguments))


def test_suppression_leaves_the_event_loop_to_others(
    engine: Engine, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With loose thresholds it takes a minute, in which clicks and health checks are to be answered."""
    threads: list[int] = []

    def noting(*arguments: Any, **more: Any) -> Any:
        threads.append(threading.get_ident())
        return suppress(*arguments, **more)

    monkeypatch.setattr("model_server.automatic.generate.suppress", noting)
    generate(engine, image)
    assert threads
    assert threading.get_ident() not in threads


def test_everything_in_a_picture_of_a_disc(engine: Engine, image: str) -> None:
    made = generate(engine, image, LOOSE.model_copy(update={"crop_n_layers": 1, "points_per_batch": 3}))
    counts = list(made.counts.model_dump().values())
    assert counts[0] == 3 * 5 * 16
    assert counts[1] == 5 * 16  # of the three candidates one has 0.9
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == len(made.selected) > 3
    for one in made.selected:
        masks.validate(one.rle, SIZE_HW, max_bytes=10**6)
        assert list(one.bbox_xywh) == masks.bbox_xywh(one.rle)
        x, y = one.candidate.point_xy
        left, top, right, bottom = one.candidate.crop.box_xyxy
        assert left < x < right
        assert top < y < bottom
    assert {one.candidate.crop.layer for one in made.selected} == {0, 1}


def test_batches_change_nothing(engine: Engine, image: str) -> None:
    runs = [generate(engine, image, LOOSE.model_copy(update={"points_per_batch": n})) for n in (1, 5, 64)]
    rles = [[one.rle for one in run.selected] for run in runs]
    assert rles[0] == rles[1] == rles[2]


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 90), (5, 3)])
def test_tiny_pictures(engine: Engine, settings: Settings, size_hw: tuple[int, int]) -> None:
    sha256 = put_bytes(settings, disc_png(size_hw))
    options = LOOSE.model_copy(update={"crop_n_layers": 3, "points_per_side": 2, "max_area_share": 1.0})
    made = asyncio.run(Generator(engine).generate(sha256, size_hw, options, model_version=None))
    assert all(0 < one.candidate.area <= math.prod(size_hw) for one in made.selected)


class Held:
    """A run in its middle: its embedding is made, its first points wait, and the device is held."""

    def __init__(self, engine: Engine, image: str) -> None:
        self.engine, network = engine, engine.models.load(engine.models.default)
        engine.submit(image, None, None, priority=Priority.CLICK).result(WAIT_SECONDS)
        first, release_first = self._hold(network)
        self.generator = Generator(engine)
        self.outcome: Future[Generated] = Future()
        self.cancel: Callable[[], object] = lambda: None
        threading.Thread(target=self._run, args=(image,), daemon=True).start()
        until(lambda: engine.waiting_for_device() == 1)
        self._second, self.release = self._hold(network)
        release_first()
        first.result(WAIT_SECONDS)
        until(lambda: self._second.running() and engine.waiting_for_device() == 1)

    def _hold(self, network: Network) -> tuple["Future[object]", Callable[[], None]]:
        released = threading.Event()
        return self.engine.run(network, lambda: released.wait(WAIT_SECONDS), priority=Priority.BULK), released.set

    def _run(self, image: str) -> None:
        async def run() -> Generated:
            task = asyncio.ensure_future(self.generator.generate(image, SIZE_HW, LOOSE, model_version=None))
            loop = asyncio.get_running_loop()
            self.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
            return await task

        try:
            self.outcome.set_result(asyncio.run(run()))
        except (Exception, asyncio.CancelledError) as error:
            self.outcome.set_exception(error)


def test_a_click_is_answered_in_the_middle_of_a_run(engine: Engine, image: str) -> None:
    held = Held(engine, image)
    click = engine.submit(
        image, None, lambda *_: (held.outcome.done(), engine.waiting_for_device()), priority=Priority.CLICK
    )
    held.release()
    assert click.result(WAIT_SECONDS).value == (False, 1)  # the points that came first still wait
    assert held.outcome.result(WAIT_SECONDS).selected


def test_a_cancelled_run_gives_the_device_back(engine: Engine, image: str) -> None:
    held = Held(engine, image)
    held.cancel()
    with pytest.raises((asyncio.CancelledError, CancelledError)):
        held.outcome.result(WAIT_SECONDS)
    held.release()
    assert engine.submit(image, None, None, priority=Priority.BULK).result(WAIT_SECONDS).cached
    until(lambda: engine.waiting_for_device() == 0)
    assert held.generator._waiting == 0
    assert engine.load.waiting == 0


def test_only_so_many_runs_wait(engine: Engine, image: str) -> None:
    async def many() -> list[Any]:
        generator = Generator(engine)
        one_point = LOOSE.model_copy(update={"points_per_side": 1})
        runs = (generator.generate(image, SIZE_HW, one_point, model_version=None) for _ in range(36))
        return await asyncio.gather(*runs, return_exceptions=True)

    answers = asyncio.run(many())
    assert [type(answer) for answer in answers] == [Generated] * 34 + [Overloaded] * 2


def test_what_is_kept_is_bounded(engine: Engine, image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model_server.automatic.generate.MAX_POSITIONS", 100)
    with pytest.raises(EngineError, match="thresholds") as caught:
        generate(engine, image)
    assert caught.value.code == "too_many_masks"


# --- over HTTP


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        yield client


def body_of(image: str, **changes: Any) -> dict[str, Any]:
    return {"image_sha256": image, "size_hw": list(SIZE_HW), "options": LOOSE.model_dump()} | changes


def test_over_http(client: TestClient, image: str) -> None:
    response = client.post("/automatic", json=body_of(image))
    assert response.status_code == 200, response.text
    answer = AutomaticResponse.model_validate(response.json())
    scores = [mask.predicted_iou for mask in answer.masks]
    assert len(scores) == answer.counts.after_cleanup > 0
    assert scores == sorted(scores, reverse=True)
    assert answer.masks[0].crop_box_xywh == (0, 0, 128, 96)
    assert answer.timings_ms.total >= answer.timings_ms.decode > 0
    of_one_point = body_of(image, options={"points_per_side": 1})  # the other options by default
    assert client.post("/automatic", json=of_one_point).json()["masks"] == []


def test_a_model_may_bring_its_own_thresholds(settings: Settings, image: str, tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "models", "modest", reach=(20.0, 30.0, 40.0))
    own = {"pred_iou_thresh": 0.5, "stability_score_thresh": 0.1, "stability_score_offset": 0.5}
    (folder / "config.json").write_text(json.dumps({"model_type": "segloop_tiny", "automatic": own}))
    asked = {"image_sha256": image, "size_hw": list(SIZE_HW)}
    grid = {"points_per_side": 3, "min_mask_region_area": 0}
    with TestClient(create_app(replace(settings, models_dir=folder.parent, models=("modest",)))) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        lenient = client.post("/automatic", json=asked | {"options": grid}).json()
        named = client.post("/automatic", json=asked | {"options": grid | own}).json()
        strict = client.post("/automatic", json=asked | {"options": grid | {"pred_iou_thresh": 0.95}}).json()
    assert lenient["model_thresholds"] == own
    assert lenient["masks"] == named["masks"] != []
    assert strict["masks"] == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"options": {"points_per_side": 0}}, 422, "malformed_request"),
        ({"options": {"points_per_side": 129}}, 422, "malformed_request"),
        ({"options": {"pred_iou_thresh": 1.5}}, 422, "malformed_request"),
        ({"options": {"crop_n_layers": 4}}, 422, "malformed_request"),
        ({"options": {"max_masks": 0}}, 422, "malformed_request"),
        ({"options": {"no_such": 1}}, 422, "malformed_request"),
        ({"options": {"points_per_side": 128, "crop_n_layers": 2}}, 422, "too_many_points"),
        ({"size_hw": [128, 96]}, 422, "image_size_mismatch"),
        ({"image_sha256": "0" * 64}, 404, "unknown_image"),
        ({"model_version": "nobody-00000000"}, 404, "unknown_model_version"),
    ],
)
def test_bad_requests_are_named(client: TestClient, image: str, change: dict, status: int, code: str) -> None:
    response = client.post("/automatic", json=body_of(image) | change)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_a_client_that_left_is_dropped(client: TestClient, image: str) -> None:
    engine = client.app.state.engine
    client.post("/embed", json={"image_sha256": image})
    release = threading.Event()
    network = engine.models.load(engine.models.default)
    held = engine.run(network, lambda: release.wait(WAIT_SECONDS), priority=Priority.CLICK)
    until(held.running)
    arriving = iter(
        [
            {"type": "http.request", "body": json.dumps(body_of(image)).encode(), "more_body": False},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> dict[str, Any]:
        return next(arriving)

    async def send(_: Any) -> None:
        pass  # nobody listens

    scope = {
        "type": "http", "method": "POST", "path": "/automatic", "raw_path": b"/automatic", "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "http_version": "1.1", "scheme": "http",
        "server": ("test", 80), "client": ("test", 1), "root_path": "", "app": client.app, "state": {},
    }  # fmt: skip
    asyncio.run(client.app(scope, receive, send))
    assert client.app.state.generator._waiting == 0
    release.set()
    until(lambda: engine.waiting_for_device() == 0)
    assert engine.load.waiting == 0


def test_a_damaged_image_is_named(client: TestClient, settings: Settings) -> None:
    damaged = put_bytes(settings, disc_png(SIZE_HW)[:-60])
    response = client.post("/automatic", json=body_of(damaged))
    assert response.status_code == 422
    assert response.json()["error"]["code"] in ("truncated_image", "damaged_image")
