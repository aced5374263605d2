"""The database itself refuses to change or remove what the ledger holds."""

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from portal.ledger import triggers
from portal.ledger.models import Event, LedgerHead
from tests.support.databases import as_owner

CHANGES = {
    "update of an event": update(Event).values(body="{}"),
    "delete of an event": delete(Event).where(Event.seq == 10),
    "update of a head": update(LedgerHead).values(size=11),
    "delete of a head": delete(LedgerHead),
}


async def contents(book):
    async with book.database.read() as db:
        events = (
            await db.execute(select(Event.__table__).where(Event.project_id == book.id).order_by(Event.seq))
        ).all()
        heads = (await db.execute(select(LedgerHead.__table__).where(LedgerHead.project_id == book.id))).all()
    return events, heads


async def refused(book, statement):
    before = await contents(book)
    with pytest.raises(DBAPIError, match="the ledger only grows"):
        async with as_owner(book.database) as owned, owned.write() as db:
            await db.execute(statement.execution_options(cross_project="an intruder names no project"))
    assert await contents(book) == before


@pytest.mark.parametrize("change", CHANGES)
async def test_no_event_and_no_head_can_be_changed_or_removed(book, change):
    await book.sign()
    await refused(book, CHANGES[change])


@pytest.mark.parametrize("table", ["event", "ledger_head"])
async def test_a_table_cannot_be_emptied(book, table):
    await book.sign()
    verb = "DELETE FROM" if book.database.is_sqlite else "TRUNCATE"
    await refused(book, text(f"{verb} {table}"))


async def test_an_event_cannot_be_replaced_by_another_way_of_inserting(book):
    (row, *_), _heads = await contents(book)
    values = row._asdict() | {"body": "{}"}
    if book.database.is_sqlite:
        await refused(book, insert(Event.__table__).prefix_with("OR REPLACE").values(values))
    else:
        from sqlalchemy.dialects.postgresql import insert as upsert  # of this database alone

        statement = upsert(Event.__table__).values(values)
        keys = ["project_id", "seq"]
        await refused(book, statement.on_conflict_do_update(index_elements=keys, set_={"body": "{}"}))


async def test_the_guards_can_be_taken_away_and_put_back_by_a_migration(book):
    await book.tamper()
    async with as_owner(book.database) as owned, owned.write() as db:
        for statement in triggers.create((await db.connection()).dialect.name):
            await db.execute(text(statement))
    await refused(book, CHANGES["update of an event"])
