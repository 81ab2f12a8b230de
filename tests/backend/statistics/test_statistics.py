"""Overview, flywheel and people over HTTP, against what the masks themselves say."""

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from backend.annotations.counts import seconds_bucket
from backend.annotations.proposals import Found, add_found, mark_audited
from backend.images.tables import Image
from backend.models.tables import Promotion
from backend.statistics.tally import mean, median, middle_seconds
from backend.training.tables import TrainingRun
from model_server.contract import masks

HEIGHT, WIDTH = 40, 60
RLE = dict(masks.encode(np.ones((HEIGHT, WIDTH), bool)))


def near(seconds: float) -> Any:
    """Equal within the resolution of the buckets, 9 % of 1 + seconds."""
    return pytest.approx(seconds, abs=0.0906 * (1 + seconds))


def draw(client: TestClient, image_id: int, person: Any, seconds: float, clicks: int, version: str | None) -> None:
    body = {"rle": RLE, "active_seconds": seconds, "clicks": clicks, "model_version": version}
    answer = client.post(f"/api/images/{image_id}/annotations", json=body, headers=person.headers)
    assert answer.status_code == 201, answer.text


def finish(client: TestClient, project_id: int, image_id: int, person: Any) -> None:
    lent = client.post(
        f"/api/projects/{project_id}/work/next", json={"image_id": image_id}, headers=person.headers
    ).json()
    token = {"lease_token": lent["lease_token"]}
    assert client.post(f"/api/work/{lent['id']}/finish", json=token, headers=person.headers).status_code == 200


def get(client: TestClient, project_id: int, what: str) -> Any:
    answer = client.get(f"/api/projects/{project_id}/statistics/{what}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def team(client: TestClient, project_id: int, make_person: Callable[..., Any]) -> list[Any]:
    people = [make_person("annotator", f"{name}@example.org") for name in ("ada", "ben")]
    for person in people:
        client.post(f"/api/projects/{project_id}/members", json={"email": person.email, "role": "annotator"})
    return people


def test_an_empty_project(client: TestClient, project_id: int) -> None:
    overview = get(client, project_id, "overview")
    assert [stage["stage"] for stage in overview["stages"]] == ["assisted_manual", "semi_automatic", "fully_automatic"]
    assert overview["stages"][0] == {
        "stage": "assisted_manual",
        "images": {},
        "masks": {},
        "median_seconds": None,
        "median_clicks": None,
        "masks_per_image": None,
    }
    assert overview["total_masks"] == 0
    assert get(client, project_id, "flywheel") == {"rounds": []}
    assert get(client, project_id, "people") == {"people": []}


def test_overview_and_people(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    first, second = add_image(), add_image()
    for seconds, clicks in ((4, 1), (8, 3), (40, 9)):
        draw(client, first, team[0], seconds, clicks, "nano-1")
    draw(client, second, team[1], 100, 2, None)
    finish(client, project_id, first, team[0])
    proposed = Found(masks.encode(np.ones((HEIGHT, WIDTH), bool)), 2400, (0, 0, WIDTH, HEIGHT), 0.9, 0.9, [])
    database = client.app.state.resources.database  # type: ignore[attr-defined]
    with database.write() as session:
        image = session.get_one(Image, second)
        add_found(session, image, [proposed] * 3, origin="detector", stage="semi_automatic", model_version="nano-1")
    for annotation_id, verb in ((5, "accept"), (6, "reject")):
        headers = team[1].headers | {"If-Match": '"1"'}
        assert client.post(f"/api/annotations/{annotation_id}/{verb}", headers=headers).status_code == 200

    overview = get(client, project_id, "overview")
    manual, semi, automatic = overview["stages"]
    assert manual["images"] == {"done": 1, "ready": 1}
    assert manual["masks"] == {"added": 4}
    assert manual["median_seconds"] == near(24)
    assert manual["median_clicks"] == 2.5
    assert manual["masks_per_image"] == 4
    assert semi["masks"] == {"kept": 1, "proposed": 1, "rejected": 1}
    assert semi["masks_per_image"] is None
    assert automatic["masks"] == {}
    assert overview["total_masks"] == 5

    ada, ben = get(client, project_id, "people")["people"]
    assert (ada["id"], ada["masks"], ada["kept"], ada["rejected"]) == (team[0].user_id, 3, 0, 0)
    assert (ada["median_seconds"], ada["median_clicks"]) == (near(8), 3)
    assert (ben["id"], ben["masks"], ben["kept"], ben["rejected"]) == (team[1].user_id, 2, 1, 1)
    other = client.post("/api/projects", json={"name": "Other"}).json()["id"]
    assert get(client, other, "people") == {"people": []}


def measures(iou: float) -> dict[str, Any]:
    """A version's measures as a run keeps them."""
    interval = {"value": iou, "low": iou - 0.1, "high": iou + 0.1}
    names = ("iou_1", "iou_3", "iou_5", "noc_85", "noc_90")
    return {"images": 5, "masks": 9, "calibration_error": 0.02} | dict.fromkeys(names, interval)


def test_flywheel(client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]) -> None:
    image_id = add_image()
    for seconds, version in ((20, "base-1"), (30, "base-1"), (10, "round-1"), (6, "round-2"), (5, None)):
        draw(client, image_id, team[0], seconds, 2, version)
    database = client.app.state.resources.database  # type: ignore[attr-defined]

    def run(number: int, live: float, candidate: float, compared_with: str | None) -> TrainingRun:
        gain = {"value": candidate - live, "low": 0.01, "high": 0.2}
        frozen = {"live": measures(live), "candidate": measures(candidate), "difference": {"iou_1": gain}}
        metrics = {"frozen": frozen, "general": None, "gate": {"is_passed": True, "reason": ""}}
        metrics |= {"compared_with": compared_with}
        plain = {"kind": "model", "state": "promoted", "options": {}, "trigger": "person", "mask_count": 9, "curve": []}
        return TrainingRun(project_id=project_id, candidate_version=f"round-{number}", metrics=metrics, **plain)

    def promote(from_version: str | None, to_version: str | None, run_id: int | None, **values: Any) -> Promotion:
        versions = {"from_version": from_version, "to_version": to_version, "run_id": run_id}
        plain = {"kind": "model", "reason": "", "is_rollback": False} | values
        return Promotion(project_id=project_id, **versions, **plain)

    with database.write() as session:
        # The second run's frozen masks are harder: what is better has the lower mean.
        session.add_all((run(1, 0.5, 0.6, None), run(2, 0.4, 0.55, "round-1")))
        for row in (
            promote(None, "round-1", 1),
            promote("round-1", "round-2", 2),
            promote("round-2", "round-1", None, is_rollback=True),
            promote("detect-1", "detect-2", None, kind="detector"),
        ):
            session.add(row)
            session.flush()

    rounds = get(client, project_id, "flywheel")["rounds"]
    assert [one["model_version"] for one in rounds] == ["base-1", "round-1", "round-2"]
    assert [one["promoted_at"] is None for one in rounds] == [True, False, False]
    assert [one["masks"] for one in rounds] == [2, 1, 1]
    assert [one["mean_seconds"] for one in rounds] == [near(25), near(10), near(6)]
    assert [one["added"] for one in rounds] == [2, 1, 1]
    assert [one["run"]["iou_1"]["value"] for one in rounds] == [0.5, 0.6, 0.55]
    base, first, second = (one["run"]["change"] for one in rounds)
    assert (base, first["model_version"]) == (None, None)
    assert (second["model_version"], second["live"]["iou_1"]["value"]) == ("round-1", 0.4)
    assert second["live"]["calibration_error"] == 0.02
    assert second["difference"] == {"iou_1": {"value": pytest.approx(0.15), "low": 0.01, "high": 0.2}}
    assert [one["run"]["id"] for one in rounds] == [1, 1, 2], "nobody trained the first: the run that replaced it knows"


def test_what_models_made_is_judged_and_not_drawn(
    client: TestClient, project_id: int, add_image: Callable[..., int], team: list[Any]
) -> None:
    """A hundred masks that an audit left untouched cost nobody a click: they say nothing of the effort."""
    image_id = add_image()
    for seconds in (20, 30, 40):
        draw(client, image_id, team[0], seconds, 7, "base-1")
    found = Found(masks.encode(np.ones((HEIGHT, WIDTH), bool)), 2400, (0, 0, WIDTH, HEIGHT), 0.9, 0.9, [])
    database = client.app.state.resources.database  # type: ignore[attr-defined]
    with database.write() as session:
        image = session.get_one(Image, image_id)
        version = {"model_version": "base-1"}
        add_found(session, image, [found] * 100, origin="automatic", stage="fully_automatic", **version)
        add_found(session, image, [found] * 2, origin="detector", stage="semi_automatic", **version)
        session.flush()
        mark_audited(session, image_id, stage="fully_automatic", **version)
    proposals = client.get(f"/api/images/{image_id}/annotations").json()["items"][-2:]
    headers = team[0].headers | {"If-Match": '"1"'}
    assert client.post(f"/api/annotations/{proposals[0]['id']}/accept", headers=headers).status_code == 200
    (first,) = get(client, project_id, "flywheel")["rounds"]
    assert (first["median_seconds"], first["mean_clicks"]) == (near(30), 7)
    assert (first["kept"], first["edited"], first["rejected"], first["added"]) == (1, 0, 0, 3)
    assert first["masks"] == 104, "they stand in the dataset all the same"
    manual, _, automatic = get(client, project_id, "overview")["stages"]
    assert (manual["median_clicks"], automatic["median_clicks"], automatic["masks"]) == (7, None, {"kept": 100})
    (ada,) = get(client, project_id, "people")["people"]
    assert (ada["masks"], ada["median_seconds"], ada["median_clicks"]) == (4, near(30), 7)


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=50))
def test_medians_and_means_are_exact_to_the_buckets(seconds: list[float]) -> None:
    counts: dict[float, int] = {}
    for one in seconds:
        middle = middle_seconds(seconds_bucket(one))
        counts[middle] = counts.get(middle, 0) + 1
    assert median(counts) == near(statistics.median(seconds))
    assert mean(counts) == near(statistics.fmean(seconds))


def test_of_nothing_there_is_no_median() -> None:
    assert (median({}), mean({}), median({3.0: 0})) == (None, None, None)
    assert median({1.0: 2, 5.0: 2}) == 3.0
