"""What ends while a page's form waits for another change of the project ends the form too."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import delete

from portal.decisions import queries
from portal.identity.models import Session
from portal.ledger import commands as ledger
from portal.people import commands as people
from portal.projects import commands as projects
from tests.support.decisions import ask

REMARK = "/projects/BRIDGE/decisions/1/remarks"


async def meanwhile(browser, database, cast, change: Callable[..., Awaitable[Any]]) -> Any:
    """What Ada's remark is answered that has to wait until somebody else's change is through."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await ledger.lock(db, scope.project_id)
        sending = asyncio.create_task(browser.post(REMARK, "ada", text="Still here?"))
        await asyncio.sleep(0.5)
        await change(db, scope)
    return await sending


async def remarks(database, cast) -> list[str]:
    async with database.read() as db:
        return [one.remark.text for one in (await queries.detail(db, await cast.scope(db, "wei"), 1)).remarks]


@pytest.mark.parametrize(("change", "status"), [("removed", 404), ("archived", 409), ("signed out", 303)])
async def test_who_has_to_wait_writes_with_the_rights_of_then(browser, database, cast, change, status):
    await ask(database, cast)

    async def end(db, scope):
        if change == "removed":
            await people.remove_member(db, scope, cast.people["ada"])
        elif change == "archived":
            await projects.change_project(db, scope, {"status": "archived"})
        else:
            await db.execute(delete(Session).where(Session.person_id == cast.people["ada"]))

    assert (await meanwhile(browser, database, cast, end)).status_code == status
    assert await remarks(database, cast) == []
