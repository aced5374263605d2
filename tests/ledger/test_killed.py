"""A process that is killed in the middle of an append leaves nothing behind, and nobody waiting."""

import asyncio
import sys
from pathlib import Path

from portal.ledger.verify import verify_database

CHILD = """
import asyncio, sys
from datetime import UTC, datetime
from uuid import UUID
from portal import ledger
from portal.db import Database

async def append(url, project_id):
    monday = datetime(2026, 5, 4, tzinfo=UTC)
    event = ledger.NewEvent("item.moved", "item", 1, ledger.Audience.CLIENT, {}, "system", monday)
    async with Database(url).write() as db:
        print(await ledger.append(db, project_id, [event] * 5000), flush=True)
        await asyncio.sleep(60)

asyncio.run(append(sys.argv[1], UUID(sys.argv[2])))
"""


async def test_a_killed_append_leaves_the_ledger_as_it_was(book, event):
    before = await book.row()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, book.database.url, str(book.id),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert child.stdout is not None
    assert await asyncio.wait_for(child.stdout.readline(), 120) == b"5010\n"
    child.kill()
    await child.communicate()
    after = await book.row()
    assert (after.version, after.frontier) == (before.version, before.frontier)
    assert await book.append(event(11)) == 11
    async with book.database.read() as db:
        report = await verify_database(db, book.keys.public)
    assert report.ok
    assert [verified.events for verified in report.verified] == [11]
