"""A ledger with ten events for three audiences, and what an intruder with the database's password could do to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Executable, text, update

from portal import ledger
from portal.db import Database
from portal.ledger import queries, triggers
from portal.ledger.heads import sign_head
from portal.ledger.keys import SigningKeys, open_keys
from portal.ledger.models import Audience, Event, ProjectLedger
from tests.support import databases
from tests.support.receipts import keys_in

MONDAY = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


def moved(number: int, *, audience: Audience = Audience.CLIENT, **body: object) -> ledger.NewEvent:
    """An event about one item, `number` hours after Monday morning."""
    at = MONDAY + timedelta(hours=number)
    return ledger.NewEvent("item.moved", "item", number, audience, {"to": "Done", **body}, "system", at)


def ten_events() -> list[ledger.NewEvent]:
    """Numbers 1 to 10: internal at 1, 4, 7 and 10, billing at 5, client elsewhere."""
    of = {1: Audience.INTERNAL, 4: Audience.INTERNAL, 5: Audience.BILLING, 7: Audience.INTERNAL, 10: Audience.INTERNAL}
    return [moved(number, audience=of.get(number, Audience.CLIENT), title=f"Title {number}") for number in range(1, 11)]


@dataclass
class Book:
    """A project's ledger in a database, with the keys that sign it."""

    database: Database
    keys: SigningKeys
    key: str
    id: UUID

    async def append(self, *events: ledger.NewEvent) -> int:
        """Appends in a transaction of its own."""
        async with self.database.write() as db:
            return await ledger.append(db, self.id, events)

    async def sign(self) -> str:
        """Signs the present head and returns the note."""
        async with self.database.write() as db:
            return (await sign_head(db, self.id, self.keys, MONDAY)).checkpoint

    async def row(self) -> ProjectLedger:
        """The ledger's own row."""
        async with self.database.read() as db:
            return await db.get_one(ProjectLedger, self.id)

    async def all(self) -> list[queries.EventRow]:
        """Every event."""
        async with self.database.read() as db:
            return await queries.since(db, self.id, tuple(Audience), 0, 1000)

    async def tamper(self, *statements: str | Executable) -> None:
        """Takes the triggers away and runs statements, as somebody with the owner's password could."""
        async with databases.as_owner(self.database) as owned, owned.write() as db:
            dialect = (await db.connection()).dialect.name
            for statement in (*triggers.drop(dialect), *statements):
                made = text(statement) if isinstance(statement, str) else statement
                await db.execute(made.execution_options(cross_project="an intruder names no project"))

    async def set_event(self, seq: int, **values: object) -> None:
        """Changes columns of one event."""
        await self.tamper(update(Event).where(Event.project_id == self.id, Event.seq == seq).values(values))

    async def set_row(self, **values: object) -> None:
        """Changes columns of the ledger's own row."""
        await self.tamper(update(ProjectLedger).where(ProjectLedger.id == self.id).values(values))


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    return open_keys(tmp_path / "keys", "portal.example.com")


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    """Keys that sign receipts without a database: made once, for hundreds of them."""
    return keys_in(tmp_path_factory.mktemp("signing"))


@pytest.fixture
def open_book(database: Database, keys: SigningKeys) -> Callable[..., Awaitable[Book]]:
    async def open_one(key: str = "BRIDGE", events: list[ledger.NewEvent] | None = None) -> Book:
        book = Book(database, keys, key, uuid4())
        async with database.write() as db:
            await ledger.create(db, book.id, key)
            await ledger.append(db, book.id, ten_events() if events is None else events)
        return book

    return open_one


@pytest.fixture
async def book(open_book: Callable[..., Awaitable[Book]]) -> Book:
    return await open_book()


@pytest.fixture
def event() -> Callable[..., ledger.NewEvent]:
    return moved
