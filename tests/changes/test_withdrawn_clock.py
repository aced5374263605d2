"""A change request that was taken back keeps nobody waiting."""

from portal.decisions import queries as decisions
from portal.decisions import waiting
from portal.decisions.models import Side, Verdict
from tests.support.changes import an_offer, answer, withdrawn


async def test_what_a_client_takes_back_after_they_wanted_changes_waits_for_nobody(database, cast, contract, keys):
    request = await an_offer(database, cast)
    await answer(database, cast, keys, request, verdict=Verdict.CHANGES_WANTED, comment="Cheaper, please.")
    async with database.read() as db:
        decision = await decisions.decision(db, await cast.scope(db, "wei"), 1)
        assert decision.turn is Side.AGENCY
    await withdrawn(database, cast, request.number, "ada")
    async with database.read() as db:
        scope = await cast.scope(db, "wei")
        assert (await decisions.decision(db, scope, 1)).turn is None
        assert await waiting.waiting(db, scope) == []
