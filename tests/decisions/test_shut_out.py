"""Who was shut out of the portal decides nothing, and nobody decides for them or is told to wait for them."""

import pytest
from sqlalchemy import update

from portal import clock
from portal.decisions import delegations, waiting
from portal.errors import Invalid, NotAllowed
from portal.people.models import Person
from tests.support.decisions import answer, ask, proof_of


async def disable(database, cast, name):
    async with database.write() as db:
        await db.execute(update(Person).where(Person.id == cast.people[name]).values(disabled_at=clock.now()))


async def test_nobody_answers_for_somebody_who_was_shut_out(database, cast, keys):
    async with database.write() as db:
        scope = await cast.scope(db, "ada")
        await delegations.delegate(db, scope, cast.people["eve"], scope.today, scope.today, proof_of("ada"))
    decision = await ask(database, cast)
    await disable(database, cast, "ada")
    with pytest.raises(NotAllowed):
        await answer(database, cast, keys, decision, "eve")


async def test_nobody_is_asked_by_name_who_was_shut_out(database, cast):
    await disable(database, cast, "ada")
    with pytest.raises(Invalid):
        await ask(database, cast, people=(cast.people["ada"],))


async def test_nobody_delegates_to_somebody_who_was_shut_out(database, cast):
    await disable(database, cast, "eve")
    async with database.write() as db:
        scope = await cast.scope(db, "ada")
        with pytest.raises(Invalid):
            await delegations.delegate(db, scope, cast.people["eve"], scope.today, scope.today, proof_of("ada"))


async def test_what_a_person_shut_out_would_have_to_answer_waits_for_nobody_else(database, cast):
    async with database.write() as db:
        scope = await cast.scope(db, "ada")
        await delegations.delegate(db, scope, cast.people["eve"], scope.today, scope.today, proof_of("ada"))
    await ask(database, cast)
    async with database.read() as db:
        assert [one.is_mine for one in await waiting.waiting(db, await cast.scope(db, "eve"))] == [True]
    await disable(database, cast, "ada")
    async with database.read() as db:
        assert [one.is_mine for one in await waiting.waiting(db, await cast.scope(db, "eve"))] == [False]
