"""An automatic run that is taken back and repeated: with wrong thresholds no mask of it is to stay."""

from typing import Any

import pytest

from backend.exports.dataset import open_dataset
from backend.settings import Settings
from tests.backend.stages.conftest import Stages
from tests.backend.stages.models import square
from tests.backend.stages.test_audit import make_masks
from tests.backend.stages.test_propose import GRID, masks_by_image, work
from tests.backend.stages.test_stages import draw

STAGE = "fully_automatic"


@pytest.fixture
def settings(settings: Settings, model_server_url: str) -> Settings:
    return settings.model_copy(update={"model_server_url": model_server_url})


def last_admission(stages: Stages) -> Any:
    return stages.client.get(f"{stages.address}/admissions").json()["items"][0]


def count_exported(stages: Stages) -> int:
    with open_dataset(stages.resources.database, stages.project_id) as dataset:
        return dataset.mask_count


def test_a_finished_run_is_taken_back_and_repeated_with_other_thresholds(stages: Stages, photos: list[int]) -> None:
    stages.change(STAGE, automatic=GRID, review_share=0)
    admission_id = stages.admit(STAGE)["admission_id"]
    work(stages)
    assert stages.counts(STAGE) == {"done": 3}
    first = sum(masks_by_image(stages, photos))
    assert count_exported(stages) == stages.read(STAGE)["masks"] == first > 3

    assert stages.revert(admission_id) == {"reverted": 3, "stay": 0}
    assert (masks_by_image(stages, photos), count_exported(stages)) == ([0, 0, 0], 0)
    assert (stages.counts(STAGE), stages.counts("assisted_manual")) == ({}, {"ready": 3})
    assert stages.read(STAGE)["masks"] == 0
    assert stages.client.get(stages.address).json()["annotation_count"] == 0
    stages.check_counts()

    stages.change(STAGE, automatic=GRID | {"points_per_side": 1})
    assert stages.admit(STAGE)["image_count"] == 3
    work(stages)
    assert stages.counts(STAGE) == {"done": 3}
    assert 0 < sum(masks_by_image(stages, photos)) < first
    stages.check_counts()


def test_skipped_images_go_back_too(stages: Stages, photos: list[int]) -> None:
    stages.change(STAGE, automatic=GRID | {"pred_iou_thresh": 1}, review_share=0)
    admission_id = stages.admit(STAGE)["admission_id"]
    work(stages)
    assert stages.counts(STAGE) == {"skipped": 3}
    assert stages.revert(admission_id) == {"reverted": 3, "stay": 0}
    assert stages.counts("assisted_manual") == {"ready": 3}
    stages.check_counts()


def test_what_people_did_stays(stages: Stages, images: list[int]) -> None:
    """Of ten images one was audited, one was put aside by a person, on one a mask was rejected: seven go back."""
    stages.change(STAGE, review_share=1)
    admission_id = stages.admit(STAGE, count=3)["admission_id"]
    make_masks(stages, [square(2)])
    audited = stages.lend(stage=STAGE).json()
    stages.end(audited)
    put_aside = stages.lend(stage=STAGE).json()
    stages.end(put_aside, "skip", reason="too dark")
    assert stages.revert(admission_id) == {"reverted": 1, "stay": 2}

    stages.change(STAGE, review_share=0)
    admission_id = stages.admit(STAGE)["admission_id"]
    make_masks(stages, [square(2), square(20)])
    assert stages.counts(STAGE) == {"done": 9, "skipped": 1}
    touched = images[5]
    mask = stages.annotations(touched)[0]
    stages.client.post(f"/api/annotations/{mask['id']}/reject", headers={"If-Match": '"1"'})
    assert stages.revert(admission_id) == {"reverted": 7, "stay": 1}
    assert last_admission(stages)["reverted_count"] == 7
    assert stages.counts(STAGE) == {"done": 2, "skipped": 1}
    assert [len(stages.annotations(image_id)) for image_id in (touched, audited["image"]["id"])] == [1, 1]
    stages.check_counts()


def test_an_audit_that_nobody_began_goes_back_with_its_masks(stages: Stages, images: list[int]) -> None:
    stages.change(STAGE, review_share=0.5)
    admission_id = stages.admit(STAGE)["admission_id"]
    make_masks(stages, [square(2)])
    counts = stages.counts(STAGE)
    assert set(counts) == {"ready", "done"}, "some are drawn, some are not"
    assert stages.revert(admission_id) == {"reverted": 10, "stay": 0}
    assert stages.read(STAGE)["masks"] == 0
    stages.check_counts()


def test_a_persons_finished_image_comes_back_finished(stages: Stages, images: list[int]) -> None:
    item = stages.lend().json()
    draw(stages, item["image"]["id"], work_item_id=item["id"])
    stages.end(item)
    stages.change(STAGE, review_share=0)
    admission_id = stages.admit(STAGE, include_done=True)["admission_id"]
    make_masks(stages, [square(2)])
    assert stages.counts(STAGE) == {"done": 10}
    assert stages.revert(admission_id) == {"reverted": 10, "stay": 0}
    assert stages.counts("assisted_manual") == {"ready": 9, "done": 1}
    [kept] = stages.annotations(item["image"]["id"])
    assert kept["origin"] == "manual"
    stages.check_counts()
