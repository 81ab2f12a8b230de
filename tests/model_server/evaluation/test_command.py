"""The whole command over small datasets: what it prints and writes, and what it refuses."""

import csv
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from model_server.contract.masks import Bools
from model_server.evaluation.__main__ import main
from model_server.evaluation.outputs import write
from model_server.evaluation.summary import SCHEMA

WriteDataset = Callable[..., Path]


@pytest.fixture(autouse=True)
def one_machine(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tmp_path: Path) -> None:
    for name, value in (("MODELS_DIR", tiny_folder), ("MODEL_DEVICE", "cpu"), ("MODEL_THREADS", "1")):
        monkeypatch.setenv(f"SEGLOOP_{name}", str(value))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def discs(write_dataset: WriteDataset, disc: Callable[..., Bools]) -> Path:
    pictures = {
        f"{number} <b>&.png": [disc(20 + 3 * number, 25, 8 + number), disc(60, 30 + 2 * number, 12)]
        for number in range(4)
    }
    return write_dataset(pictures, splits=dict.fromkeys(pictures, "val"))


def evaluated(*arguments: object) -> dict[str, Any]:
    file = Path("found.json")
    assert main([*map(str, arguments), "--json", str(file)]) == 0
    document: dict[str, Any] = json.loads(file.read_text(), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    return document


def test_everything_is_measured_and_written(
    discs: Path, write_dataset: WriteDataset, disc: Callable[..., Bools], capsys: pytest.CaptureFixture[str]
) -> None:
    single = write_dataset({"one.png": [disc(40, 30, 20)]}, name="single")
    document = evaluated(
        "spot", discs, single, "--baselines", "--against", "tiny", "--starts", "center,random,box",
        "--box-clicks", 2, "--report", "report", "--per-mask", "masks.csv",
    )  # fmt: skip
    assert document["schema"] == SCHEMA
    assert [(facts["name"], facts["pictures"], facts["masks"]) for facts in document["datasets"]] == [
        ("discs", 4, 8),
        ("single", 1, 1),
    ]
    assert len(document["datasets"][0]["fingerprint"]) == 64
    spot, tiny, *classical = list(document["methods"])
    assert document["methods"][spot]["model_version"] == spot
    assert classical == ["Felzenszwalb", "flood fill", "GrabCut", "filled box"]
    first = document["results"][0]
    assert {"center_1", "center_1_best", "center_9", "center_noc_85", "center_noc_90", "random_1", "box", "box_2"} <= (
        first["measures"].keys()
    )
    one_click = first["measures"]["center_1"]["all"]
    assert 0 <= one_click["low"] <= one_click["mean"] <= one_click["high"] <= 1
    assert (one_click["masks"], one_click["images"]) == (8, 4)
    assert first["measures"]["center_1_best"]["all"]["mean"] >= one_click["mean"]
    assert sum(first["noc"]["center"]["90"]["masks_by_clicks"]) == 8
    assert first["calibration"]["center"]["candidates"]["masks"] == 24

    assert [row["dataset"] for row in document["comparison"]] == ["discs", "single", "mean over datasets"]
    assert all(row["first"] == spot and row["second"] == tiny for row in document["comparison"])
    shown = capsys.readouterr().out
    assert "1 click, best of 3" in shown
    assert document["comparison"][0]["verdict"] in shown.replace("\n", " ").replace("  ", " ")

    averaged = next(row for row in document["mean_over_datasets"] if row["method"] == spot)["measures"]["center_1"]
    by_dataset = [row["measures"]["center_1"]["all"]["mean"] for row in document["results"] if row["method"] == spot]
    assert averaged["all"]["mean"] == pytest.approx(sum(by_dataset) / 2), "unweighted"

    rows = list(csv.DictReader(Path("masks.csv").read_text().splitlines()))
    assert len(rows) == 9 * 6
    means = [float(row["center_1"]) for row in rows if row["method"] == spot and row["dataset"] == "discs"]
    assert np.mean(means) == pytest.approx(one_click["mean"], abs=1e-6)

    page = Path("report/index.html").read_text()
    assert "<script" not in page
    assert "http" not in page, "the page needs nothing else"
    assert page.count("data:image/webp;base64,") == 9
    assert "0 &lt;b&gt;&amp;.png" in page
    assert "0 <b>" not in page
    drawings = page.split("<svg")[1:]
    assert len(drawings) >= 12
    for drawing in drawings:
        ElementTree.fromstring("<svg" + drawing.split("</svg>")[0] + "</svg>")


def test_the_same_seed_gives_the_same_document(discs: Path) -> None:
    arguments = ("spot", discs, "--starts", "random,box", "--clicks", 3, "--masks-per-image", 1, "--max-images", 3)
    documents = [evaluated(*arguments), evaluated(*arguments)]
    for document in documents:
        for row in (document, *document["results"]):
            row["seconds"] = row["created"] = None
    assert documents[0] == documents[1]
    assert documents[0]["datasets"][0]["masks"] == 3


def test_a_model_against_a_copy_shows_no_difference(discs: Path, tiny_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "config.json").write_text((tiny_folder / "spot" / "config.json").read_text())
    save_file(load_file(tiny_folder / "spot" / "model.safetensors"), copy / "model.safetensors")
    row = evaluated("spot", discs, "--against", copy, "--clicks", 2)["comparison"][0]
    assert all(
        estimate is None or (estimate["mean"], estimate["low"], estimate["high"]) == (0, 0, 0)
        for sizes in row["differences"].values()
        for estimate in sizes.values()
    )
    assert row["verdict"].count("no difference is shown") == 3


def test_one_image_gets_no_interval(write_dataset: WriteDataset, disc: Callable[..., Bools]) -> None:
    folder = write_dataset({"one.png": [disc(20, 20, 9), disc(60, 30, 12)]})
    document = evaluated("spot", folder, "--clicks", 1, "--against", "tiny")
    found = document["results"][0]["measures"]["center_1"]["all"]
    assert (found["low"], found["high"], found["masks"], found["images"]) == (None, None, 2, 1)
    assert "one image alone allows no intervals" in document["notes"][0]


def test_one_pixel_and_whole_image_masks(write_dataset: WriteDataset) -> None:
    whole = np.ones((60, 80), np.bool_)
    pixel = np.zeros_like(whole)
    pixel[59, 79] = True
    folder = write_dataset({"one.png": [whole], "two.png": [pixel]})
    document = evaluated("spot", folder, "--baselines", "--starts", "center,random,box", "--report", "report")
    assert document["results"][0]["measures"]["center_noc_90"]["all"]["masks"] == 2
    assert Path("report/index.html").read_text().count("data:image/webp") == 2


def test_unusable_pictures_are_an_error_or_a_counted_skip(discs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (discs / "images" / "1 <b>&.png").write_bytes(b"\x89PNG not really")
    assert main(["spot", str(discs), "--json", "found.json", "--clicks", "1"]) == 1
    assert "1 <b>&.png" in capsys.readouterr().err.replace("\n", "")
    assert not Path("found.json").exists()
    document = evaluated("spot", discs, "--clicks", 1, "--skip-unusable")
    assert document["results"][0]["measures"]["center_1"]["all"]["masks"] == 6
    assert len(document["datasets"][0]["skipped"]) == 1
    for picture in (discs / "images").iterdir():
        picture.write_bytes(b"nothing")
    assert main(["spot", str(discs), "--clicks", "1", "--skip-unusable"]) == 1
    assert "Not one picture can be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "discs"), "There is no model 'nobody'"),
        (("spot", "nowhere"), "there is no annotations.json"),
        (("spot", "discs", "--split", "test"), "of split 'test'"),
        (("spot", "discs", "discs"), "is given twice"),
        (("spot", "discs", "--against", "spot"), "is given twice"),
        (("spot", "discs", "--json", "discs"), "is a folder"),
        (("spot", "discs", "--device", "abacus"), "must be auto, cpu or cuda"),
    ],
)
def test_refusals_are_a_sentence(
    arguments: tuple[str, ...], said: str, discs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(arguments)) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_only_baselines_that_start_so_are_run(discs: Path) -> None:
    document = evaluated("spot", discs, "--starts", "box", "--baselines", "--max-images", 1)
    assert list(document["methods"])[1:] == ["GrabCut", "filled box"]


def test_json_may_go_to_stdout_alone(discs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spot", str(discs), "--clicks", "1", "--max-masks", "2", "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["schema"] == SCHEMA
    assert "1 click, best of 3" in captured.err


def test_an_empty_dataset_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "annotations.json").write_text('{"images": [], "annotations": []}')
    assert main(["spot", "empty"]) == 1
    assert "no picture with a mask" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--clicks", "0"), ("--starts", "corner"), ("--max-masks", "some")])
def test_misuse_is_explained(arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["spot", "discs", *arguments])
    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    write(file, "before")
    with pytest.raises(UnicodeEncodeError):
        write(file, "half of it \ud800")
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]
