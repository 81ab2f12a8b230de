"""What the pages of a large project cost, on SQLite and on PostgreSQL: 100,000 images with 1,000,000 masks, or more.

The rows are made inside the database; masks are short, as only their number matters here. Every request goes through
the real app. Beside median and 95th percentile it prints the processor time of a request and the tables of images,
masks or work items that it scans as a whole. SEGLOOP_TEST_POSTGRESQL names the server. Run it by `make bench` or
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
from uuid import uuid4

import numpy as np
import psutil
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from backend.app import create_app
from backend.auth import service as auth
from backend.database import Base
from backend.settings import Settings
from model_server.contract import masks
from tests.conftest import POSTGRESQL_URL
from tests.running import migrate

IMAGES, MASKS_PER_IMAGE = 100_000, 10
PEOPLE, VERSIONS, DRAWS = 20, 10, 5000
# Which part of the images is drawn by hand, then corrected, then automatic; the rest waits.
BY_HAND, CORRECTED, AUTOMATIC = 0.1, 0.2, 0.6
REPEATS = 30
GOAL_MS = 100.0
TABLES = "(images|annotations|work_items)"
# All rows of the table, or (as only SQLite says it in one line) of the project.
BY_PROJECT = rf"SEARCH {TABLES} USING [A-Z ]*INDEX \S+ \(project_id=\?\)"
WHOLE_TABLE = re.compile(rf"(?:SCAN|Seq Scan on) {TABLES}\b|{BY_PROJECT}")

STAGE_OF_IMAGE = """CASE WHEN image_id <= :hand THEN 'assisted_manual' WHEN image_id <= :corrected THEN 'semi_automatic'
 ELSE 'fully_automatic' END"""
IS_UNSEEN = "image_id > :corrected AND image_id % 100 <> 0"
# As annotations.counts does it; all numbers are positive.
OUTCOME = """CASE WHEN state = 'rejected' THEN 'rejected' WHEN origin = 'model' THEN 'added' WHEN author_id IS NULL
 THEN 'automatic' WHEN proposal_iou = 1 THEN 'kept' ELSE 'edited' END"""
BUCKET = "trunc(4 * ln(1 + active_seconds) / ln(2))"
ROWS = {
    "images": (
        "id, project_id, sha256, file_name, width, height, format, byte_size, is_plain, created_at",
        "SELECT i, 1, 'sha256-' || i, 'image-' || i || '.jpg', 640, 480, 'JPEG', 1, TRUE, :now FROM series",
    ),
    "work_items": (
        "project_id, image_id, stage, state, rank, is_audit, model_version, created_at, finished_at",
        f"""SELECT 1, image_id, stage, state, image_id, FALSE, CASE WHEN state = 'done' THEN 'nano-' || (image_id %
        {VERSIONS}) END, :now, CASE WHEN state = 'done' THEN :now END FROM (
            SELECT i AS image_id, 'assisted_manual' AS stage,
                CASE WHEN i <= :hand THEN 'done' WHEN i <= :done THEN 'moved' ELSE 'ready' END AS state FROM series
            UNION ALL SELECT image_id, {STAGE_OF_IMAGE}, 'done' FROM (SELECT i AS image_id FROM series) AS all_images
                WHERE image_id > :hand AND image_id <= :done) AS items""",
    ),
    "work_counts": (
        "project_id, stage, state, model_version, count",
        """SELECT 1, stage, state, coalesce(model_version, '') AS version, count(*) FROM work_items
        GROUP BY stage, state, version""",
    ),
    "annotations": (
        """project_id, image_id, height, width, counts, area, bbox_xywh, state, origin, stage, author_id, model_version,
        prompts, clicks, active_seconds, proposal, proposal_iou, is_audited, revision, created_at, updated_at""",
        f"""SELECT 1, image_id, 480, 640, 'counts', 100, '[0,0,10,10]',
            CASE WHEN image_id > :hand AND NOT is_unseen AND k % 10 = 1 THEN 'rejected' ELSE 'accepted' END,
            CASE stage WHEN 'assisted_manual' THEN 'model' WHEN 'semi_automatic' THEN 'detector' ELSE 'automatic' END,
            stage, CASE WHEN is_unseen THEN NULL ELSE person END, 'nano-' || version, '[]',
            CASE WHEN is_unseen THEN 0 ELSE clicks END, CASE WHEN is_unseen THEN 0 ELSE seconds END,
            CASE WHEN image_id > :hand THEN '{{"predicted_iou": 0.93, "stability_score": 0.96}}'$json END,
            CASE WHEN image_id <= :hand OR is_unseen THEN NULL WHEN k % 10 = 1 THEN 0 WHEN k % 2 = 0 THEN 1
                ELSE iou END,
            stage = 'fully_automatic' AND NOT is_unseen, 1, :now, :now
        FROM (SELECT *, {STAGE_OF_IMAGE} AS stage, {IS_UNSEEN} AS is_unseen FROM (
            SELECT 1 + i % :done AS image_id, (i * 7919 + i / :done) % {DRAWS} AS k,
                2 + i / {DRAWS} % {PEOPLE} AS person, i / :done % {VERSIONS} AS version
            FROM series) AS numbers) AS made JOIN draws USING (k)""",
    ),
    "mask_counts": (
        "project_id, stage, model_version, outcome, clicks, seconds_bucket, count",
        f"""SELECT 1, stage, model_version, {OUTCOME} AS outcome, clicks, {BUCKET} AS bucket, count(*)
        FROM annotations GROUP BY stage, model_version, outcome, clicks, bucket""",
    ),
    "author_counts": (
        "project_id, author_id, outcome, clicks, seconds_bucket, count",
        f"""SELECT 1, author_id, {OUTCOME} AS outcome, clicks, {BUCKET} AS bucket, count(*)
        FROM annotations WHERE author_id IS NOT NULL GROUP BY author_id, outcome, clicks, bucket""",
    ),
    # All proposals are as sure and as stable (annotations above).
    "audit_counts": (
        "project_id, outcome, predicted_step, stability_step, iou_step, count",
        """SELECT 1, 'image', 0, 0, 0, count(DISTINCT image_id) FROM annotations WHERE is_audited
        UNION ALL SELECT 1, outcome, 4, 2, iou_step, count(*) FROM (
            SELECT CASE state WHEN 'rejected' THEN state ELSE 'standing' END AS outcome,
                CASE WHEN proposal_iou > 0.9 THEN 2 WHEN proposal_iou > 0.75 THEN 1 ELSE 0 END AS iou_step
            FROM annotations WHERE is_audited) AS audited
        GROUP BY outcome, iou_step""",
    ),
}


def fill(connection: Connection, images: int) -> None:
    """One project full of rows; the masks lie on the images that are done."""
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite:
        # Every row refers to one that was made before: asking forty million times takes longer than all the rest.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
    _add_draws(connection)
    counts = {"images": images, "work_items": images, "annotations": images * MASKS_PER_IMAGE}
    facts = {
        "hand": round(BY_HAND * images),
        "corrected": round(CORRECTED * images),
        "done": round(AUTOMATIC * images),
    }
    for table, (columns, select) in ROWS.items():
        count = counts.get(table)
        series = (
            f"WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < {count}) "
            if is_sqlite
            else f"WITH series AS (SELECT i FROM generate_series(1::bigint, {count}) AS numbers(i)) "
        )
        json_cast = "" if is_sqlite else "::json"
        now = "'2026-11-21 12:00:00.000000'" if is_sqlite else "timestamptz '2026-11-21 12:00:00+00'"
        rows = select.replace(":now", now).replace("$json", json_cast)
        statement = f"INSERT INTO {table} ({columns}) {series if count else ''}{rows}"
        names = set(re.findall(r"(?<!:):(\w+)", statement)) & facts.keys()
        indexes = Base.metadata.tables[table].indexes
        for index in indexes:
            index.drop(connection)
        connection.execute(text(statement), {name: facts[name] for name in names})
        for index in indexes:  # of a whole table, many times faster than row by row
            index.create(connection)
        print(f"  filled {table}", file=sys.stderr)
    if not is_sqlite:
        connection.execute(text("SELECT setval('images_id_seq', (SELECT max(id) FROM images))"))


def _add_draws(connection: Connection) -> None:
    """Clicks, seconds and IoUs as people's are; every mask takes one of these draws."""
    rng = np.random.default_rng(0)
    connection.execute(text("CREATE TABLE draws (k INT PRIMARY KEY, clicks INT, seconds FLOAT, iou FLOAT)"))
    columns = {
        "clicks": np.minimum(rng.geometric(0.35, DRAWS), 20),
        "seconds": rng.lognormal(2.3, 0.7, DRAWS),
        "iou": 1 - rng.beta(1.5, 12, DRAWS),
    }
    rows = [{"k": k} | {name: values[k].item() for name, values in columns.items()} for k in range(DRAWS)]
    connection.execute(text("INSERT INTO draws VALUES (:k, :clicks, :seconds, :iou)"), rows)


@contextmanager
def filled_database(kind: str, images: int, folder: Path) -> Iterator[str]:
    """A migrated database with that many images and the administrator, people and project they belong to; its URL."""
    name = f"segloop_bench_{uuid4().hex[:8]}"
    url = f"sqlite:///{folder}/bench.sqlite3"
    if kind == "postgresql":
        server = create_engine(POSTGRESQL_URL, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        url = make_url(POSTGRESQL_URL).set(database=name).render_as_string(hide_password=False)
    try:
        migrate(url)
        engine = create_engine(url)  # without the time limits of the app's own
        with engine.begin() as connection:
            _add_people(connection)
            if kind == "sqlite":
                connection.execute(text("PRAGMA cache_size=-500000"))
            fill(connection, images)
        if kind == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))  # as autovacuum would have done
        engine.dispose()
        yield url
    finally:
        if kind == "postgresql":
            with server.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            server.dispose()


def _add_people(connection: Connection) -> None:
    now = "'2026-11-21 12:00:00.000000'"
    for number in range(2, PEOPLE + 2):
        values = f"({number}, 'p{number}@example.org', 'Person {number}', 'annotator', TRUE, {now})"
        connection.execute(text(f"INSERT INTO users (id, email, name, role, is_active, created_at) VALUES {values}"))
    values = f"(1, 'Bench', '', {now})"
    connection.execute(text(f"INSERT INTO projects (id, name, description, created_at) VALUES {values}"))
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT setval('users_id_seq', 1000), setval('projects_id_seq', 1)"))


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
        "jobs": get(f"{project}/jobs"),
        "audit log": get(f"{project}/audit-log"),
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
                tables = ("mask_counts", "author_counts")
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
