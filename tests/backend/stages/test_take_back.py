"""Decisions about proposals taken back: whatever was decided, the proposal is what it was."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.annotations.proposals import Found, ModelOrigin, add_found
from backend.images.tables import Image
from tests.backend.stages.conftest import Stages
from tests.backend.stages.models import SIZE_HW, square


def add_one(stages: Stages, add_image: Callable[..., int], origin: ModelOrigin) -> Any:
    image_id = add_image(SIZE_HW)
    with stages.resources.database.write() as session:
        image = session.get_one(Image, image_id)
        found: list[Found] = [square(2)]
        add_found(session, image, found, origin=origin, stage="semi_automatic", model_version="tiny-11111111")
    return stages.annotations(image_id)[0]


def take_back(client: TestClient, one: dict[str, Any], revision: int) -> Any:
    return client.post(f"/api/annotations/{one['id']}/propose", headers={"If-Match": f'"{revision}"'})


@pytest.mark.parametrize(
    "decisions", [["accept"], ["reject"], ["correct"], ["accept", "correct"], ["correct", "reject"]]
)
def test_the_proposal_is_what_it_was(
    client: TestClient, stages: Stages, add_image: Callable[..., int], decisions: list[str]
) -> None:
    proposed = add_one(stages, add_image, "detector")
    address = f"/api/annotations/{proposed['id']}"
    for revision, verb in enumerate(decisions, start=1):
        headers = {"If-Match": f'"{revision}"'}
        if verb == "correct":
            body = {"rle": dict(square(20).rle), "clicks": 2, "active_seconds": 3.5}
            answer = client.put(address, json=body, headers=headers)
        else:
            answer = client.post(f"{address}/{verb}", headers=headers)
        assert answer.status_code == 200, answer.text
    stale = take_back(client, proposed, 1)
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "revision_conflict")
    back = take_back(client, proposed, len(decisions) + 1).json()
    changing = {"revision", "updated_at"}
    assert {name: back[name] for name in back.keys() - changing} == {
        name: proposed[name] for name in proposed.keys() - changing
    }
    assert take_back(client, proposed, 1).json() == back, "sent again after a lost answer"
    stages.check_counts()


def test_what_was_never_proposed_is_refused(client: TestClient, stages: Stages, add_image: Callable[..., int]) -> None:
    automatic = add_one(stages, add_image, "automatic")
    answer = take_back(client, automatic, 1)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "never_proposed")
    body = {"rle": dict(square(2).rle)}
    drawn = client.post(f"/api/images/{automatic['image_id']}/annotations", json=body).json()
    assert take_back(client, drawn, 1).json()["error"]["code"] == "not_a_proposal"
