"""Staff who look as the client see what that client sees, and write nothing."""

import pytest

from tests.isolation import table
from tests.isolation.conftest import SECRETS, Stage
from tests.isolation.test_pages import READ_BY_CLIENTS


@pytest.fixture
async def looking(stage: Stage):
    answer = await stage.page("wei", "POST", "/projects/BRIDGE/view-as", data={"role": "approver"})
    assert answer.status_code == 303
    return stage


async def test_they_read_nothing_internal(looking: Stage):
    for route in READ_BY_CLIENTS:
        answer = await looking.page("wei", "GET", table.address(route))
        assert SECRETS["internal"] not in answer.text, route
        opens = "eve" in table.PROJECT_PAGES[route]  # what needs more than to be a member stays closed
        assert answer.status_code in ((200,) if opens else (403, 404)), route


async def test_the_page_of_what_is_internal_is_closed_while_they_look(looking: Stage):
    assert (await looking.page("wei", "GET", "/projects/BRIDGE/visibility")).status_code in (403, 404)


async def test_they_can_stop_and_see_all_again(looking: Stage):
    assert (await looking.page("wei", "POST", "/projects/BRIDGE/view-as/end")).status_code == 303
    assert SECRETS["internal"] in (await looking.page("wei", "GET", "/projects/BRIDGE/backlog")).text


async def test_a_client_cannot_look_as_anybody(stage: Stage):
    assert (await stage.page("ada", "POST", "/projects/BRIDGE/view-as", data={"role": "billing"})).status_code in (
        403,
        404,
    )
