"""A contract is corrected as long as nothing that was billed by it becomes wrong; then an amendment is the way."""

import pytest
import time_machine
from sqlalchemy import select

from portal.billing import coming, corrected, drafts, issuing, periods, plan
from portal.billing.models import PlanItem
from portal.changes import contract_view
from portal.errors import Conflict, NotAllowed
from portal.ledger import queries as ledger
from tests.support.billing import bill, drafted, planned, quick
from tests.support.changes import CONTRACT, line, sign

BRIDGE = CONTRACT["lines"][0]
WRONG = [
    ({"lines": [line(text="The bridge", quantity="110")]}, "lines[0].quantity", "110", "100"),
    ({"lines": [line(text="The bridge", quantity="100", unit_price="99")]}, "lines[0].unit_price", "99", "100"),
    ({"lines": [line(text="The bridge", quantity="100", tax_rate="7")]}, "lines[0].tax_rate", "7", "19"),
    ({"lines": [BRIDGE, line()]}, "lines", 2, "1"),
    ({"currency": "CHF"}, "currency", "CHF", "EUR"),
    ({"kind": "retainer", "period": "month"}, "kind", "retainer", "fixed_price"),
    ({"kind": "time_and_materials", "ceiling": "20000"}, "kind", "time_and_materials", "fixed_price"),
]  # fmt: skip
HARMLESS = [
    {"bought": "A bridge of stone."}, {"payment_terms": "Within 14 days."}, {"quality_terms": "No moss."},
    {"deemed_after_days": 10}, {"milestones": []}, {"lines": [BRIDGE | {"text": "The bridge, in steel"}]},
    {"lines": [BRIDGE | {"quantity": "100.0"}], "currency": "EUR", "kind": "fixed_price"},
]  # fmt: skip


async def correct(database, cast, wanted, who="maria"):
    async with database.write() as db:
        return await corrected.correct_contract(db, await cast.scope(db, who), wanted)


@pytest.fixture
async def half_billed(database, cast):
    """BRIDGE, of whose price one part of two was invoiced."""
    await planned(database, cast)
    await drafted(database, cast)
    await quick(database, cast)


@pytest.mark.parametrize(("wanted", "field", "value", "right"), WRONG)
async def test_what_an_invoice_rests_on_stays_and_it_is_said_what(
    half_billed, database, cast, wanted, field, value, right
):
    with pytest.raises(Conflict) as refused:
        await correct(database, cast, wanted)
    assert (refused.value.field, refused.value.value) == (field, value)
    assert f"{field} stays {right}" in refused.value.message
    assert "invoice BH-" in refused.value.message
    assert "change request" in refused.value.message


@pytest.mark.parametrize("wanted", HARMLESS)
async def test_what_says_nothing_of_amounts_is_corrected(half_billed, database, cast, wanted):
    await correct(database, cast, wanted)


async def test_a_draft_holds_the_amounts_until_it_is_thrown_away(database, cast):
    await planned(database, cast)
    await drafted(database, cast)
    with pytest.raises(Conflict, match="draft 1 was made"):
        await correct(database, cast, WRONG[0][0])
    async with database.write() as db:
        await drafts.discard_draft(db, await cast.scope(db, "maria"), 1)
    assert (await correct(database, cast, WRONG[0][0])).total_minor == 1_100_000


async def test_an_invoice_that_was_taken_back_holds_nothing(half_billed, database, cast, store):
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong price")
    assert (await correct(database, cast, WRONG[0][0])).total_minor == 1_100_000


@pytest.mark.parametrize("wanted", [{"ceiling": "30000"}, {"ceiling": "12000"}])
async def test_the_ceiling_of_hours_that_are_billed_moves_by_amendments_alone(database, cast, wanted):
    await sign(database, cast, kind="time_and_materials", ceiling="20000", milestones=[])
    await bill(database, cast)
    async with database.write() as db:
        one = {"number": "1", "name": "Work", "quantity": "1", "unit": "LS", "unit_price": "10", "category": "S"}
        await drafts.draft_lines(db, await cast.scope(db, "maria"), "Work", {"lines": [one | {"rate": "19"}]})
    with pytest.raises(Conflict) as refused:
        await correct(database, cast, wanted)
    assert (refused.value.field, "ceiling stays 20000.00" in refused.value.message) == ("ceiling", True)


async def test_what_was_planned_of_a_contract_that_becomes_a_retainer_is_not_billed_beside_its_periods(database, cast):
    await planned(database, cast)
    await correct(database, cast, {"kind": "retainer", "period": "month"})
    async with database.read() as db:
        finn = await cast.scope(db, "finn")
        assert await plan.plan_items(db, finn) == []
        assert {one.basis for one in await coming.coming(db, finn)} == {coming.Basis.PERIOD}
        assert (await ledger.latest(db, finn.project_id, finn.audiences, limit=1))[0].kind == "payment_plan.set"


@pytest.mark.parametrize("who", ["dan", "ada", "finn"])
async def test_who_may_not_record_it_may_not_correct_it(half_billed, database, cast, who):
    with pytest.raises(NotAllowed):
        await correct(database, cast, {"bought": "A tunnel"}, who)


class TestARetainerWhoseDraftWasThrownAway:
    """What its plan keeps of the period is what the corrected contract says."""

    @pytest.fixture
    async def thrown_away(self, database, cast):
        await sign(database, cast, kind="retainer", period="month", milestones=[])
        await bill(database, cast)
        with time_machine.travel("2026-11-26T12:00:00Z"):
            await periods.draft_due(database)
        async with database.write() as db:
            await drafts.discard_draft(db, await cast.scope(db, "maria"), 1)

    async def kept(self, database, cast):
        async with database.read() as db:
            scope = await cast.scope(db, "maria")
            statement = select(PlanItem).where(PlanItem.project_id == scope.project_id).order_by(PlanItem.number)
            return [(str(one.due_on), one.net_minor, one.tax_rate) for one in await db.scalars(statement)]

    async def test_its_price_is_the_corrected_one(self, thrown_away, database, cast):
        await correct(database, cast, {"lines": [line(), line(tax_rate="7", quantity="2")]})
        assert await self.kept(database, cast) == [("2026-11-01", 20_000, 7), ("2026-11-01", 100_000, 19)]

    async def test_a_longer_period_takes_its_place(self, thrown_away, database, cast):
        await correct(database, cast, {"period": "quarter"})
        assert await self.kept(database, cast) == [("2026-10-01", 1_000_000, 19)]

    async def test_nothing_is_left_of_it_in_a_contract_of_another_kind(self, thrown_away, database, cast):
        await correct(database, cast, {"kind": "fixed_price", "period": None})
        assert await self.kept(database, cast) == []

    async def test_it_stays_when_no_amount_is_corrected(self, thrown_away, database, cast):
        await correct(database, cast, {"bought": "Care"})
        async with database.read() as db:
            assert (await contract_view.contract(db, await cast.scope(db, "maria"))).bought == "Care"
        assert await self.kept(database, cast) == [("2026-11-01", 1_000_000, 19)]
