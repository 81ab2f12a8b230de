"""Commands that work on the data folder itself, before or beside a running server."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from alembic import command
from sqlalchemy import delete, inspect, make_url

from backend.auth import service as auth
from backend.auth.tables import ApiToken
from backend.commands.terminal import CommandError
from backend.database import Database, utc_now
from backend.settings import Settings
from backend.supervisor.migrate import alembic_config

TEMPORARY_TOKEN = "segloop command (ends with it)"
# A command killed in its middle leaves its token; none of them runs for longer than this.
FORGOTTEN = timedelta(days=2)


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The installation's database; an empty one is migrated first."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    try:
        if not inspect(database.engine).has_table("alembic_version"):
            config = alembic_config()
            config.attributes["database_url"] = settings.resolved_database_url
            command.upgrade(config, "head")
        yield database
    finally:
        database.close()


@contextmanager
def temporary_token(settings: Settings) -> Iterator[str]:
    """A token of the first administrator for as long as the block lasts."""
    url = make_url(settings.resolved_database_url)
    if url.drivername.startswith("sqlite") and not Path(url.database or "").exists():
        raise CommandError("This data folder holds no installation; give an API token with --token or SEGLOOP_TOKEN.")
    with open_database(settings) as database:
        admin = auth.ensure_first_admin(database)
        with database.write() as session:
            old = (ApiToken.name == TEMPORARY_TOKEN) & (ApiToken.created_at < utc_now() - FORGOTTEN)
            session.execute(delete(ApiToken).where(old))
            row, secret = auth.create_token(session, admin, name=TEMPORARY_TOKEN)
        try:
            yield secret
        finally:
            with database.write() as session:
                auth.revoke_token(session, admin.id, row.id)
