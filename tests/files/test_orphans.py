"""Bytes that nothing names go after a day; bytes that a file has never do."""

import os
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine

from portal import clock
from portal.files import commands, intake, orphans
from portal.files.store import INCOMING
from portal.ledger.models import Audience
from tests.files.conftest import Place
from tests.support.files import add_file, chunks

LATER = timedelta(days=1, minutes=5)


async def scope_of(database, cast, key="BRIDGE"):
    async with database.read() as db:
        return await cast.scope(db, "wei", key)


async def send(store, database, cast, content):
    return await intake.receive(store, database, await scope_of(database, cast), chunks(content), name="a")


async def collect_later(store, database):
    with time_machine.travel(clock.now() + LATER, tick=True):
        return await orphans.collect(store, database)


async def test_a_crash_between_bytes_and_row_is_cleared_away_after_a_day(place: Place, database, cast):
    kept = await add_file(database, cast, place.store, "kept")
    await send(place.store, database, cast, b"crashed")
    assert await orphans.collect(place.store, database) == 0
    assert len(place.lying()) == 2
    assert await collect_later(place.store, database) == 1
    assert place.lying() == [place.store.key(kept.project_id, kept.sha256)]
    assert await collect_later(place.store, database) == 0


async def test_previews_belong_to_their_file(store, database, cast):
    scope = await scope_of(database, cast)
    file, preview = [await store.put(scope.project_id, chunks(one), max_bytes=9) for one in (b"file", b"preview")]
    received = intake.Received(store, file, "a", "image/png", 1, 1, preview)
    async with database.write() as db:
        await commands.add_file(db, scope, received, audience=Audience.CLIENT)
    assert await collect_later(store, database) == 0


async def test_what_never_arrived_whole_goes_too(store, database):
    folder = store.folder / INCOMING
    folder.mkdir()
    for name in ("0" * 32, "1" * 32 + "#1"):
        (folder / name).write_bytes(b"half")
    assert await orphans.collect(store, database) == 0
    assert await collect_later(store, database) == 2
    assert os.listdir(folder) == []


async def test_what_others_put_there_and_projects_that_are_unknown_are_left_alone(store, database):
    names = ("lost+found/x", "README", f"{'-' * 36}/{'a' * 64}", f"{uuid4()}/{'a' * 64}", f"{uuid4()}/notes")
    foreign = [store.folder / name for name in names]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert await collect_later(store, database) == 0
    assert all(path.exists() for path in foreign)


async def test_bytes_that_were_sent_again_are_new(store, database, cast):
    await send(store, database, cast, b"x")
    with time_machine.travel(clock.now() + LATER, tick=True):
        path = next(path for path in store.folder.rglob("*") if path.is_file())
        await send(store, database, cast, b"x")
        os.utime(path, (clock.now().timestamp(),) * 2)
        assert await orphans.collect(store, database) == 0


async def test_bytes_that_got_their_file_while_the_collector_looked_stay(store, database, cast, monkeypatch):
    received = await send(store, database, cast, b"x")
    scope, asked = await scope_of(database, cast), orphans._named

    async def slow(db, project_id, contents):
        found = await asked(db, project_id, contents)
        if monkeypatch is not None and not found and not slow.done:
            slow.done = True
            async with database.write() as other:
                await commands.add_file(other, scope, received)
        return found

    slow.done = False
    monkeypatch.setattr(orphans, "_named", slow)
    assert await collect_later(store, database) == 0
    assert slow.done
    assert await store.holds(scope.project_id, received.stored.sha256)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_more_than_a_batch_is_cleared_away(store, database, cast, monkeypatch):
    monkeypatch.setattr(orphans, "AT_ONCE", 2)
    for number in range(5):
        await send(store, database, cast, b"%d" % number)
    assert await collect_later(store, database) == 5
