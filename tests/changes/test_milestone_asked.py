"""Asking the client to confirm a milestone: as it stands when it is asked, whoever changes it at the same time."""

import asyncio

from portal.ledger import commands as ledger
from portal.milestones import commands as milestones
from portal.projects import commands as projects


async def test_a_milestone_is_asked_about_as_it_stands_under_the_lock(database, cast):
    async with database.write() as db:
        await projects.add_milestone(db, await cast.scope(db, "wei"), name="Opening")

    async def ask():
        async with database.write() as db:
            return await milestones.ask_confirmation(db, await cast.scope(db, "wei"), 1)

    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await ledger.lock(db, scope.project_id)
        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.3)
        await projects.change_milestone(db, scope, 1, {"name": "Grand opening"})
    decision = await asking
    assert "Grand opening" in decision.content
