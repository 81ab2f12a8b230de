"""Alembic's entry: tables of the running code against the database of the settings (or of a given connection)."""

from alembic import context
from sqlalchemy import create_engine

import backend.app  # imports every feature, so no table can be forgotten
from backend.database import Base
from backend.settings import Settings

assert backend.app


def migrate() -> None:
    """Runs the asked-for migrations in one transaction where the database can."""
    url = context.config.attributes.get("database_url") or Settings().resolved_database_url
    engine = create_engine(url)
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_server_default=True
        )
        with context.begin_transaction():
            if engine.dialect.name == "postgresql":
                # Two installations that start at once migrate one after the other.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305531)")
            context.run_migrations()
    engine.dispose()


migrate()
