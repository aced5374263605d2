"""Who reads the ledger sees the events of one project and of their audiences, in bounded pages."""

import pytest

from portal.ledger import queries
from portal.ledger.models import Audience

CLIENT = (Audience.CLIENT,)
BILLING = (Audience.CLIENT, Audience.BILLING)
STAFF = (Audience.INTERNAL, Audience.CLIENT)
ALL = tuple(Audience)
SEEN = {CLIENT: [2, 3, 6, 8, 9], BILLING: [2, 3, 5, 6, 8, 9], STAFF: [1, 2, 3, 4, 6, 7, 8, 9, 10], ALL: [*range(1, 11)]}


@pytest.fixture
async def both(book, open_book):
    await open_book("OTHER")
    return book


async def since(book, *arguments):
    async with book.database.read() as db:
        return [event.seq for event in await queries.since(db, book.id, *arguments)]


async def latest(book, *arguments):
    async with book.database.read() as db:
        return [event.seq for event in await queries.latest(db, book.id, *arguments)]


@pytest.mark.parametrize("audiences", SEEN)
async def test_each_audience_sees_its_own_events_of_this_project(both, audiences):
    assert await since(both, audiences, 0) == SEEN[audiences]
    assert await latest(both, audiences) == SEEN[audiences][::-1]


async def test_without_an_audience_nothing_is_seen(both):
    assert await since(both, (), 0) == []
    assert await latest(both, ()) == []
    async with both.database.read() as db:
        assert await queries.of_subject(db, both.id, (), "item", 2) == []


@pytest.mark.parametrize("audiences", SEEN)
async def test_pages_follow_each_other_without_gap_or_repetition(both, audiences):
    forward, backward = [], []
    while page := await since(both, audiences, forward[-1] if forward else 0, 2):
        forward += page
    while page := await latest(both, audiences, backward[-1] if backward else None, 2):
        backward += page
    assert forward == backward[::-1] == SEEN[audiences]


async def test_a_page_is_bounded_whatever_is_asked_for(both, monkeypatch):
    monkeypatch.setattr(queries, "MAX_EVENTS", 3)
    assert await since(both, ALL, 0, 1_000_000) == [1, 2, 3]
    assert await since(both, BILLING, 0, 1_000_000) == [2, 3, 5]
    assert await latest(both, ALL, None, -5) == []


async def test_a_subject_has_its_history_newest_first(both, event):
    await both.append(event(3, to="Review"), event(3, audience=Audience.INTERNAL), event(4))
    async with both.database.read() as db:
        client = await queries.of_subject(db, both.id, CLIENT, "item", 3)
        staff = await queries.of_subject(db, both.id, ALL, "item", 3)
        older = await queries.of_subject(db, both.id, ALL, "item", 3, 12, 1)
        none = await queries.of_subject(db, both.id, ALL, "milestone", 3)
    assert [event.seq for event in client] == [11, 3]
    assert [event.seq for event in staff] == [12, 11, 3]
    assert [event.seq for event in older] == [11]
    assert none == []


async def test_an_event_comes_with_its_body_parsed(both):
    async with both.database.read() as db:
        (first,) = await queries.since(db, both.id, CLIENT, 0, 1)
    assert (first.kind, first.subject_number, first.body) == ("item.moved", 2, {"to": "Done", "title": "Title 2"})
    assert first.audience is Audience.CLIENT
