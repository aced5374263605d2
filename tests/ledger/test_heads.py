"""Heads are signed once for what they cover, and once a day where something happened."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from portal.apart import SomeFailed
from portal.errors import NotFound
from portal.ledger import checkpoint, queries, tree
from portal.ledger.heads import sign_due_heads, sign_head
from portal.ledger.models import LedgerHead

EVENING = datetime(2026, 5, 4, 23, 30, tzinfo=UTC)
NEXT_DAY = EVENING + timedelta(hours=1)


async def sign_due(book, now):
    return await sign_due_heads(book.database, book.keys, now)


async def heads_of(book):
    async with book.database.read() as db:
        statement = select(func.count()).select_from(LedgerHead).where(LedgerHead.project_id == book.id)
        return await db.scalar(statement)


async def test_a_head_covers_all_events_and_is_kept(book):
    note = await book.sign()
    row = await book.row()
    head = checkpoint.verify(note, book.keys.public)
    assert head.origin == f"portal.example.com/{book.id}"
    assert (head.size, head.root) == (10, tree.root(row.frontier, 10))
    async with book.database.read() as db:
        kept = await queries.latest_head(db, book.id)
    assert (kept.size, kept.root, kept.checkpoint) == (10, head.root, note)


async def test_signing_twice_without_news_keeps_one_head(book):
    assert await book.sign() == await book.sign()
    assert await heads_of(book) == 1


async def test_a_ledger_without_events_has_a_head_too(open_book):
    empty = await open_book("EMPTY", [])
    assert checkpoint.verify(await empty.sign(), empty.keys.public).root == tree.EMPTY_ROOT


async def test_there_is_no_head_before_the_first(book):
    async with book.database.read() as db:
        assert await queries.latest_head(db, book.id) is None


async def test_an_unknown_project_has_no_head(database, keys):
    async with database.write() as db:
        with pytest.raises(NotFound):
            await sign_head(db, uuid4(), keys, EVENING)


async def test_a_project_that_cannot_be_signed_keeps_no_other_from_it(book, open_book, monkeypatch):
    broken = await open_book("BROKEN")
    works = checkpoint.sign

    def fails(project_id, *more):
        if project_id == broken.id:
            raise ValueError
        return works(project_id, *more)

    with monkeypatch.context() as fault:
        fault.setattr(checkpoint, "sign", fails)
        with pytest.raises(SomeFailed) as some:
            await sign_due(book, EVENING)
    assert (some.value.failed, some.value.done) == (1, 1)
    assert (await heads_of(book), await heads_of(broken)) == (1, 0)
    assert await sign_due(book, EVENING) == 1


async def test_the_daily_job_signs_each_project_with_news_once_a_day(book, open_book, event):
    quiet, empty = await open_book("QUIET"), await open_book("EMPTY", [])
    assert await sign_due(book, EVENING) == 2
    await book.append(event(11))
    assert await sign_due(book, EVENING) == 0
    assert await sign_due(book, NEXT_DAY) == 1
    assert await sign_due(book, NEXT_DAY + timedelta(days=1)) == 0
    assert (await heads_of(book), await heads_of(quiet), await heads_of(empty)) == (2, 1, 0)
