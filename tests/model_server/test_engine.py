"""The engine: shared encodings, clicks first, named errors, nothing unbounded."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_server.contract.pixels import UnreadableImage
from model_server.engine import Answer, Engine, EngineError, Overloaded, Priority
from model_server.networks.network import Embedding, Network
from model_server.networks.weights import UnusableModel
from model_server.settings import Settings
from tests.model_server.conftest import disc_png, put_bytes, write_tiny

WAIT_SECONDS = 120

PutImage = Callable[..., str]


def size_of(_: Network, embedding: Embedding) -> tuple[int, int]:
    return embedding.size_hw


def click(engine: Engine, image: str, work=size_of, version: str | None = None) -> "Future[Answer]":
    return engine.submit(image, version, work, priority=Priority.CLICK)


def until(condition: Callable[[], object]) -> None:
    """Poll a condition, with a deadline."""
    deadline, pause = time.monotonic() + WAIT_SECONDS, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.002)


class Blocked:
    """The device thread held inside the work of one click, until released."""

    def __init__(self, engine: Engine, image: str) -> None:
        self._release, entered = threading.Event(), threading.Event()

        def hold(network: Network, embedding: Embedding) -> None:
            entered.set()
            self._release.wait(WAIT_SECONDS)

        self.future = click(engine, image, hold)
        assert entered.wait(WAIT_SECONDS)

    def release(self) -> None:
        self._release.set()
        self.future.result(WAIT_SECONDS)


def test_a_click_encodes_and_the_next_does_not(engine: Engine, put_image: PutImage) -> None:
    image = put_image((60, 80))
    assert not engine.is_embedded(image, None)
    first = click(engine, image).result(WAIT_SECONDS)
    assert (first.value, first.cached) == ((60, 80), False)
    assert first.encode_ms > 0
    assert engine.is_embedded(image, None)
    second = click(engine, image).result(WAIT_SECONDS)
    assert (second.cached, second.encode_ms) == (True, 0)
    assert engine.load.encoded == 1


def test_requests_for_one_image_share_one_encoding(engine: Engine, put_image: PutImage) -> None:
    blocked = Blocked(engine, put_image(seed=1))
    image = put_image(seed=2)
    futures = [engine.submit(image, None, None, priority=Priority.BULK)]
    futures += [click(engine, image) for _ in range(10)]
    blocked.release()
    wait(futures, WAIT_SECONDS)
    assert engine.load.encoded == 2
    assert futures[0].result().value.size_hw == (96, 128), "without work the embedding itself"
    assert [future.result().value for future in futures[1:]] == [(96, 128)] * 10


def test_a_click_overtakes_looking_ahead(engine: Engine, put_image: PutImage) -> None:
    ready, wanted = put_image(seed=1), put_image(seed=99)
    click(engine, ready).result(WAIT_SECONDS)
    blocked = Blocked(engine, ready)
    others = [engine.submit(put_image(seed=n), None, None, priority=Priority.LOOKAHEAD) for n in range(2, 12)]
    late = click(engine, wanted, lambda *_: sum(other.done() for other in others))
    until(lambda: engine.waiting_for_device() == 11)
    blocked.release()
    wait(others, WAIT_SECONDS)
    assert late.result(WAIT_SECONDS).value == 0


def test_a_click_hurries_what_was_looked_ahead_for(engine: Engine, put_image: PutImage) -> None:
    ready = put_image(seed=1)
    click(engine, ready).result(WAIT_SECONDS)
    blocked = Blocked(engine, ready)
    images = [put_image(seed=n) for n in range(2, 12)]
    others = [engine.submit(image, None, None, priority=Priority.LOOKAHEAD) for image in images]
    until(lambda: engine.waiting_for_device() == 10)
    late = click(engine, images[-1], lambda *_: sum(other.done() for other in others))
    blocked.release()
    wait(others, WAIT_SECONDS)
    assert late.result(WAIT_SECONDS).value == 1  # its own image, asked for twice
    assert engine.load.encoded == 11


def test_a_next_click_does_not_wait_for_first_ones(engine: Engine, put_image: PutImage) -> None:
    ready = put_image(seed=1)
    click(engine, ready).result(WAIT_SECONDS)
    blocked = Blocked(engine, ready)
    first_clicks = [click(engine, put_image(seed=n)) for n in range(2, 6)]
    until(lambda: engine.waiting_for_device() == 4)
    next_click = click(engine, ready, lambda *_: sum(first.done() for first in first_clicks))
    blocked.release()
    assert next_click.result(WAIT_SECONDS).value == 0
    wait(first_clicks, WAIT_SECONDS)


def test_with_two_cores_a_next_click_waits_for_no_encoding(settings: Settings, put_image: PutImage) -> None:
    engine = Engine(replace(settings, model_threads=2))
    try:
        ready = put_image(seed=1)
        click(engine, ready).result(WAIT_SECONDS)
        network = engine.models.load(engine.models.facts(None))
        entered, release = threading.Event(), threading.Event()

        def encode_long() -> None:
            entered.set()
            assert release.wait(WAIT_SECONDS)

        long = engine.run(network, encode_long, priority=Priority.BULK)
        assert entered.wait(WAIT_SECONDS)
        assert click(engine, ready).result(WAIT_SECONDS).value == (96, 128)
        first_click = click(engine, put_image(seed=2))
        until(lambda: engine.waiting_for_device() == 1)
        assert not first_click.done(), "it needs an encoding"
        release.set()
        long.result(WAIT_SECONDS)
        assert first_click.result(WAIT_SECONDS).value == (96, 128)
    finally:
        engine.close()


def test_a_cancelled_click_is_skipped(engine: Engine, put_image: PutImage) -> None:
    image, other = put_image(seed=1), put_image(seed=2)
    blocked = Blocked(engine, image)
    ran: list[str] = []
    left = [click(engine, image, lambda *_: ran.append("cached")), click(engine, other, lambda *_: ran.append("new"))]
    assert all(future.cancel() for future in left)
    blocked.release()
    assert click(engine, image).result(WAIT_SECONDS).cached
    assert click(engine, other).result(WAIT_SECONDS).value == (96, 128)
    assert not ran
    assert engine.load.waiting == 0


def test_too_much_is_refused_with_a_time(settings: Settings, put_image: PutImage) -> None:
    engine = Engine(replace(settings, queue_limit=4))
    blocked = Blocked(engine, put_image(seed=1))
    ahead = engine.submit(put_image(seed=2), None, None, priority=Priority.LOOKAHEAD)
    with pytest.raises(Overloaded):
        engine.submit(put_image(seed=3), None, None, priority=Priority.BULK)
    clicks = [click(engine, put_image(seed=n)) for n in (4, 5)]
    with pytest.raises(Overloaded) as caught:
        click(engine, put_image(seed=6))
    assert caught.value.code == "overloaded"
    assert 1 <= caught.value.retry_after_seconds <= 60
    blocked.release()
    wait([ahead, *clicks], WAIT_SECONDS)
    assert click(engine, put_image(seed=6)).result(WAIT_SECONDS).value == (96, 128)
    engine.close()


@pytest.fixture
def disk_engine(settings: Settings) -> Iterator[Callable[[], Engine]]:
    started: list[Engine] = []

    def start() -> Engine:
        started.append(Engine(settings))
        return started[-1]

    yield start
    for engine in started:
        engine.close()


def test_embeddings_outlive_the_process(disk_engine: Callable[[], Engine], put_image: PutImage, tmp_path: Path) -> None:
    image = put_image()
    first = disk_engine()
    before = click(first, image, lambda _, embedding: embedding).result(WAIT_SECONDS).value
    until(lambda: list((tmp_path / "embeddings").glob("*/*/*")))
    second = disk_engine()
    answer = click(second, image, lambda _, embedding: embedding).result(WAIT_SECONDS)
    assert answer.cached
    assert second.load.encoded == 0
    assert np.array_equal(answer.value.features[0].numpy(), before.features[0].numpy())


def test_a_damaged_embedding_is_made_again(
    disk_engine: Callable[[], Engine], put_image: PutImage, tmp_path: Path
) -> None:
    image = put_image()
    engine = disk_engine()
    name = f"{engine.models.default.encoder_fingerprint[:16]}/{image[:2]}/{image}"
    (tmp_path / "embeddings" / name).parent.mkdir(parents=True)
    (tmp_path / "embeddings" / name).write_bytes(b"damaged")
    answer = click(engine, image).result(WAIT_SECONDS)
    assert (answer.value, answer.cached) == ((96, 128), False)


def test_errors_are_named(engine: Engine, settings: Settings) -> None:
    with pytest.raises(EngineError) as unknown_model:
        click(engine, "0" * 64, version="nobody-12345678")
    assert unknown_model.value.code == "unknown_model_version"
    with pytest.raises(EngineError) as unknown_image:
        click(engine, "0" * 64).result(WAIT_SECONDS)
    assert unknown_image.value.code == "unknown_image"
    damaged = put_bytes(settings, disc_png((64, 64))[:-40])
    with pytest.raises(UnreadableImage) as unreadable:
        click(engine, damaged).result(WAIT_SECONDS)
    assert unreadable.value.code in ("truncated_image", "damaged_image")

    def fail(network: Network, embedding: Embedding) -> None:
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        click(engine, put_bytes(settings, disc_png((64, 64))), fail).result(WAIT_SECONDS)
    assert engine.load.waiting == 0


def test_a_picture_beyond_the_limit_is_refused(settings: Settings) -> None:
    engine = Engine(replace(settings, max_pixels=1000))
    with pytest.raises(UnreadableImage) as caught:
        click(engine, put_bytes(settings, disc_png((64, 64)))).result(WAIT_SECONDS)
    assert caught.value.code == "too_many_pixels"
    engine.close()


def test_models_come_and_go(settings: Settings, put_image: PutImage, tmp_path: Path) -> None:
    models_dir = tmp_path / "own models"
    write_tiny(models_dir, "spot", reach=(1.0, 2.0, 3.0))
    engine = Engine(replace(settings, models_dir=models_dir, models_loaded=2))
    image = put_image()
    assert click(engine, image).result(WAIT_SECONDS).model_version.startswith("spot-")
    for number in range(3):
        folder = write_tiny(models_dir, f"new{number}", reach=(1.0, 2.0, 4.0 + number))
        (version,) = [facts.model_version for facts in engine.models.all() if facts.name == folder.name]
        answer = click(engine, image, version=version).result(WAIT_SECONDS)
        assert (answer.model_version, answer.cached) == (version, True)  # one encoder, one embedding
    assert engine.load.encoded == 1
    assert engine.models.loaded(version) is not None
    assert sum(engine.models.loaded(facts.model_version) is not None for facts in engine.models.all()) == 2
    write_tiny(models_dir, "new2", reach=(9.0, 9.0, 9.0))
    with pytest.raises(EngineError, match="no model version"):
        click(engine, image, version=version)
    engine.close()


def test_a_default_that_is_not_there_is_named(settings: Settings) -> None:
    with pytest.raises(UnusableModel, match="'nobody'"):
        Engine(replace(settings, models=("nobody",)))


def test_large_pictures_and_small(engine: Engine, settings: Settings) -> None:
    from io import BytesIO

    for size_hw in ((1, 1), (1, 500), (3000, 2000)):
        file = BytesIO()
        Image.new("RGB", size_hw[::-1], (9, 9, 9)).save(file, "PNG")
        assert click(engine, put_bytes(settings, file.getvalue())).result(WAIT_SECONDS).value == size_hw
