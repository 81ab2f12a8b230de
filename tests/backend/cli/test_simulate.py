"""`segloop simulate` against a running backend and the tiny network, and its clicker against the rule written out."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from pycocotools import mask as coco_mask
from sqlalchemy import select
from typer.testing import CliRunner

from backend.annotations.proposals import Found, add_found
from backend.cli import app
from backend.commands.simulating.clicker import Click, next_click, squared_distances
from backend.commands.simulating.datasets import read_known
from backend.commands.terminal import CommandError
from backend.database import Database
from backend.images.tables import Image as ImageRow
from model_server.contract import masks
from tests.backend.cli.test_cli import SEGLOOP
from tests.reliability.processes import Installation
from tests.running import REPOSITORY, free_port, wait_until

Bools = npt.NDArray[np.bool_]
SIDE = 64
NOBODY = "http://127.0.0.1:9"


def drawn(*rows: str) -> Bools:
    """A mask drawn with `#`."""
    return np.array([[character == "#" for character in row] for row in rows])


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12)))
@settings(deadline=None, max_examples=50)
def test_distances_are_exact(region: Bools) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    expected = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1] ** 2
    assert np.array_equal(squared_distances(region), np.rint(expected).astype(np.int64))


@given(st.data())
@settings(deadline=None, max_examples=50)
def test_clicks_are_those_of_the_evaluation(data: st.DataObject) -> None:
    """The same rule as `segloop evaluate` measures by, written a second time because it may not be imported here."""
    clicks = pytest.importorskip("model_server.evaluation.clicks")
    shape = data.draw(st.tuples(st.integers(1, 14), st.integers(1, 14)))
    truth, predicted = (data.draw(arrays.arrays(np.bool_, shape)) for _ in range(2))
    pixel = st.tuples(st.integers(0, shape[1] - 1), st.integers(0, shape[0] - 1))
    clicked = data.draw(st.lists(pixel, max_size=3))
    expected = clicks.next_click(truth, predicted, [clicks.Click(x, y, True) for x, y in clicked])
    found = next_click(truth, predicted, [Click(x, y, True) for x, y in clicked])
    if found is None:
        assert (expected.x, expected.y, expected.is_positive) == (0, 0, False)
    else:
        assert (found.x, found.y, found.is_positive) == (expected.x, expected.y, expected.is_positive)


def test_clicks_by_hand() -> None:
    truth = drawn(".....", ".###.", ".###.", ".###.", ".....")
    nothing = truth & False
    assert next_click(truth, nothing, []) == Click(2, 2, True)
    assert next_click(truth, nothing, [Click(2, 2, True)]) == Click(1, 1, True), "once is enough"
    assert next_click(truth, truth, []) is None
    assert next_click(nothing, truth, []) == Click(2, 2, False)
    # Missed and surplus are equally deep: RITM takes the surplus.
    assert next_click(drawn("##...", "....."), drawn("...##", "....."), []) == Click(3, 0, False)
    assert Click(2, 0, False).prompt() == {"type": "point", "x": 2.5, "y": 0.5, "label": 0}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three pictures with two discs each, and a crowd that is left out."""
    folder = tmp_path / "discs"
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(3):
        pixels = np.full((SIDE, SIDE, 3), (20, 30, 60), np.uint8)
        for x, y, radius in ((14 + number, 14, 6), (42, 40 + number, 17)):
            disc = disc_hw(x, y, radius)
            pixels[disc] = (230, 200, 40)
            segmentation: Any = coco_mask.encode(np.asfortranarray(disc.astype(np.uint8)))
            segmentation["counts"] = segmentation["counts"].decode()
            annotations.append({"image_id": number, "segmentation": segmentation})
        annotations.append({"image_id": number, "segmentation": [[0, 0, 9, 0, 9, 9]], "iscrowd": 1})
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": SIDE, "height": SIDE})
    write_json(folder, images, annotations)
    return folder


def disc_hw(x: int, y: int, radius: int) -> Bools:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    inside: Bools = (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
    return inside


def write_json(folder: Path, images: list[Any], annotations: list[Any]) -> None:
    (folder / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))


@pytest.fixture
def running(
    model_server_url: str, storage_dir: Path, database_url: str, tmp_path: Path
) -> Iterator[tuple[Installation, dict[str, str]]]:
    """A backend with the tiny network, and the settings of commands on its machine."""
    environment = {
        "SEGLOOP_DATA_DIR": str(tmp_path / "data"),
        "SEGLOOP_DATABASE_URL": database_url,
        "SEGLOOP_PORT": str(free_port()),
        "SEGLOOP_MODEL_SERVER_URL": model_server_url,
        "SEGLOOP_STORAGE_URL": str(storage_dir),
    }
    installation = Installation(environment, int(environment["SEGLOOP_PORT"]), tmp_path / "log.txt")
    installation.start("backend")
    try:
        installation.wait_until_ready()
        assert segloop(environment, "project", "create", "Discs").exit_code == 0
        yield installation, environment
    finally:
        installation.stop()


def segloop(environment: dict[str, str], *arguments: str) -> Result:
    """Runs a command in this process, which is quicker than in one of its own."""
    nothing = {name: None for name in os.environ if name.startswith("SEGLOOP_")}
    return CliRunner().invoke(app, list(arguments), env=nothing | environment)


def simulate(environment: dict[str, str], dataset: Path, *more: str) -> dict[str, Any]:
    """The report of a run that went well."""
    result = segloop(environment, *line(dataset), "--json", *more)
    assert result.exit_code == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def line(dataset: Path) -> list[str]:
    return ["simulate", str(dataset), "--project", "Discs"]


def kept(environment: dict[str, str]) -> list[dict[str, Any]]:
    """The masks in the database, with their pictures' names."""
    return rows(
        environment,
        "SELECT file_name, annotations.* FROM annotations JOIN images ON images.id = image_id "
        "WHERE state = 'accepted' ORDER BY annotations.id",
    )


def rows(environment: dict[str, str], statement: str) -> list[dict[str, Any]]:
    database = Database(environment["SEGLOOP_DATABASE_URL"])
    with database.engine.connect() as connection:
        found = [dict(row) for row in connection.exec_driver_sql(statement).mappings()]
    database.close()
    return found


def truth_of(dataset: Path, file_name: str) -> list[Any]:
    """The two discs of a picture."""
    raw = json.loads((dataset / "annotations.json").read_text())
    number = int(file_name.split(".")[0])
    return [one["segmentation"] for one in raw["annotations"] if one["image_id"] == number and not one.get("iscrowd")]


def test_masks_are_drawn_and_kept_and_not_drawn_twice(
    running: tuple[Installation, dict[str, str]], dataset: Path, tmp_path: Path
) -> None:
    installation, environment = running
    folder = str(tmp_path / "report")
    elsewhere = {"SEGLOOP_URL": installation.url, "SEGLOOP_DATA_DIR": str(tmp_path / "elsewhere")}
    refused = segloop(elsewhere, *line(dataset), "--token", "segloop_wrong")
    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)

    report = simulate(
        environment, dataset, "--images", "2", "--workers", "2", "--masks-per-image", "1", "--report", folder
    )
    [stage] = report["rounds"][0]["stages"]
    assert (stage["images"], stage["masks"], stage["painted"], stage["outcomes"].keys()) == (2, 2, 0, {"added"})
    assert stage["share_reached"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    first = kept(environment)
    assert len(first) == 2
    for mask in first:
        rle = {"size": [SIDE, SIDE], "counts": mask["counts"]}
        ious = [masks_iou(rle, truth) for truth in truth_of(dataset, mask["file_name"])]
        assert max(ious) >= 0.85
        assert 1 <= mask["clicks"] < 20
        assert mask["active_seconds"] > 1 + 1.5 * mask["clicks"], "SAM 2's time model, and the wait"
        assert mask["model_version"].startswith("tiny-")
    assert stage["clicks"]["value"] == sum(mask["clicks"] for mask in first) / 2
    known = json.loads((tmp_path / "report" / "report.json").read_text())
    assert known["rounds"][0]["rows"][0]["iou"] >= 0.85
    assert "Simulation on discs" in (tmp_path / "report" / "index.html").read_text()

    # All three pictures now: two are done and known to the report. One click is not enough, so the rest is painted.
    report = simulate(
        environment, dataset, "--max-clicks", "1", "--report", folder, "--rounds", "1", "--masks-per-round", "3"
    )
    [round_] = report["rounds"]
    [stage] = round_["stages"]
    assert (stage["images"], stage["masks"], stage["painted"]) == (3, 4, 2)
    assert stage["share_reached"]["value"] == 0.5
    assert (round_["run"]["state"], "training begins with" in round_["run"]["reason"]) == ("not_started", True)
    last = kept(environment)[-2:]
    known_counts = [truth["counts"] for truth in truth_of(dataset, last[0]["file_name"])]
    assert sorted(mask["counts"] for mask in last) == sorted(known_counts)
    assert {one["state"] for one in rows(environment, "SELECT state FROM work_items")} == {"done"}

    again = segloop(environment, *line(dataset))
    assert (again.exit_code, "round" in again.stdout) == (0, True), again.stderr
    other = segloop(environment, "simulate", str(dataset / "images"), "--project", "Discs", "--report", folder)
    assert (other.exit_code, "there is no annotations.json" in other.stderr) == (1, True)


def test_who_zooms_in_gets_sharper_masks(running: tuple[Installation, dict[str, str]], tmp_path: Path) -> None:
    """The closer part is waited for, as a person is not there sooner than it is."""
    _, environment = running
    side = 256
    rows_, columns = np.mgrid[0:side, 0:side]
    disc = (columns - 150) ** 2 + (rows_ - 60) ** 2 <= 8**2
    segmentation: Any = coco_mask.encode(np.asfortranarray(disc.astype(np.uint8)))
    segmentation["counts"] = segmentation["counts"].decode()
    ious = {}
    for number, more in enumerate([(), ("--closer",)]):
        folder = tmp_path / f"set{number}"
        (folder / "images").mkdir(parents=True)
        pixels = np.where(disc[..., None], (230, 200, 40), (20, 30, 60 + number)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        images = [{"id": 1, "file_name": f"{number}.png", "width": side, "height": side}]
        write_json(folder, images, [{"image_id": 1, "segmentation": segmentation}])
        one_click = ("--max-clicks", "1", "--no-brush", "--report", str(folder / "out"))
        report = simulate(environment, folder, *one_click, *more)
        assert report["settings"]["looks_closer"] == bool(more)
        known = json.loads((folder / "out" / "report.json").read_text())
        ious[number] = known["rounds"][0]["rows"][0]["iou"]
    assert ious[1] > ious[0] + 0.1


def masks_iou(a: Any, b: Any) -> float:
    packed = [one | {"counts": one["counts"].encode()} for one in (a, b)]
    return float(coco_mask.iou(packed[:1], packed[1:], [False])[0][0])


def test_a_restart_is_waited_for_and_ctrl_c_gives_the_image_back(
    running: tuple[Installation, dict[str, str]], dataset: Path, tmp_path: Path
) -> None:
    installation, environment = running
    said = tmp_path / "said.txt"
    slow = ["--target-iou", "1", "--max-clicks", "25", "--patience", "300"]
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [*SEGLOOP, *line(dataset), *slow], env=os.environ | environment, cwd=REPOSITORY, stderr=stderr
        )
    try:
        wait_until(lambda: len(kept(environment)) > 0, seconds=300, what="a first mask")
        installation.kill("backend")
        wait_until(lambda: "Waiting" in said.read_text(), seconds=300, what="patience")
        count = len(kept(environment))
        installation.start("backend")
        wait_until(lambda: len(kept(environment)) > count, seconds=300, what="another mask")
        process.send_signal(signal.SIGINT)
        assert process.wait(180) == 130
    finally:
        process.kill()
        process.wait()
    assert said.read_text().endswith("Stopped.\n")
    states = [one["state"] for one in rows(environment, "SELECT state FROM work_items")]
    assert "claimed" not in states
    assert "ready" in states, "there was work left"

    simulate(environment, dataset, "--max-clicks", "1")
    assert sorted(mask["file_name"] for mask in kept(environment)) == [f"{n}.png" for n in (0, 0, 1, 1, 2, 2)]


def test_proposals_are_judged_and_automatic_masks_audited(
    running: tuple[Installation, dict[str, str]], dataset: Path
) -> None:
    installation, environment = running
    assert segloop(environment, "import", "Discs", str(dataset / "images")).exit_code == 0
    token = segloop(environment, "token", "admin@segloop.local").stdout.strip()
    api = httpx.Client(base_url=f"{installation.url}/api", headers={"Authorization": f"Bearer {token}"}, timeout=60)

    # Two pictures with what a detector might have found: a disc, a part of the other disc, and some ground.
    admitted = api.post(
        "/projects/1/stages/semi_automatic/admit",
        json={"rule": {"count": 2}, "reason": "Enough of them", "dry_run": False},
    )
    assert admitted.json()["image_count"] == 2, admitted.text
    propose(environment, "0.png", [disc_hw(14, 14, 6), disc_hw(42, 40, 14)])
    propose(environment, "1.png", [disc_hw(10, 55, 5), disc_hw(56, 10, 4)])
    report = simulate(environment, dataset, "--stage", "semi_automatic", "--max-clicks", "5")
    [stage] = report["rounds"][0]["stages"]
    assert {name: found["masks"] for name, found in stage["outcomes"].items()} == {
        "kept": 1,
        "edited": 1,
        "rejected": 2,
        "added": 2,
    }
    assert stage["outcomes"]["kept"]["clicks"] == 0
    assert stage["outcomes"]["rejected"]["clicks"] == 1, "one key rejects all that are left"
    ious = [
        row["proposal_iou"]
        for row in rows(environment, "SELECT * FROM annotations WHERE origin = 'detector' ORDER BY id")
    ]
    assert (ious[0], ious[2]) == (1.0, 0.0)
    assert 0.5 < ious[1] < 0.85

    # The third goes on to the automatic stage; an auditor leaves nothing on it but the true masks.
    installation.start("worker")
    lenient = {"points_per_side": 4, "pred_iou_thresh": 0.5, "stability_score_thresh": 0.2, "min_mask_region_area": 0}
    policy = {"revision": 0, "policy": {"review_share": 1, "automatic": lenient}}
    assert api.patch("/projects/1/stages/fully_automatic", json=policy).status_code == 200
    report = simulate(environment, dataset, "--stage", "fully_automatic", "--admit-rest", "--max-clicks", "5")
    [stage] = report["rounds"][0]["stages"]
    outcomes = {name: found["masks"] for name, found in stage["outcomes"].items()}
    assert (stage["images"], stage["masks"]) == (1, 2)
    for mask in kept(environment):
        rle = {"size": [SIDE, SIDE], "counts": mask["counts"]}
        assert max(masks_iou(rle, truth) for truth in truth_of(dataset, mask["file_name"])) >= 0.85
    assert {one["state"] for one in rows(environment, "SELECT state FROM work_items WHERE is_audit")} == {"done"}
    automatic = rows(environment, "SELECT id FROM annotations WHERE origin = 'automatic'")
    audit = report["audit"]
    assert (audit["masks"], audit["rejected"]) == (len(automatic), outcomes.get("rejected", 0))
    assert audit["added"] == outcomes.get("added", 0)
    api.close()


def propose(environment: dict[str, str], file_name: str, found: list[Bools]) -> None:
    """Puts proposals on a picture, as the job does that asks a detector."""
    database = Database(environment["SEGLOOP_DATABASE_URL"])
    with database.write() as session:
        image = session.scalars(select(ImageRow).where(ImageRow.file_name == file_name)).one()
        proposals = []
        for mask_hw in found:
            rle = masks.encode(mask_hw)
            left, top, width, height = masks.bbox_xywh(rle)
            proposals.append(Found(rle, masks.area(rle), (left, top, width, height), 0.9, 0.95, prompts=[], score=0.8))
        add_found(session, image, proposals, origin="detector", stage="semi_automatic", model_version="tiny-1")
    database.close()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("annotations.json", '{"images": [], "annotations": []}', "there is no picture with a mask"),
        ("annotations.json", "[1]", "is not COCO json"),
        ("annotations.json", "{", "is not sound json"),
        ("note.txt", "", "there is no annotations.json"),
    ],
)
def test_datasets_that_cannot_be_used_are_named(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CommandError, match=sentence):
        read_known(tmp_path, count=None, seed=0)


def test_masks_in_all_forms_are_read_and_wrong_ones_left_out(dataset: Path) -> None:
    square = [[0, 0, 8, 0, 8, 8, 0, 8]]
    runs = {"size": [SIDE, SIDE], "counts": [0, 8, SIDE * SIDE - 8]}
    wrong: list[Any] = [[[0, 0, 8]], [], None, {"counts": [5]}, {"counts": "!"}, [[0, 0, 1e9, 0, 8, 8]]]
    segmentations = [square, runs, *wrong]
    annotations = [{"image_id": 0, "segmentation": one} for one in segmentations]
    write_json(dataset, [{"id": 0, "file_name": "0.png", "width": SIDE, "height": SIDE}], annotations)
    known = read_known(dataset, count=5, seed=1)
    assert sorted(masks.area(rle) for rle in known.images[0].masks) == [8, 64]
    assert known.left_out == len(wrong)
    write_json(dataset, [{"id": 0, "file_name": "0.png", "width": SIDE + 1, "height": SIDE}], annotations)
    with pytest.raises(CommandError, match="is 64 x 64 pixels"):
        read_known(dataset, count=5, seed=1)


def test_a_server_that_is_not_there_is_named(dataset: Path) -> None:
    result = segloop({"SEGLOOP_URL": NOBODY, "SEGLOOP_TOKEN": "x"}, *line(dataset))
    assert (result.exit_code, result.stderr.startswith(f"Segloop does not answer at {NOBODY}.")) == (1, True)
    misused = segloop({}, *line(dataset), "--rounds", "2")
    assert (misused.exit_code, "--masks-per-round" in misused.stderr) == (2, True)
