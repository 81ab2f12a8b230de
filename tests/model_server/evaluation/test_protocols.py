"""Numbers of clicks against a case worked out by hand; the network's answers against the server's."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model_server.contract import masks
from model_server.contract.blobs import image_key, open_store
from model_server.contract.geometry import PointPrompt, Prompt
from model_server.contract.masks import Bools, encode
from model_server.contract.pixels import decode_rgb
from model_server.contract.view import zoomed_view
from model_server.engine import Engine
from model_server.evaluation.measures import measures_of, noc_counts
from model_server.evaluation.methods import Method, load_method
from model_server.evaluation.protocols import Trial, Truth, run_trial
from model_server.evaluation.scoring import Scores
from model_server.predict import Predictor
from model_server.settings import Settings
from tests.model_server.conftest import put_bytes
from tests.model_server.test_engine import until


def row_of(pixels: int) -> Truth:
    """An object one pixel high: every pixel has depth 1, so clicks go along it from the left."""
    mask = np.zeros((3, 40), np.bool_)
    mask[1, 2 : 2 + pixels] = True
    return Truth(encode(mask), mask)


def trial_of(method: Method, truth: Truth, *, steps: int = 20) -> Trial:
    image = Image.new("RGB", (truth.mask_hw.shape[1], truth.mask_hw.shape[0]))
    return run_trial(method.look(image), truth, "center", steps=steps, generator=np.random.default_rng(0))


def scores_of(*trials: Trial) -> Scores:
    scores = Scores.empty(len(trials), 20)
    for row, trial in enumerate(trials):
        scores.keep(row, trial)
    return scores


def test_noc_of_a_hand_worked_example(pen: Method) -> None:
    """A pen that marks the clicked pixel: IoU is k / n after k clicks on an object of n pixels.

    n = 20: 0.85 at click 17, 0.90 at click 18, where it ends. n = 22: 19 of 22 are 0.864, 20 of 22 are 0.909.
    n = 24: 20 of 24 are 0.833, never there. n = 4: whole after 4 clicks.
    """
    trials = [trial_of(pen, row_of(pixels)) for pixels in (20, 22, 24, 4)]
    assert [len(trial.ious) for trial in trials] == [18, 20, 20, 4]
    assert trials[0].ious == pytest.approx([k / 20 for k in range(1, 19)])
    assert [(prompt.x, prompt.y) for prompt in trials[0].prompts] == [(2.5 + k, 1.5) for k in range(18)]  # type: ignore[union-attr]
    scores = scores_of(*trials)
    found = measures_of("center", scores)
    assert found["center_noc_85"].tolist() == [17, 19, 20, 4]
    assert found["center_noc_90"].tolist() == [18, 20, 20, 4]
    assert found["center_9"].tolist() == pytest.approx([9 / 20, 9 / 22, 9 / 24, 1])
    counts = noc_counts(scores, 0.90)
    assert counts["at_least_20"] == 2, "success at the twentieth click counts too"
    assert counts["never"] == 1
    assert counts["masks_by_clicks"] == [0, 0, 0, 1] + [0] * 13 + [1, 0, 2]


def test_void_pixels_count_neither_for_clicks_nor_for_iou(pen: Method) -> None:
    truth = row_of(20)
    void = np.zeros_like(truth.mask_hw)
    void[1, 2:12] = True
    trial = trial_of(pen, Truth(truth.rle, truth.mask_hw, void))
    assert [prompt.x for prompt in trial.prompts] == [12.5 + k for k in range(10)]  # type: ignore[union-attr]
    assert trial.ious == pytest.approx([k / 10 for k in range(1, 11)])


def test_no_click_is_made_where_nothing_is_wrong(pen: Method) -> None:
    trial = trial_of(pen, row_of(1))
    assert trial.ious == [1]
    assert scores_of(trial).ious[0, :10].tolist() == [1] * 10


@pytest.mark.parametrize("start", ["center", "random", "box"])
def test_a_network_answers_as_the_server_does(
    start: Any, engine: Engine, settings: Settings, put_image: Callable[..., str], disc: Callable[..., Bools]
) -> None:
    """All prompts of a trial, replayed by the server's own predictor, give the same masks."""
    sha256 = put_image((60, 80))
    image = decode_rgb(open_store(settings.storage_url).get(image_key(sha256)), max_pixels=10_000)
    method = load_method("spot", models_dir=settings.models_dir, device=torch.device("cpu"))
    mask = disc(40, 30, 12)
    trial = run_trial(method.look(image), Truth(encode(mask), mask), start, steps=4, generator=np.random.default_rng(3))
    predictor = Predictor(engine)
    assert len(trial.prompts) == 4
    for step, answer in enumerate(trial.answers, start=1):
        served: Any = predictor.submit(sha256, (60, 80), trial.prompts[:step]).result().value
        assert [found.rle for found in served.masks] == answer.masks
        assert [found.predicted_iou for found in served.masks] == answer.predicted_iou
        assert trial.ious[step - 1] == masks.iou(answer.masks[answer.chosen], encode(mask))


def test_who_zooms_in_is_answered_as_by_the_server(engine: Engine, settings: Settings) -> None:
    """Also where the object goes on beyond the part that is seen, and where a click lies beside that part."""
    size_hw = (200, 240)
    rows, columns = np.mgrid[0 : size_hw[0], 0 : size_hw[1]]
    mask = (rows - 90) ** 2 + (columns - 100) ** 2 < 9**2
    pixels = np.where(mask[..., None], [230, 200, 40], [20, 30, 60]).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    sha256, image = put_bytes(settings, file.getvalue()), Image.fromarray(pixels)
    method = load_method("spot", models_dir=settings.models_dir, device=torch.device("cpu"), looks_closer=True)
    box_xywh, predictor = masks.bbox_xywh(encode(mask)), Predictor(engine)
    view = zoomed_view(box_xywh, size_hw)
    session = method.look(image).near(box_xywh)
    on_it, at_rim, beside = (PointPrompt(x=x, y=y, label=1) for x, y in ((100, 90), (140, 120), (220, 20)))

    def served(prompts: list[Prompt]) -> Any:
        return predictor.submit(sha256, size_hw, prompts, view_xyxy=view).result().value

    until(lambda: served([on_it]).part_xyxy is not None)
    for prompts in ([on_it], [on_it, at_rim], [at_rim], [on_it, at_rim, beside]):
        asked: list[Prompt] = list(prompts)
        answer, expected = session.answer(asked, None), served(asked)
        assert (expected.part_xyxy is None) == (beside in prompts)
        assert answer.masks == [found.rle for found in expected.masks]
        assert answer.predicted_iou == [found.predicted_iou for found in expected.masks]
    assert method.look(image).near([0, 0, 200, 180]).answer([on_it], None).masks == [
        found.rle for found in predictor.submit(sha256, size_hw, [on_it]).result().value.masks
    ]
    trial = run_trial(session, Truth(encode(mask), mask), "center", steps=1, generator=np.random.default_rng(0))
    whole = run_trial(
        method.look(image), Truth(encode(mask), mask), "center", steps=1, generator=np.random.default_rng(0)
    )
    assert trial.candidate_ious[0] > whole.candidate_ious[0]


def test_best_of_three_is_the_oracle(settings: Settings, disc: Callable[..., Bools]) -> None:
    mask = disc(40, 30, 12)
    image = Image.fromarray(np.where(mask[..., None], [230, 200, 40], [20, 30, 60]).astype(np.uint8))
    method = load_method("spot", models_dir=settings.models_dir, device=torch.device("cpu"))
    trial = run_trial(
        method.look(image), Truth(encode(mask), mask), "center", steps=1, generator=np.random.default_rng(0)
    )
    scores = Scores.empty(1, 1)
    scores.keep(0, trial)
    assert len(trial.candidate_ious) == 3
    assert measures_of("center", scores)["center_1_best"][0] == max(trial.candidate_ious)
    assert trial.ious[0] == trial.candidate_ious[1], "the middle candidate is the one the tiny network believes in"


def test_models_are_found_by_path_and_by_name(tiny_folder: Path) -> None:
    cpu = torch.device("cpu")
    by_path = load_method(str(tiny_folder / "spot"), models_dir=Path("nowhere"), device=cpu)
    by_name = load_method("spot", models_dir=tiny_folder, device=cpu)
    bundled = load_method("tiny", models_dir=tiny_folder, device=cpu)
    assert by_path.name == by_name.name != bundled.name
