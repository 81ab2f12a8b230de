"""Which least score of the detector saves people most clicks, from what they made of its proposals."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from backend.annotations.proposals import add_found
from backend.annotations.tables import MaskCount
from backend.images.tables import Image
from backend.projects.tables import Project
from model_server.contract import masks
from tests.backend.stages.models import SIZE_HW, square

MODEL, DETECTOR = "nano-11111111", "boxes-22222222"
WIDER = dict(masks.encode(np.ones(SIZE_HW, bool)))


class Team:
    """One person who draws, and judges what the detector found."""

    def __init__(self, client: TestClient, project_id: int, image_id: int) -> None:
        self.client, self.project_id, self.image_id = client, project_id, image_id
        self.resources = client.app.state.resources  # type: ignore[attr-defined]
        with self.resources.database.write() as session:
            project = session.get_one(Project, project_id)
            project.model_version, project.detector_version = MODEL, DETECTOR

    def draw(self, *clicks: int, model_version: str | None = MODEL) -> None:
        for number in clicks:
            body = {"rle": WIDER, "clicks": number, "model_version": model_version}
            assert self.client.post(f"/api/images/{self.image_id}/annotations", json=body).status_code == 201

    def propose(self, *scores: float, detector_version: str | None = DETECTOR) -> list[int]:
        """Ids of new proposals."""
        found = [replace(square(2), score=score, detector_version=detector_version) for score in scores]
        with self.resources.database.write() as session:
            image = session.get_one(Image, self.image_id)
            add_found(session, image, found, origin="detector", stage="semi_automatic", model_version=MODEL)
        listed = self.client.get(f"/api/images/{self.image_id}/annotations").json()["items"]
        return [one["id"] for one in listed if one["state"] == "proposed"]

    def decide(self, verb: str, *scores: float, clicks: int = 0, detector_version: str | None = DETECTOR) -> None:
        """Proposals that are accepted, rejected or corrected at once."""
        for proposal_id in self.propose(*scores, detector_version=detector_version):
            headers = {"If-Match": '"1"'}
            if verb == "correct":
                body = {"rle": WIDER, "clicks": clicks, "model_version": MODEL}
                answer = self.client.put(f"/api/annotations/{proposal_id}", json=body, headers=headers)
            else:
                answer = self.client.post(f"/api/annotations/{proposal_id}/{verb}", headers=headers)
            assert answer.status_code == 200, answer.text

    def read(self) -> Any:
        answer = self.client.get(f"/api/projects/{self.project_id}/statistics/proposals")
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def team(client: TestClient, project_id: int, add_image: Callable[..., int]) -> Team:
    return Team(client, project_id, add_image(SIZE_HW))


def test_nothing_is_known_at_first(client: TestClient, project_id: int, team: Team) -> None:
    figures = team.read()
    assert figures == {
        "detector_version": DETECTOR,
        "proposals": 0,
        "need": 30,
        "clicks_by_hand": None,
        "best_min_score": None,
        "by_score": [],
    }
    team.propose(0.9)
    assert team.read() == figures, "nobody has decided yet"


def test_the_score_that_saves_most_is_named(team: Team) -> None:
    """By hand a mask takes 6 clicks. From 0.6 on proposals are right, from 0.45 worth their correction, below wrong."""
    team.draw(*[4, 6, 8] * 10)
    team.decide("accept", *[0.9] * 20, *[0.6] * 10)
    team.decide("correct", *[0.45] * 20, clicks=4)
    team.decide("reject", *[0.45] * 10, *[0.31] * 40)
    figures = team.read()
    assert (figures["proposals"], figures["clicks_by_hand"], figures["best_min_score"]) == (100, 6.0, 0.45)
    rows = {row["min_score"]: row for row in figures["by_score"]}
    assert sorted(rows) == [0.3, 0.45, 0.6, 0.9], "of thresholds that leave the same proposals the strictest"
    assert [rows[0.45][name] for name in ("proposals", "kept", "edited", "rejected")] == [60, 30, 20, 10]
    # Kept ones save 6 - 1 clicks, corrected ones 6 - 4, rejected ones cost 1.
    saved = [5] * 30 + [2] * 20 + [-1] * 10
    half = 1.959963984540054 * float(np.std(saved, ddof=1)) / math.sqrt(len(saved))
    assert rows[0.45]["saved_clicks"] == pytest.approx({"value": 3.0, "low": 3.0 - half, "high": 3.0 + half})
    assert rows[0.3]["saved_clicks"]["value"] == pytest.approx((180 - 40) / 100)
    assert rows[0.9]["saved_clicks"] == {"value": 5.0, "low": 5.0, "high": 5.0}


def test_no_score_is_named_that_saves_nothing(team: Team) -> None:
    team.draw(*[3] * 30)
    team.decide("reject", *[0.5] * 40)
    team.decide("correct", *[0.7] * 5, clicks=5)
    figures = team.read()
    assert figures["best_min_score"] is None
    assert [row["saved_clicks"]["value"] < 0 for row in figures["by_score"]] == [True, True]


def test_few_decisions_and_few_drawn_masks_say_nothing(team: Team) -> None:
    team.draw(*[6] * 29)
    team.decide("accept", *[0.8] * 29)
    figures = team.read()
    assert (figures["clicks_by_hand"], figures["best_min_score"]) == (None, None)
    assert [row["saved_clicks"] for row in figures["by_score"]] == [None]
    team.draw(6, model_version="nano-00000000")
    figures = team.read()
    assert (figures["clicks_by_hand"], figures["best_min_score"]) == (6.0, None), "29 proposals are too few yet"
    team.decide("accept", 0.8)
    assert team.read()["best_min_score"] == 0.8


def test_masks_of_the_live_model_say_what_a_mask_costs(team: Team) -> None:
    team.draw(*[10] * 40, model_version="nano-00000000")
    team.draw(*[1] * 40, model_version=None)
    assert team.read()["clicks_by_hand"] == 10.0, "drawn without a model there are no clicks of one"
    team.draw(*[4] * 30)
    assert team.read()["clicks_by_hand"] == 4.0


def test_what_the_detector_missed_does_not_say_what_a_mask_costs(team: Team) -> None:
    """Those are the harder objects."""
    team.draw(*[12] * 60)
    with team.resources.database.write() as session:
        session.execute(update(MaskCount).values(stage="semi_automatic"))
    assert team.read()["clicks_by_hand"] == 12.0, "there is nothing else"
    team.draw(*[4] * 30)
    assert team.read()["clicks_by_hand"] == 4.0


def test_only_the_detector_in_use_counts(team: Team) -> None:
    team.draw(*[6] * 30)
    team.decide("accept", *[0.8] * 30, detector_version="boxes-00000000")
    team.decide("accept", *[0.8] * 30, detector_version=None)
    assert team.read()["proposals"] == 0
    team.decide("accept", 0.8)
    assert team.read()["proposals"] == 1


def test_a_decision_taken_back_is_not_counted(team: Team) -> None:
    (first,) = team.propose(0.5)
    client = team.client
    assert client.post(f"/api/annotations/{first}/reject", headers={"If-Match": '"1"'}).status_code == 200
    assert team.read()["by_score"][0]["rejected"] == 1
    assert client.post(f"/api/annotations/{first}/restore").status_code == 200
    assert team.read()["by_score"] == []
