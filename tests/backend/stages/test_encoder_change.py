"""A live model with another encoder than the detector's: proposals wait, and say why, until a detector fits again."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import update

import backend.stages.tasks
from backend.jobs.runner import drain
from backend.models.tables import ModelVersion
from backend.projects.tables import Project
from backend.settings import Settings
from backend.stages.checks import check_stages
from backend.training.tables import TrainingRun
from tests.backend.stages.conftest import Stages
from tests.backend.stages.models import write_detector

assert backend.stages.tasks
OLD_DETECTOR = "project-1-run-1-0000aaaa"


@pytest.fixture
def settings(settings: Settings, model_server_url: str) -> Settings:
    return settings.model_copy(update={"model_server_url": model_server_url})


@pytest.fixture
def old_detector(stages: Stages) -> str:
    """A live detector of a run on a model whose encoder is not the live model's."""
    stages.client.get("/api/models")  # the default model is known from here on
    facts = {"family": "sam2", "image_size": 64, "parameters": 1, "is_default": False}
    with stages.resources.database.write() as session:
        session.add(ModelVersion(id="old-0000bbbb", name="old", encoder_fingerprint="0" * 64, **facts))
        session.add(
            TrainingRun(
                project_id=stages.project_id,
                kind="detector",
                state="promoted",
                base_version="old-0000bbbb",
                candidate_version=OLD_DETECTOR,
                options={},
                trigger="person",
                mask_count=0,
                curve=[],
            )
        )
        session.execute(update(Project).values(detector_version=OLD_DETECTOR))
    return OLD_DETECTOR


def test_without_a_detector_none_is_of_another_encoder(stages: Stages, old_detector: str) -> None:
    """Although a run that failed names no detector either."""
    with stages.resources.database.write() as session:
        session.execute(update(TrainingRun).values(candidate_version=None, state="failed"))
        session.execute(update(Project).values(detector_version=None))
    assert stages.client.get(f"{stages.address}/stages").json()["detector_fits"] is True


def propose_jobs(stages: Stages) -> list[dict[str, str]]:
    """Newest first."""
    jobs = stages.client.get(f"{stages.address}/jobs").json()["items"]
    return [job for job in jobs if job["kind"] == "propose"]


def test_proposals_wait_with_a_reason_until_a_detector_fits(
    stages: Stages, images: list[int], old_detector: str, detectors_dir: Path
) -> None:
    assert stages.client.get(f"{stages.address}/stages").json()["detector_fits"] is False
    stages.admit("semi_automatic", count=2)
    drain(stages.resources, threading.Event())
    (job,) = propose_jobs(stages)
    assert job["state"] == "dead"
    assert f"{old_detector} was trained on another encoder" in job["error"]
    assert stages.counts("semi_automatic") == {"proposing": 2}
    check_stages(stages.resources)
    assert len(propose_jobs(stages)) == 1, "the same detector would fail again"

    fingerprint = stages.resources.model.models()["models"][0]["encoder_fingerprint"]
    write_detector(detectors_dir / "fitting", encoder_fingerprint=fingerprint)
    versions = [one["detector_version"] for one in stages.resources.model.detectors()["detectors"]]
    fitting = next(version for version in versions if version.startswith("fitting-"))
    body = {"kind": "detector", "project_id": stages.project_id, "reason": "It reads the live encoder."}
    promoted = stages.client.post(f"/api/models/{fitting}/promote", json=body)
    assert promoted.status_code == 201, promoted.text
    assert stages.client.get(f"{stages.address}/stages").json()["detector_fits"] is True
    check_stages(stages.resources)
    assert [one["state"] for one in propose_jobs(stages)] == ["queued", "dead"]


def test_a_detector_that_fits_or_is_nobodys_run_is_asked(stages: Stages, old_detector: str) -> None:
    with stages.resources.database.write() as session:
        session.execute(update(Project).values(model_version="old-0000bbbb"))
    assert stages.client.get(f"{stages.address}/stages").json()["detector_fits"] is True
    with stages.resources.database.write() as session:
        session.execute(update(Project).values(model_version=None, detector_version="elsewhere-00000000"))
    assert stages.client.get(f"{stages.address}/stages").json()["detector_fits"] is True
