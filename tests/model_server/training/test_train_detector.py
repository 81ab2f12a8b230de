"""The detector's trainer: what it learns, from how little, and that it can be stopped and gone on with."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from model_server.dataset import read_dataset
from model_server.networks.box_head import HeadShape, find_boxes, load_head, positions
from model_server.networks.boxes import box_ious
from model_server.networks.registry import load_network, read_network_facts
from model_server.networks.weights import read_config
from model_server.training.detector_data import labelled_boxes, make_lesson
from model_server.training.detector_loss import assign, generalised_iou
from model_server.training.train_detector import main
from tests.model_server.conftest import write_tiny

CPU = torch.device("cpu")
SMALL = ("--width", "16", "--blocks", "2", "--batch-size", "4", "--warmup", "10", "--rate", "0.01")
HERE = ("--device", "cpu", "--threads", "1", "--report-seconds", "0")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("models"), "spot", reach=(4.0, 9.0, 16.0))


def command(folder: Path, base: Path, out: Path, *more: str) -> list[str]:
    return [str(folder), "--base", str(base), "--out", str(out), *SMALL, *HERE, *more]


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "progress.jsonl").read_text().splitlines()]


def test_it_learns_to_find_objects(shapes: Callable[..., Path], base: Path, tmp_path: Path) -> None:
    """Four pictures by heart, against the same head after one step that changes nothing."""
    folder, out = shapes(), tmp_path / "run"
    judged = ("--eval", str(folder))
    assert main(command(folder, base, tmp_path / "untrained", "--steps", "1", "--rate", "1e-12", *judged)) == 0
    assert main(command(folder, base, out, "--steps", "150", *judged)) == 0
    before = json.loads((tmp_path / "untrained" / "model" / "training.json").read_text())["metrics"]
    trained = json.loads((out / "model" / "training.json").read_text())
    after = trained["metrics"]
    assert (after["pictures"], after["boxes"]) == (4, 8)
    # Sums differ with the processor; what it learns lies well above.
    assert after["ar_100"] > max(0.4, before["ar_100"] + 0.3)
    assert after["ap_50"] > max(0.4, before["ap_50"] + 0.3)
    said = lines(out)
    assert said[0]["event"] == "started"
    steps = [line for line in said if line["event"] == "step"]
    assert [line["step"] for line in steps] == list(range(1, 151))
    assert said[-1]["event"] == "finished"
    assert said[-1]["ar_100"] == after["ar_100"]
    assert {"loss", "box_loss", "quality_loss", "seconds_left", "step", "steps"} <= set(steps[-1])
    config, facts = read_config(out / "model"), read_network_facts(base)
    assert config["encoder_fingerprint"] == facts.encoder_fingerprint
    assert config["base_model_version"] == trained["base_model_version"] == facts.model_version
    assert trained["data"] == {"shapes": read_dataset(folder).fingerprint}
    assert sum(tensor.numel() for tensor in load_file(out / "model" / "model.safetensors").values()) < 1_000_000


def test_unlabelled_objects_are_not_suppressed(shapes: Callable[..., Path], base: Path, tmp_path: Path) -> None:
    """One of two objects is labelled on each picture; the other one is still told from the ground."""
    folder, out = shapes(pictures=12), tmp_path / "run"
    whole = read_dataset(folder)
    file = folder / "annotations.json"
    raw = json.loads(file.read_text())
    rng = np.random.default_rng(0)
    raw["annotations"] = [raw["annotations"][2 * number + rng.integers(2)] for number in range(12)]
    file.write_text(json.dumps(raw))
    assert main(command(folder, base, out, "--steps", "150")) == 0
    head, network = load_head(out / "model", read_config(out / "model"), CPU), load_network(base, CPU)
    at_hidden, at_ground = [], []
    for picture, labelled in zip(whole.pictures, read_dataset(folder).pictures, strict=True):
        lesson = make_lesson(picture, network)
        found = find_boxes(head, lesson.embedding, lesson.frame)
        known = {mask.segmentation["counts"] for mask in labelled.masks}
        hidden = np.array([mask.segmentation["counts"] not in known for mask in picture.masks])
        overlaps = box_ious(found.boxes_xyxy, labelled_boxes(picture))
        at_hidden.append(found.scores[overlaps[:, hidden].max(1) > 0.5].max(initial=0))
        at_ground.append(found.scores[overlaps.max(1) < 0.1].max(initial=0))
    assert np.mean(at_hidden) > 0.3
    assert np.mean(at_hidden) > 2 * np.mean(at_ground)


def test_a_stopped_run_goes_on_to_the_very_same_detector(
    shapes: Callable[..., Path], base: Path, tmp_path: Path
) -> None:
    folder = shapes()
    options = ("--steps", "150", "--width", "8", "--blocks", "1", "--batch-size", "2")
    assert main(command(folder, base, tmp_path / "whole", *options)) == 0
    torn = command(folder, base, tmp_path / "torn", *options)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "model_server.training.train_detector", *torn],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    with process, process.stdout:
        for line in process.stdout:
            if json.loads(line)["event"] == "step":
                process.send_signal(signal.SIGTERM)
                break
        rest = [json.loads(line) for line in process.stdout]
    assert (process.returncode, rest[-1]["event"]) == (130, "stopped")
    assert not (tmp_path / "torn" / "model").exists()
    assert main(torn) == 0
    assert "resumed" in [line["event"] for line in lines(tmp_path / "torn")]
    whole, resumed = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "torn"))
    assert set(whole) == set(resumed)
    for name in whole:
        assert torch.equal(whole[name], resumed[name]), name


def test_time_that_is_up_ends_the_run_with_a_detector(shapes: Callable[..., Path], base: Path, tmp_path: Path) -> None:
    """Also when embeddings may not be kept: each is made again."""
    out = tmp_path / "run"
    argv = command(shapes(), base, out, "--steps", "1000000", "--max-minutes", "0.005", "--embedding-bytes", "0")
    assert main(argv) == 0
    origin = json.loads((out / "model" / "training.json").read_text())
    assert origin["ended_by"] == "max_minutes"
    assert 1 <= origin["steps_done"] < 1000000
    assert lines(out)[-1]["ended_by"] == "max_minutes"


def test_what_cannot_work_is_refused_by_name_before_anything_is_written(
    shapes: Callable[..., Path], base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = shapes(), tmp_path / "run"
    for code, argv in (
        ("dataset_missing", command(tmp_path, base, out)),
        ("dataset_missing", command(folder, base, out, "--eval", str(tmp_path))),
        ("model_config_unreadable", command(folder, tmp_path / "nothing", out)),
        ("option_out_of_range", command(folder, base, out, "--steps", "0")),
        ("option_out_of_range", command(folder, base, out, "--negative-weight", "2")),
        ("option_out_of_range", command(folder, base, out, "--width", "12")),
        ("option_malformed", command(Path(f"{folder}=much"), base, out)),
    ):
        assert main(argv) == 1
        assert capsys.readouterr().err.startswith(code)
        assert not out.exists(), code
    assert main(command(folder, base, out, "--steps", "1")) == 0
    capsys.readouterr()
    assert main(command(folder, base, out, "--steps", "2")) == 1
    assert capsys.readouterr().err.startswith("run_differs")


def test_positions_answer_for_boxes_of_their_size() -> None:
    """Input 128: strides 4, 8 and 16 take boxes up to 32, 64 and all of 128 pixels."""
    shape = HeadShape(channels=(3,), sides=(64,), input_size=128)
    assert (shape.strides, shape.grids) == ((4.0, 8.0, 16.0), (32, 16, 8))
    centres_xy, strides = positions(shape)
    labelled = torch.tensor([[10.0, 10, 42, 42], [26, 26, 36, 36], [0, 60, 128, 62], [0, 0, 128, 128]])
    owner = assign(labelled, centres_xy, strides)
    for number, stride in ((0, 4), (1, 4), (2, 16), (3, 16)):
        mine = owner == number
        assert mine.any()
        assert strides[mine].unique().tolist() == [stride]
    middle = ((centres_xy - torch.tensor([30.0, 30])).abs() < 1).all(1) & (strides == 4)
    assert owner[middle].unique().tolist() == [1]  # of two boxes there, the smaller
    assert (assign(labelled[:0], centres_xy, strides) == -1).all()


def test_generalised_iou_by_hand() -> None:
    """Two unit squares side by side with a gap of one: no overlap, a third of the hull is empty."""
    a, b = torch.tensor([[0.0, 0, 1, 1], [0, 0, 2, 2]]), torch.tensor([[2.0, 0, 3, 1], [1, 0, 3, 2]])
    torch.testing.assert_close(generalised_iou(a, b), torch.tensor([-1 / 3, 1 / 3]))
