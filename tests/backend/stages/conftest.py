"""Stages of a project through HTTP, and the truth that its counts must tell."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from backend.annotations.counts import cell_of
from backend.annotations.tables import Annotation, MaskCount
from backend.database import Database
from backend.stages.tables import WorkCount, WorkItem
from tests.backend.stages.models import BOXES, disc, set_detector, write_detector


class Stages:
    """The stages of one project, as an administrator sees them."""

    def __init__(self, client: TestClient, project_id: int) -> None:
        self.client = client
        self.address = f"/api/projects/{project_id}"
        self.project_id = project_id
        self.resources = client.app.state.resources  # type: ignore[attr-defined]

    def read(self, stage: str) -> Any:
        answer = self.client.get(f"{self.address}/stages")
        assert answer.status_code == 200, answer.text
        return next(one for one in answer.json()["stages"] if one["stage"] == stage)

    def counts(self, stage: str) -> dict[str, int]:
        """Only states that hold something."""
        return {state: count for state, count in self.read(stage)["counts"].items() if count}

    def change(self, stage: str, revision: int | None = None, **policy: Any) -> Any:
        if revision is None:
            revision = self.read(stage)["revision"]
        return self.client.patch(f"{self.address}/stages/{stage}", json={"policy": policy, "revision": revision})

    def admit(self, stage: str, *, dry_run: bool = False, reason: str = "test", **rule: Any) -> Any:
        body = {"rule": rule, "reason": reason, "dry_run": dry_run}
        answer = self.client.post(f"{self.address}/stages/{stage}/admit", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def revert(self, admission_id: int) -> Any:
        return self.client.post(f"{self.address}/admissions/{admission_id}/revert", json={"reason": "a mistake"}).json()

    def lend(self, **body: Any) -> Any:
        return self.client.post(f"{self.address}/work/next", json=body)

    def end(self, item: dict[str, Any], verb: str = "finish", **body: Any) -> Any:
        answer = self.client.post(f"/api/work/{item['id']}/{verb}", json={"lease_token": item["lease_token"]} | body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def annotations(self, image_id: int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.client.get(f"/api/images/{image_id}/annotations").json()["items"]
        return items

    def check_counts(self) -> None:
        check_counts(self.resources.database)


def check_counts(database: Database) -> None:
    """What is counted is what there is, for work items and for masks."""
    with database.read() as session:
        items: Counter[tuple[str, ...]] = Counter()
        for item in session.scalars(select(WorkItem)):
            state = "moved_done" if item.state == "moved" and item.finished_at else item.state
            is_finished = state in ("done", "moved_done")
            items[(item.stage, state, item.model_version or "" if is_finished else "")] += 1
        counted = {(one.stage, one.state, one.model_version): one.count for one in session.scalars(select(WorkCount))}
        assert {cell: count for cell, count in counted.items() if count} == dict(items)
        cells = [cell for row in session.scalars(select(Annotation)) if (cell := cell_of(row))]
        keys = [column.name for column in MaskCount.__table__.primary_key]
        masks = Counter(tuple(getattr(cell, key) for key in keys) for cell in cells)
        rows = session.execute(select(*(column for column in MaskCount.__table__.c)))
        assert {tuple(row[:-1]): row.count for row in rows if row.count} == {
            tuple(cell): n for cell, n in masks.items()
        }


@pytest.fixture
def stages(client: TestClient, project_id: int) -> Stages:
    return Stages(client, project_id)


@pytest.fixture
def images(add_image: Callable[..., int]) -> list[int]:
    """Ten images that wait in the first stage."""
    return [add_image() for _ in range(10)]


@pytest.fixture
def photos(stages: Stages) -> list[int]:
    """Three pictures of a bright disc."""
    files = [("files", (f"{number}.png", disc(number))) for number in range(3)]
    answer = stages.client.post(f"{stages.address}/images", files=files).json()
    return [one["id"] for one in answer["created"]]


@pytest.fixture
def detector(stages: Stages, detectors_dir: Path) -> str:
    """The version of a detector that is live in the project."""
    fingerprint = stages.resources.model.models()["models"][0]["encoder_fingerprint"]
    write_detector(detectors_dir / "squares", encoder_fingerprint=fingerprint)
    version = str(stages.resources.model.detectors()["detectors"][0]["detector_version"])
    set_detector(stages.resources.database, stages.project_id, version)
    stages.change("semi_automatic", propose=BOXES)
    return version
