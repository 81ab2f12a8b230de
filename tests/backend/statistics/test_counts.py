"""The counts equal a recount of all masks, whatever happened to them in whatever order."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from backend.annotations.audit_counts import IOU_THRESHOLDS, STABILITY_THRESHOLDS
from backend.annotations.counts import cell_of, seconds_bucket
from backend.annotations.proposals import Found, add_found, mark_audited
from backend.annotations.tables import Annotation, AuditCount, AuthorCount, MaskCount, ProposalCount
from backend.database import Database
from backend.images.tables import Image
from model_server.contract import masks

HEIGHT, WIDTH = 40, 60


def rectangle(size: int) -> dict[str, Any]:
    """A rectangle `size` + 1 pixels wide."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:25, 5 : 6 + size] = True
    return dict(masks.encode(mask))


def found(size: int) -> Found:
    """Among the sizes are some on, just above and below each threshold of the audit's table, and of scores. Every
    seventh is of an older release, which did not write down the detector."""
    rle = masks.encode(masks.decode(rectangle(size)))  # type: ignore[arg-type]
    predicted_iou, stability = (80 + size % 20) / 100, (89 + size % 10) / 100
    of_box = {"score": size % 20 / 20, "detector_version": None if size % 7 == 0 else f"d-{size % 2}"}
    return Found(rle, masks.area(rle), (5, 5, size + 1, 20), predicted_iou, stability, [], **of_box)  # type: ignore[arg-type]


def count_audits(rows: list[Annotation]) -> Counter[tuple[Any, ...]]:
    """The audited masks by the thresholds they pass, and their images."""
    cells: Counter[tuple[Any, ...]] = Counter()
    audited = [row for row in rows if row.audited_version is not None and row.state != "deleted"]
    for row in audited:
        assert row.audited_version == "n"
        if row.origin != "automatic":
            cells[(row.project_id, "n", "added", 0, 0, 0)] += 1
            continue
        outcome = "rejected" if row.state == "rejected" else "standing"
        assert row.proposal is not None
        predicted = sum(row.proposal["predicted_iou"] > bound for bound in IOU_THRESHOLDS)
        stability = sum(row.proposal["stability_score"] >= bound for bound in STABILITY_THRESHOLDS)
        agreement = sum((row.proposal_iou or 0) > bound for bound in (0.75, 0.90))
        cells[(row.project_id, "n", outcome, predicted, stability, agreement)] += 1
    images = {(row.project_id, row.image_id) for row in audited if row.origin == "automatic"}
    cells.update((project_id, "n", "image", 0, 0, 0) for project_id, _ in images)
    return cells


def count_proposals(rows: list[Annotation]) -> Counter[tuple[Any, ...]]:
    """The decided proposals of known detectors, by score."""
    cells: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        version = (row.proposal or {}).get("detector_version")
        if row.origin != "detector" or version is None or row.state not in ("accepted", "rejected"):
            continue
        assert row.proposal is not None
        outcome = "kept" if row.proposal["rle"]["counts"] == row.counts else "edited"
        outcome = "rejected" if row.state == "rejected" else outcome
        clicks = min(20, row.clicks) if outcome == "edited" else 0
        cells[
            (row.project_id, version, outcome, sum(row.proposal["score"] >= step / 20 for step in range(1, 20)), clicks)
        ] += 1
    return cells


class Work:
    """What people and models do to the masks of one image; every call may be refused, none may fail."""

    def __init__(self, client: TestClient, headers: list[dict[str, str]], image_id: int) -> None:
        self.client, self.headers, self.image_id = client, headers, image_id
        self.database: Database = client.app.state.resources.database  # type: ignore[attr-defined]

    def rows(self) -> list[Annotation]:
        """All masks that there ever were."""
        with self.database.read() as session:
            return list(session.scalars(select(Annotation).order_by(Annotation.id)))

    def ask(self, method: str, path: str, who: int, row: Annotation | None = None, body: Any = None) -> None:
        """One request; a refusal is an answer, too."""
        headers = self.headers[who] | ({"If-Match": f'"{row.revision}"'} if row else {})
        answer = self.client.request(method, f"/api{path}", headers=headers, json=body)
        assert answer.status_code < 500, answer.text

    def do(self, verb: str, which: int, who: int, size: int, seconds: float) -> None:
        """One step."""
        model_version = None if size % 3 == 0 else "nano-1"
        body = {"rle": rectangle(size), "clicks": size, "active_seconds": seconds, "model_version": model_version}
        images = f"/images/{self.image_id}"
        if verb in ("detector", "automatic"):
            with self.database.write() as session:
                image = session.get_one(Image, self.image_id)
                stage = "semi_automatic" if verb == "detector" else "fully_automatic"
                add_found(session, image, [found(size), found(size + 1)], origin=verb, stage=stage, model_version="n")  # type: ignore[arg-type]
        elif verb == "audit":
            with self.database.write() as session:
                mark_audited(session, self.image_id, stage="assisted_manual", model_version="n")
        elif verb == "draw":
            self.ask("POST", f"{images}/annotations", who, body=body)
        elif verb == "accept-all":
            self.ask("POST", f"{images}/proposals/accept-all", who)
        elif rows := self.rows():
            row = rows[which % len(rows)]
            if verb == "undo":
                self.ask("POST", f"{images}/proposals/undo-accept-all", who, body={"ids": [row.id]})
            elif verb == "change":
                self.ask("PUT", f"/annotations/{row.id}", who, row, body)
            elif verb == "delete":
                self.ask("DELETE", f"/annotations/{row.id}", who, row)
            else:
                self.ask("POST", f"/annotations/{row.id}/{verb}", who, row)

    def counted(self) -> dict[str, Counter[tuple[Any, ...]]]:
        """All tables of counts as they stand."""
        tables: dict[str, Counter[tuple[Any, ...]]] = {}
        with self.database.read() as session:
            for table in (MaskCount, AuthorCount, AuditCount, ProposalCount):
                rows = session.execute(select(*table.__table__.columns).where(table.count != 0))
                tables[table.__tablename__] = Counter({tuple(row[:-1]): row[-1] for row in rows})
        return tables

    def recounted(self) -> dict[str, Counter[tuple[Any, ...]]]:
        """The masks, counted one by one."""
        rows = self.rows()
        cells = list(filter(None, map(cell_of, rows)))
        ends = [(cell.outcome, cell.clicks, cell.seconds_bucket) for cell in cells]
        both = list(zip(cells, ends, strict=True))
        return {
            "mask_counts": Counter((cell.project_id, cell.stage, cell.model_version, *end) for cell, end in both),
            "author_counts": Counter((cell.project_id, cell.author_id, *end) for cell, end in both if cell.author_id),
            "audit_counts": count_audits(rows),
            "proposal_counts": count_proposals(rows),
        }

    def masks(self) -> int:
        """How many masks are counted."""
        return self.counted()["mask_counts"].total()


@pytest.fixture
def work(client: TestClient, project_id: int, add_image: Callable[..., int], make_person: Callable[..., Any]) -> Work:
    """Two people of a project with one image."""
    people = [make_person("annotator") for _ in range(2)]
    for person in people:
        client.post(f"/api/projects/{project_id}/members", json={"email": person.email, "role": "annotator"})
    return Work(client, [person.headers for person in people], add_image((HEIGHT, WIDTH)))


VERBS = [
    "detector",
    "automatic",
    "audit",
    "draw",
    "accept-all",
    "undo",
    "change",
    "delete",
    "accept",
    "reject",
    "restore",
]
STEP = st.tuples(st.sampled_from(VERBS), st.integers(0, 30), st.integers(0, 1), st.integers(0, 40), st.floats(0, 1e5))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=5, max_size=20))
def test_counts_equal_a_recount(work: Work, steps: list[tuple[str, int, int, int, float]]) -> None:
    for step in steps:
        work.do(*step)
    assert work.counted() == work.recounted()


def test_two_people_at_once_lose_no_count(work: Work) -> None:
    for size in range(8):
        work.do("detector", 0, 0, size, 0)
    ids = range(16)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda which: work.do("accept" if which % 3 else "change", which, which % 2, 9, 4.0), ids))
        list(pool.map(lambda which: work.do("reject", which, which % 2, 9, 4.0), ids))
    assert work.counted() == work.recounted()
    assert work.masks() == 16


# What is done to a mask one after the other, and where it is counted then.
OUTCOMES = {
    "draw": "added",
    "draw change": "added",
    "draw delete": None,
    "draw delete restore": "added",
    "detector": "proposed",
    "detector accept": "kept",
    "detector accept-all": "kept",
    "detector accept-all undo": "proposed",
    "detector change": "edited",
    "detector reject": "rejected",
    "detector delete": "rejected",
    "detector delete restore": "proposed",
    "automatic": "automatic",
    "automatic audit": "kept",
    "automatic change": "edited",
    "automatic change audit": "edited",
    "automatic reject": "rejected",
}


def test_outcomes(work: Work, add_image: Callable[..., int]) -> None:
    for verbs, outcome in OUTCOMES.items():
        work.image_id = add_image((HEIGHT, WIDTH))
        first = len(work.rows())
        for number, verb in enumerate(verbs.split()):
            work.do(verb, first, 1, 20 + number, 10.0)
        cell = cell_of(work.rows()[first])
        assert (cell and cell.outcome) == outcome, verbs
        assert work.counted() == work.recounted(), verbs


def test_removing_an_image_uncounts_its_proposals(work: Work) -> None:
    work.do("detector", 0, 0, 5, 0)
    assert work.masks() == 2
    assert work.client.delete(f"/api/images/{work.image_id}").status_code == 204
    assert all(counts == Counter() for counts in work.counted().values())


def test_removing_an_audited_image_uncounts_its_audit(work: Work, add_image: Callable[..., int]) -> None:
    for image_id in (work.image_id, add_image((HEIGHT, WIDTH))):
        work.image_id = image_id
        work.do("automatic", 0, 0, 5, 0)
        work.do("audit", 0, 0, 0, 0)
        work.do("audit", 0, 0, 0, 0)
    for which in (2, 3):
        work.do("reject", which, 0, 0, 0)
    audits = work.counted()["audit_counts"]
    assert audits == work.recounted()["audit_counts"]
    assert sum(n for (_, _, outcome, *_), n in audits.items() if outcome == "image") == 2
    assert work.client.delete(f"/api/images/{work.image_id}").status_code == 204
    assert work.counted() == work.recounted()
    assert sum(n for (_, _, outcome, *_), n in work.counted()["audit_counts"].items() if outcome == "image") == 1


def test_seconds_fall_into_quarters_of_a_doubling() -> None:
    assert [seconds_bucket(seconds) for seconds in (0, 0.18, 0.19, 1, 3, 7, 1e7)] == [0, 0, 1, 4, 8, 12, 60]
