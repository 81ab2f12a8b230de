"""Migrations up and down, without drift from the tables of the code, on the database under test."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, inspect, text

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = "'2026-11-21 12:00:00.000000'"
PROJECT = "(id, name, description, created_at)"
IMAGE = "(id, project_id, sha256, file_name, width, height, format, byte_size, is_plain, created_at)"
ITEM = "(project_id, image_id, stage, state, rank, is_audit, model_version, created_at, finished_at)"
COUNT = "(project_id, stage, state, model_version, count)"
MASK = """(project_id, image_id, state, model_version, proposal, proposal_iou, is_audited, height, width, counts, area,
    bbox_xywh, origin, stage, prompts, clicks, active_seconds, revision, created_at, updated_at)"""
MASK_VALUES = f"40, 60, 'c', 1, '[0,0,1,1]', 'automatic', 'fully_automatic', '[]', 0, 0, 1, {NOW}, {NOW}"
# State, predicted IoU, stability and IoU with what the person left of automatic masks, on two images each.
AUDITED = [
    ("accepted", 0.9, 0.96, 1.0),
    ("accepted", 0.88, 0.95, 0.75),
    ("accepted", 0.61, 0.8, 0.91),
    ("rejected", 0.97, 0.97, 0.0),
]


def config_of(database_url: str) -> Config:
    """What alembic runs by."""
    config = Config(toml_file=str(REPOSITORY / "pyproject.toml"))
    config.attributes["database_url"] = database_url
    return config


def test_audited_masks_that_there_are_get_counted(database_url: str) -> None:
    """Also by version: that of the item, whatever the corrections were made with."""
    config = config_of(database_url)
    command.downgrade(config, "b7d24c90ef13")
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO projects {PROJECT} VALUES (1, 'Old', '', {NOW})"))
        for image_id in (1, 2, 3):
            values = f"({image_id}, 1, 'sha256-{image_id}', 'a.png', 60, 40, 'PNG', 1, TRUE, {NOW})"
            connection.execute(text(f"INSERT INTO images {IMAGE} VALUES {values}"))
            version, is_audit = ("'v1'", "TRUE") if image_id < 3 else ("'v2'", "FALSE")
            values = f"(1, {image_id}, 'fully_automatic', 'done', 0, {is_audit}, {version}, {NOW}, {NOW})"
            connection.execute(text(f"INSERT INTO work_items {ITEM} VALUES {values}"))
            add_missing(connection, image_id)
            for is_audited in ("TRUE", "FALSE") if image_id < 3 else ("FALSE",):
                for state, predicted, stability, agreement in AUDITED:
                    proposal = f'{{"predicted_iou": {predicted}, "stability_score": {stability}}}'
                    values = f"(1, {image_id}, '{state}', 'v9', :proposal, {agreement}, {is_audited}, {MASK_VALUES})"
                    statement = f"INSERT INTO annotations {MASK} VALUES {values}"
                    connection.execute(text(statement), {"proposal": proposal})
    command.upgrade(config, "head")
    columns = "predicted_step, stability_step, iou_step, count"
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT model_version, outcome, {columns} FROM audit_counts"))
        assert sorted(tuple(row) for row in rows) == [
            ("v1", "added", 0, 0, 0, 2),
            ("v1", "image", 0, 0, 0, 2),
            ("v1", "rejected", 10, 6, 0, 2),
            ("v1", "standing", 2, 3, 2, 2),
            ("v1", "standing", 7, 5, 0, 2),
            ("v1", "standing", 8, 5, 2, 2),
        ]
    command.downgrade(config, "a4f81d27c6e3")
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT outcome, {columns} FROM audit_counts"))
        assert sorted(tuple(row) for row in rows) == [
            ("image", 0, 0, 0, 2),
            ("rejected", 5, 3, 0, 2),
            ("standing", 0, 0, 2, 2),
            ("standing", 2, 2, 0, 2),
            ("standing", 3, 2, 2, 2),
        ]
    engine.dispose()


def add_missing(connection: Connection, image_id: int) -> None:
    """A mask that somebody drew in the automatic stage."""
    values = MASK_VALUES.replace("'automatic'", "'model'")
    values = f"(1, {image_id}, 'accepted', 'v9', NULL, NULL, FALSE, {values})"
    connection.execute(text(f"INSERT INTO annotations {MASK} VALUES {values}"))


def test_images_that_moved_on_done_get_counted_with_their_version(database_url: str) -> None:
    config = config_of(database_url)
    command.downgrade(config, "3c7a5e90d1b8")
    engine = create_engine(database_url)
    moved = [("moved", "'v1'", NOW), ("moved", "'v1'", NOW), ("moved", "NULL", NOW), ("moved", "'v1'", "NULL")]
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO projects {PROJECT} VALUES (1, 'Old', '', {NOW})"))
        for image_id, (state, version, finished_at) in enumerate((*moved, ("done", "'v1'", NOW)), start=1):
            values = f"({image_id}, 1, 'sha256-{image_id}', 'a.png', 60, 40, 'PNG', 1, TRUE, {NOW})"
            connection.execute(text(f"INSERT INTO images {IMAGE} VALUES {values}"))
            values = f"(1, {image_id}, 'assisted_manual', '{state}', 0, FALSE, {version}, {NOW}, {finished_at})"
            connection.execute(text(f"INSERT INTO work_items {ITEM} VALUES {values}"))
        for state, version, count in (("moved", "", 4), ("done", "v1", 1)):
            values = f"(1, 'assisted_manual', '{state}', '{version}', {count})"
            connection.execute(text(f"INSERT INTO work_counts {COUNT} VALUES {values}"))
    columns = "state, model_version, count"
    command.upgrade(config, "head")
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT {columns} FROM work_counts WHERE project_id = 1"))
        assert sorted(tuple(row) for row in rows) == [
            ("done", "v1", 1),
            ("moved", "", 1),
            ("moved_done", "", 1),
            ("moved_done", "v1", 2),
        ]
    command.downgrade(config, "3c7a5e90d1b8")
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT {columns} FROM work_counts WHERE project_id = 1"))
        assert sorted(tuple(row) for row in rows) == [("done", "v1", 1), ("moved", "", 4)]
    engine.dispose()


def test_up_down_up_without_drift(database_url: str) -> None:
    config = config_of(database_url)
    command.check(config)
    command.downgrade(config, "base")
    engine = create_engine(database_url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    command.upgrade(config, "head")
    command.upgrade(config, "head")
    command.check(config)
    assert "annotations" in inspect(engine).get_table_names()
    engine.dispose()


# Ends without a word after so many statements, as a power cut does.
BROKEN_OFF = """
import os, sys
from alembic import command
from sqlalchemy import Engine, event
from tests.migrations.test_migrations import config_of
left = int(sys.argv[2])
@event.listens_for(Engine, "after_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left == 0:
        os._exit(9)
command.upgrade(config_of(sys.argv[1]), "head")
"""


@pytest.mark.of_no_database
def test_migrations_that_are_broken_off_are_made_by_the_next_start(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.sqlite3"
    config = config_of(url)
    command.upgrade(config, "a4f81d27c6e3")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO projects {PROJECT} VALUES (1, 'Old', '', {NOW})"))
    for statements in (6, 13, 20):
        line = [sys.executable, "-W", "ignore", "-c", BROKEN_OFF, url, str(statements)]
        assert subprocess.run(line, cwd=REPOSITORY, check=False).returncode == 9
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "a4f81d27c6e3"
            assert "audited_version" not in [one["name"] for one in inspect(connection).get_columns("annotations")]
    command.upgrade(config, "head")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT name FROM projects")) == "Old"
    engine.dispose()
