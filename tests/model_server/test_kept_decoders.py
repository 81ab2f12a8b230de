"""Exported decoders and refusals on disk."""

from pathlib import Path

import pytest

from model_server.export_onnx import kept
from model_server.export_onnx.errors import ExportError
from model_server.export_onnx.kept import KeptDecoders


def write(folder: Path, version: str, size: int = 10) -> None:
    """As an export leaves a file: under the name of what was asked for."""
    decoders = KeptDecoders(folder)
    folder.mkdir(exist_ok=True)
    decoders.path(version, "smallest").write_bytes(bytes(size))
    decoders.keep(decoders.path(version, "smallest"), {"model_version": version, "weights": "float32"})


def test_a_file_is_found_again_by_what_it_is(tmp_path: Path) -> None:
    write(tmp_path, "nano-1")
    found = KeptDecoders(tmp_path).find("nano-1", "float32")
    assert found is not None
    assert found.path.name == "nano-1.float32.2.onnx"
    assert found.description == '{"model_version":"nano-1","weights":"float32"}'
    assert KeptDecoders(tmp_path).find("nano-1", "smallest") is None
    assert not list(tmp_path.glob("*.writing"))


def test_a_refusal_outlives_a_restart_but_not_another_segloop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = ExportError("decoder_disagrees", "a mean IoU of 0.9700 only")
    KeptDecoders(tmp_path / "new").keep_refusal("nano-1", "uint8", refusal)
    again = KeptDecoders(tmp_path / "new")
    found = again.find_refusal("nano-1", "uint8")
    assert found is not None
    assert (found.code, found.message) == (refusal.code, refusal.message)
    assert again.find_refusal("nano-1", "float32") is None
    assert again.find_refusal("nano-2", "uint8") is None
    monkeypatch.setattr(kept, "version", lambda _: "99")
    assert again.find_refusal("nano-1", "uint8") is None


def test_a_refusal_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    decoders = KeptDecoders(tmp_path)
    decoders.keep_refusal("nano-1", "uint8", ExportError("decoder_disagrees", "no"))
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    assert decoders.find_refusal("nano-1", "uint8") is None


def test_both_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "DISK_BYTES", 25)
    monkeypatch.setattr(kept, "MOST_REFUSALS", 2)
    for number in range(4):
        write(tmp_path, f"nano-{number}")
        KeptDecoders(tmp_path).keep_refusal(f"nano-{number}", "uint8", ExportError("decoder_disagrees", "no"))
    assert len(list(tmp_path.glob("*.onnx"))) == len(list(tmp_path.glob("*.float32.2.json"))) == 2
    assert len(list(tmp_path.glob("*.refused.json"))) == 2
    assert KeptDecoders(tmp_path).find("nano-3", "float32") is not None
    assert KeptDecoders(tmp_path).find_refusal("nano-3", "uint8") is not None
