"""Brings the database of the settings to the newest tables: `python -m backend.supervisor.migrate`."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

import migrations
from backend.database import Database
from backend.settings import Settings


def alembic_config() -> Config:
    """Alembic's configuration, also where there is no pyproject.toml because the package is installed."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    return config


def is_current(database: Database) -> bool:
    """Whether the database has the newest tables already."""
    heads = set(ScriptDirectory.from_config(alembic_config()).get_heads())
    with database.engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == heads


def main() -> int:
    """Migrates the database of the environment's settings; returns the exit status."""
    settings = Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        command.upgrade(alembic_config(), "head")
    except CommandError as error:
        advice = "It was used by a newer Segloop; update this one."
        print(f"The database cannot be migrated: {error}. {advice}", file=sys.stderr)  # noqa: T201 - a program's words
        return 1
    except SQLAlchemyError as error:
        print(f"The database cannot be migrated: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
