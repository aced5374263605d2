"""What is billed is what was agreed: in the contract's currency, and by a plan that still comes to its price."""

import pytest

from portal.billing import accounts, drafts, plan, queries
from portal.changes import contracts
from portal.errors import Conflict
from portal.projects import commands as projects
from tests.support.billing import HALVES, bill, drafted, planned, quick
from tests.support.changes import line, sign

PART = {key: HALVES[1][key] for key in ("kind", "text")} | {"percent": "100"}
LINES = {"lines": [{"number": "1", "name": "Work", "quantity": "1", "unit": "LS", "unit_price": "10", "category": "S",
                    "rate": "19"}]}  # fmt: skip


@pytest.fixture
async def in_francs(database, cast):
    """BRIDGE, a project that counts in EUR, with a contract in CHF that is due today."""
    await sign(database, cast, currency="CHF", milestones=[])
    await bill(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        await plan.set_plan(db, scope, 0, [PART | {"due_on": scope.today}])


async def test_a_contract_is_billed_in_its_own_currency(in_francs, database, cast):
    draft = await drafted(database, cast, 1)
    assert (draft.currency, draft.net_minor) == ("CHF", 1_000_000)


async def test_a_part_is_billed_that_is_more_than_any_single_price(database, cast):
    """Four hundred thousand dollars are ten billion dong; no line of the contract has such a price."""
    lines = [line(text="The bridge", quantity="20", unit_price="500000000")]
    await sign(database, cast, currency="VND", lines=lines, milestones=[])
    await bill(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        await plan.set_plan(db, scope, 0, [PART | {"due_on": scope.today}])
    draft = await drafted(database, cast, 1)
    assert (draft.net_minor, (await quick(database, cast)).gross_minor) == (10_000_000_000, 11_900_000_000)


async def test_lines_by_hand_are_in_the_contracts_currency_too(in_francs, database, cast):
    async with database.write() as db:
        draft = await drafts.draft_lines(db, await cast.scope(db, "maria"), "More", LINES)
    assert draft.currency == "CHF"


async def test_a_draft_stays_in_its_currency_whatever_the_project_counts_in(database, cast):
    await bill(database, cast)
    async with database.write() as db:
        await drafts.draft_lines(db, await cast.scope(db, "maria"), "Work", LINES)
    async with database.write() as db:
        await projects.change_project(db, await cast.scope(db, "wei"), {"currency": "USD"})
    issued = await quick(database, cast)
    assert (issued.currency, queries.document_of(issued).currency) == ("EUR", "EUR")


async def test_a_draft_is_issued_with_what_the_account_says_then_and_its_author_did_not(database, cast):
    await bill(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        await drafts.draft_lines(db, scope, "Work", LINES | {"buyer_reference": "Their own"})
        await drafts.change_draft(db, scope, 1, {"notes": ["Thank you."]})
        said = {"order_number": "PO-7781", "payment_terms": "At once.", "buyer_reference": "04011"}
        await accounts.put_account(db, scope, said)
    document = queries.document_of(await quick(database, cast))
    assert (document.order_number, document.payment_terms) == ("PO-7781", "At once.")
    assert (document.buyer_reference, document.notes) == ("Their own", ("Thank you.",))


@pytest.mark.parametrize("corrected", [
    {"lines": [line(text="The bridge", quantity="110")]}, {"currency": "CHF"},
    {"lines": [line(text="The bridge", quantity="100", tax_rate="7")]},
])  # fmt: skip
async def test_a_plan_of_another_price_bills_nothing(database, cast, corrected):
    """The contract was corrected after its price was planned."""
    await planned(database, cast)
    async with database.write() as db:
        await contracts.change_contract(db, await cast.scope(db, "maria"), corrected)
    with pytest.raises(Conflict):
        await drafted(database, cast)
