"""What an accepted change costs stands in the payment plan by itself, and the plan comes to the contract's total."""

from contextlib import suppress
from datetime import date
from random import Random

import pytest

from portal.billing import drafts, plan
from portal.billing.models import PlanKind
from portal.changes import contract_view
from portal.decisions.models import Verdict
from portal.errors import Conflict, NotFound, PortalError
from portal.projects import commands as projects
from tests.support.billing import bill, confirmed, planned
from tests.support.changes import LATER, NOW, an_offer, answer, line, sign

MOVED = {"title": "More", "lines": [line()], "milestones": [{"number": 1, "on": date(2027, 4, 1)}]}


async def parts(database, cast, amendment=None):
    """The parts of the plan as (amendment, kind, milestone, net)."""
    async with database.read() as db:
        found = await plan.plan_items(db, await cast.scope(db, "maria"))
    told = [(one.amendment, one.kind, one.milestone_number, one.net_minor) for one in found]
    return [one[1:] for one in told if one[0] == amendment] if amendment is not None else told


async def accepted(database, cast, keys, *alternatives, **more):
    await answer(database, cast, keys, await an_offer(database, cast, *alternatives), **more)


class TestOneChange:
    async def test_its_part_is_due_with_the_milestone_that_it_moves(self, database, cast, keys):
        await planned(database, cast)
        await accepted(database, cast, keys, NOW, LATER)
        assert await parts(database, cast, 1) == [(PlanKind.MILESTONE, 1, 125_000)]

    async def test_else_with_the_change_itself(self, database, cast, keys):
        await planned(database, cast)
        await accepted(database, cast, keys, NOW, LATER, choice="B")
        assert await parts(database, cast, 1) == [(PlanKind.CHANGE_REQUEST, None, 40_000)]

    async def test_the_last_of_several_milestones_counts(self, database, cast, keys):
        await planned(database, cast)
        async with database.write() as db:
            await projects.add_milestone(db, await cast.scope(db, "wei"), name="Closing")
        moves = [{"number": 2, "on": date(2027, 5, 1)}, {"number": 1, "on": date(2027, 4, 1)}]
        await accepted(database, cast, keys, MOVED | {"milestones": moves})
        assert await parts(database, cast, 1) == [(PlanKind.MILESTONE, 2, 100_000)]

    async def test_a_discount_is_a_part_that_takes_away(self, database, cast, keys):
        await planned(database, cast)
        await accepted(database, cast, keys, {"title": "Less", "lines": [line(quantity="-1")]})
        assert await parts(database, cast, 1) == [(PlanKind.CHANGE_REQUEST, None, -10_000)]

    @pytest.mark.parametrize("alternative", [
        {"title": "Free", "free": True}, {"title": "Even", "lines": [line(), line(quantity="-10")]},
    ])  # fmt: skip
    async def test_what_has_no_part_has_none(self, database, cast, keys, alternative):
        await planned(database, cast)
        await accepted(database, cast, keys, alternative)
        assert await parts(database, cast, 1) == []

    @pytest.mark.parametrize(("lines", "parts"), [
        ([line(), line(tax_rate="7"), line(quantity="1")], [("19", 110_000), ("7", 100_000)]),
        ([line(), line(tax_rate="7", quantity="-10")], [("19", 100_000), ("7", -100_000)]),
        ([line(), line(tax_rate="7"), line(tax_rate="7", quantity="-10")], [("19", 100_000)]),
    ])  # fmt: skip
    async def test_of_several_taxes_each_has_its_part(self, database, cast, keys, lines, parts):
        await planned(database, cast)
        await accepted(database, cast, keys, MOVED | {"lines": lines})
        async with database.read() as db:
            found = await plan.plan_items(db, await cast.scope(db, "maria"))
        mine = [one for one in found if one.amendment == 1]
        assert [(format(one.tax_rate.normalize(), "f"), one.net_minor) for one in mine] == parts
        assert {(one.kind, one.milestone_number, one.text) for one in mine} == {(PlanKind.MILESTONE, 1, "A railing")}

    async def test_a_change_that_is_declined_has_none(self, database, cast, keys):
        await planned(database, cast)
        request = await an_offer(database, cast)
        await answer(database, cast, keys, request, verdict=Verdict.DECLINED, comment="No")
        assert await parts(database, cast, 1) == []

    @pytest.mark.parametrize("contract", [
        {"kind": "retainer", "period": "month"}, {"kind": "time_and_materials", "ceiling": "20000"},
    ])  # fmt: skip
    async def test_what_is_billed_by_periods_or_hours_is_in_no_plan(self, database, cast, keys, contract):
        await sign(database, cast, milestones=[], **contract)
        await bill(database, cast)
        await accepted(database, cast, keys, LATER)
        assert await parts(database, cast) == []

    async def test_a_project_that_nobody_bills_yet_accepts_all_the_same(self, database, cast, keys):
        await sign(database, cast, milestones=[])
        await accepted(database, cast, keys, LATER)
        assert await parts(database, cast) == [(1, PlanKind.CHANGE_REQUEST, None, 40_000)]


class TestWhatFollows:
    async def test_the_parts_of_several_taxes_are_billed_as_what_they_are_called(self, database, cast, keys):
        await planned(database, cast)
        await accepted(database, cast, keys, {"title": "Mixed", "lines": [line(), line(tax_rate="7")]})
        async with database.write() as db:
            scope = await cast.scope(db, "wei")
            numbers = [one.number for one in await plan.plan_items(db, scope) if one.amendment == 1]
            row = await drafts.draft_plan(db, scope, numbers)
        assert (row.title, row.net_minor, row.tax_minor) == ("A railing", 200_000, 26_000)

    async def test_staff_plan_it_otherwise_while_it_is_unbilled(self, database, cast, keys):
        await planned(database, cast)
        await accepted(database, cast, keys, LATER)
        halves = [{"kind": "change_request", "text": text, "percent": "50"} for text in ("First", "Second")]
        async with database.write() as db:
            await plan.set_plan(db, await cast.scope(db, "wei"), 1, halves)
        assert await parts(database, cast, 1) == [(PlanKind.CHANGE_REQUEST, None, 20_000)] * 2
        async with database.write() as db:
            number = (await plan.plan_items(db, await cast.scope(db, "wei")))[-1].number
            await drafts.draft_plan(db, await cast.scope(db, "wei"), [number])
        async with database.write() as db:
            with pytest.raises(Conflict):
                await plan.set_plan(db, await cast.scope(db, "wei"), 1, halves)

    async def test_of_what_is_free_there_is_nothing_to_plan(self, database, cast, keys):
        await planned(database, cast)
        await accepted(database, cast, keys, {"title": "Free", "free": True})
        async with database.write() as db:
            with pytest.raises(Conflict):
                await plan.set_plan(db, await cast.scope(db, "wei"), 1, [{"kind": "date", "percent": "100"}])

    async def test_the_confirmed_milestone_drafts_it_with_the_contracts_part(self, database, cast, keys):
        await planned(database, cast)
        await accepted(database, cast, keys, MOVED)
        await confirmed(database, cast, keys)
        async with database.read() as db:
            scope = await cast.scope(db, "maria")
            billed = [one.net_minor for one in await plan.plan_items(db, scope) if one.invoice_number]
        assert sorted(billed) == [100_000, 600_000]


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_accepted_planned_and_billed_the_plan_comes_to_the_total(database, cast, keys, seed):
    at = Random(seed)
    await planned(database, cast)
    for _ in range(8):
        with suppress(PortalError):
            await at.choice((change, change, replan, draft, discard))(database, cast, keys, at)
        async with database.read() as db:
            scope = await cast.scope(db, "finn")
            whole = sum(one.net_minor for one in await plan.plan_items(db, scope))
            assert whole == (await contract_view.contract(db, scope)).total_minor


async def change(database, cast, keys, at):
    """An offer at a random price that the client takes, or does not."""
    quantity, price = str(at.choice((-2, 1, 3, 10))), f"{at.randint(1, 400)}.{at.randint(0, 99):02}"
    cents = line(unit_price="0.01", tax_rate=at.choice(("19", "7")))
    made = {"title": f"Change {price}", "lines": [line(quantity=quantity, unit_price=price), cents]}
    moves = {"milestones": [{"number": 1, "on": date(2027, 5, at.randint(1, 28))}]} if at.random() < 0.4 else {}
    request = await an_offer(database, cast, made | moves)
    verdict = Verdict.APPROVED if at.random() < 0.8 else Verdict.DECLINED
    await answer(database, cast, keys, request, verdict=verdict, comment="So it is")


async def replan(database, cast, keys, at):
    """An amendment in two parts."""
    first = at.randint(1, 99)
    given = [{"kind": "change_request", "text": "Part", "percent": str(one)} for one in (first, 100 - first)]
    async with database.write() as db:
        await plan.set_plan(db, await cast.scope(db, "maria"), at.randint(1, 5), given)


async def draft(database, cast, keys, at):
    """A part that is billed."""
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        items = await plan.plan_items(db, scope)
        await drafts.draft_plan(db, scope, [at.choice(items).number], unaccepted_reason="Agreed")


async def discard(database, cast, keys, at):
    """A draft that is thrown away."""
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        billed = [one.invoice_number for one in await plan.plan_items(db, scope) if one.invoice_number]
        if not billed:
            raise NotFound("There is no draft.")
        await drafts.discard_draft(db, scope, at.choice(billed))
