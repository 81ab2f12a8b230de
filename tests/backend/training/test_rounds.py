"""Whole rounds with the real trainer and the real evaluation, and what ends one early."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from safetensors.torch import load_file, save_file
from sqlalchemy import select, update

from backend.annotations.tables import Annotation
from backend.jobs.resources import Resources
from backend.jobs.tables import Job
from backend.projects.tables import Project
from backend.settings import Settings
from backend.training.checks import settle_runs
from backend.training.frozen import split_of
from backend.training.tidying import run_folder
from tests.backend.training.conftest import (
    ANY_WILL_DO,
    FROZEN_SHARE,
    OPTIONS,
    Filled,
    events,
    install_model,
    is_free,
    read_run,
    start,
    work,
    write_published_detector,
)
from tests.running import REPOSITORY, wait_until

# It hears of every step, so that it can be killed amid them.
WORKER = """
import threading
import backend.training.tasks
from backend.training import programs
from backend.jobs.resources import open_resources
from backend.jobs.runner import drain
from backend.settings import Settings
programs.REPORT_SECONDS = 0.0
drain(open_resources(Settings()), threading.Event())
"""


def start_worker(resources: Resources) -> subprocess.Popen[bytes]:
    """A worker in a process of its own, with a short lease."""
    settings = resources.settings
    environment = os.environ | {
        "SEGLOOP_DATA_DIR": str(settings.data_dir),
        "SEGLOOP_DATABASE_URL": settings.database_url,
        "SEGLOOP_STORAGE_URL": settings.storage_url,
        "SEGLOOP_GENERAL_SET": settings.general_set,
        "SEGLOOP_TRAINING_THREADS": "1",
        "SEGLOOP_JOB_LEASE_SECONDS": "2",
    }
    return subprocess.Popen([sys.executable, "-c", WORKER], env=environment, cwd=REPOSITORY)


def said(folder: Path) -> list[str]:
    file = folder / "out" / "progress.jsonl"
    return [json.loads(line)["event"] for line in file.read_text().splitlines()] if file.exists() else []


def test_a_round_whose_worker_is_killed_goes_on_and_is_promoted(
    client: TestClient, resources: Resources, filled: Filled
) -> None:
    run = start(client, filled.project_id, options=OPTIONS | {"auto_promote": True, "gate": ANY_WILL_DO})
    assert (run["state"], run["job"]["state"], run["trigger"]) == ("queued", "queued", "person")
    again = client.post(f"/api/projects/{filled.project_id}/training-runs", json={})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "run_under_way")
    folder = run_folder(resources.settings, run["id"])
    worker = start_worker(resources)
    wait_until(lambda: "step" in said(folder), seconds=300, what="the trainer's first step")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    wait_until(lambda: is_free(folder), seconds=180, what="the trainer's end after its worker's")
    assert said(folder)[-1] == "stopped"
    assert read_run(client, run["id"])["state"] == "training"
    with resources.database.write() as session:
        session.execute(update(Job).where(Job.state == "running").values(lease_until=0.0))
    assert work(resources) >= 1

    done = read_run(client, run["id"])
    assert (done["state"], done["base_version"]) == ("promoted", filled.live), done["reason"]
    assert "resumed" in said(folder)
    assert done["candidate_version"].startswith(f"project-{filled.project_id}-run-{run['id']}-")
    assert done["curve"][-1]["step"] == OPTIONS["steps"]
    assert done["snapshot_number"] == 1
    frozen = done["metrics"]["frozen"]
    assert frozen["live"]["images"] >= 6
    gain = frozen["candidate"]["iou_1"]["value"] - frozen["live"]["iou_1"]["value"]
    assert frozen["difference"]["iou_1"]["value"] == pytest.approx(gain)
    assert set(frozen["difference"]) == {"iou_1", "iou_3", "iou_5", "noc_85", "noc_90"}
    assert done["metrics"]["compared_with"] == filled.live
    assert done["metrics"]["general"]["live"]["masks"] == 4
    assert done["reason"].startswith("IoU after one click: ")
    assert (resources.settings.resolved_models_dir / done["candidate_version"].rpartition("-")[0]).is_dir()
    assert client.get(f"/api/projects/{filled.project_id}").json()["model_version"] == done["candidate_version"]
    assert events(resources)[-4:] == ["training.started", "snapshot.made", "model.promoted", "training.finished"]
    with resources.database.read() as session:
        assert session.scalars(select(Job).where(Job.kind == "embed")).all() == [], "the encoder is the same"
    settle_runs(resources)
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["progress.jsonl"]
    assert not (folder / "dataset").exists()

    back = client.post(f"/api/projects/{filled.project_id}/rollback", json={"reason": "a try"}).json()
    assert (back["to_version"], back["is_rollback"]) == (filled.live, True)
    forth = client.get(f"/api/projects/{filled.project_id}/promotions").json()["items"][1]
    assert (forth["run_id"], forth["author"], forth["to_version"]) == (run["id"], None, done["candidate_version"])


@pytest.mark.of_no_database
def test_a_round_for_people_who_zoom_in_learns_and_is_compared_that_way(
    client: TestClient, resources: Resources, filled: Filled
) -> None:
    run = start(client, filled.project_id, options=OPTIONS | {"closer": True, "steps": 2, "gate": ANY_WILL_DO})
    assert work(resources) >= 1
    done = read_run(client, run["id"])
    assert (done["state"], done["options"]["closer"]) == ("candidate", True), done["reason"]
    documents = [
        json.loads(file.read_text()) for file in run_folder(resources.settings, run["id"]).glob("evaluate-*.json")
    ]
    assert documents
    for document in documents:
        assert [method["looks_closer"] for method in document["methods"].values()] == [True, True]
    model = resources.settings.resolved_models_dir / done["candidate_version"].rpartition("-")[0]
    assert json.loads((model / "training.json").read_text())["configuration"]["closer_share"] == 0.5


@pytest.mark.of_no_database
def test_what_an_earlier_release_or_another_live_version_left_is_made_anew(
    client: TestClient, resources: Resources, filled: Filled
) -> None:
    """A run that was broken off by an upgrade, or before another version went live, has a way forward."""
    run = start(client, filled.project_id, options=OPTIONS | {"steps": 2, "gate": ANY_WILL_DO})
    folder = run_folder(resources.settings, run["id"])
    checkpoint = folder / "out" / "checkpoint"
    checkpoint.mkdir(parents=True)
    torch.save({"step": 1}, checkpoint / "state.pt")
    (checkpoint / "run.json").write_text(json.dumps({"fingerprint": ["other options", {}]}))
    line = {"event": "step", "time": 1.0, "step": 1, "steps": 900, "loss": 1.0}
    (folder / "out" / "progress.jsonl").write_text(json.dumps(line) + "\n")
    (folder / "evaluate-frozen.json").write_text(json.dumps({"methods": {"candidate-1": {}, "was-live-1": {}}}))
    assert work(resources) >= 1
    done = read_run(client, run["id"])
    assert (done["state"], done["metrics"]["compared_with"]) == ("candidate", filled.live), done["reason"]
    assert [point["step"] for point in done["curve"]][-1] == 2
    assert said(folder)[0] == "started"


@pytest.mark.of_no_database
def test_a_published_detector_is_measured_beside_a_candidate(
    client: TestClient, resources: Resources, filled: Filled
) -> None:
    folder = resources.settings.resolved_detectors_dir / "published"
    write_published_detector(folder)
    with resources.database.write() as session:
        session.execute(update(Project).values(detector_version="published-12345678"))
    run = start(client, filled.project_id, kind="detector", options={"steps": 8, "auto_promote": True})
    work(resources)
    done = read_run(client, run["id"])
    assert done["metrics"]["compared_with"] == "published-12345678"
    theirs, ours = (done["metrics"]["detector"][name]["ar_100"] for name in ("live", "candidate"))
    assert done["metrics"]["detector"]["difference"]["ar_100"]["value"] == pytest.approx(ours - theirs)
    assert done["reason"].startswith("Average recall of 100 boxes: ")


@pytest.mark.of_no_database
def test_a_published_detector_that_cannot_be_used_costs_no_candidate(
    client: TestClient, resources: Resources, filled: Filled
) -> None:
    folder = resources.settings.resolved_detectors_dir / "published"
    write_published_detector(folder)
    (folder / "preprocessor_config.json").unlink()
    with resources.database.write() as session:
        session.execute(update(Project).values(detector_version="published-12345678"))
    run = start(client, filled.project_id, kind="detector", options={"steps": 8, "auto_promote": True})
    work(resources)
    done = read_run(client, run["id"])
    assert (done["state"], done["candidate_version"] is not None) == ("refused", True)
    assert "published-12345678 cannot be measured beside it" in done["reason"]


@pytest.mark.of_no_database
def test_a_detector_that_is_not_here_is_not_replaced_by_one_that_was_not_measured_beside_it(
    client: TestClient, resources: Resources, filled: Filled
) -> None:
    with resources.database.write() as session:
        session.execute(update(Project).values(detector_version="away-12345678"))
    run = start(client, filled.project_id, kind="detector", options={"steps": 8, "auto_promote": True})
    work(resources)
    done = read_run(client, run["id"])
    assert (done["state"], done["metrics"]["compared_with"]) == ("refused", "away-12345678")
    assert done["reason"].endswith(
        "but away-12345678 cannot be measured beside it; promote it by hand if it finds more."
    )
    stages = client.get(f"/api/projects/{filled.project_id}/stages").json()
    assert stages["detector_version"] == "away-12345678"


def test_a_detector_is_trained_measured_and_kept(client: TestClient, resources: Resources, filled: Filled) -> None:
    run = start(client, filled.project_id, kind="detector", options={"steps": 8, "auto_promote": True})
    work(resources)
    done = read_run(client, run["id"])
    found = done["metrics"]["detector"]
    assert done["state"] == ("promoted" if found["candidate"]["ar_100"] > 0 else "refused"), done["reason"]
    assert (found["live"], done["metrics"]["compared_with"]) == (None, None)
    assert found["pictures"] >= 6
    assert (done["planned_steps"], found["difference"]) == (40, {})
    assert sorted(found["candidate"]) == ["ap", "ap_50", "ap_75", "ar_10", "ar_100"]
    assert "nothing to compare with" in done["reason"]
    folder = resources.settings.resolved_detectors_dir / f"project-{filled.project_id}-run-{run['id']}"
    config = json.loads((folder / "config.json").read_text())
    assert config["base_model_version"] == filled.live
    assert done["curve"][-1]["step"] == 40


class TestCommandOfTheInstallation:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        command = (
            'test "$SEGLOOP_RUN_KIND" = model && mkdir -p "$SEGLOOP_OUT" && cp -r "$SEGLOOP_BASE" "$SEGLOOP_OUT/model"'
        )
        return settings.model_copy(update={"training_hook_command": command})

    @pytest.mark.of_no_database
    def test_a_model_that_gains_nothing_is_refused(
        self, client: TestClient, resources: Resources, filled: Filled
    ) -> None:
        run = start(client, filled.project_id, options={"hook_command": True, "auto_promote": True})
        work(resources)
        done = read_run(client, run["id"])
        assert done["state"] == "refused", done["reason"]
        assert done["metrics"]["frozen"]["difference"]["iou_1"] == {"value": 0, "low": 0, "high": 0}
        assert done["reason"].endswith("That does not show a gain.")
        assert client.get(f"/api/projects/{filled.project_id}").json()["model_version"] == filled.live
        assert events(resources)[-2:] == ["model.refused", "training.finished"]


@pytest.mark.of_no_database
def test_weights_that_are_no_numbers_end_a_run_by_name(
    client: TestClient, resources: Resources, filled: Filled, small_model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(small_model, broken)
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in weights if name.startswith("mask_decoder") and weights[name].ndim == 2)
    save_file(weights | {name: torch.full_like(weights[name], float("nan"))}, broken / "model.safetensors")
    version = install_model(resources, broken)
    run = start(client, filled.project_id, base=version, options=OPTIONS)
    work(resources)
    failed = read_run(client, run["id"])
    assert failed["state"] == "failed"
    assert "loss_not_finite" in failed["reason"]
    assert failed["job"]["state"] == "dead"
    settle_runs(resources)
    assert events(resources)[-1] == "training.failed"
    assert read_run(client, run["id"])["finished_at"] is not None
    assert start(client, filled.project_id, options=OPTIONS)["state"] == "queued", "a failed run is not under way"


def test_a_cancelled_run_leaves_nothing(client: TestClient, resources: Resources, filled: Filled) -> None:
    waiting = start(client, filled.project_id)
    assert client.post(f"/api/training-runs/{waiting['id']}/cancel").json()["state"] == "cancelled"
    twice = client.post(f"/api/training-runs/{waiting['id']}/cancel")
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "run_ended")
    running = start(client, filled.project_id, options=OPTIONS)
    folder = run_folder(resources.settings, running["id"])
    worker = threading.Thread(target=work, args=(resources,))
    worker.start()
    wait_until(lambda: (folder / "train.log").exists(), seconds=180, what="the trainer's start")
    assert client.post(f"/api/training-runs/{running['id']}/cancel").json()["state"] == "training"
    worker.join(180)
    assert read_run(client, running["id"])["state"] == "cancelled"
    assert not folder.exists()
    assert [path.name for path in resources.settings.resolved_models_dir.glob("*/config.json")] == ["config.json"]
    settle_runs(resources)
    assert events(resources).count("training.cancelled") == 2


def test_a_deleted_project_trains_no_more(client: TestClient, resources: Resources, filled: Filled) -> None:
    run = start(client, filled.project_id)
    address = f"/api/projects/{filled.project_id}"
    assert client.delete(address).status_code == 204
    work(resources)
    assert client.post(f"{address}/restore").status_code == 200
    assert read_run(client, run["id"])["state"] == "cancelled"


def test_a_run_whose_frozen_masks_went_away_does_not_train(
    client: TestClient, resources: Resources, filled: Filled
) -> None:
    run = start(client, filled.project_id, options=OPTIONS)
    frozen = [image["id"] for image in filled.images if split_of(image["sha256"], FROZEN_SHARE) == "frozen"]
    with resources.database.write() as session:
        gone = update(Annotation).where(Annotation.image_id.in_(frozen[2:]))
        session.execute(gone.values(state="deleted"))
    work(resources)
    done = read_run(client, run["id"])
    assert (done["state"], done["curve"]) == ("failed", [])
    assert done["reason"] == "The gate needs 5 frozen images with masks to compare on; there are 2 so far."
    assert not (run_folder(resources.settings, run["id"]) / "dataset").exists()


def test_too_few_masks_and_unknown_options_are_refused(client: TestClient, project_id: int) -> None:
    address = f"/api/projects/{project_id}/training-runs"

    def refusal(body: dict[str, Any]) -> tuple[int, str]:
        answer = client.post(address, json=body)
        return answer.status_code, answer.json()["error"]["code"]

    answer = client.post(address, json={}).json()["error"]
    assert (answer["code"], answer["have"], answer["need"]) == ("too_few_masks", 0, 50)
    assert refusal({"options": {"steps": 0}}) == (422, "invalid_policy")
    assert refusal({"options": {"speed": 1}}) == (422, "invalid_policy")
    assert refusal({"options": {"hook_command": True}}) == (422, "hook_command_not_allowed")
    assert refusal({"base": "nothing-00000000"}) == (404, "model_not_found")
