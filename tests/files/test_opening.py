"""Files that are shown to the client, because what they are part of was published."""

import pytest

from portal.access import Role, open_scope
from portal.errors import NotAllowed
from portal.files.opening import show_to_client
from portal.files.queries import files_by_numbers
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from tests.support.designs import draw


async def opened(database, cast, who="dan", numbers=(1, 2, 3)):
    async with database.write() as db:
        scope = await cast.scope(db, who)
        await show_to_client(db, scope, numbers)
        return await ledger.since(db, scope.project_id, (Audience.CLIENT,), 1)


@pytest.fixture(autouse=True)
async def files(database, cast):
    """An internal file, one for the client, and one for those who see money; in the other project an internal one."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        for audience in (Audience.INTERNAL, Audience.CLIENT, Audience.BILLING):
            await draw(db, scope, f"{audience}.png", audience)
        await draw(db, await cast.scope(db, "wei", "HARBOUR"))


async def test_what_was_internal_is_told_to_the_client_as_it_is_opened(database, cast):
    events = await opened(database, cast)
    assert [(one.kind, one.subject_number) for one in events] == [("file.added", 2), ("file.opened", 1)]
    assert events[-1].body["name"] == "internal.png"
    async with database.read() as db:
        found = await files_by_numbers(db, await cast.scope(db, "eve"), range(1, 9))
    assert set(found) == {1, 2}
    assert found[1].seq == events[-1].seq


async def test_what_shows_money_stays_with_those_who_see_money(database, cast):
    await opened(database, cast, "root")
    async with database.read() as db:
        assert 3 not in await files_by_numbers(db, await cast.scope(db, "eve"), [3])


async def test_opening_twice_is_opening_once(database, cast):
    assert [len(await opened(database, cast)) for _ in range(2)] == [2, 2]


async def test_no_other_project_is_touched(database, cast):
    await opened(database, cast, numbers=range(1, 9))
    async with database.read() as db:
        assert await files_by_numbers(db, await cast.scope(db, "mallory", "HARBOUR"), [1]) == {}


@pytest.mark.parametrize("who", ["ada", "eve"])
async def test_no_client_opens_a_file(database, cast, who):
    with pytest.raises(NotAllowed):
        await opened(database, cast, who)


async def test_nobody_opens_a_file_while_looking_as_the_client(database, cast):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        preview = open_scope(cast.viewer("wei"), scope.project, (), view_as=("BRIDGE", frozenset({Role.VIEWER})))
        with pytest.raises(NotAllowed):
            await show_to_client(db, preview, [1])
