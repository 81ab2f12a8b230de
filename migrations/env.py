"""Alembic's entry: tables of the running code against the database of the settings (or of a given connection)."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, event

import backend.app  # imports every feature, so no table can be forgotten
from backend.database import Base, UtcDateTime
from backend.settings import Settings

assert backend.app


def render_item(kind: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Migrations name plain column types: they must run long after our own types have changed."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def _engine(url: str) -> Engine:
    """Python's sqlite3 would commit each change of a table by itself: a kill between two leaves what no start mends."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def leave_transactions_to_us(connection: Any, _: Any) -> None:
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def migrate() -> None:
    """Runs the asked-for migrations in one transaction: all of them or, where it is broken off, none."""
    url = context.config.attributes.get("database_url") or Settings().resolved_database_url
    engine = _engine(url)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            render_item=render_item,
            transactional_ddl=True,
        )
        with context.begin_transaction():
            if engine.dialect.name == "postgresql":
                # Two installations that start at once migrate one after the other.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305531)")
            context.run_migrations()
    engine.dispose()


migrate()
