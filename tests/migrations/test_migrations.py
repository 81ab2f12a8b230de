"""Migrations up and down, without drift from the tables of the code, on the database under test."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect

REPOSITORY = Path(__file__).resolve().parents[2]


def test_up_down_up_without_drift(database_url: str) -> None:
    config = Config(toml_file=str(REPOSITORY / "pyproject.toml"))
    config.attributes["database_url"] = database_url
    command.check(config)
    command.downgrade(config, "base")
    engine = create_engine(database_url)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    command.upgrade(config, "head")
    command.upgrade(config, "head")
    command.check(config)
    assert "annotations" in inspect(engine).get_table_names()
    engine.dispose()
