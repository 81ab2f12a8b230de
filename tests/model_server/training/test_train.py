"""The trainer as it is run: a process, its folder, its lines; killed, stopped, gone on with, and misused."""

import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from model_server.networks.registry import BUNDLED, load_network, read_network_facts
from model_server.networks.weights import UnusableModel
from model_server.training.base import find_base
from model_server.training.network import load_trainable
from model_server.training.options import parse
from model_server.training.rounds import Rounds
from model_server.training.train import exit_code, main

FAST = ("--batch-size", "2", "--prompts-per-image", "2", "--corrections", "1", "--no-no-point-rounds", "--warmup", "1")
HERE = ("--device", "cpu", "--threads", "1", "--workers", "0", "--report-seconds", "0")


def command(folder: Path, base: Path | str, out: Path, *more: str) -> list[str]:
    return [str(folder), "--base", str(base), "--out", str(out), *FAST, *HERE, *more]


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "progress.jsonl").read_text().splitlines()]


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model" / "model.safetensors")


def test_tiny_numbers_are_taken_for_nothing_while_a_trainer_runs_and_only_then() -> None:
    """Processors multiply numbers below 1e-38 many times slower, and gradients of attention are full of them."""
    tiny = torch.full((4,), 1e-39)
    assert exit_code(lambda: int((tiny * 1 != 0).sum())) == 0
    assert bool((tiny * 1 > 0).all())


def test_a_run_from_start_to_a_model_that_can_be_served(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert main(command(shapes(), small_base, out, "--steps", "3")) == 0
    said = lines(out)
    assert [line["event"] for line in said] == ["started", "step", "step", "step", "finished"]
    assert said[0]["pictures"] == 4
    assert {"loss", "first_best_iou", "last_iou", "images_per_second", "seconds_left", "step"} <= set(said[1])
    origin = json.loads((out / "model" / "training.json").read_text())
    assert origin["parent"] == str(small_base)
    assert origin["configuration"]["steps"] == 3
    assert origin["metrics"]["loss"] == said[-2]["loss"]
    assert len(origin["data"]["shapes"]) == 64
    trained, base = read_network_facts(out / "model"), read_network_facts(small_base)
    assert trained.family == "sam2"
    assert trained.model_version != base.model_version
    network = load_network(out / "model", torch.device("cpu"))
    image = Image.new("RGB", (30, 20))
    (embedding,) = network.encode([network.prepare(image)], [(20, 30)])
    assert embedding.size_hw == (20, 30)
    assert not list(out.glob("*.unfinished"))


def test_a_base_is_found_by_its_name_among_the_installations_models(
    small_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGLOOP_MODELS_DIR", str(tmp_path))
    shutil.copytree(small_base, tmp_path / "pulled")
    assert find_base("pulled") == tmp_path / "pulled"
    assert find_base("nano") == BUNDLED / "nano"
    with pytest.raises(UnusableModel):
        find_base("away")


def test_part_of_the_base_is_kept(shapes: Callable[..., Path], small_base: Path, tmp_path: Path) -> None:
    for name, share in (("changed", "0"), ("half", "0.5"), ("same", "1")):
        options = ("--steps", "3", "--tune", "decoder", "--rate", "0.01", "--keep-base", share)
        assert main(command(shapes(name=name), small_base, tmp_path / name, *options)) == 0
    base = load_trainable(small_base).model.state_dict()
    changed, half, same = (weights(tmp_path / name) for name in ("changed", "half", "same"))
    assert any(not torch.equal(changed[name], base[name].half()) for name in changed)
    for name, kept in base.items():
        if name in half and kept.is_floating_point():
            torch.testing.assert_close(half[name].float(), (changed[name].float() + kept) / 2, atol=2e-3, rtol=2e-3)
            torch.testing.assert_close(same[name], kept.half(), atol=0, rtol=0)


def test_nothing_can_be_kept_of_nothing(
    shapes: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(shapes(), "new:nano", tmp_path / "run", "--steps", "1", "--keep-base", "0.5")) != 0
    assert "starts from nothing" in capsys.readouterr().err


def test_what_is_served_is_what_was_trained(shapes: Callable[..., Path], small_base: Path, tmp_path: Path) -> None:
    """Running means of norms included: once, loading reset them, and features came out thousands of times too large."""
    assert main(command(shapes(), small_base, tmp_path / "run", "--steps", "4", "--tune", "full")) == 0
    saved, loaded = weights(tmp_path / "run"), load_trainable(tmp_path / "run" / "model").model.state_dict()
    running = [name for name in saved if name.endswith("running_var")]
    assert running
    assert not any(torch.equal(saved[name], torch.ones_like(saved[name])) for name in running)
    for name in saved:
        torch.testing.assert_close(loaded[name].half(), saved[name].half(), rtol=0, atol=0)


def test_decoder_tuning_of_a_published_half_keeps_the_encoders_fingerprint(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path
) -> None:
    """Models are shipped in fp16: a model tuned from one shares its embeddings."""
    assert main(command(shapes(), small_base, tmp_path / "first", "--steps", "1")) == 0
    published = tmp_path / "first" / "model"
    config = json.loads((published / "config.json").read_text()) | {"parts": "clicked"}
    (published / "config.json").write_text(json.dumps(config))
    assert main(command(shapes(name="more"), published, tmp_path / "second", "--steps", "2")) == 0
    tuned = read_network_facts(tmp_path / "second" / "model")
    assert tuned.parts == "clicked"
    assert tuned.encoder_fingerprint == read_network_facts(published).encoder_fingerprint
    assert tuned.model_version != read_network_facts(published).model_version


def test_a_killed_run_goes_on_to_the_very_same_model(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path
) -> None:
    """SIGKILL amid the steps; the second start ends with bit-identical weights, averages included."""
    folder = shapes()
    options = ("--steps", "12", "--tune", "full", "--average-from", "0.4", "--colour", "0.5")
    assert main(command(folder, small_base, tmp_path / "whole", *options)) == 0
    torn = command(folder, small_base, tmp_path / "torn", *options, "--save-seconds", "0")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "model_server.training.train", *torn],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    with process, process.stdout:
        for line in process.stdout:
            said = json.loads(line)
            if said["event"] == "saved" and said["step"] >= 5:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "torn" / "model").exists()
    assert main(torn) == 0
    assert [line["event"] for line in lines(tmp_path / "torn")].count("resumed") == 1
    whole, resumed = weights(tmp_path / "whole"), weights(tmp_path / "torn")
    assert set(whole) == set(resumed)
    for name in whole:
        assert torch.equal(whole[name], resumed[name]), name


def test_sigterm_stops_after_the_step_with_a_checkpoint(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    argv = command(shapes(), small_base, out, "--steps", "100000")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "model_server.training.train", *argv],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        for line in process.stdout:
            if json.loads(line)["event"] == "step":
                os.killpg(process.pid, signal.SIGTERM)  # as service managers do: its sample makers, too
                break
        rest = [json.loads(line) for line in process.stdout]
    assert process.returncode == 130
    assert rest[-1]["event"] == "stopped"
    assert (out / "checkpoint" / "state.pt").exists()
    assert not (out / "model").exists()


def refusal(capsys: pytest.CaptureFixture[str], argv: list[str]) -> str:
    assert main(argv) == 1
    return capsys.readouterr().err


def test_what_cannot_work_is_refused_by_name_before_anything_is_written(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = shapes(), tmp_path / "run"
    empty = tmp_path / "empty"
    empty.mkdir()
    tiny = tmp_path / "tiny"
    tiny.mkdir()
    (tiny / "config.json").write_text('{"model_type": "segloop_tiny"}')
    for code, argv in (
        ("dataset_missing", command(empty, small_base, out)),
        ("dataset_empty", command(_no_masks(tmp_path), small_base, out)),
        ("model_config_unreadable", command(folder, tmp_path / "nothing", out)),
        ("untrainable_architecture", command(folder, tiny, out)),
        ("input_size_fixed", command(folder, small_base, out, "--input-size", "100")),
        ("option_out_of_range", command(folder, small_base, out, "--steps", "0")),
        ("option_malformed", command(Path(f"{folder}=much"), small_base, out)),
        ("unknown_architecture", command(folder, "new:colossus", out)),
    ):
        assert refusal(capsys, argv).startswith(code)
        assert not out.exists(), code


def _no_masks(tmp_path: Path) -> Path:
    folder = tmp_path / "maskless"
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    image = {"id": 1, "file_name": "a.png", "width": 8, "height": 8}
    (folder / "annotations.json").write_text(json.dumps({"images": [image], "annotations": []}))
    return folder


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_picture_that_turns_out_bad_ends_the_run_by_name(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    """Also when another process met it; the checkpoint before stays."""
    folder = shapes(pictures=1)
    Image.new("RGB", (9, 9)).save(folder / "images" / "0.png")
    argv = command(folder, small_base, tmp_path / "run", "--steps", "2")
    argv[argv.index("--workers") + 1] = workers
    assert refusal(capsys, argv).startswith("picture_unreadable")
    assert not (tmp_path / "run" / "model").exists()


def test_what_cannot_be_read_is_left_out_and_counted_if_asked(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shapes(pictures=3)
    (folder / "images" / "0.png").write_bytes(b"not a picture")
    assert main(command(folder, small_base, tmp_path / "run", "--steps", "2", "--skip-unusable")) == 0
    started = lines(tmp_path / "run")[0]
    assert (started["pictures"], started["skipped"]) == (2, 1)
    for name in ("1.png", "2.png"):
        (folder / "images" / name).write_bytes(b"not a picture")
    argv = command(folder, small_base, tmp_path / "other", "--steps", "2", "--skip-unusable")
    assert refusal(capsys, argv).startswith("dataset_empty")


def test_folders_of_one_name_are_two_datasets(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (tmp_path / name / "train" for name in ("a", "b"))
    for to in (first, second):
        shutil.move(shapes(pictures=2), to)
    argv = [str(first), *command(second, small_base, tmp_path / "run", "--steps", "1", "--save-seconds", "0")]
    assert main(argv) == 0
    recorded = json.loads((tmp_path / "run" / "model" / "training.json").read_text())["data"]
    assert sorted(recorded) == [str(first), str(second)]
    document = json.loads((first / "annotations.json").read_text())
    (first / "annotations.json").write_text(json.dumps(document | {"annotations": document["annotations"][:1]}))
    assert refusal(capsys, argv).startswith("run_differs")


def test_another_run_in_the_same_folder_is_refused(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, folder = tmp_path / "run", shapes()
    assert main(command(folder, small_base, out, "--steps", "2", "--save-seconds", "0")) == 0
    assert refusal(capsys, command(folder, small_base, out, "--steps", "3")).startswith("run_differs")
    (out / "checkpoint" / "state.pt").write_bytes(b"not a checkpoint")
    assert refusal(capsys, command(folder, small_base, out, "--steps", "2")).startswith("checkpoint_damaged")


def test_a_checkpoint_that_would_run_code_is_not_unpickled(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path / 'owned'}",)

    out, folder = tmp_path / "run", shapes()
    assert main(command(folder, small_base, out, "--steps", "1")) == 0
    plain = pickle.dumps({"model": Malicious()}, protocol=2)
    zipped = io.BytesIO()
    torch.save({"model": Malicious()}, zipped)
    for content in (plain, zipped.getvalue()):
        (out / "checkpoint" / "state.pt").write_bytes(content)
        assert refusal(capsys, command(folder, small_base, out, "--steps", "1")).startswith("checkpoint_damaged")
    assert not (tmp_path / "owned").exists()


def test_replayed_data_is_mixed_in_by_weight(shapes: Callable[..., Path], small_base: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    extra = shapes(name="base-data", seed=1)
    argv = command(Path(f"{shapes()}=3"), small_base, out, "--steps", "1", "--replay", f"{extra}=1")
    assert main(argv) == 0
    origin = json.loads((out / "model" / "training.json").read_text())
    assert [(Path(one["folder"]).name, one["weight"], one["is_replay"]) for one in origin["configuration"]["data"]] == [
        ("shapes", 3.0, False),
        ("base-data", 1.0, True),
    ]
    assert set(origin["data"]) == {"shapes", "base-data"}


def test_a_base_goes_on_with_the_rounds_and_sizes_it_was_trained_with_unless_told_otherwise(
    shapes: Callable[..., Path], small_base: Path, tmp_path: Path
) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    data = shapes()
    assert main(command(data, small_base, first, "--steps", "1", *OWN)) == 0
    short = [str(data), *("--batch-size", "1", "--prompts-per-image", "1", "--steps", "1", "--warmup", "1"), *HERE]
    assert main([*short, "--base", str(first / "model"), "--out", str(second)]) == 0
    assert rounds(second) == rounds(first)
    assert rounds(second)["corrections"] == 1
    assert said(second, "augmentation") == {"scale": [0.7, 1.5], "stretch": 1.2, "colour": 0.0, "flip": False}
    assert said(second, "min_area") == 9
    assert rounds(second)["iou_loss"] == "l1"
    told = ("--no-sam2-losses", "--corrections", "0", "--flip")
    assert main([*short, "--base", str(first / "model"), "--out", str(third), *told]) == 0
    assert rounds(third) == {**rounds(first), "corrections": 0, **OF_SAM}
    assert said(third, "augmentation") == {**said(second, "augmentation"), "flip": True}


OWN = (
    *("--dice-weight", "3", "--sam2-losses", "--scale", "0.7", "1.5", "--stretch", "1.2", "--no-flip"),
    *("--min-area", "9"),
)
OF_SAM = {"iou_loss": "mse", "iou_of_all_masks": False, "corrections_from_mask": 0.0, "uniform_box_noise": False}


def said(out: Path, what: str) -> Any:
    return json.loads((out / "model" / "training.json").read_text())["configuration"][what]


def rounds(out: Path) -> dict[str, Any]:
    return dict(said(out, "rounds"))


def test_a_base_that_says_nothing_of_its_training_gets_the_rounds_of_sam(small_base: Path, tmp_path: Path) -> None:
    (small_base / "training.json").write_text('{"configuration": {"rounds": {"dice_weight": {}}}')
    configuration, _ = parse(["data", "--base", str(small_base), "--out", str(tmp_path / "run")])
    assert configuration.rounds == Rounds()
    assert configuration.augmentation.scale == (0.1, 2.0)
