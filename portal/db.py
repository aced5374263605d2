"""The two databases behind one interface: sessions for reading and for writing, column types, naming of constraints."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, DateTime, Dialect, Enum, MetaData, TypeDecorator, event, text
from sqlalchemy.dialects import registry
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session

from portal import wall
from portal.errors import Unavailable
from portal.sqlite_inline import InlineConnection

registry.register("sqlite.inline", "portal.sqlite_inline", "InlineSqliteDialect")

POOL_SIZE = 8
PATIENCE_SECONDS = 15.0
"""How long anything waits for a connection or for a lock before it is told to try again."""
BUSY = "The database is busy with another change. Please try again in a moment."
LOCKED_SQLSTATES = ("55P03", "40P01")  # lock_not_available, deadlock_detected
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Base(DeclarativeBase):
    """Every table of the portal. Constraints are named, so that a migration can drop what another made."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def choice(kind: type[StrEnum], name: str, length: int = 32) -> Enum:
    """The type of a column that holds one of a closed list's values, as text on both databases."""
    values = [one.value for one in kind]
    return Enum(kind, name=name, native_enum=False, length=length, values_callable=lambda _kinds: values)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, stored as UTC on both databases.

    SQLite would take a naive time silently and PostgreSQL would refuse it; here both refuse it.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value!r}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Fixed(TypeDecorator[Decimal]):
    """An exact decimal kept as an integer scaled by 10**places (points, hours, quantities). Never a float.

    Raises ValueError for a value with more places than the column keeps: rounding is the caller's decision.
    """

    impl = BigInteger
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        scaled = Decimal(value).scaleb(self.places)
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{value} has more than {self.places} decimal places")
        return int(scaled)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-self.places)


class Writing(Session):
    """The session of a transaction that writes. What it selects, it reads anew, also into objects that it holds
    already: what was read before a lock was waited for may have changed since, and is not to be written back."""


@event.listens_for(Writing, "do_orm_execute")
def _read_anew(asked: ORMExecuteState) -> None:
    if asked.is_select:
        asked.update_execution_options(populate_existing=True)


class Database:
    """One database and its connections.

    `read()` and `write()` give an AsyncSession. A write takes SQLite's only write lock at its start, so that what it
    reads cannot change before it commits; on PostgreSQL the rows that matter are locked by the commands.
    """

    def __init__(self, url: str, *, pool_size: int = POOL_SIZE) -> None:
        """`url` is `sqlite+inline:///path` or `postgresql+asyncpg://…`; `sqlite:` and `postgresql:` are completed."""
        self.url = complete_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self.engine = _engine(self.url, pool_size)
        # SQLAlchemy's pool hands connections out unfairly under load; a fair gate in front keeps the worst wait short.
        self._gate = asyncio.Semaphore(pool_size)
        self._reader = self.engine if self.is_sqlite else self.engine.execution_options(**SNAPSHOT)
        self._writer = self.engine.execution_options(writes=True)
        self.on_write_wait: Callable[[float], None] | None = None
        """Told the seconds that each write waited for SQLite's lock; None: nobody measures."""

    @asynccontextmanager
    async def read(self, project_id: UUID | None = None) -> AsyncIterator[AsyncSession]:
        """A session for reading one consistent snapshot; whatever it wrote is rolled back. With a project it is inside
        that from the start: for whoever has its scope already, and runs no statement that finds it (wall.py).

        Raises Unavailable when every connection stays taken longer than our patience.
        """
        async with self._turn(), AsyncSession(self._reader, expire_on_commit=False) as session:
            if project_id is not None:
                await wall.enter(session, project_id)
            yield session

    @asynccontextmanager
    async def write(self, project_id: UUID | None = None) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end, or rolls back on any error; inside a project like `read`.

        Raises Unavailable when a connection or a lock stays taken longer than our patience.
        """
        async with (
            self._turn(),
            AsyncSession(self._writer, expire_on_commit=False, sync_session_class=Writing) as session,
        ):
            if self.is_sqlite:
                waited = await _take_write_lock(session)
                if self.on_write_wait:
                    self.on_write_wait(waited)
            try:
                if project_id is not None:
                    await wall.enter(session, project_id)
                yield session
                await session.commit()
            except DBAPIError as error:
                if is_locked(error):
                    raise Unavailable(BUSY) from error
                raise

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._gate.acquire()
        except TimeoutError as error:
            raise Unavailable(BUSY) from error
        try:
            yield
        finally:
            self._gate.release()

    async def dispose(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()


def complete_url(url: str) -> str:
    """The URL with our drivers named: people write `sqlite:///…` and `postgresql://…`."""
    for plain, full in (
        ("sqlite://", "sqlite+inline://"),
        ("postgresql://", "postgresql+asyncpg://"),
        ("postgres://", "postgresql+asyncpg://"),
    ):
        if url.startswith(plain):
            return full + url.removeprefix(plain)
    return url


def _engine(url: str, pool_size: int) -> AsyncEngine:
    # The connection that was given back last is taken first: its cache is warm, and those of the others stay small.
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_use_lifo": True}
    if url.startswith("postgresql"):
        options["pool_pre_ping"] = False
        options["pool_recycle"] = 1800
        options["connect_args"] = {"server_settings": {"lock_timeout": f"{PATIENCE_SECONDS * 1000:.0f}ms"}}
        engine = create_async_engine(url, **options)
        wall.watch(engine.sync_engine)
        return engine
    options["connect_args"] = {"check_same_thread": False, "timeout": 0, "factory": InlineConnection}
    engine = create_async_engine(url, **options)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's implicit one is DEFERRED
    connection.create_function("casefold", 1, lambda value: value.casefold() if value else value, deterministic=True)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-2000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def _take_write_lock(session: AsyncSession) -> float:
    """Begins the transaction that writes; returns how long it waited, in seconds."""
    started = asyncio.get_running_loop().time()
    deadline = started + PATIENCE_SECONDS
    pause = 0.002
    while True:
        try:
            await session.connection()
            return asyncio.get_running_loop().time() - started
        except OperationalError as error:
            await session.rollback()
            if not is_locked(error) or asyncio.get_running_loop().time() > deadline:
                raise Unavailable(BUSY) from error
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def is_locked(error: DBAPIError) -> bool:
    """Whether the database refused because another connection holds a lock."""
    if isinstance(error.orig, sqlite3.OperationalError):
        return "locked" in str(error.orig)
    return getattr(error.orig, "sqlstate", None) in LOCKED_SQLSTATES


async def refresh_statistics(db: AsyncSession, *models: type[Base]) -> None:
    """Has PostgreSQL count anew what these tables hold, after many rows at once: until it does so by itself, it takes
    a table that grew for a small one and joins it row by row. SQLite plans by the indexes alone."""
    if db.get_bind().dialect.name == "postgresql":
        names = ", ".join(f"'{model.__tablename__}'" for model in models)
        await db.execute(text(f"SELECT refresh_statistics({names})"))
