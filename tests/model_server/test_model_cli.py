"""`models` on real folders, files and processes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from model_server.cli import app
from model_server.networks.catalogue import CATALOGUE
from model_server.networks.registry import BUNDLED, load_network
from tests.model_server.conftest import write_tiny
from tests.model_server.reference import build_sam, randomise
from tests.running import free_port


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGLOOP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SEGLOOP_MODEL_HUB_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path / "data" / "models"


def run(*arguments: str | Path) -> Any:
    """The JSON document of a command that went well."""
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*arguments: str | Path) -> str:
    """What a command says that did not go well."""
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr


@pytest.fixture(scope="module")
def official_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("official") / "sam_vit_x_123456.pth"
    small = build_sam(width=64, depth=2, heads=2, global_blocks=[1], image_size=256)
    torch.save(randomise(small).state_dict(), file)
    return file


def test_an_official_file_is_taken_in(models_dir: Path, official_file: Path) -> None:
    added = run("models", "add", official_file)
    assert (added["name"], added["family"], added["image_size"]) == ("sam_vit_x_123456", "sam", 256)
    assert added["source"]["architecture"] == "sam-vit-64x2"
    assert added["is_as_published"] is False
    assert load_network(models_dir / "sam_vit_x_123456", torch.device("cpu")).facts.parameters == added["parameters"]
    listed = {row["name"]: row for row in run("models", "list")["models"]}
    assert listed["sam_vit_x_123456"]["state"] == "here"
    assert "already" in refused("models", "add", official_file)


def test_a_folder_is_taken_in_under_a_name(models_dir: Path, tmp_path: Path) -> None:
    folder = write_tiny(tmp_path, "spot.v2", reach=(1.0, 2.0, 3.0))
    (folder / "README.md").write_text("# spot\n\n## Measured\n0.5 on one set\n\n## Limits\nmany\n")
    (folder / "optimizer.pt").write_bytes(b"not carried")
    assert run("models", "add", folder)["name"] == "spot.v2"
    added = run("models", "add", folder, "--name", "mine")
    assert added["figures"] == "0.5 on one set"
    assert sorted(file.name for file in (models_dir / "mine").iterdir()) == [
        "README.md", "config.json", "model.safetensors",
    ]  # fmt: skip


def test_unusable_things_are_refused_and_leave_nothing(models_dir: Path, tmp_path: Path) -> None:
    spot = write_tiny(tmp_path, "spot", reach=(1.0, 2.0, 3.0))
    broken = shutil.copytree(BUNDLED / "nano", tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["mask_decoder.iou_token.weight"] = torch.zeros(1, 7)
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    (spot / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "page.pth").write_text("<html>")
    for path, words in [
        (tmp_path / "nothing", "There is no"),
        (spot, "model_type 'bert' is not known"),
        (broken, "the model cannot be loaded"),
        (tmp_path / "page.pth", "was not unpickled"),
    ]:
        assert words in refused("models", "add", path)
    assert not [path for path in models_dir.rglob("*") if path.suffix != ".lock" and path.name != ".incoming"]


def test_the_list_says_what_is_where(models_dir: Path) -> None:
    part = models_dir / ".incoming" / "sam-vit-huge" / "model.safetensors.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(1000))
    (models_dir / "odd").mkdir()
    (models_dir / "odd" / "config.json").write_text("{")
    rows = {row["name"]: row for row in run("models", "list")["models"]}
    assert rows.keys() == {"nano", "tiny", "odd", *CATALOGUE}
    assert rows["nano"]["state"] == "bundled"
    assert (rows["sam-vit-huge"]["state"], rows["sam-vit-huge"]["bytes_here"]) == ("partly here", 1000)
    assert rows["odd"]["state"] == "unusable"
    shown = CliRunner().invoke(app, ["models", "list"]).stdout
    assert "sam2.1-hiera-large" in shown
    assert "897.9 MB" in shown


def test_info_knows_what_is_here_and_what_is_published(models_dir: Path) -> None:
    nano = run("models", "info", "nano")
    assert nano["family"] == "sam2"
    assert nano["model_version"].rpartition("-")[2] == nano["sha256"]["model.safetensors"][:8]
    assert nano["config"]["model_type"] == "sam2"
    published = run("models", "info", "sam2.1-hiera-tiny")
    assert published["licence"] == "Apache-2.0"
    assert "nano" in CliRunner().invoke(app, ["models", "info", "nano"]).stdout
    assert "There is no published model" in refused("models", "info", "nonsense")


def test_info_sees_that_pulled_weights_were_changed(models_dir: Path) -> None:
    folder = write_tiny(models_dir, "spot", reach=(1.0, 2.0, 3.0))
    sha256 = run("models", "info", "spot")["sha256"]["model.safetensors"]
    source = {"files": {"model.safetensors": {"sha256": sha256, "checked_by": "known"}}}
    (folder / "source.json").write_text(json.dumps(source))
    assert run("models", "info", "spot")["is_as_published"] is True
    write_tiny(models_dir, "spot", reach=(1.0, 2.0, 4.0))
    assert run("models", "info", "spot")["is_as_published"] is False
    (folder / "source.json").write_text("{")
    assert "source.json is damaged" in refused("models", "info", "spot")


def test_pulling_without_a_network_is_one_sentence(models_dir: Path) -> None:
    assert "does not answer" in refused("models", "pull", "sam2.1-hiera-tiny")
    assert "known are sam-vit-base" in refused("models", "pull", "bert")
    write_tiny(models_dir, "sam-vit-base", reach=(1.0, 2.0, 3.0))
    assert run("models", "pull", "sam-vit-base")["family"] == "tiny"  # what is here under the name stays


def test_other_commands_get_their_arguments_unread() -> None:
    for command in ("train", "train-detector", "evaluate", "export-onnx"):
        result = CliRunner().invoke(app, [command, "--no-such-option", "-x", "--json"])
        assert (result.exit_code, "usage: " in result.stderr) == (2, True), result.output
