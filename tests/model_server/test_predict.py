"""Prompts to masks: replay as SAM is used interactively, remembered or not, on the bundled model and the tiny one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from model_server.answers import PredictedMask, to_masks
from model_server.contract import masks
from model_server.contract.geometry import BoxPrompt, InvalidPrompt, MaskPrompt, PointPrompt, Prompt
from model_server.engine import Engine, EngineError, Priority
from model_server.networks.network import Decoded, PromptTensors
from model_server.networks.parts import clicked_parts
from model_server.networks.tiny import Tiny
from model_server.predict import Predictor
from model_server.replay import Memo
from model_server.settings import Settings
from tests.model_server.conftest import disc_png, put_bytes

SIZE_HW = (96, 128)
CENTRE = PointPrompt(x=64, y=48, label=1)
OUTSIDE = PointPrompt(x=5, y=5, label=0)


@pytest.fixture(scope="module")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, str]]:
    from model_server.settings import read_settings

    settings = read_settings({"SEGLOOP_DATA_DIR": str(tmp_path_factory.mktemp("nano")), "SEGLOOP_MODEL_THREADS": "1"})
    engine = Engine(settings)
    yield engine, put_bytes(settings, disc_png(SIZE_HW))
    engine.close()


@pytest.fixture
def spot(engine: Engine, settings: Settings) -> tuple[Engine, str]:
    return engine, put_bytes(settings, disc_png(SIZE_HW))


def predict(
    at: tuple[Engine, str], prompts: Sequence[Prompt], memo: Memo | None = None, **options
) -> list[PredictedMask]:
    engine, image = at
    return Predictor(engine, memo).submit(image, SIZE_HW, prompts, **options).result(120).value.masks


def test_a_click_on_a_disc_gives_the_disc(spot: tuple[Engine, str]) -> None:
    answers = predict(spot, [CENTRE])
    assert [answer.predicted_iou for answer in answers] == pytest.approx([0.7, 0.9, 0.8])
    rows, columns = np.mgrid[0:96, 0:128]
    disc = masks.encode((rows - 48) ** 2 + (columns - 64) ** 2 < 24**2)
    largest = answers[2]
    assert masks.iou(largest.rle, disc) > 0.9
    assert largest.area == masks.area(largest.rle)
    assert largest.bbox_xywh == masks.bbox_xywh(largest.rle)
    assert 0.5 < largest.stability_score <= 1
    assert len(predict(spot, [CENTRE, OUTSIDE])) == 1


STEPS: list[Prompt] = [
    replace(CENTRE, candidate=2),
    OUTSIDE,
    PointPrompt(x=70, y=50, label=1),
    BoxPrompt(x1=30, y1=20, x2=100, y2=80),
]


def test_replay_is_step_by_step_decoding(nano: tuple[Engine, str]) -> None:
    engine, image = nano

    def by_hand(network, embedding) -> Decoded:
        frame = network.frame(SIZE_HW)
        points: list[tuple[float, float]] = []
        labels: list[int] = []
        box, logits, decoded = None, None, None
        for number, prompt in enumerate(STEPS, start=1):
            if isinstance(prompt, PointPrompt):
                points.append((prompt.x, prompt.y))
                labels.append(prompt.label)
            else:
                box = np.array([30, 20, 100, 80], np.float32)
            tensors = PromptTensors(
                points_xy=np.array(points, np.float32),
                labels=np.array(labels),
                box_xyxy=box,
                mask_input=logits,
                prompt_count=number,
            )
            decoded = clicked_parts(network.decode(embedding, tensors, "auto"), tensors, frame)
            choice = prompt.candidate if prompt.candidate is not None else int(np.argmax(decoded.predicted_iou))
            logits = decoded.logits[choice]
        return to_masks(decoded, frame)

    expected = engine.submit(image, None, by_hand, priority=Priority.CLICK).result(120).value
    assert predict(nano, STEPS) == expected
    assert predict(nano, [replace(STEPS[0], candidate=0), *STEPS[1:]]) != expected


@pytest.mark.parametrize("where", ["nano", "spot"])
def test_remembering_changes_nothing(where: str, request: pytest.FixtureRequest) -> None:
    at, memo = request.getfixturevalue(where), Memo()
    for count in range(1, len(STEPS) + 1):
        assert predict(at, STEPS[:count], memo) == predict(at, STEPS[:count])
        assert len(memo) == count  # one new step each time
    predict(at, STEPS, memo)
    assert len(memo) == len(STEPS)
    predict(at, [replace(STEPS[0], candidate=1), *STEPS[1:]], memo)
    assert len(memo) == 2 * len(STEPS) - 1  # the first answer is the same, all after another choice are new


def test_memory_is_bounded(nano: tuple[Engine, str]) -> None:
    step_bytes = 3 * 64 * 64 * 4
    memo = Memo(limit_bytes=3 * step_bytes)
    for x in range(10, 110, 10):
        predict(nano, [PointPrompt(x=x, y=40, label=1)], memo)
    assert 1 <= len(memo) <= 3


def test_a_click_corrects_a_mask_that_comes_first_instead_of_forgetting_it(nano: tuple[Engine, str]) -> None:
    """Also one off the object, which alone says nothing of where the object is."""
    best = max(predict(nano, [CENTRE]), key=lambda mask: mask.predicted_iou)
    for click in (OUTSIDE, PointPrompt(x=6, y=6, label=0)):
        (corrected,) = predict(nano, [MaskPrompt(rle=best.rle), click])
        assert masks.iou(corrected.rle, best.rle) > 0.8


def test_a_mask_prompt_is_where_to_start(spot: tuple[Engine, str], nano: tuple[Engine, str]) -> None:
    half = np.zeros(SIZE_HW, np.bool_)
    half[20:60, 30:90] = True
    start = MaskPrompt(rle=masks.encode(half))
    for at in (spot, nano):
        assert len(predict(at, [start])) == 3
        clicked = predict(at, [start, CENTRE])
        assert clicked != predict(at, [CENTRE])
        assert predict(at, [CENTRE, start, OUTSIDE]) == predict(at, [replace(CENTRE, candidate=0), start, OUTSIDE])


def test_number_of_masks_can_be_asked_for(nano: tuple[Engine, str]) -> None:
    assert len(predict(nano, [CENTRE], multimask=False)) == 1
    assert len(predict(nano, [CENTRE, OUTSIDE], multimask=True)) == 3
    assert len(predict(nano, [BoxPrompt(x1=30, y1=20, x2=100, y2=80)])) == 1


def test_a_choice_the_model_did_not_offer_is_its_best(nano: tuple[Engine, str]) -> None:
    prompts = [BoxPrompt(x1=30, y1=20, x2=100, y2=80, candidate=2), CENTRE]
    assert predict(nano, prompts) == predict(nano, [replace(prompts[0], candidate=0), CENTRE])


def test_an_empty_mask_is_an_answer() -> None:
    frame = Tiny.frame(None, (50, 40))  # type: ignore[arg-type]
    (answer,) = to_masks(Decoded(np.full((1, 64, 64), -9, np.float32), np.array([0.1], np.float32)), frame)
    assert (answer.area, answer.bbox_xywh, answer.stability_score) == (0, [0, 0, 0, 0], 0.0)
    assert masks.decode(answer.rle).sum() == 0


def test_stability_is_that_of_the_definition(nano: tuple[Engine, str]) -> None:
    logits = np.random.default_rng(0).normal(0, 2, (1, 64, 64)).astype(np.float32)
    frame = Tiny.frame(None, (64, 64))  # type: ignore[arg-type]
    (answer,) = to_masks(Decoded(logits, np.array([0.1], np.float32)), frame)
    assert answer.stability_score == pytest.approx((logits > 1).sum() / (logits > -1).sum())


def test_errors_are_named(spot: tuple[Engine, str]) -> None:
    engine, image = spot
    with pytest.raises(InvalidPrompt) as outside:
        predict(spot, [PointPrompt(x=500, y=5, label=1)])
    assert outside.value.code == "point_outside_image"
    with pytest.raises(EngineError) as mismatch:
        Predictor(engine).submit(image, (128, 96), [OUTSIDE]).result(120)
    assert mismatch.value.code == "image_size_mismatch"


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 400), (700, 3), (333, 512)])
def test_odd_sizes(nano: tuple[Engine, str], size_hw: tuple[int, int]) -> None:
    import hashlib

    from model_server.contract.blobs import image_key

    engine, _ = nano
    file = BytesIO()
    Image.new("RGB", size_hw[::-1], (80, 90, 100)).save(file, "PNG")
    sha256 = hashlib.sha256(file.getvalue()).hexdigest()
    engine._pictures._store.put(image_key(sha256), file.getvalue())
    prompts = [PointPrompt(x=size_hw[1], y=size_hw[0], label=1)]
    for answer in Predictor(engine).submit(sha256, size_hw, prompts).result(120).value.masks:
        masks.validate(answer.rle, size_hw, max_bytes=10**6)


def test_caches_and_company_change_no_answer(settings: Settings) -> None:
    """Many at once, with room for one embedding in memory, two on disk and a few remembered steps."""
    images = [put_bytes(settings, disc_png(SIZE_HW, seed=seed)) for seed in range(6)]
    asked = [
        (image, [replace(CENTRE, x=x, candidate=x % 3), replace(OUTSIDE, y=y)][: 1 + y % 2])
        for image in images
        for x in (50, 60, 70)
        for y in (4, 7)
    ]
    calm = Engine(settings)
    expected = [Predictor(calm, Memo(0)).submit(i, SIZE_HW, p).result(120).value.masks for i, p in asked]
    calm.close()
    bytes_each = 3 * 64 * 64 * 2
    small = replace(
        settings,
        embedding_dir=settings.data_dir / "small",
        embedding_memory_bytes=bytes_each,
        embedding_disk_bytes=2 * bytes_each + 500,
        queue_limit=2 * len(asked),
    )
    busy = Engine(small)
    predictor = Predictor(busy, Memo(5 * 3 * 64 * 64 * 4))
    futures = [predictor.submit(image, SIZE_HW, prompts) for image, prompts in asked + asked[::-1]]
    assert [future.result(120).value.masks for future in futures] == expected + expected[::-1]
    assert busy.cache.sizes()["memory"] <= bytes_each
    assert busy.load.waiting == 0
    busy.close()
