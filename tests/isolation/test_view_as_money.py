"""Whoever may not see money does not borrow the right by looking with a client's eyes."""

import pytest

from portal.access import Role, open_scope
from portal.decisions import remarks
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from tests.support.decisions import ask


@pytest.mark.parametrize(("who", "sees"), [("dan", False), ("wei", True), ("maria", True), ("root", True)])
async def test_looking_as_a_client_with_billing_shows_money_to_those_who_see_it_anyway(database, cast, who, sees):
    async with database.read() as db:
        project = (await cast.scope(db, who)).project
    looking = open_scope(cast.viewer(who), project, (), view_as=("BRIDGE", frozenset({Role.BILLING})))
    assert looking.preview
    assert (looking.sees_money, Audience.BILLING in looking.audiences) == (sees, sees)


@pytest.mark.parametrize(("who", "hears"), [("dan", False), ("wei", True)])
async def test_what_staff_note_about_a_price_is_told_to_those_who_see_money_alone(database, cast, who, hears):
    priced = await ask(database, cast, audience=Audience.BILLING, title="12,000 EUR for the railing")
    async with database.write() as db:
        await remarks.judge(db, await cast.scope(db, "wei"), priced.number, "They would pay 15,000 EUR.")
    async with database.read() as db:
        scope = await cast.scope(db, who)
        told = [
            *await ledger.latest(db, scope.project_id, scope.audiences),
            *await ledger.since(db, scope.project_id, scope.audiences, 0),
            *await ledger.of_subject(db, scope.project_id, scope.audiences, "decision", priced.number),
        ]
    assert any("12,000" in str(event.body) or "15,000" in str(event.body) for event in told) is hears
