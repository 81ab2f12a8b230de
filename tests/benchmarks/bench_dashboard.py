"""What the pages of a large project cost, on SQLite and on PostgreSQL: 100,000 images with 1,000,000 masks, or more.

The rows are those of large_project.py. Every request goes through the real app. Beside median and 95th percentile it
prints the processor time of a request and the tables of images, masks or work items that it scans as a whole.
SEGLOOP_TEST_POSTGRESQL names the server. Run it by `make bench` or
`python -m tests.benchmarks.bench_dashboard [images] [sqlite|postgresql]`; prints a table and a JSON line for each.
"""

import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event, text

from backend.app import create_app
from backend.auth import service as auth
from backend.settings import Settings
from model_server.contract import masks
from tests.benchmarks.large_project import MASKS_PER_IMAGE, filled_database

IMAGES = 100_000
REPEATS = 30
GOAL_MS = 100.0
TABLES = "(images|annotations|work_items)"
# All rows of the table, or (as only SQLite says it in one line) of the project.
BY_PROJECT = rf"SEARCH {TABLES} USING [A-Z ]*INDEX \S+ \(project_id=\?\)"
WHOLE_TABLE = re.compile(rf"(?:SCAN|Seq Scan on) {TABLES}\b|{BY_PROJECT}")


def requests(client: TestClient) -> dict[str, Callable[[], Any]]:
    """What is measured, by name."""
    project = "/api/projects/1"
    rule = {"rule": {"count": 1000}, "reason": "bench"}
    rle = masks.encode(np.eye(480, 640, dtype=bool))

    def get(path: str) -> Callable[[], Any]:
        return lambda: client.get(path)

    def post(path: str, body: Any) -> Callable[[], Any]:
        return lambda: client.post(path, json=body)

    return {
        "projects": get("/api/projects"),
        "project": get(project),
        "stages": get(f"{project}/stages"),
        "overview": get(f"{project}/statistics/overview"),
        "flywheel": get(f"{project}/statistics/flywheel"),
        "people": get(f"{project}/statistics/people"),
        "audit statistics": get(f"{project}/statistics/audit"),
        "proposal statistics": get(f"{project}/statistics/proposals"),
        "jobs": get(f"{project}/jobs"),
        "audit log": get(f"{project}/audit-log"),
        "work in hands": get(f"{project}/work"),
        "training policy": get(f"{project}/training-policy"),
        "images, first page": get(f"{project}/images"),
        "images, waiting": get(f"{project}/images?state=ready"),
        "work/next": post(f"{project}/work/next", {}),
        "save a mask": post("/api/images/1/annotations", {"rle": rle, "clicks": 1, "active_seconds": 3}),
        "admit 1000, dry run": post(f"{project}/stages/semi_automatic/admit", rule | {"dry_run": True}),
        "admit 1000": post(f"{project}/stages/semi_automatic/admit", rule | {"dry_run": False}),
    }


def measure(client: TestClient, engine: Engine, name: str, ask: Callable[[], Any]) -> dict[str, Any]:
    """Median and 95th percentile of its milliseconds, and the tables that its statements scan as a whole."""
    with _statements(engine) as statements:
        _check(name, ask())
    milliseconds = []
    processor = _processor_seconds(engine)
    for _ in range(REPEATS):
        started = time.perf_counter()
        answer = ask()
        milliseconds.append(1000 * (time.perf_counter() - started))
        _check(name, answer)
        if name == "work/next":
            item = answer.json()
            _check(name, client.post(f"/api/work/{item['id']}/finish", json={"lease_token": item["lease_token"]}))
    processor_ms = 1000 * (_processor_seconds(engine) - processor) / REPEATS
    return {
        "request": name,
        "is_within_goal": processor_ms <= GOAL_MS,
        "processor_ms": round(processor_ms, 1),
        "median_ms": round(statistics.median(milliseconds), 1),
        "p95_ms": round(statistics.quantiles(milliseconds, n=20)[-1], 1),
        "scans": sorted(set(_whole_tables(engine, statements))),
    }


def _processor_seconds(engine: Engine) -> float:
    """What this process and its connections to PostgreSQL have used: on a busy machine clocks say little."""
    seconds = time.process_time()
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            of_database = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            for pid in connection.scalars(text(of_database)):
                times = psutil.Process(pid).cpu_times()
                seconds += times.user + times.system
    return seconds


def _check(name: str, answer: Any) -> None:
    assert answer.status_code < 300, f"{name}: {answer.status_code} {answer.text}"


@contextmanager
def _statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Collects what is executed meanwhile."""
    found: list[tuple[str, Any]] = []

    def collect(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        found.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", collect)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", collect)


def _whole_tables(engine: Engine, statements: list[tuple[str, Any]]) -> Iterator[str]:
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with engine.connect() as connection:
        for statement, parameters in statements:
            if statement.split(maxsplit=1)[0] in ("SELECT", "UPDATE", "INSERT", "DELETE", "WITH"):
                plan = connection.exec_driver_sql(f"{explain} {statement}", parameters)
                for row in plan:
                    yield from ("".join(found) for found in WHOLE_TABLE.findall(str(row)))


def run(kind: str, images: int, folder: Path) -> dict[str, Any]:
    """All measurements on one database."""
    started = time.perf_counter()
    with filled_database(kind, images, folder) as url:
        seconds = time.perf_counter() - started
        settings = Settings(data_dir=folder, database_url=url, model_server_url="http://127.0.0.1:9")
        with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
            database = client.app.state.resources.database  # type: ignore[attr-defined]
            with database.write() as session:
                admin = auth.create_user(session, email="admin@example.org", name="Admin", role="admin")
                _, token = auth.create_token(session, admin, name="bench")
            client.headers["Authorization"] = f"Bearer {token}"
            with database.read() as session:
                tables = ("mask_counts", "author_counts", "proposal_counts")
                cells = {name: session.scalar(text(f"SELECT count(*) FROM {name}")) for name in tables}
            results = [measure(client, database.engine, name, ask) for name, ask in requests(client).items()]
    facts = {"database": kind, "images": images, "masks": images * MASKS_PER_IMAGE} | cells
    return facts | {"fill_seconds": round(seconds), "results": results}


def main() -> None:
    """Prints a table for each database."""
    images = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    for kind in sys.argv[2:] or ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as name:
            measured = run(kind, images, Path(name))
        results = measured.pop("results")
        print("  ".join(f"{key} {value}" for key, value in measured.items()))
        for result in results:
            print("  " + "  ".join(f"{key} {value}" for key, value in result.items()))
        print(json.dumps({"dashboard": measured | {"results": results}}))


if __name__ == "__main__":
    main()
