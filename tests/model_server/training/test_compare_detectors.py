"""Two detectors on the same pictures: their difference and how sure it is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model_server.training import compare_detectors, train_detector
from tests.model_server.conftest import write_tiny

FAST = ("--width", "16", "--blocks", "2", "--batch-size", "4", "--warmup", "10", "--device", "cpu", "--threads", "1")


def test_a_trained_detector_beats_an_untrained_one(
    shapes: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = write_tiny(tmp_path, "spot", reach=(4.0, 9.0, 16.0))
    folder = shapes(pictures=6)
    for name, how in (
        ("untrained", ("--steps", "1", "--rate", "1e-12")),
        ("trained", ("--steps", "80", "--rate", "0.01")),
    ):
        out = ("--out", str(tmp_path / name))
        assert train_detector.main([str(folder), "--base", str(base), *out, *FAST, *how]) == 0
    models = [str(tmp_path / name / "model") for name in ("trained", "untrained")]
    rest = ["--dataset", str(folder), "--base", str(base), "--threads", "1", "--json", str(tmp_path / "figures.json")]
    assert compare_detectors.main([*models, *rest]) == 0
    figures: dict[str, Any] = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["pictures"], figures["boxes"]) == (6, 12)
    trained, untrained = (one["ar_100"] for one in figures["detectors"])
    gain = figures["difference"]["ar_100"]
    assert gain["value"] == pytest.approx(trained - untrained)
    assert 0 < gain["low"] <= gain["value"] <= gain["high"]
    assert compare_detectors.main([models[0], *rest]) == 0
    assert json.loads((tmp_path / "figures.json").read_text())["difference"] == {}
    assert compare_detectors.main([str(tmp_path / "nothing"), *rest]) == 1
    assert "config.json" in capsys.readouterr().err
