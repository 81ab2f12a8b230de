"""Alembic's entry: tables of the running code against the database of the settings (or of a given connection)."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import create_engine

import backend.app  # imports every feature, so no table can be forgotten
from backend.database import Base, UtcDateTime
from backend.settings import Settings

assert backend.app


def render_item(kind: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Migrations name plain column types: they must run long after our own types have changed."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def migrate() -> None:
    """Runs the asked-for migrations in one transaction where the database can."""
    url = context.config.attributes.get("database_url") or Settings().resolved_database_url
    engine = create_engine(url)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            render_item=render_item,
        )
        with context.begin_transaction():
            if engine.dialect.name == "postgresql":
                # Two installations that start at once migrate one after the other.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305531)")
            context.run_migrations()
    engine.dispose()


migrate()
