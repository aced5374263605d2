"""What ends while an answer is on its way ends it too."""

import asyncio

from portal import settlement
from portal.decisions import queries
from portal.decisions.models import DecisionState
from portal.ledger import commands as ledger
from portal.people import commands as people
from tests.support.decisions import UNFOLLOWED, ask


async def test_who_was_taken_out_of_the_project_a_moment_ago_decides_nothing(browser, database, cast, monkeypatch):
    monkeypatch.setattr(settlement, "FOLLOWS", UNFOLLOWED)
    asked = await ask(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await ledger.lock(db, scope.project_id)
        form = {"digest": asked.digest.hex(), "verdict": "approved"}
        answering = asyncio.create_task(browser.post("/projects/BRIDGE/decisions/1/answer", "ada", **form))
        await asyncio.sleep(0.5)
        await people.remove_member(db, scope, cast.people["ada"])
    assert (await answering).status_code == 404
    async with database.read() as db:
        assert (await queries.decision(db, await cast.scope(db, "wei"), 1)).state is DecisionState.ASKED
