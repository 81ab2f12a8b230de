"""Zoomed in, a part of the image is encoded for itself: small objects get sharper masks, large ones are not cut off."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from model_server.app import create_app
from model_server.closer import is_cut, placed
from model_server.contract import masks
from model_server.contract.geometry import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from model_server.contract.runs import changes_of, joined, outside_of, runs_of
from model_server.contract.view import FINEST, closer_cell
from model_server.engine import Engine, EngineError
from model_server.predict import Prediction, Predictor
from model_server.settings import Settings
from tests.model_server.conftest import put_bytes
from tests.model_server.test_engine import until

SIZE_HW = (800, 1000)
VIEW = (560.0, 420.0, 700.0, 520.0)  # around the small disc
SMALL = PointPrompt(x=630, y=470, label=1)

sizes = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
bitmaps = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((9, 11)) < 0.5)


def discs() -> tuple[np.ndarray, np.ndarray]:
    """A large disc and a small one."""
    rows, columns = np.mgrid[0 : SIZE_HW[0], 0 : SIZE_HW[1]]
    return (rows - 400) ** 2 + (columns - 250) ** 2 < 200**2, (rows - 470) ** 2 + (columns - 630) ** 2 < 13**2


@pytest.fixture
def image(settings: Settings) -> str:
    large, small = discs()
    pixels = np.where((large | small)[..., None], [230, 200, 40], [20, 30, 60]).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return put_bytes(settings, file.getvalue())


def predict(engine: Engine, image: str, prompts: Sequence[Prompt], view: tuple[float, ...] | None) -> Prediction:
    asked = Predictor(engine).submit(image, SIZE_HW, prompts, view_xyxy=view, model_version=None)  # type: ignore[arg-type]
    prediction: Prediction = asked.result(120).value
    return prediction


def closer(engine: Engine, image: str, prompts: Sequence[Prompt], view: tuple[float, ...]) -> Prediction:
    """Asked until the part is encoded."""
    until(lambda: predict(engine, image, prompts, view).part_xyxy is not None)
    return predict(engine, image, prompts, view)


def overlap(prediction: Prediction, mask: np.ndarray) -> float:
    return max(masks.iou(one.rle, masks.encode(mask)) for one in prediction.masks)


def test_a_small_object_gets_a_sharper_mask(engine: Engine, image: str) -> None:
    _, small = discs()
    first = predict(engine, image, [SMALL], VIEW)
    assert first.part_xyxy is None, "nobody waits for the part"
    assert first.is_part_pending
    sharp = closer(engine, image, [SMALL], VIEW)
    assert sharp.part_xyxy is not None
    x1, y1, x2, y2 = sharp.part_xyxy
    assert x1 <= VIEW[0]
    assert y1 <= VIEW[1]
    assert x2 >= VIEW[2]
    assert y2 >= VIEW[3]
    assert overlap(sharp, small) > 0.7 > 0.5 > overlap(first, small)


def test_all_kinds_of_prompts_find_their_place(engine: Engine, image: str) -> None:
    _, small = discs()
    correction = PointPrompt(x=655, y=470, label=0)
    box = BoxPrompt(x1=610, y1=450, x2=650, y2=490)
    mask = MaskPrompt(rle=masks.encode(small))
    assert closer(engine, image, [box], VIEW).masks[0].bbox_xywh == pytest.approx([610, 450, 40, 40], abs=2)
    for prompts in ([SMALL, correction], [box, SMALL], [mask, SMALL]):
        sharp = closer(engine, image, prompts, VIEW)
        assert overlap(sharp, small) > 0.6, prompts


def test_what_reaches_beyond_the_view_is_not_cut_off(engine: Engine, image: str) -> None:
    click, at_its_rim = PointPrompt(x=430, y=400, label=1), (400.0, 340.0, 520.0, 440.0)
    sharp, whole = closer(engine, image, [click], at_its_rim), predict(engine, image, [click], None)
    assert sharp.part_xyxy is not None
    x1, y1, x2, y2 = sharp.part_xyxy
    for one, other in zip(sharp.masks, whole.masks, strict=True):
        mine, theirs = masks.decode(one.rle).copy(), masks.decode(other.rle).copy()
        assert mine[y1:y2, x1:x2].any()
        is_whole = mine[y1:y2, x1].any()  # the object goes on to the left of the part
        mine[y1:y2, x1:x2] = theirs[y1:y2, x1:x2] = False
        assert np.array_equal(mine, theirs) if is_whole else not mine.any()
    assert sharp.masks[2].bbox_xywh[0] < x1
    for one in sharp.masks:
        assert one.area == masks.area(one.rle)
        assert one.bbox_xywh == masks.bbox_xywh(one.rle)


@pytest.mark.parametrize(
    ("prompt", "view"),
    [
        (PointPrompt(x=20, y=20, label=1), VIEW),  # beside the view
        (SMALL, (0.0, 0.0, 900.0, 700.0)),  # hardly zoomed
        (SMALL, (700.0, 520.0, 560.0, 420.0)),  # inside out: as good as none
    ],
)
def test_else_the_whole_image_answers(engine: Engine, image: str, prompt: PointPrompt, view: tuple[float, ...]) -> None:
    prediction = predict(engine, image, [prompt], view)
    assert prediction.part_xyxy is None
    assert not prediction.is_part_pending
    assert engine.waiting_for_device() == 0


def test_a_part_of_another_size_than_stored_is_refused(engine: Engine, image: str) -> None:
    wrong = Predictor(engine).submit(image, (8000, 10000), [SMALL], view_xyxy=VIEW)
    with pytest.raises(EngineError) as caught:
        wrong.result(120)
    assert caught.value.code == "image_size_mismatch"


def test_over_http(settings: Settings, image: str) -> None:
    prompt = {"type": "point", "x": 630, "y": 470, "label": 1}
    body = {"image_sha256": image, "size_hw": SIZE_HW, "prompts": [prompt], "view_xyxy": VIEW}
    with TestClient(create_app(settings)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        until(lambda: client.post("/predict", json=body).json()["part_xyxy"] is not None)
        answer = client.post("/predict", json=body | {"view_xyxy": [1, 2, 3]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "malformed_request")


@given(sizes, st.tuples(*[st.floats(0, 1)] * 4), st.sampled_from([64, 256, 1024]))
def test_cells_hold_their_views(size_hw: tuple[int, int], shares: tuple[float, ...], input_size: int) -> None:
    height, width = size_hw
    (x1, x2), (y1, y2) = sorted(shares[:2]), sorted(shares[2:])
    view = (x1 * width, y1 * height, x2 * width, y2 * height)
    cell = closer_cell(view, size_hw, input_size=input_size)
    if cell is None:
        is_large = x2 - x1 > 0.75 / 2 or y2 - y1 > 0.75 / 2
        assert is_large or FINEST * max(size_hw) <= input_size
        return
    left, top, right, bottom = cell
    assert 0 <= left <= view[0]
    assert 0 <= top <= view[1]
    assert view[2] <= right <= width
    assert view[3] <= bottom <= height
    assert FINEST * 2 * max(right - left, bottom - top) > input_size, "what was halved showed more than fits the input"


@given(bitmaps, bitmaps, st.integers(0, 6), st.integers(0, 4), st.integers(1, 5), st.integers(1, 5))
def test_joining_is_what_it_is_on_pixels(
    inner: np.ndarray, outer: np.ndarray, x: int, y: int, width: int, height: int
) -> None:
    size_hw, cell = outer.shape, (x, y, x + width, y + height)
    part = inner[:height, :width]
    merged = outer.copy()
    merged[y : y + height, x : x + width] = part

    def changes(bitmap: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.diff(bitmap.flatten(order="F").astype(np.int8), prepend=0))

    assert np.array_equal(placed(changes(part), cell, size_hw, whole=changes(outer)), changes(merged))
    merged[:] = False
    merged[y : y + height, x : x + width] = part
    assert np.array_equal(placed(changes(part), cell, size_hw, whole=None), changes(merged))
    beside = outside_of(runs_of(changes(outer), size_hw=size_hw), cell)
    assert joined(beside).lengths.sum() == outer.sum() - outer[y : y + height, x : x + width].sum()
    assert changes_of(beside, size_hw=size_hw).size == changes_of(joined(beside), size_hw=size_hw).size
    edges = np.zeros_like(part)
    edges[:, 0] |= x > 0
    edges[0] |= y > 0
    edges[:, -1] |= x + width < size_hw[1]
    edges[-1] |= y + height < size_hw[0]
    assert is_cut(changes(part), cell, size_hw) == bool((part & edges).any())
