"""An import that would hide what an open offer changes is refused whole: no row of it is left open instead."""

import json

import pytest

from portal.connectors import commands
from portal.connectors.mapping import Mapping
from portal.errors import Conflict
from tests.connectors.conftest import issue, read, search
from tests.support.changes import LATER, an_offer, everything, sign, withdrawn

RESTRICTED = {"id": "9", "name": "Partners"}
HELD = r"open offer changes: item 1 \(change request 1\)"


@pytest.fixture
async def stage(database, cast, bring):
    """Two imported items, and an offer that would estimate the first anew."""
    await bring("jira", search(issue("QP-1"), issue("QP-2")))
    await sign(database, cast, milestones=[])
    await an_offer(database, cast, LATER | {"items_changed": [{"number": 1, "points": "8"}]})


async def test_nothing_of_the_file_is_done_until_the_offer_is_withdrawn(database, cast, bring, stage):
    newer = search(issue("QP-1", security=RESTRICTED), issue("QP-2", summary="Other words"), issue("QP-3"))
    before = await everything(database)
    with pytest.raises(Conflict, match=HELD):
        await bring("jira", newer)
    assert await everything(database) == before
    await withdrawn(database, cast, 1)
    assert (await bring("jira", newer)).tallies["items"].changed == 2


async def test_a_dry_run_says_so_too(database, cast, stage):
    source = read("jira", json.dumps(search(issue("QP-1", security=RESTRICTED))))
    with pytest.raises(Conflict, match=HELD):
        async with database.write() as db:
            await commands.preview(db, await cast.scope(db, "wei"), source, Mapping())


async def test_what_the_source_does_not_restrict_comes_in_as_ever(bring, stage):
    newer = search(issue("QP-1", summary="Other words"), issue("QP-2", security=RESTRICTED))
    assert (await bring("jira", newer)).tallies["items"].changed == 2


async def test_a_card_that_was_deleted_is_refused_as_well(database, cast, bring):
    rows = "ref,at,title,removed\nA-1,2024-01-08T09:00Z,Pay by card,\n"
    await bring("csv", rows)
    await sign(database, cast, milestones=[])
    await an_offer(database, cast, LATER | {"items_changed": [{"number": 1, "points": "8"}]})
    with pytest.raises(Conflict, match=HELD):
        await bring("csv", rows + "A-1,2024-01-10T09:00Z,,yes\n")
