"""Images that waited for people before there was a detector get proposals once one is live."""

from typing import Any

import numpy as np
import pytest

import backend.stages.late_proposals
from backend.settings import Settings
from backend.stages.checks import check_stages
from model_server.contract import masks
from tests.backend.stages.conftest import Stages
from tests.backend.stages.models import set_detector
from tests.backend.stages.test_propose import masks_by_image, propose_job, work

STAGE = "semi_automatic"


@pytest.fixture
def settings(settings: Settings, model_server_url: str) -> Settings:
    return settings.model_copy(update={"model_server_url": model_server_url})


@pytest.fixture
def early(stages: Stages, photos: list[int], detector: str) -> list[int]:
    """Three photos that were ready for people before that detector was there."""
    set_detector(stages.resources.database, stages.project_id, None)
    stages.admit(STAGE)
    assert stages.counts(STAGE) == {"ready": 3}
    return photos


def promote(stages: Stages, detector: str) -> Any:
    body = {"kind": "detector", "project_id": stages.project_id, "reason": "The first one."}
    answer = stages.client.post(f"/api/models/{detector}/promote", json=body)
    assert answer.status_code == 201, answer.text


def test_the_first_detector_looks_at_images_that_wait(stages: Stages, early: list[int], detector: str) -> None:
    check_stages(stages.resources)
    assert stages.counts(STAGE) == {"ready": 3}, "as long as there is none"
    promote(stages, detector)
    check_stages(stages.resources)
    assert stages.counts(STAGE) == {"proposing": 3}
    stages.check_counts()
    work(stages)
    assert (stages.counts(STAGE), min(masks_by_image(stages, early)) > 0) == ({"ready": 3}, True)
    job = propose_job(stages)
    check_stages(stages.resources)
    assert (stages.counts(STAGE), propose_job(stages)["id"]) == ({"ready": 3}, job["id"])
    stages.check_counts()


def test_where_nothing_was_found_it_does_not_look_again(stages: Stages, early: list[int], detector: str) -> None:
    stages.change(STAGE, propose={"min_score": 1})
    promote(stages, detector)
    check_stages(stages.resources)
    work(stages)
    assert masks_by_image(stages, early) == [0, 0, 0]
    check_stages(stages.resources)
    assert stages.counts(STAGE) == {"ready": 3}


def test_what_somebody_had_is_left_to_people(stages: Stages, early: list[int], detector: str) -> None:
    stages.end(stages.lend(image_id=early[0]).json(), "release")
    held = stages.lend(image_id=early[1]).json()
    promote(stages, detector)
    check_stages(stages.resources)
    assert stages.counts(STAGE) == {"ready": 1, "claimed": 1, "proposing": 1}
    work(stages)
    assert [count > 0 for count in masks_by_image(stages, early)] == [False, False, True]
    stages.end(held)
    stages.check_counts()


def test_one_batch_goes_after_the_other_until_the_job_is_cancelled(
    stages: Stages, early: list[int], detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend.stages.late_proposals, "IMAGES_AT_ONCE", 1)
    promote(stages, detector)
    check_stages(stages.resources)
    work(stages)
    check_stages(stages.resources)
    assert stages.counts(STAGE) == {"ready": 2, "proposing": 1}
    stages.client.post(f"/api/jobs/{propose_job(stages)['id']}/cancel")
    check_stages(stages.resources)
    assert (stages.counts(STAGE), propose_job(stages)["state"]) == ({"ready": 2, "proposing": 1}, "cancelled")


def test_a_rule_moves_no_image_to_a_stage_without_a_detector(stages: Stages, photos: list[int], detector: str) -> None:
    set_detector(stages.resources.database, stages.project_id, None)
    stages.change("assisted_manual", exit={"min_masks": 1, "is_automatic": True, "batch": 2})
    body = {"rle": dict(masks.encode(np.ones((48, 64), bool)))}
    assert stages.client.post(f"/api/images/{photos[0]}/annotations", json=body).status_code == 201
    check_stages(stages.resources)
    assert (stages.read("assisted_manual")["exit"]["is_ready"], stages.counts(STAGE)) == (True, {})
    promote(stages, detector)
    check_stages(stages.resources)
    assert stages.counts(STAGE) == {"proposing": 2}
    stages.check_counts()
