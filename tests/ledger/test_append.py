"""Events are numbered without a gap, digested, and kept whole or not at all."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from portal import ledger
from portal.errors import Invalid, NotFound
from portal.ledger import canonical, commands, tree
from portal.ledger.models import Audience
from portal.ledger.rows import event_rows


async def digests(book):
    async with book.database.read() as db:
        return [row.digest async for row in event_rows(db, book.id)]


async def test_events_are_numbered_from_one_and_the_tree_is_over_their_digests(book):
    row = await book.row()
    assert [event.seq for event in await book.all()] == list(range(1, 11))
    assert (row.version, row.client_version, row.billing_version) == (10, 9, 5)
    assert tree.root(row.frontier, row.version) == tree.root_of(await digests(book))


async def test_an_event_reads_back_as_it_was_written(book, event):
    written = replace(
        event(11, title="Ünïcode \U0001f600 «да» 好", points="3.5", labels=["a", None, True, 7]), subject_number=None
    )
    assert await book.append(written) == 11
    read = (await book.all())[-1]
    assert (read.kind, read.subject_kind, read.subject_number) == ("item.moved", "item", None)
    assert (read.audience, read.actor, read.at, read.body) == (Audience.CLIENT, "system", written.at, written.body)
    assert read.recorded_at > datetime(2026, 1, 1, tzinfo=UTC)


async def test_the_digest_is_over_the_canonical_form_of_what_is_stored(book):
    (first, *_), (digest, *_) = await book.all(), await digests(book)
    text = canonical.event_text(
        project_id=book.id, seq=1, at=first.at, recorded_at=first.recorded_at, actor=first.actor, kind=first.kind,
        subject_kind=first.subject_kind, subject_number=1, audience=first.audience,
        body=canonical.body_text(first.body),
    )  # fmt: skip
    assert canonical.digest_of(text) == digest
    assert json.loads(text)["project"] == str(book.id)


async def test_a_time_in_another_zone_is_the_same_moment(book, event):
    local = datetime(2026, 5, 4, 10, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    await book.append(replace(event(11), at=local))
    assert (await book.all())[-1].at == datetime(2026, 5, 4, 5, 0, tzinfo=UTC)


async def test_appending_nothing_changes_nothing(book):
    before = await book.row()
    assert await book.append() == 10
    after = await book.row()
    assert (after.version, after.frontier) == (before.version, before.frontier)


async def test_many_events_in_chunks_make_the_same_tree_as_one_by_one(open_book, event, monkeypatch):
    monkeypatch.setattr(commands, "CHUNK", 60)  # more than COPY_FROM, so that both ways of writing are met
    many = await open_book("MANY", [event(number) for number in range(1, 200)])
    row = await many.row()
    assert (row.version, row.client_version) == (199, 199)
    assert tree.root(row.frontier, 199) == tree.root_of(await digests(many))
    assert [one.subject_number for one in await many.all()] == list(range(1, 200))


async def test_writers_of_one_project_queue_and_leave_no_gap(book, event):
    await asyncio.gather(*(book.append(event(number)) for number in range(11, 31)))
    assert [one.seq for one in await book.all()] == list(range(1, 31))
    assert {one.subject_number for one in await book.all()} == set(range(1, 31))


async def test_an_unknown_project_has_no_ledger(database, event):
    async with database.write() as db:
        with pytest.raises(NotFound, match="There is no such project"):
            await ledger.append(db, uuid4(), [event(1)])


async def test_a_key_belongs_to_one_project(book, open_book):
    with pytest.raises(IntegrityError):
        await open_book(book.key)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "Moved"}, "kind"),
        ({"kind": "item.moved\n"}, "kind"),
        ({"subject_kind": "an item"}, "subject_kind"),
        ({"subject_number": -1}, "subject_number"),
        ({"subject_number": 2**53}, "subject_number"),
        ({"actor": ""}, "actor"),
        ({"actor": "person:\x00"}, "actor"),
        ({"actor": "person:\ud800"}, "actor"),
        ({"at": datetime(2026, 5, 4)}, "at"),  # noqa: DTZ001 - the missing zone is the fault
        ({"at": datetime(1, 1, 1, tzinfo=UTC)}, "at"),
        ({"audience": "everybody"}, "audience"),
        ({"body": {"points": 0.5}}, "body.points"),
    ],
)
async def test_an_event_that_cannot_be_kept_is_refused_by_name(book, event, change, field):
    with pytest.raises(Invalid) as refused:
        await book.append(event(11), replace(event(12), **change))
    assert refused.value.field == field
    assert len(await book.all()) == 10


async def test_a_refused_append_leaves_nothing_even_if_the_transaction_goes_on(book, event, monkeypatch):
    monkeypatch.setattr(commands, "CHUNK", 60)
    bad = replace(event(1), kind="wrong")
    async with book.database.write() as db:
        with pytest.raises(Invalid):
            await ledger.append(db, book.id, [*(event(number) for number in range(130)), bad])
        assert await ledger.append(db, book.id, [event(11)]) == 11
    assert [one.subject_number for one in await book.all()] == list(range(1, 12))
    row = await book.row()
    assert tree.root(row.frontier, 11) == tree.root_of(await digests(book))


async def test_a_transaction_that_fails_after_appending_leaves_nothing(book, event):
    async def append_and_fail():
        async with book.database.write() as db:
            await ledger.append(db, book.id, [event(number) for number in range(11, 100)])
            raise ZeroDivisionError

    before = await book.row()
    with pytest.raises(ZeroDivisionError):
        await append_and_fail()
    after = await book.row()
    assert (after.version, after.frontier) == (before.version, before.frontier)
    assert len(await book.all()) == 10
