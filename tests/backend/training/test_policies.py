"""When a project retrains, and what the gate lets through."""

import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from backend.annotations.tables import Annotation, MaskCount
from backend.database import utc_now
from backend.images.tables import Image
from backend.jobs.periodic import run_periodic
from backend.jobs.resources import Resources
from backend.jobs.tables import Job, PeriodicRun
from backend.models.service import promote, roll_back
from backend.models.tables import ModelVersion
from backend.projects.tables import Project
from backend.training import detectors, programs
from backend.training.checks import retrain
from backend.training.frozen import MIN_FROZEN_IMAGES
from backend.training.gate import decide
from backend.training.schemas import Comparison, Gate, GateAnswer, Interval, Measures, RunMetrics
from backend.training.service import general_change
from backend.training.tables import TrainingRun
from model_server.dataset import Dataset, Mask, Picture
from model_server.evaluation.sampling import Limits, draw


def change(client: TestClient, project_id: int, revision: int = 0, **policy: Any) -> Any:
    body = {"policy": policy, "revision": revision}
    return client.patch(f"/api/projects/{project_id}/training-policy", json=body)


def count(resources: Resources, project_id: int, masks: int) -> None:
    """So many masks more, as annotations.counts keeps them."""
    with resources.database.write() as session:
        key = {"project_id": project_id, "stage": "assisted_manual", "model_version": ""}
        key |= {"outcome": "added", "clicks": 1, "seconds_bucket": 0}
        row = session.scalar(select(MaskCount).filter_by(**key))
        if row is None:
            session.add(MaskCount(**key, count=masks))
        else:
            row.count += masks


def add_images(resources: Resources, project_id: int, first_digits: list[str], **mask: Any) -> None:
    """Images whose checksums begin so, "0": frozen, "f": not, each with a mask."""
    with resources.database.write() as session:
        for digits in first_digits:
            number = session.scalar(select(func.count()).select_from(Image)) or 0
            facts = {"file_name": "", "width": 1, "height": 1, "format": "PNG", "byte_size": 1, "is_plain": True}
            image = Image(project_id=project_id, sha256=f"{digits}{number:0{64 - len(digits)}x}", **facts)
            session.add(image)
            session.flush()
            plain = {"height": 1, "width": 1, "counts": "01", "area": 1, "bbox_xywh": [0, 0, 1, 1], "origin": "manual"}
            plain |= {"state": "accepted", "stage": "assisted_manual", "prompts": [], "clicks": 1, "active_seconds": 1}
            session.add(Annotation(project_id=project_id, image_id=image.id, **plain | mask))


def runs(client: TestClient, project_id: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/api/projects/{project_id}/training-runs").json()["items"]
    return items


def end(resources: Resources, **values: Any) -> None:
    with resources.database.write() as session:
        session.execute(update(TrainingRun).values(state="refused", **values))
        session.execute(update(Job).where(Job.kind == "train").values(state="done"))


@pytest.fixture
def resources(client: TestClient) -> Resources:
    found: Resources = client.app.state.resources  # type: ignore[attr-defined]
    return found


def test_who_reads_the_audit_log_learns_no_password_of_the_hook(client: TestClient, project_id: int) -> None:
    change(client, project_id, hook_url="https://us:p4ssword@x.org/begin?key=p4ssword")
    log = client.get(f"/api/projects/{project_id}/audit-log").text
    assert "x.org" in log
    assert "p4ssword" not in log


def test_a_policy_is_changed_field_by_field_and_its_secret_stays_in(client: TestClient, project_id: int) -> None:
    before = client.get(f"/api/projects/{project_id}/training-policy").json()
    assert (before["revision"], before["policy"]["every_masks"], before["policy"]["tune"]) == (0, None, "decoder")
    first = change(client, project_id, steps=10, gate={"min_gain": 0.01}, hook_url="https://x.org", hook_secret="s3")
    assert first.status_code == 200, first.text
    assert first.json()["policy"]["gate"] == {"measure": "iou_1", "min_gain": 0.01, "max_general_loss": 0.01}
    assert (first.json()["policy"]["hook_secret"], first.json()["has_hook_secret"]) == (None, True)
    assert change(client, project_id, 0, steps=20).json()["error"]["code"] == "policy_changed"
    second = change(client, project_id, 1, **first.json()["policy"] | {"steps": 20})
    assert (second.json()["revision"], second.json()["has_hook_secret"]) == (2, True)
    assert change(client, project_id, 2, hook_url=None).json()["has_hook_secret"] is False
    for wrong in (
        {"steps": 0},
        {"rate": "fast"},
        {"unknown": 1},
        {"hook_url": "file:///etc/passwd"},
        {"hook_command": True},
        {"replay": ["../elsewhere"]},
        {"gate": {"measure": "beauty"}},
        {"rate": float("inf")},
    ):
        text = json.dumps({"policy": wrong, "revision": 3})
        answer = client.patch(f"/api/projects/{project_id}/training-policy", content=text)
        assert answer.status_code == 422, answer.text


def test_a_project_retrains_after_enough_masks_or_hours(
    client: TestClient, project_id: int, resources: Resources
) -> None:
    add_images(resources, project_id, ["0"] * 5)
    count(resources, project_id, 60)
    retrain(resources)
    assert runs(client, project_id) == [], "nobody asked for it"
    change(client, project_id, every_masks=100)
    retrain(resources)
    assert runs(client, project_id) == []
    count(resources, project_id, 40)
    retrain(resources)
    retrain(resources)
    assert [(run["kind"], run["trigger"]) for run in runs(client, project_id)] == [("model", "policy")]
    end(resources)
    retrain(resources)
    assert [run["kind"] for run in runs(client, project_id)] == ["detector", "model"], "a detector follows"
    end(resources)
    retrain(resources)
    assert len(runs(client, project_id)) == 2, "no new masks"
    change(client, project_id, 1, every_masks=None, every_hours=1.0, train_detector=False)
    count(resources, project_id, 1)
    retrain(resources)
    assert len(runs(client, project_id)) == 2, "not an hour yet"
    with resources.database.write() as session:
        session.execute(update(TrainingRun).values(created_at=utc_now().replace(year=2020)))
    retrain(resources)
    assert len(runs(client, project_id)) == 3


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_run_that_taught_nothing_uses_no_masks_up(
    client: TestClient, project_id: int, resources: Resources, state: str
) -> None:
    """No detector follows it, and its masks are tried again: a day later, or with as many new ones."""
    add_images(resources, project_id, ["0"] * 5)
    count(resources, project_id, 100)
    change(client, project_id, every_masks=100)
    retrain(resources)
    end(resources, mask_count=100)
    with resources.database.write() as session:
        session.execute(update(TrainingRun).values(state=state))
    retrain(resources)
    assert len(runs(client, project_id)) == 1, "not at once"
    with resources.database.write() as session:
        session.execute(update(TrainingRun).values(created_at=utc_now() - timedelta(hours=25)))
    retrain(resources)
    assert [run["kind"] for run in runs(client, project_id)] == ["model", "model"]
    end(resources, mask_count=100)
    with resources.database.write() as session:
        session.execute(update(TrainingRun).where(TrainingRun.id == 2).values(state=state))
        session.execute(update(TrainingRun).where(TrainingRun.id == 1).values(state=state))
    count(resources, project_id, 100)
    retrain(resources)
    assert [run["kind"] for run in runs(client, project_id)] == ["model", "model", "model"], "as many new ones"


def test_dense_images_are_measured_on_enough_of_them(tmp_path: Path) -> None:
    """The gate asks for five images; two hundred masks of whole images would be of four with sixty each."""
    mask = Mask(annotation_id=1, segmentation={"size": [2, 2], "counts": "04"}, area=4, annotator=None, kind=None)

    def picture(number: int, masks: int) -> Picture:
        facts = {"image_id": number, "file_name": f"{number}.png", "path": tmp_path / f"{number}.png"}
        return Picture(**facts, size_hw=(2, 2), split=None, masks=(mask,) * masks)  # type: ignore[arg-type]

    limits = Limits(masks=programs.MAX_MASKS, masks_per_image=programs.MASKS_PER_IMAGE)
    for per_image in (1, 30, 60, 1000):
        dataset = Dataset("dense", tmp_path, tuple(picture(number, per_image) for number in range(300)), "", ())
        drawn = draw(dataset, limits, seed=0)
        assert len(drawn) >= 4 * MIN_FROZEN_IMAGES
        assert sum(len(one.masks) for one in drawn) == programs.MAX_MASKS


def test_nothing_is_trained_that_the_gate_would_refuse_for_want_of_frozen_images(
    client: TestClient, project_id: int, resources: Resources
) -> None:
    """A person is told at once and may insist; the policy waits without a word."""
    count(resources, project_id, 60)
    add_images(resources, project_id, ["0", "1", "f", "f"])
    add_images(resources, project_id, ["0"], origin="automatic", is_audited=True, proposal_iou=1.0)
    add_images(resources, project_id, ["0"], state="rejected")
    change(client, project_id, every_masks=50)
    address = f"/api/projects/{project_id}/training-runs"
    for kind in ("model", "detector"):
        refused = client.post(address, json={"kind": kind})
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (409, "too_few_frozen_images")
        assert (error["have"], error["need"]) == (2, 5)
    retrain(resources)
    policy = client.get(f"/api/projects/{project_id}/training-policy").json()
    assert (runs(client, project_id), policy["frozen_images"], policy["frozen_images_needed"]) == ([], 2, 5)
    insisted = client.post(address, json={"train_anyway": True})
    assert (insisted.status_code, insisted.json()["trigger"]) == (201, "person")
    end(resources)
    count(resources, project_id, 60)
    retrain(resources)
    assert len(runs(client, project_id)) == 1
    add_images(resources, project_id, ["0"], origin="automatic", is_audited=True, proposal_iou=0.9)
    add_images(resources, project_id, ["33", "34"])
    retrain(resources)
    assert len(runs(client, project_id)) == 1, "0.2 of the images are frozen: up to 0x33333333"
    add_images(resources, project_id, ["0"])
    retrain(resources)
    assert [run["trigger"] for run in runs(client, project_id)] == ["policy", "person"]


def test_a_detector_is_trained_again_for_a_live_model_with_another_encoder(
    client: TestClient, project_id: int, resources: Resources
) -> None:
    add_images(resources, project_id, ["0"] * 5)
    count(resources, project_id, 60)
    facts = {"family": "sam2", "image_size": 64, "parameters": 1}
    with resources.database.write() as session:
        for name, is_default in (("old", False), ("new", True)):
            session.add(ModelVersion(id=name, name=name, encoder_fingerprint=name, is_default=is_default, **facts))
        session.execute(update(Project).values(model_version="old", detector_version="squares"))
    first = client.post(f"/api/projects/{project_id}/training-runs", json={"kind": "detector"}).json()
    with resources.database.write() as session:
        session.execute(update(TrainingRun).values(base_version="old", candidate_version="squares"))
    end(resources)
    retrain(resources)
    assert [run["id"] for run in runs(client, project_id)] == [first["id"]], "it fits"
    with resources.database.write() as session:
        session.execute(update(Project).values(model_version=None))
    retrain(resources)
    again = runs(client, project_id)[0]
    assert (again["kind"], again["trigger"]) == ("detector", "policy")
    with resources.database.write() as session:
        session.execute(update(TrainingRun).where(TrainingRun.id == again["id"]).values(base_version="new"))
    end(resources)
    retrain(resources)
    assert len(runs(client, project_id)) == 2, "once for a model, whatever became of it"


def test_a_periodic_check_runs_once_in_its_time(client: TestClient, project_id: int, resources: Resources) -> None:
    add_images(resources, project_id, ["0"] * 5)
    count(resources, project_id, 60)
    change(client, project_id, every_masks=50)
    threads = [threading.Thread(target=run_periodic, args=(resources,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs(client, project_id)) == 1
    end(resources)
    count(resources, project_id, 60)
    run_periodic(resources)
    assert len(runs(client, project_id)) == 1
    with resources.database.write() as session:
        session.execute(update(PeriodicRun).values(last_run=0.0))
    run_periodic(resources)
    assert len(runs(client, project_id)) == 2


def measured(images: int, **gains: tuple[float, float | None, float | None]) -> Comparison:
    same = Interval(value=0.5, low=0.4, high=0.6)
    figures = dict.fromkeys(("iou_1", "iou_3", "iou_5", "noc_85", "noc_90"), same)
    of = Measures(images=images, masks=3 * images, calibration_error=0.1, **figures)
    difference = {"iou_1": (0.0, 0.0, 0.0), "iou_3": (0.0, 0.0, 0.0), "noc_85": (0.0, 0.0, 0.0)} | gains
    intervals = {name: Interval(value=v, low=low, high=high) for name, (v, low, high) in difference.items()}
    return Comparison(live=of, candidate=of, difference=intervals)  # type: ignore[arg-type]


GOOD = measured(9, iou_1=(0.05, 0.02, 0.08))
CASES: dict[str, tuple[Gate, Comparison | None, Comparison | None, bool, str]] = {
    "a gain": (Gate(), GOOD, measured(9), True, "+0.050 (95 % interval +0.020 to +0.080"),
    "no frozen masks": (Gate(), None, measured(9), False, "no frozen mask"),
    "too few images": (Gate(), measured(4, iou_1=(0.5, 0.4, 0.6)), None, False, "Too little evidence: 12 masks on 4"),
    "one image": (Gate(), measured(9, iou_1=(0.5, None, None)), None, False, "Too little evidence"),
    "unsure": (Gate(), measured(9, iou_1=(0.05, -0.01, 0.11)), None, False, "does not show a gain."),
    "not enough": (Gate(min_gain=0.02), GOOD, None, False, "does not show a gain above 0.02."),
    "forgets": (Gate(), GOOD, measured(9, iou_1=(-0.03, -0.05, -0.01)), False, "-0.030, more than the 0.01"),
    "forgets little": (Gate(), GOOD, measured(9, iou_1=(-0.01, -0.05, 0.01)), True, "general set: -0.010."),
    "fewer clicks": (Gate(measure="noc_85"), measured(9, noc_85=(-2, -3, -1)), None, True, "clicks to IoU 0.85: -2"),
    "more clicks": (Gate(measure="noc_85"), measured(9, noc_85=(2, 1, 3)), None, False, "does not show"),
    "no general set": (Gate(), GOOD, None, True, "no general set"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_gate(name: str) -> None:
    gate, frozen, general, is_passed, words = CASES[name]
    answer = decide(gate, frozen, general)
    assert (answer.is_passed, words in answer.reason) == (is_passed, True), answer.reason


@pytest.mark.parametrize(
    ("before", "change", "is_passed", "words"),
    [
        (-0.03, -0.005, True, "general set: -0.005, -0.035 with the rounds before."),
        (-0.03, -0.02, False, "-0.020, -0.050 with the rounds before, more than the 0.04 it may lose."),
        (-0.03, 0.02, True, "+0.020, -0.010 with the rounds before."),
        (0.02, -0.05, False, "general set: -0.050, more than the 0.04"),
        (0.02, -0.04, True, "general set: -0.040."),
    ],
)
def test_small_losses_do_not_add_up_unseen(before: float, change: float, is_passed: bool, words: str) -> None:
    general = measured(9, iou_1=(change, change, change))
    answer = decide(Gate(max_general_loss=0.04), GOOD, general, general_before=before)
    assert (answer.is_passed, words in answer.reason) == (is_passed, True), answer.reason


def test_what_rounds_changed_is_summed_along_the_way_to_the_live_version(
    client: TestClient, project_id: int, resources: Resources
) -> None:
    """first > a > b; a > c after a rollback; then b again by hand."""
    facts = {"family": "sam2", "image_size": 64, "parameters": 1, "encoder_fingerprint": "same", "is_default": False}
    changes = {"a": -0.01, "b": -0.02, "c": 0.005}
    with resources.database.write() as session:
        for name in changes:
            session.add(ModelVersion(id=name, name=name, **facts))
        session.flush()
        ids = {}
        for name, change in changes.items():
            general = measured(9, iou_1=(change, change, change), iou_3=(2 * change, 0.0, 0.0))
            metrics = RunMetrics(frozen=None, general=general, gate=GateAnswer(is_passed=True, reason=""))
            run = TrainingRun(
                project_id=project_id,
                kind="model",
                state="promoted",
                options={},
                trigger="person",
                mask_count=1,
                curve=[],
                candidate_version=name,
                metrics=metrics.model_dump(),
            )
            session.add(run)
            session.flush()
            ids[name] = run.id
        for name in ("a", "b"):
            promote(session, project_id, "model", name, reason="", author_id=None, run_id=ids[name])
        roll_back(session, project_id, "model", reason="", author_id=None)
        promote(session, project_id, "model", "c", reason="", author_id=None, run_id=ids["c"])
        promote(session, project_id, "model", "b", reason="", author_id=None)
    with resources.database.read() as session:
        found = {name: general_change(session, project_id, name, "iou_1") for name in changes}
        thrice = general_change(session, project_id, "b", "iou_3")
        nothing = general_change(session, project_id, None, "iou_1")
    assert found == pytest.approx({"a": -0.01, "b": -0.03, "c": -0.005})
    assert (thrice, nothing) == (pytest.approx(-0.06), 0.0)


@pytest.mark.parametrize(
    ("gate", "low", "is_passed", "words"),
    [
        ({}, 0.01, True, "+0.050"),
        ({}, 0.0, False, "does not show a gain."),
        ({"min_gain": 0.02}, 0.01, False, "does not show a gain above 0.02."),
        ({"min_gain": 0.02}, 0.021, True, "+0.050"),
        ({"min_gain": -0.05}, -0.01, True, "interval -0.010"),
        ({"measure": "noc_85", "min_gain": 2}, 0.01, True, "+0.050"),
    ],
)
def test_the_gate_of_detectors_asks_for_the_same_margin(
    gate: dict[str, Any], low: float, is_passed: bool, words: str
) -> None:
    figures = {
        "pictures": 8,
        "boxes": 20,
        "detectors": [{"ar_100": 0.5}, {"ar_100": 0.45}],
        "difference": {"ar_100": {"value": 0.05, "low": low, "high": 0.09}},
    }
    answer = detectors.decide(Gate.model_validate(gate), figures, "squares-00000000", rival="measured")
    assert (answer.is_passed, words in answer.reason) == (is_passed, True), answer.reason


def test_a_curve_counts_repeated_steps_once_and_time_in_all_starts(tmp_path: Path) -> None:
    def step(number: int, time: float) -> dict[str, Any]:
        return {"event": "step", "time": time, "step": number, "steps": 9, "loss": 1.0, "first_chosen_iou": 0.5}

    lines = [{"event": "started", "time": 100.0, "step": 0}, step(2, 104.0), step(4, 108.0)]
    lines += [{"event": "resumed", "time": 500.0, "step": 2}, step(4, 504.0) | {"seconds_left": 10}]
    file = tmp_path / "progress.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"event": "st')
    curve = programs.read_curve(file)
    assert [(point["step"], point["seconds"]) for point in curve.points] == [(2, 4.0), (4, 12.0)]
    assert (curve.done, curve.total, curve.seconds, curve.seconds_left) == (4, 9, 12.0, 10)
    assert programs.read_curve(tmp_path / "nothing").points == []
