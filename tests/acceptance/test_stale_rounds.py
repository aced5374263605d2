"""What was read before the project's lock was taken counts for nothing: the round may have been closed since.

On PostgreSQL alone: on SQLite writers take turns from their first statement on.
"""

import pytest

from portal.acceptance import machines, queries
from portal.acceptance.machines import Reported
from portal.acceptance.models import Outcome
from portal.errors import Conflict
from tests.support.acceptance import begun, close_round

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def test_a_machine_that_looked_before_the_round_was_closed_records_nothing(database, cast):
    await begun(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "dan")
        running = await queries.open_round(db, scope, 1)  # as the door for files does, to find the round
        await close_round(database, cast)
        said = [Reported("One pays", Outcome.PASSED)]
        with pytest.raises(Conflict):
            await machines.record_machine(db, scope, 1, running.number, "CI", "run 1", said)
