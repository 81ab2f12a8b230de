"""Engine, sessions and column types: the same code on SQLite (WAL) and PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from sqlalchemy import DateTime, Dialect, Engine, Float, MetaData, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator

WRITE_LOCK_SECONDS = 15.0
# An id in an address; larger numbers would overflow the column instead of being not found.
RowId = Annotated[int, Path(ge=1, lt=2**31)]
SQLITE_PRAGMAS = (
    "PRAGMA busy_timeout=10000",
    "PRAGMA journal_mode=WAL",
    # FULL: an acknowledged mask is on the disk, also when the machine loses power.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)
POSTGRESQL_OPTIONS = "-c statement_timeout=15000 -c lock_timeout=8000 -c idle_in_transaction_session_timeout=60000"


class Base(DeclarativeBase):
    """Parent of all tables; constraint names are fixed so that migrations are the same everywhere."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is given back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Adds the zone where the database dropped it."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class epoch_now(GenericFunction[float]):  # noqa: N801 - the name of a SQL function
    """Seconds since 1970 by the database's clock: leases must not depend on the clocks of workers."""

    type = Float()
    inherit_cache = True


@compiles(epoch_now, "sqlite")
def _sqlite_epoch_now(element: Any, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(epoch_now, "postgresql")
def _postgresql_epoch_now(element: Any, compiler: Any, **kw: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def utc_now() -> datetime:
    """This moment, with its zone."""
    return datetime.now(UTC)


class Database:
    """One database. `read()` and `write()` are the only ways to a session; both end their transaction."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _create_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # SQLite's own lock is unfair: waiting here in order keeps the slowest save short.
        self._writer_lock = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for looking only; anything changed in it is thrown away."""
        with Session(self.engine, autoflush=False, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits when the block ends well and rolls back when it raises."""
        turn = _WriterTurn(self._writer_lock)
        engine = self.engine.execution_options(segloop_turn=turn) if self.is_sqlite else self.engine
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        finally:
            turn.end()

    def close(self) -> None:
        """Gives all connections back."""
        self.engine.dispose()


class _WriterTurn:
    """The right to write to SQLite, taken when the first statement begins the transaction.

    Not earlier: a request that took it before its endpoint got a thread could wait for that thread behind
    forty others that wait for this right.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._is_held = False

    def begin(self) -> None:
        if not self._lock.acquire(timeout=WRITE_LOCK_SECONDS):
            raise PoolTimeout("another write holds the database")
        self._is_held = True

    def end(self) -> None:
        if self._is_held:
            self._is_held = False
            self._lock.release()


def at_commit(session: Session, rank: int, write: Callable[[Session], None]) -> None:
    """Runs `write(session)` once, right before the transaction commits; the smaller `rank` first.

    For rows that many transactions change: locked last and in one order, transactions cannot wait for one another in
    a circle. Not inside a savepoint that may be taken back: what was asked for here stays asked for.
    """
    if not event.contains(session, "before_commit", _run_at_commit):
        event.listen(session, "before_commit", _run_at_commit)
    session.info.setdefault(_run_at_commit, {})[write] = rank


def _run_at_commit(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    writes: dict[Callable[[Session], None], int] = session.info.pop(_run_at_commit, {})
    for write in sorted(writes, key=writes.__getitem__):
        write(session)


def _create_engine(url: str) -> Engine:
    if url.startswith("sqlite"):
        engine = create_engine(url, pool_size=20, max_overflow=20, pool_timeout=8, connect_args={"timeout": 10})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        url,
        pool_size=10,
        max_overflow=20,
        pool_timeout=8,
        pool_pre_ping=True,
        connect_args={"options": POSTGRESQL_OPTIONS, "connect_timeout": 5},
    )


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in SQLITE_PRAGMAS:
        connection.execute(pragma)


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads and then writes fails under load; writers take their lock at once.
    turn: _WriterTurn | None = connection.get_execution_options().get("segloop_turn")
    if turn is None:
        connection.exec_driver_sql("BEGIN")
        return
    turn.begin()
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def get_database(request: Request) -> Database:
    """The app's database."""
    database: Database = request.app.state.resources.database
    return database


def _read_session(request: Request) -> Iterator[Session]:
    with get_database(request).read() as session:
        yield session


def _write_session(request: Request) -> Iterator[Session]:
    with get_database(request).write() as session:
        yield session


# scope="function": the commit happens before the answer leaves, so a failed commit can never have answered 200.
ReadSession = Annotated[Session, Depends(_read_session, scope="function")]
WriteSession = Annotated[Session, Depends(_write_session, scope="function")]
