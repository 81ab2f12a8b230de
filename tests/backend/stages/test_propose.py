"""Models that work ahead of people, with a real model server: proposals, automatic masks, repeats, kills, refusals."""

import threading
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

import backend.stages.tasks
from backend.images.tables import Image
from backend.jobs import queue
from backend.jobs.runner import JobInterrupted, JobRun, drain
from backend.jobs.tables import Job
from backend.settings import Settings
from backend.stages.admission import propose_key
from backend.stages.checks import check_stages
from backend.stages.tables import WorkItem
from backend.stages.tasks import propose
from model_server.contract.blobs import image_key
from tests.backend.stages.conftest import Stages
from tests.backend.stages.models import BOXES, disc, set_detector

# Few points: what is proved here does not need many.
GRID = {"points_per_side": 3, "min_mask_region_area": 0, "stability_score_thresh": 0.5}

UNSEEN = count(100)  # seeds of pictures


@pytest.fixture
def settings(settings: Settings, model_server_url: str) -> Settings:
    return settings.model_copy(update={"model_server_url": model_server_url})


def work(stages: Stages) -> None:
    drain(stages.resources, threading.Event())


def propose_job(stages: Stages) -> Any:
    jobs = stages.client.get(f"{stages.address}/jobs").json()["items"]
    return next(job for job in jobs if job["kind"] == "propose")


def test_a_detector_prepares_images_for_people(stages: Stages, photos: list[int], detector: str) -> None:
    stages.admit("semi_automatic")
    assert stages.counts("semi_automatic") == {"proposing": 3}
    busy = stages.lend(image_id=photos[0])
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "still_proposing")
    work(stages)
    assert (propose_job(stages)["state"], propose_job(stages)["progress"]["done"]) == ("done", 3)
    assert stages.counts("semi_automatic") == {"ready": 3}
    found = stages.annotations(photos[0])
    assert 1 <= len(found) <= 4
    for one in found:
        assert (one["state"], one["origin"], one["stage"]) == ("proposed", "detector", "semi_automatic")
        assert (one["author"], one["proposal_iou"], one["clicks"]) == (None, None, 0)
        assert one["prompts"][0]["type"] == "box"
        assert one["proposal"]["rle"] == one["rle"]
        assert 0.05 <= one["proposal"]["score"] <= 1
    assert stages.lend().json()["stage"] == "semi_automatic"
    assert stages.read("semi_automatic")["masks"] == 0, "proposals are no masks yet"
    stages.check_counts()


def test_a_detector_that_finds_nothing_leaves_everything_to_people(
    stages: Stages, photos: list[int], detector: str
) -> None:
    stages.change("semi_automatic", propose={"min_score": 1})
    stages.admit("semi_automatic")
    work(stages)
    assert (propose_job(stages)["state"], propose_job(stages)["error"]) == ("done", None)
    assert stages.counts("semi_automatic") == {"ready": 3}
    item = stages.lend().json()
    assert (item["stage"], stages.annotations(item["image"]["id"])) == ("semi_automatic", [])
    assert stages.end(item)["state"] == "done"
    stages.check_counts()


def test_without_a_detector_images_are_ready_at_once(stages: Stages, photos: list[int]) -> None:
    stages.admit("semi_automatic")
    assert stages.counts("semi_automatic") == {"ready": 3}


def test_a_detector_that_is_taken_away_leaves_everything_to_people(
    stages: Stages, photos: list[int], detector: str
) -> None:
    stages.admit("semi_automatic")
    set_detector(stages.resources.database, stages.project_id, None)
    work(stages)
    assert stages.counts("semi_automatic") == {"ready": 3}
    assert stages.annotations(photos[0]) == []


def test_a_detector_that_is_not_there_is_named_and_nothing_is_skipped(stages: Stages, photos: list[int]) -> None:
    set_detector(stages.resources.database, stages.project_id, "gone-00000000")
    stages.admit("semi_automatic")
    work(stages)
    job = propose_job(stages)
    assert (job["state"], "gone-00000000" in job["error"]) == ("dead", True)
    assert stages.counts("semi_automatic") == {"proposing": 3}
    check_stages(stages.resources)
    assert propose_job(stages)["id"] == job["id"], "a dead job waits for a person's word"
    set_detector(stages.resources.database, stages.project_id, None)
    stages.client.post(f"/api/jobs/{job['id']}/retry")
    work(stages)
    assert stages.counts("semi_automatic") == {"ready": 3}


def test_automatic_masks_are_accepted_by_nobody_and_some_are_audited(stages: Stages, photos: list[int]) -> None:
    stages.change("fully_automatic", automatic=GRID, review_share=0.5)
    stages.admit("fully_automatic")
    work(stages)
    counts = stages.counts("fully_automatic")
    assert sum(counts.values()) == 3
    assert set(counts) <= {"ready", "done"}
    made = stages.annotations(photos[0])
    assert made
    for one in made:
        assert (one["state"], one["origin"], one["author"]) == ("accepted", "automatic", None)
        assert one["proposal"]["predicted_iou"] > 0.88
        assert (one["proposal"]["stability_score"] >= 0.5, "score" in one["proposal"]) == (True, False)
        assert one["prompts"][0]["type"] == "point"
    assert stages.read("fully_automatic")["masks"] == sum(len(stages.annotations(image_id)) for image_id in photos)
    stages.check_counts()


def test_peoples_masks_always_win(stages: Stages, photos: list[int]) -> None:
    stages.change("fully_automatic", automatic=GRID, review_share=0)
    preview = stages.client.post(f"/api/images/{photos[0]}/automatic", json={"options": GRID}).json()
    assert preview["masks"]
    assert stages.annotations(photos[0]) == [], "a preview keeps nothing"
    theirs = preview["masks"][0]["rle"]
    assert stages.client.post(f"/api/images/{photos[0]}/annotations", json={"rle": theirs}).status_code == 201
    stages.admit("fully_automatic")
    work(stages)
    kept = stages.annotations(photos[0])
    assert [one["origin"] for one in kept if one["rle"] == theirs] == ["manual"]
    assert len(kept) <= len(preview["masks"])
    assert stages.counts("fully_automatic") == {"done": 3}
    stages.check_counts()


def test_the_preview_refuses_what_cannot_be(stages: Stages, photos: list[int]) -> None:
    address = f"/api/images/{photos[0]}/automatic"
    for options in ({"points_per_side": 0}, {"pred_iou_thresh": 2}, {"colour": "red"}):
        answer = stages.client.post(address, json={"options": options})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")
    dense = {"points_per_side": 128, "crop_n_layers": 3}
    answer = stages.client.post(address, json={"options": dense})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "too_many_points")
    assert stages.change("fully_automatic", automatic=dense).json()["error"]["code"] == "invalid_policy"


def test_an_image_that_cannot_be_read_is_put_aside(
    stages: Stages, photos: list[int], add_image: Callable[..., int]
) -> None:
    without_bytes = add_image()
    stages.change("fully_automatic", automatic=GRID, review_share=0)
    stages.admit("fully_automatic")
    work(stages)
    assert stages.counts("fully_automatic") == {"done": 3, "skipped": 1}
    with stages.resources.database.read() as session:
        of_image = (WorkItem.image_id == without_bytes, WorkItem.state == "skipped")
        assert "no image" in (session.scalar(select(WorkItem.skip_reason).where(*of_image)) or "")
    (listed,) = stages.client.get(f"{stages.address}/images?state=skipped").json()["items"]
    assert listed["id"] == without_bytes
    assert listed["skip_reason"].startswith("The model could not look at it: ")
    stages.check_counts()


def break_file(stages: Stages, storage_dir: Path, image_id: int) -> Path:
    """A folder where the picture's file was: what reads it breaks down, as over a disk with a bad sector."""
    with stages.resources.database.read() as session:
        image = session.get_one(Image, image_id)
    file = storage_dir / image_key(image.sha256)
    file.rename(file.with_suffix(".kept"))
    file.mkdir()
    return file


def mend_file(file: Path) -> None:
    file.rmdir()
    file.with_suffix(".kept").rename(file)


@pytest.fixture
def unseen(stages: Stages) -> list[int]:
    """Three pictures whose embeddings no test before has made the shared model server remember."""
    files = [("files", (f"{number}.png", disc(number))) for number in islice(UNSEEN, 3)]
    return [one["id"] for one in stages.client.post(f"{stages.address}/images", files=files).json()["created"]]


def test_an_image_over_which_the_model_server_breaks_down_holds_nobody_up(
    stages: Stages, unseen: list[int], storage_dir: Path
) -> None:
    file = break_file(stages, storage_dir, unseen[0])
    try:
        stages.change("fully_automatic", automatic=GRID, review_share=0)
        stages.admit("fully_automatic")
        work(stages)
    finally:
        mend_file(file)
    assert stages.counts("fully_automatic") == {"done": 2, "skipped": 1}
    assert propose_job(stages)["progress"]["done"] == 3
    (listed,) = stages.client.get(f"{stages.address}/images?state=skipped").json()["items"]
    assert listed["id"] == unseen[0]
    assert listed["skip_reason"].startswith("The model could not look at it: The model server failed")
    stages.check_counts()


def test_a_model_server_that_breaks_down_over_every_image_puts_none_aside(
    stages: Stages, unseen: list[int], storage_dir: Path
) -> None:
    files = [break_file(stages, storage_dir, image_id) for image_id in unseen]
    try:
        stages.change("fully_automatic", automatic=GRID, review_share=0)
        stages.admit("fully_automatic")
        work(stages)
    finally:
        for file in files:
            mend_file(file)
    assert stages.counts("fully_automatic") == {"proposing": 3}
    assert "The model server failed" in propose_job(stages)["error"]


@pytest.mark.parametrize(("review_share", "counts"), [(0, {"skipped": 3}), (1, {"ready": 3})])
def test_an_image_of_which_nothing_is_kept_is_not_done(
    stages: Stages, photos: list[int], review_share: float, counts: dict[str, int]
) -> None:
    stages.change("fully_automatic", automatic=GRID | {"pred_iou_thresh": 1}, review_share=review_share)
    stages.admit("fully_automatic")
    work(stages)
    assert stages.counts("fully_automatic") == counts
    with stages.resources.database.read() as session:
        reasons = set(session.scalars(select(WorkItem.skip_reason).where(WorkItem.stage == "fully_automatic")))
    assert reasons == ({None} if review_share else {"No mask reached the thresholds of automatic masks."})
    stages.check_counts()


def claimed_run(stages: Stages, is_stopping: threading.Event | None = None) -> JobRun:
    """The propose job as a worker that has just claimed it sees it."""
    with stages.resources.database.write() as session:
        job = queue.claim(session, lease_seconds=60, only=("propose",))
    assert job is not None
    return JobRun(job, stages.resources, is_stopping or threading.Event())


def masks_by_image(stages: Stages, photos: list[int]) -> list[int]:
    return [len(stages.annotations(image_id)) for image_id in photos]


def test_a_repeat_makes_nothing_twice(stages: Stages, photos: list[int], detector: str) -> None:
    stages.admit("semi_automatic")
    run = claimed_run(stages)
    propose(run)  # killed before it could say that it was done
    once = masks_by_image(stages, photos)
    propose(run)
    assert masks_by_image(stages, photos) == once
    stages.check_counts()


def test_two_workers_on_one_job_make_nothing_twice(stages: Stages, photos: list[int], detector: str) -> None:
    """The first is slow, its lease runs out, a second one takes the job over, then both go on."""
    stages.admit("semi_automatic")
    slow = claimed_run(stages)
    with stages.resources.database.write() as session:
        session.execute(update(Job).where(Job.id == slow.job.id).values(lease_until=1.0))
    quick = claimed_run(stages)
    assert (quick.job.id, quick.job.attempt) == (slow.job.id, slow.job.attempt + 1)
    failures: list[Exception] = []

    def work_on(run: JobRun) -> None:
        try:
            propose(run)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work_on, args=(run,)) for run in (slow, quick)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(type(error).__name__ == "JobCancelled" for error in failures)
    assert stages.counts("semi_automatic") == {"ready": 3}
    assert max(masks_by_image(stages, photos)) <= BOXES["max_proposals"]
    stages.check_counts()


def test_a_worker_that_stops_loses_nothing(stages: Stages, photos: list[int], detector: str) -> None:
    stages.admit("semi_automatic")
    is_stopping = threading.Event()
    run = claimed_run(stages, is_stopping)
    is_stopping.set()
    with pytest.raises(JobInterrupted):
        propose(run)
    with stages.resources.database.write() as session:
        assert queue.hand_back(session, run.job)
    work(stages)
    assert stages.counts("semi_automatic") == {"ready": 3}
    stages.check_counts()


def test_the_job_takes_turns_with_others(
    stages: Stages, photos: list[int], detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend.stages.tasks, "TURN_SECONDS", 0.0)
    stages.admit("semi_automatic")
    run = claimed_run(stages)
    with pytest.raises(JobInterrupted):
        propose(run)
    assert stages.counts("semi_automatic") == {"ready": 1, "proposing": 2}
    with stages.resources.database.write() as session:
        assert queue.hand_back(session, run.job)
    work(stages)
    job = propose_job(stages)
    assert (job["state"], job["progress"]["done"], job["progress"]["total"]) == ("done", 3, 3)


def test_images_admitted_as_the_job_ends_are_not_forgotten(stages: Stages, photos: list[int], detector: str) -> None:
    stages.admit("semi_automatic", count=1)
    run = claimed_run(stages)
    finish = propose(run)
    stages.admit("semi_automatic")
    with stages.resources.database.write() as session:
        assert queue.finish(session, run.job)
        finish(session)
    assert propose_job(stages)["id"] != run.job.id
    work(stages)
    assert stages.counts("semi_automatic") == {"ready": 3}


def test_a_project_that_is_deleted_and_restored_goes_on(stages: Stages, photos: list[int], detector: str) -> None:
    stages.admit("semi_automatic")
    stages.client.delete(stages.address)
    work(stages)
    stages.client.post(f"{stages.address}/restore")
    assert stages.counts("semi_automatic") == {"proposing": 3}
    check_stages(stages.resources)
    work(stages)
    assert stages.counts("semi_automatic") == {"ready": 3}


def test_a_lost_job_is_found_and_a_cancelled_one_is_not(stages: Stages, photos: list[int], detector: str) -> None:
    stages.admit("semi_automatic")
    of_stage = Job.dedupe_key == propose_key(stages.project_id, "semi_automatic")
    with stages.resources.database.write() as session:
        session.execute(update(Job).where(of_stage).values(state="done"))
    check_stages(stages.resources)
    job = propose_job(stages)
    assert job["state"] == "queued"
    stages.client.post(f"/api/jobs/{job['id']}/cancel")
    check_stages(stages.resources)
    assert propose_job(stages)["id"] == job["id"]
    assert stages.counts("semi_automatic") == {"proposing": 3}


def test_what_was_taken_back_meanwhile_stays_taken_back(stages: Stages, photos: list[int], detector: str) -> None:
    admission_id = stages.admit("semi_automatic")["admission_id"]
    with stages.resources.database.read() as session:
        waiting = backend.stages.tasks._next_images(session, stages.project_id, "semi_automatic")
    assert stages.revert(admission_id) == {"reverted": 3, "stay": 0}
    run = claimed_run(stages)
    with stages.resources.database.read() as session:
        semi = backend.stages.tasks.read_policy(session, stages.project_id, "semi_automatic")
    for image in waiting:
        answer = backend.stages.tasks.ask(stages.resources, "semi_automatic", semi, image)
        backend.stages.tasks._write(run, stages.project_id, "semi_automatic", image, answer)
    assert masks_by_image(stages, photos) == [0, 0, 0]
    assert stages.counts("assisted_manual") == {"ready": 3}
    # Admitted anew, on SQLite by the same ids: what was asked before is no answer.
    stages.admit("semi_automatic")
    for image in waiting:
        backend.stages.tasks._write(run, stages.project_id, "semi_automatic", image, answer)
    assert masks_by_image(stages, photos) == [0, 0, 0]
    assert stages.counts("semi_automatic") == {"proposing": 3}
    stages.check_counts()


def test_proposals_that_were_made_are_taken_back_too(stages: Stages, photos: list[int], detector: str) -> None:
    admission_id = stages.admit("semi_automatic")["admission_id"]
    work(stages)
    accepted = stages.client.post(f"/api/images/{photos[0]}/proposals/accept-all").json()["accepted"]
    assert accepted
    assert stages.revert(admission_id) == {"reverted": 2, "stay": 1}
    assert masks_by_image(stages, photos) == [len(accepted), 0, 0]
    stages.check_counts()


def test_the_least_certain_image_comes_first(stages: Stages, photos: list[int], detector: str) -> None:
    stages.admit("semi_automatic")
    work(stages)
    with stages.resources.database.write() as session:
        of_image = update(WorkItem).where(WorkItem.image_id == photos[1], WorkItem.stage == "semi_automatic")
        session.execute(of_image.values(uncertainty=0.9))
        of_image = update(WorkItem).where(WorkItem.image_id == photos[0], WorkItem.stage == "semi_automatic")
        session.execute(of_image.values(uncertainty=None))
    stages.change("semi_automatic", queue_order="uncertain")
    lent = []
    while (answer := stages.lend(stage="semi_automatic")).status_code == 200:
        lent.append(answer.json()["image"]["id"])
        stages.end(answer.json())
    assert lent == [photos[1], photos[2], photos[0]]


def test_one_image_through_all_three_stages(stages: Stages, photos: list[int], detector: str) -> None:
    image_id = photos[0]
    manual = stages.lend(image_id=image_id).json()
    drawn = stages.client.post(f"/api/images/{image_id}/automatic", json={"options": GRID}).json()["masks"][0]["rle"]
    body = {"rle": drawn, "work_item_id": manual["id"]}
    assert stages.client.post(f"/api/images/{image_id}/annotations", json=body).json()["stage"] == "assisted_manual"
    stages.end(manual)

    stages.admit("semi_automatic", image_ids=[image_id], include_done=True)
    work(stages)
    semi = stages.lend().json()
    assert (semi["image"]["id"], semi["stage"]) == (image_id, "semi_automatic")
    stages.client.post(f"/api/images/{image_id}/proposals/accept-all")
    stages.end(semi)

    stages.change("fully_automatic", automatic=GRID, review_share=1)
    stages.admit("fully_automatic", image_ids=[image_id], include_done=True)
    work(stages)
    audit = stages.lend(stage="fully_automatic").json()
    assert (audit["image"]["id"], audit["is_audit"]) == (image_id, True)
    stages.end(audit)
    stands = stages.annotations(image_id)
    assert {one["stage"] for one in stands} >= {"assisted_manual", "semi_automatic"}
    assert [one["origin"] for one in stands if one["rle"] == drawn] == ["manual"]
    assert stages.counts("fully_automatic") == {"done": 1}
    assert stages.counts("semi_automatic") == {"moved": 1}
    assert stages.counts("assisted_manual") == {"ready": 2, "moved": 1}
    stages.check_counts()


class TestWithoutModelServer:
    """Nobody listens where the model server should be."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"model_server_url": "http://127.0.0.1:9"})

    def test_images_wait_until_it_is_back(self, stages: Stages, client: TestClient, photos: list[int]) -> None:
        stages.admit("fully_automatic")
        work(stages)
        job = propose_job(stages)
        assert (job["state"], "model server" in job["error"]) == ("queued", True)
        assert stages.counts("fully_automatic") == {"proposing": 3}
