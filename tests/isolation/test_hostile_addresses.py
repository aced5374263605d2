"""Addresses that somebody typed to break a page: each is answered, none is a fault of ours."""

import pytest

from tests.isolation.conftest import Stage

NOT_THERE = (
    "/projects/BRIDGE/milestones/99999999999999999999",
    "/projects/BRIDGE/milestones/9999999999",
    "/projects/BRIDGE/milestones/-1",
    "/projects/BRIDGE/items/99999999999999999999",
    "/projects/BRIDGE/burndown?series=iteration-999999999",
)
WRONG = (
    "/projects/BRIDGE/backlog?label=%00a",
    "/projects/BRIDGE/backlog?status=a%00",
    "/projects/BRIDGE/backlog.csv?label=%00a",
)
NOTHING = (
    "/projects?after=%00",
    "/projects/BRIDGE/burndown?as_of=0001-01-01",
    "/projects/BRIDGE/backlog?after=999999999999999999.999999999",
    '/projects/BRIDGE/backlog?q=" OR "Quicksilver',
    "/projects/BRIDGE/backlog?q=x' | 'quicksilver",
    "/projects/BRIDGE/backlog?q=terms:quicksilver OR NEAR(a b)",
    "/projects/BRIDGE/backlog?q=" + "中a" * 100,
)


async def test_every_hostile_address_is_answered_with_what_is_right(stage: Stage):
    for status, paths in ((404, NOT_THERE), (422, WRONG), (200, NOTHING)):
        answers = {path: (await stage.page("ada", "GET", path)).status_code for path in paths}
        assert answers == dict.fromkeys(paths, status)


@pytest.mark.parametrize("query", ['" OR "Quicksilver', "x' | 'quicksilver", "Quicksilver*", "-x OR quicksilver"])
async def test_no_sign_of_a_query_language_widens_a_search(stage: Stage, query):
    answer = await stage.page("ada", "GET", "/projects/BRIDGE/backlog.csv", params={"q": query})
    assert (answer.status_code, answer.text.strip().count("\n")) == (200, 0)
