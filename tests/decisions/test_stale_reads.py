"""What was read before the project's lock was taken counts for nothing: another transaction may have ended it since.

On PostgreSQL alone: on SQLite writers take turns from their first statement on.
"""

import pytest

from portal import settlement
from portal.decisions import commands, queries
from portal.decisions.commands import Answer, Closed
from portal.decisions.models import DecisionState, Verdict
from tests.support.decisions import PORTAL, UNFOLLOWED, answer, ask, proof_of

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


async def test_an_answer_that_looked_before_a_withdrawal_decides_nothing(database, cast, keys, monkeypatch):
    monkeypatch.setattr(settlement, "FOLLOWS", UNFOLLOWED)
    decision = await ask(database, cast)
    given = Answer(Verdict.APPROVED, decision.digest.hex())
    async with database.write() as db:
        scope = await cast.scope(db, "ada")
        seen = await queries.decision(db, scope, 1)  # as the page's handler does, to ask how sure the sign-in is
        async with database.write() as other:
            await commands.withdraw(other, await cast.scope(other, "wei"), 1, "It was drawn anew.")
        assert seen.state is DecisionState.ASKED
        with pytest.raises(Closed):
            await settlement.decide(db, scope, keys, PORTAL, 1, given, proof_of("ada"))
    async with database.read() as db:
        assert (await queries.decision(db, await cast.scope(db, "wei"), 1)).state is DecisionState.WITHDRAWN


async def test_a_withdrawal_that_looked_before_an_answer_withdraws_nothing(database, cast, keys):
    decision = await ask(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        seen = await queries.decision(db, scope, 1)
        await answer(database, cast, keys, decision)
        with pytest.raises(Closed):
            await commands.withdraw(db, scope, seen.number, "It was drawn anew.")
