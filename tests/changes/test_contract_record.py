"""The contract: recorded once, corrected while nothing rests on it, and seen by those alone who see money."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.changes import contract_view, contracts
from portal.changes.models import Contract
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import queries as ledger
from portal.ledger.models import Audience
from portal.projects import commands as projects
from portal.projects import queries as plan
from tests.support.changes import a_file, an_offer, line, raised, sign, withdrawn
from tests.support.statements import counting


async def test_it_is_kept_as_it_was_signed(database, cast, contract):
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        view = await contract_view.contract_view(db, scope)
        (told,) = await ledger.of_subject(db, scope.project_id, scope.audiences, "contract", None)
    assert (view.original.amount, view.total.amount, view.contract.total_minor) == ("10000.00", "10000.00", 1_000_000)
    assert (view.sums.gross.amount, view.ceiling, view.amendments) == ("11900.00", None, [])
    assert [(one.text, one.quantity, one.net.amount) for one in view.lines] == [
        ("The bridge", Decimal(100), "10000.00")
    ]
    assert [(one.number, one.original, one.agreed) for one in view.milestones] == [
        (1, date(2027, 3, 1), date(2027, 3, 1))
    ]
    assert (told.kind, told.audience, told.body["total"]) == ("contract.recorded", "billing", "10000.00")


async def test_what_it_says_of_milestones_is_what_was_promised(database, cast, contract):
    async with database.read() as db:
        milestone = await plan.milestone(db, await cast.scope(db, "eve"), 1)
    assert (milestone.promised_on, milestone.agreed_on) == (date(2027, 3, 1), None)


async def test_a_day_that_was_agreed_by_hand_gives_way_to_the_one_that_was_signed(database, cast):
    async with database.write() as db:
        days = {"promised_on": date(2027, 2, 1), "agreed_on": date(2027, 4, 1)}
        await projects.add_milestone(db, await cast.scope(db, "wei"), name="Opening", **days)
    await sign(database, cast)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        milestone, view = await plan.milestone(db, scope, 1), await contract_view.contract_view(db, scope)
    assert (milestone.promised_on, milestone.agreed_on) == (date(2027, 3, 1), None)
    assert [one.agreed for one in view.milestones] == [date(2027, 3, 1)]


@pytest.mark.parametrize("who", ["dan", "ada", "finn", "eve"])
async def test_nobody_else_records_or_corrects_it(database, cast, contract, who):
    async with database.write() as db:
        scope = await cast.scope(db, who)
        with pytest.raises(NotAllowed):
            await contracts.record_contract(db, scope, {})
        with pytest.raises(NotAllowed):
            await contracts.change_contract(db, scope, {"bought": "A tunnel"})


async def test_finance_may_record_it_where_no_promise_moves(database, cast):
    contract = await sign(database, cast, "maria", milestones=[])
    assert contract.total_minor == 1_000_000


async def test_there_is_one(database, cast, contract):
    with pytest.raises(Conflict):
        await sign(database, cast)


@pytest.mark.parametrize("who", ["ada", "finn", "wei", "maria", "root", "eve", "dan"])
async def test_only_those_see_it_who_see_money(database, cast, contract, who):
    sees = who not in ("eve", "dan")
    async with database.read() as db:
        scope = await cast.scope(db, who)
        for read in (contract_view.contract, contract_view.contract_view, contract_view.amendments):
            if sees:
                await read(db, scope)
                continue
            with pytest.raises(NotFound):
                await read(db, scope)


async def test_its_page_costs_three_statements(database, cast, contract):
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        with counting(database) as statements:
            await contract_view.contract_view(db, scope)
    assert len(statements) == 3


async def test_a_correction_is_checked_and_told_by_what_differs(database, cast, contract):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        changed = await contracts.change_contract(db, scope, {"lines": [line(quantity="50")], "bought": "A footbridge"})
        assert (changed.original_minor, changed.total_minor) == (500_000, 500_000)
        event = (await ledger.latest(db, scope.project_id, scope.audiences, limit=1))[0]
    assert event.kind == "contract.changed"
    assert event.audience is Audience.BILLING
    assert sorted(event.body["terms"]) == ["bought", "lines", "total"]
    assert event.body["terms"]["total"] == ["10000.00", "5000.00"]


async def test_the_same_again_changes_nothing(database, cast, contract):
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        same = await contracts.change_contract(db, scope, {"signed_on": date(2026, 1, 15), "kind": "fixed_price"})
        assert same.seq == contract.seq
        assert (await db.scalars(select(Contract.seq).where(Contract.project_id == scope.project_id))).one() == same.seq


@pytest.mark.parametrize("wrong", [{"kind": "retainer"}, {"lines": []}, {"currency": "DEM"}, {"total": "1"}])
async def test_a_wrong_correction_changes_nothing(database, cast, contract, wrong):
    async with database.write() as db:
        with pytest.raises(Invalid):
            await contracts.change_contract(db, await cast.scope(db, "wei"), wrong)
    async with database.read() as db:
        assert (await contract_view.contract(db, await cast.scope(db, "wei"))).seq == contract.seq


async def test_nothing_but_papers_is_corrected_under_an_offer(database, cast, contract):
    request = await an_offer(database, cast)
    paper = await a_file(database, cast, Audience.BILLING)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        with pytest.raises(Conflict):
            await contracts.change_contract(db, scope, {"bought": "A tunnel"})
        changed = await contracts.change_contract(db, scope, {"documents": [paper.number]})
        assert [one["sha256"] for one in changed.documents] == [paper.sha256.hex()]
    await withdrawn(database, cast, request.number)
    async with database.write() as db:
        await contracts.change_contract(db, await cast.scope(db, "wei"), {"bought": "A tunnel"})


async def test_its_papers_are_files_that_the_client_can_open(database, cast, contract):
    inside = await a_file(database, cast, Audience.INTERNAL)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        for number in (inside.number, 99):
            with pytest.raises(Invalid) as refused:
                await contracts.change_contract(db, scope, {"documents": [number]})
            assert refused.value.field == "documents"


async def test_a_milestone_that_is_not_there_has_no_date(database, cast):
    with pytest.raises(Invalid, match="no milestone 1"):
        await sign(database, cast)


async def test_change_requests_can_be_raised_before_there_is_a_contract(database, cast):
    assert (await raised(database, cast)).number == 1
