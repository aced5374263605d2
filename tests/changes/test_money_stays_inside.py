"""No trace of an amount reaches whoever may not see money: on no page, in no feed, by no ETag, from no operation."""

import pytest

from portal.access import Role
from portal.changes import contracts, queries
from portal.decisions import queries as decisions
from portal.decisions.models import Verdict
from portal.ledger.models import Audience
from tests.changes.conftest import keys
from tests.isolation import table
from tests.isolation.conftest import Stage, cast, database_url, stage
from tests.support.changes import LATER, SECRET_AMOUNTS, a_file, answer, line, priced
from tests.support.decisions import grant

__all__ = ["cast", "database_url", "keys", "stage"]

PAGES = sorted(route for route, may in table.PROJECT_PAGES.items() if route.startswith("GET") and "ada" in may)
PAGES = [table.address(route) for route in PAGES if not route.endswith("/live")]
MORE = ["/projects/BRIDGE/changes/2", "/projects/BRIDGE/decisions/3", "/projects/BRIDGE/burndown?unit=points"]
BLIND = ("eve", "dan")
"""A viewer, and a developer of the agency. `the blind approver` is Eve once she may approve."""


def amounts(text: str) -> list[str]:
    return [amount for amount in SECRET_AMOUNTS if amount in text]


@pytest.fixture
async def accepted(stage: Stage, database, cast, keys):
    """The stage, once the offer was accepted."""
    async with database.read() as db:
        request = await queries.change(db, await cast.scope(db, "wei"), 1)
    await answer(database, cast, keys, request)
    return stage


async def test_the_amounts_are_there_for_those_who_may_see_them(accepted: Stage):
    for who in ("ada", "wei", "maria"):
        for path in ("/projects/BRIDGE/contract", "/projects/BRIDGE/changes/1"):
            assert amounts((await accepted.page(who, "GET", path)).text), (who, path)


@pytest.mark.parametrize("path", [*PAGES, *MORE])
async def test_no_page_shows_an_amount_to_who_may_not_see_money(accepted: Stage, database, cast, path):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    for who in BLIND:
        shown = await accepted.page(who, "GET", path)
        assert amounts(shown.text) == []
        assert 'href="/projects/BRIDGE/contract' not in shown.text


@pytest.mark.parametrize("who", BLIND)
async def test_the_contract_is_a_page_that_is_not_there(accepted: Stage, who):
    real = await accepted.page(who, "GET", "/projects/BRIDGE/contract")
    assert real.status_code == 404
    assert (await accepted.page(who, "GET", "/projects/BRIDGE")).text.count("Contract") == 0


async def test_nobody_blind_to_money_sees_the_clients_words_about_it(stage: Stage, database, cast, keys):
    async with database.read() as db:
        request = await queries.change(db, await cast.scope(db, "wei"), 1)
    await answer(database, cast, keys, request, verdict=Verdict.DECLINED, comment="7777.77 is too dear")
    for who in BLIND:
        for path in ("/changes/1", "/activity", "/decisions"):
            assert "too dear" not in (await stage.page(who, "GET", f"/projects/BRIDGE{path}")).text
    assert "too dear" in (await stage.page("ada", "GET", "/projects/BRIDGE/changes/1")).text


async def test_a_change_of_a_price_moves_no_etag_of_a_client(stage: Stage, database, cast):
    async def etags():
        return {
            (who, path): (await stage.page(who, "GET", f"/projects/BRIDGE{path}")).headers["etag"]
            for who in ("eve", "ada", "finn")
            for path in ("", "/changes", "/changes/2")
        }

    before = await etags()
    await priced(database, cast, 2, [LATER | {"lines": [line(unit_price="4242.42")]}])
    assert await etags() == before


async def test_a_word_about_the_contract_moves_no_etag_of_who_may_not_see_money(stage: Stage, database, cast, keys):
    before = {who: (await stage.page(who, "GET", "/projects/BRIDGE")).headers["etag"] for who in ("eve", "ada")}
    paper = await a_file(database, cast, Audience.BILLING)
    async with database.write() as db:
        await contracts.change_contract(db, await cast.scope(db, "wei"), {"documents": [paper.number]})
    after = {who: (await stage.page(who, "GET", "/projects/BRIDGE")).headers["etag"] for who in ("eve", "ada")}
    assert (after["eve"] == before["eve"], after["ada"] == before["ada"]) == (True, False)


async def test_the_record_that_staff_without_the_right_read_holds_no_amount(accepted: Stage):
    for path in ("/events", "/changes", "/changes/1", "/items", "/milestones", "/burndown"):
        token = accepted.token("dan", "staff:read")
        told = await accepted.api(token, "GET", f"/api/v1/projects/BRIDGE{path}")
        assert (told.status_code, amounts(told.text)) == (200, [])


async def test_the_decision_of_an_offer_is_no_decision_to_who_may_not_see_money(stage: Stage, database, cast):
    async with database.write() as db:
        await grant(db, cast, "eve", Role.APPROVER)
    async with database.read() as db:
        request = await queries.change(db, await cast.scope(db, "wei"), 1)
        seen = await decisions.decisions(db, await cast.scope(db, "eve"))
    assert request.decision_number not in [one.number for one in seen]
    shown = await stage.page("eve", "GET", f"/projects/BRIDGE/decisions/{request.decision_number}")
    assert shown.status_code == 404
    page = (await stage.page("eve", "GET", "/projects/BRIDGE/changes/1")).text
    assert "you have only one of these two roles" in page
    assert f"/decisions/{request.decision_number}" not in page


async def test_looking_as_a_client_without_billing_shows_no_amount(accepted: Stage):
    assert (
        await accepted.page("wei", "POST", "/projects/BRIDGE/view-as", data={"roles": "approver"})
    ).status_code == 303
    for path in PAGES:
        assert amounts((await accepted.page("wei", "GET", path)).text) == []


async def test_no_receipt_of_an_offer_reaches_who_may_not_see_money(accepted: Stage, database, cast):
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        request = await queries.change(db, scope, 1)
        (kept,) = await decisions.answers_of(db, scope, request.decision_number)
    for form in ("json", "pdf"):
        path = f"/projects/BRIDGE/decisions/{request.decision_number}/receipts/{kept.seq}.{form}"
        assert (await accepted.page("ada", "GET", path)).status_code == 200
        for who in BLIND:
            assert (await accepted.page(who, "GET", path)).status_code == 404
