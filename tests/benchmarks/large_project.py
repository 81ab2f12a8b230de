"""A database with one large project, for benchmarks: its rows are made inside the database.

Masks are short, as only their number matters; what is counted is what there is.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import numpy as np
from sqlalchemy import Connection, create_engine, make_url, text

from backend.database import Base
from tests.conftest import POSTGRESQL_URL
from tests.running import migrate

MASKS_PER_IMAGE = 10
PEOPLE, VERSIONS, DRAWS = 20, 10, 5000
# Which part of the images is drawn by hand, then corrected, then automatic; the rest waits.
BY_HAND, CORRECTED, AUTOMATIC = 0.1, 0.2, 0.6

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
        # Checksums begin with digits in no order, so that some images are frozen.
        """SELECT i, 1, CAST(10000000 + (i * 2654435761) % 90000000 AS TEXT) || '-' || i, 'image-' || i || '.jpg', 640,
        480, 'JPEG', 1, TRUE, :now FROM series""",
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
        prompts, clicks, active_seconds, proposal, proposal_iou, is_audited, audited_version, revision, created_at,
        updated_at""",
        f"""SELECT 1, image_id, 480, 640, 'counts', 100, '[0,0,10,10]',
            CASE WHEN image_id > :hand AND NOT is_unseen AND k % 10 = 1 THEN 'rejected' ELSE 'accepted' END,
            CASE stage WHEN 'assisted_manual' THEN 'model' WHEN 'semi_automatic' THEN 'detector' ELSE 'automatic' END,
            stage, CASE WHEN is_unseen THEN NULL ELSE person END, 'nano-' || version, '[]',
            CASE WHEN is_unseen THEN 0 ELSE clicks END, CASE WHEN is_unseen THEN 0 ELSE seconds END,
            CASE WHEN image_id > :hand THEN '{{"predicted_iou": 0.93, "stability_score": 0.96}}'$json END,
            CASE WHEN image_id <= :hand OR is_unseen THEN NULL WHEN k % 10 = 1 THEN 0 WHEN k % 2 = 0 THEN 1
                ELSE iou END,
            stage = 'fully_automatic' AND NOT is_unseen,
            CASE WHEN stage = 'fully_automatic' AND NOT is_unseen THEN 'nano-' || version END, 1, :now, :now
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
    # As many cells as a detector can have.
    "proposal_counts": (
        "project_id, detector_version, outcome, score_step, clicks, count",
        """SELECT 1, 'object-1', outcome, k % 20, CASE outcome WHEN 'edited' THEN k / 20 ELSE 0 END, 100 FROM draws,
            (SELECT 'kept' AS outcome UNION ALL SELECT 'rejected' UNION ALL SELECT 'edited') AS outcomes
        WHERE k < 20 OR outcome = 'edited' AND k < 420""",
    ),
    # All proposals are as sure and as stable (annotations above).
    "audit_counts": (
        "project_id, model_version, outcome, predicted_step, stability_step, iou_step, count",
        """SELECT 1, audited_version, 'image', 0, 0, 0, count(DISTINCT image_id) FROM annotations WHERE is_audited
            GROUP BY audited_version
        UNION ALL SELECT 1, audited_version, outcome, 9, 5, iou_step, count(*) FROM (
            SELECT audited_version, CASE state WHEN 'rejected' THEN state ELSE 'standing' END AS outcome,
                CASE WHEN proposal_iou > 0.9 THEN 2 WHEN proposal_iou > 0.75 THEN 1 ELSE 0 END AS iou_step
            FROM annotations WHERE is_audited) AS audited
        GROUP BY audited_version, outcome, iou_step""",
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
    values = f"(1, 'Bench', '', 'object-1', {now})"
    columns = "(id, name, description, detector_version, created_at)"
    connection.execute(text(f"INSERT INTO projects {columns} VALUES {values}"))
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT setval('users_id_seq', 1000), setval('projects_id_seq', 1)"))
