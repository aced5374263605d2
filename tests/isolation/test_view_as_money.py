"""Whoever may not see money does not borrow the right by looking with a client's eyes."""

import pytest

from portal.access import Role, open_scope
from portal.ledger.models import Audience


@pytest.mark.parametrize(("who", "sees"), [("dan", False), ("wei", True), ("maria", True), ("root", True)])
async def test_looking_as_a_client_with_billing_shows_money_to_those_who_see_it_anyway(database, cast, who, sees):
    async with database.read() as db:
        project = (await cast.scope(db, who)).project
    looking = open_scope(cast.viewer(who), project, (), view_as=("BRIDGE", frozenset({Role.BILLING})))
    assert looking.preview
    assert (looking.sees_money, Audience.BILLING in looking.audiences) == (sees, sees)
