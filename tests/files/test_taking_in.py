"""A file comes in: its bytes are judged before anything begins; then it gets a row and an event, or nothing stays."""

import asyncio
import hashlib
import io
from contextlib import asynccontextmanager

import pytest
from PIL import Image
from sqlalchemy import select

from portal import clock
from portal.errors import Conflict, Invalid, NotAllowed, NotFound, TooLarge, Unavailable
from portal.files import commands, intake, queries
from portal.files.models import File
from portal.files.store import open_store
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.projects import commands as projects
from tests.files.conftest import settings_for
from tests.support.clamd import EICAR, clamd
from tests.support.files import chunks, document, picture, png_that_claims

BOMB = png_that_claims(65_535, 65_535)


class Room:
    """One store and database, and the two steps in which a file comes in."""

    def __init__(self, store, database, cast):
        self.store, self.database, self.cast = store, database, cast

    async def scope(self, who="wei", key="BRIDGE"):
        async with self.database.read() as db:
            return await self.cast.scope(db, who, key)

    async def receive(self, content, *, name="a.bin", who="wei", key="BRIDGE"):
        scope = await self.scope(who, key)
        return await intake.receive(self.store, self.database, scope, chunks(content), name=name)

    async def add(self, content, *, audience=Audience.CLIENT, name="a.bin", who="wei", key="BRIDGE", **more):
        received = await self.receive(content, name=name, who=who, key=key)
        async with self.database.write() as db:
            scope = await self.cast.scope(db, who, key)
            return await commands.add_file(db, scope, received, audience=audience, **more)

    async def rows(self):
        async with self.database.read() as db:
            every = select(File).order_by(File.project_id, File.number)
            return (await db.scalars(every.execution_options(cross_project="the test looks at all of it"))).all()

    def lying(self):
        folder = self.store.folder
        return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


@pytest.fixture
def room(store, database, cast):
    return Room(store, database, cast)


@asynccontextmanager
async def guarded(room):
    """A store behind a scanner."""
    async with clamd() as scanner:
        room.store.scanner = scanner.url
        yield scanner


async def test_a_picture_gets_its_type_size_preview_row_and_event(room):
    row = await room.add(picture(), name="../../ü.exe")
    content = picture()
    assert (row.number, row.name, row.media_type, row.width, row.height) == (1, "ü.exe", "image/png", 40, 30)
    assert (row.sha256, row.size) == (hashlib.sha256(content).digest(), len(content))
    assert row.created_by == f"staff:{room.cast.people['wei']}"
    preview = await room.store.read(row.project_id, row.preview, 100_000)
    with Image.open(io.BytesIO(preview)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (40, 30))
    async with room.database.read() as db:
        scope = await room.cast.scope(db, "eve")
        event = (await ledger.since(db, scope.project_id, scope.audiences, 1))[-1]
    assert (event.seq, event.kind, event.subject_kind, event.subject_number) == (row.seq, "file.added", "file", 1)
    assert event.body == {
        "name": "ü.exe", "size": len(content), "media_type": "image/png", "sha256": row.sha256.hex(),
        "preview": row.preview.hex(),
    }  # fmt: skip


async def test_what_is_no_picture_gets_no_preview(room):
    for content, kind in (
        (b"plain text", "text/plain"),
        (b"<svg onload=alert(1)>", "image/svg+xml"),
        (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "application/octet-stream"),
        (b"GIF89a/*<svg/onload=alert(1)>*/=1;", "application/octet-stream"),
        (b"%PDF-1.7\nbroken", "application/pdf"),
    ):
        row = await room.add(content)
        assert (row.media_type, row.preview, row.width) == (kind, None, None)


async def test_of_a_pdf_the_first_page_is_drawn_where_no_more_are_wanted(room):
    row = await room.add(document(2, 200, 100))
    assert (row.media_type, row.width, row.height) == ("application/pdf", 400, 200)
    assert (row.page_count, len(row.pages)) == (2, 1)
    preview = await room.store.read(row.project_id, row.preview, 100_000)
    assert row.pages == [[400, 200, len(preview)]]


async def test_files_are_numbered_within_their_project(room):
    assert [(await room.add(b"%d" % n, key=key)).number for n, key in enumerate(["BRIDGE", "HARBOUR", "BRIDGE"])] == [
        1, 1, 2,
    ]  # fmt: skip


async def test_the_same_content_counts_once_in_a_project_and_again_in_another(room):
    await room.add(b"x" * 100)
    await room.add(b"x" * 100, name="again.txt")
    await room.add(b"y" * 10)
    await room.add(b"x" * 100, key="HARBOUR")
    async with room.database.read() as db:
        used = [await queries.used_bytes(db, await room.cast.scope(db, "wei", key)) for key in ("BRIDGE", "HARBOUR")]
    assert used == [110, 100]
    assert len(room.lying()) == 3


@pytest.mark.parametrize("bad", [b"", BOMB], ids=["empty", "pixel bomb"])
async def test_what_must_not_be_kept_leaves_nothing(room, bad):
    with pytest.raises(Invalid) as refusal:
        await room.receive(bad)
    assert refusal.value.field == "file"
    assert (room.lying(), await room.rows()) == ([], [])


async def test_a_virus_is_refused_and_nothing_stays(room):
    async with guarded(room):
        with pytest.raises(Invalid, match="virus"):
            await room.receive(b"before " * 20_000 + EICAR)
        assert room.lying() == []
        assert (await room.add(b"clean")).number == 1


async def test_without_the_scanner_nothing_comes_in(room):
    room.store.scanner = "tcp://127.0.0.1:9"
    with pytest.raises(Unavailable):
        await room.receive(b"clean")
    assert room.lying() == []


async def test_a_file_may_be_so_large_and_no_larger(database, cast, tmp_path):
    room = Room(open_store(settings_for(tmp_path, file_max_bytes=2000)), database, cast)
    await room.add(b"x" * 2000)
    with pytest.raises(TooLarge):
        await room.receive(b"y" * 2001)
    assert len(room.lying()) == 1


async def test_a_project_may_hold_so_much_and_no_more(database, cast, tmp_path):
    room = Room(open_store(settings_for(tmp_path, files_project_bytes=1500)), database, cast)
    await room.add(b"x" * 1000)
    with pytest.raises(TooLarge):
        await room.receive(b"y" * 501)
    await room.add(b"y" * 500)
    with pytest.raises(TooLarge):
        await room.receive(b"z")
    await room.add(b"z", key="HARBOUR")
    assert len(room.lying()) == 3


async def test_how_much_room_internal_files_have_left_is_told_to_nobody(database, cast, tmp_path):
    room = Room(open_store(settings_for(tmp_path, files_project_bytes=1500)), database, cast)
    await room.add(b"x" * 1000, audience=Audience.INTERNAL)
    with pytest.raises(TooLarge) as refusal:
        await room.receive(b"y" * 501, who="ada", name="c/d.txt")
    assert (refusal.value.message, refusal.value.field, refusal.value.value) == (queries.NO_ROOM, "file", "d.txt")


async def test_of_two_that_race_for_the_last_room_one_comes_in(database, cast, tmp_path):
    room = Room(open_store(settings_for(tmp_path, files_project_bytes=1500)), database, cast)
    scope = await room.scope()
    received = [await room.receive(letter * 1000) for letter in (b"x", b"y")]

    async def add(one):
        async with intake.kept_or_gone(room.store, database, scope, [one]), database.write() as db:
            return await commands.add_file(db, scope, one)

    outcomes = await asyncio.gather(*map(add, received), return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["File", "TooLarge"]
    assert [row.size for row in await room.rows()] == [1000]
    assert len(room.lying()) == 1


async def test_of_many_at_once_exactly_those_that_fit_are_kept(database, cast, tmp_path):
    room = Room(open_store(settings_for(tmp_path, files_project_bytes=5500)), database, cast)
    scope = await room.scope()
    all_are_here = asyncio.Barrier(12)

    async def come_in(number):
        received = await room.receive(bytes([number]) * 1000)
        await all_are_here.wait()  # the bytes of all lie there before the first gets its row
        async with intake.kept_or_gone(room.store, database, scope, [received]), database.write() as db:
            return await commands.add_file(db, scope, received)

    outcomes = await asyncio.gather(*map(come_in, range(12)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["File"] * 5 + ["TooLarge"] * 7
    kept = {row.sha256.hex() for row in await room.rows()}
    assert len(kept) == 5
    assert {name.rpartition("/")[2] for name in room.lying()} == kept


async def test_what_comes_in_one_form_counts_together(database, cast, tmp_path):
    room = Room(open_store(settings_for(tmp_path, files_project_bytes=1500)), database, cast)
    scope = await room.scope()
    first = await intake.receive(room.store, database, scope, chunks(b"x" * 1000), name="a")
    with pytest.raises(TooLarge):
        await intake.receive(room.store, database, scope, chunks(b"y" * 501), name="b", beside=first.stored.size)
    with pytest.raises(TooLarge) as refusal:
        await intake.receive(room.store, database, scope, chunks(b"y"), name="c/d.txt", beside=1500)
    assert (refusal.value.field, refusal.value.value) == ("file", "d.txt")
    assert len(room.lying()) == 1


async def test_a_transaction_that_fails_takes_the_bytes_with_it(room):
    scope = await room.scope()
    received = await room.receive(picture())
    assert len(room.lying()) == 2

    async def fails():
        async with intake.kept_or_gone(room.store, room.database, scope, [received]), room.database.write() as db:
            await commands.add_file(db, scope, received)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert (room.lying(), await room.rows()) == ([], [])


async def test_bytes_that_a_file_has_already_stay_when_another_transaction_fails(room):
    await room.add(picture())
    scope = await room.scope()
    received = await room.receive(picture())
    await intake.discard(room.store, room.database, scope, [received])
    assert len(room.lying()) == 2


async def test_bytes_that_were_cleared_away_get_no_row(room):
    received = await room.receive(b"x")
    await room.store.delete(room.store.key((await room.scope()).project_id, received.stored.sha256))
    async with room.database.write() as db:
        with pytest.raises(Conflict, match="send it again"):
            await commands.add_file(db, await room.cast.scope(db, "wei"), received)
    assert await room.rows() == []


async def test_a_sender_who_breaks_off_leaves_nothing(room):
    async def broken():
        yield b"x" * 100_000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await intake.receive(room.store, room.database, await room.scope(), broken(), name="a")
    assert (room.lying(), await room.rows()) == ([], [])


async def test_a_sender_who_is_too_slow_leaves_nothing(room, monkeypatch):
    monkeypatch.setattr(intake, "PATIENCE_SECONDS", 0.01)

    async def slow():
        yield b"x"
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await intake.receive(room.store, room.database, await room.scope(), slow(), name="a")
    assert (room.lying(), await room.rows()) == ([], [])


async def test_a_person_of_the_client_adds_files_where_the_caller_lets_them(room):
    row = await room.add(b"x", who="eve", by_client=True)
    assert (row.created_by, row.audience) == (f"person:{room.cast.people['eve']}", Audience.CLIENT)
    assert (await room.add(b"y", who="dan", by_client=True)).number == 2
    with pytest.raises(NotAllowed):
        await room.add(b"z", who="eve")
    with pytest.raises(NotFound):
        await room.add(b"z", who="mallory", by_client=True)


@pytest.mark.parametrize(
    ("who", "audience", "may"),
    [("eve", Audience.INTERNAL, False), ("eve", Audience.BILLING, False), ("finn", Audience.BILLING, True),
     ("dan", Audience.BILLING, False), ("dan", Audience.INTERNAL, True), ("maria", Audience.BILLING, True)],
)  # fmt: skip
async def test_nobody_adds_a_file_for_readers_whom_they_are_not_one_of(room, who, audience, may):
    if may:
        assert (await room.add(b"x", who=who, audience=audience, by_client=True)).audience is audience
    else:
        with pytest.raises(Invalid, match="not one of"):
            await room.add(b"x", who=who, audience=audience, by_client=True)


async def test_an_archived_project_takes_no_file(room):
    async with room.database.write() as db:
        await projects.change_project(db, await room.cast.scope(db, "wei"), {"status": "archived"})
    with pytest.raises(Conflict):
        await room.receive(b"x")
    assert room.lying() == []


async def test_who_may_not_see_a_file_finds_none(room):
    for number, audience in enumerate((Audience.INTERNAL, Audience.CLIENT, Audience.BILLING), start=1):
        assert (await room.add(b"%d" % number, who="maria", audience=audience)).number == number
    seen = {}
    async with room.database.read() as db:
        for who, key in (("eve", "BRIDGE"), ("finn", "BRIDGE"), ("dan", "BRIDGE"), ("maria", "BRIDGE"),
                         ("mallory", "HARBOUR")):  # fmt: skip
            scope = await room.cast.scope(db, who, key)
            seen[who] = sorted(await queries.files_by_numbers(db, scope, [1, 2, 3, 4]))
            assert [row.number for row in await queries.listed(db, scope, limit=10)] == seen[who]
            for number in {1, 2, 3, 2**40} - set(seen[who]):
                with pytest.raises(NotFound, match="There is no such file in this project"):
                    await queries.file(db, scope, number)
    assert seen == {"eve": [2], "finn": [2, 3], "dan": [1, 2], "maria": [1, 2, 3], "mallory": []}


async def test_a_list_goes_on_behind_a_number(room):
    for number in range(3):
        await room.add(b"%d" % number)
    async with room.database.read() as db:
        scope = await room.cast.scope(db, "eve")
        assert [row.number for row in await queries.listed(db, scope, after=1, limit=1)] == [2]
        assert await queries.files_by_numbers(db, scope, []) == {}


async def test_a_file_says_when_it_came(room):
    before = clock.now()
    row = await room.add(b"x")
    assert before <= row.created_at <= clock.now()
