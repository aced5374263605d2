"""Hours: taken over once, corrected until they are billed, billed at the agreed rate and never beyond the ceiling."""

from datetime import date
from decimal import Decimal

import pytest

from portal.billing import drafts, invoice_view, issuing, plan, queries, time, time_csv
from portal.billing.models import TimeEntry
from portal.billing.time import Kept, Rate
from portal.changes.models import TaxCategory
from portal.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.ledger import queries as ledger
from portal.projects import commands as projects
from portal.projects import queries as plans
from tests.support.billing import bill, confirmed, quick
from tests.support.cast import add_item
from tests.support.changes import an_offer, answer, line, set_stage, sign
from tests.web.conftest import browser, portal

__all__ = ["browser", "portal"]
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


def entry(ref="t-1", **more):
    given = {"ref": ref, "day": date(2026, 11, 3), "hours": "2.5", "role": "Development", "text": "Export"}
    return given | more


@pytest.fixture
async def agreed(database, cast):
    """BRIDGE by the hour: 100.00 an hour of development, at most 500.00."""
    await sign(database, cast, kind="time_and_materials", ceiling="500", milestones=[],
               lines=[line(text="Development", quantity="3")])  # fmt: skip
    await bill(database, cast)


async def put(database, cast, *entries, who="wei"):
    async with database.write() as db:
        return await time.put_entries(db, await cast.scope(db, who), entries)


async def draft(database, cast, first=FIRST, last=LAST, rates=None):
    async with database.write() as db:
        return await time.draft_hours(db, await cast.scope(db, "wei"), first, last, rates)


async def test_entries_sent_again_change_nothing_and_corrected_ones_are_corrected(agreed, database, cast):
    both = [entry(), entry("t-2", hours="1")]
    assert await put(database, cast, *both) == Kept(2, 0, 0)
    assert await put(database, cast, *both) == Kept(0, 0, 2)
    assert await put(database, cast, entry(hours="3"), both[1], entry("t-3")) == Kept(1, 1, 1)
    async with database.read() as db:
        found = await time.entries(db, await cast.scope(db, "maria"))
    assert [(one.number, one.external_ref, one.hours) for one in found] == [
        (1, "t-1", Decimal(3)), (2, "t-2", Decimal(1)), (3, "t-3", Decimal("2.5")),
    ]  # fmt: skip


async def test_an_entry_that_stands_twice_in_one_call_is_kept_once(agreed, database, cast):
    assert await put(database, cast, entry(), entry()) == Kept(1, 0, 1)


@pytest.mark.parametrize(("wrong", "field"), [
    ({"hours": "0"}, "hours"), ({"hours": "-1"}, "hours"), ({"hours": "25"}, "hours"), ({"hours": 2.5}, "hours"),
    ({"hours": "NaN"}, "hours"), ({"hours": "1.005"}, "hours"), ({"day": "2026-11-03"}, "day"), ({"role": " "}, "role"),
    ({"ref": ""}, "ref"), ({"rate": "90"}, "rate"), ({"cost": "1"}, "cost"), ({"text": "a\x00b"}, "text"),
])  # fmt: skip
async def test_a_wrong_entry_is_named_and_nothing_is_kept(agreed, database, cast, wrong, field):
    with pytest.raises(Invalid) as refused:
        await put(database, cast, entry("t-0"), entry(**wrong))
    assert refused.value.field == f"entries[1].{field}"
    async with database.read() as db:
        assert await time.entries(db, await cast.scope(db, "maria")) == []


def test_what_an_hour_costs_the_agency_is_not_in_the_data():
    names = {column.name for column in TimeEntry.__table__.columns}
    assert not [name for name in names if any(word in name for word in ("cost", "rate", "margin", "price", "salary"))]


async def test_a_line_opens_to_its_entries(agreed, database, cast):
    await put(database, cast, entry(), entry("t-2", hours="0.5", text="Test"), entry("t-3", billable=False),
              entry("t-4", day=date(2026, 12, 1)))  # fmt: skip
    row = await draft(database, cast)
    assert (row.net_minor, row.draft["lines"][0]["quantity"]) == (30_000, "3")
    assert row.draft["lines"][0]["why"] == "Entries of time: 2"
    await quick(database, cast)
    async with database.read() as db:
        view = await invoice_view.invoice_view(db, await cast.scope(db, "finn"), 1)
    assert [one.text for one in view.hours["Development"]] == ["Export", "Test"]


async def test_the_clients_page_opens_a_line_to_its_entries(agreed, database, cast, browser):
    await put(database, cast, entry(text="Export <b>", worker="Dan"))
    await draft(database, cast)
    await quick(database, cast)
    text = (await browser.open("/projects/BRIDGE/invoices/1", "finn")).text
    for words in ("1 entry of time", "Export &lt;b&gt;", "Dan"):
        assert words in text


async def test_an_entry_names_no_item_that_its_reader_may_not_know_of(agreed, database, cast):
    """Its number alone would tell the client of internal work, and that a number which is not there is one."""
    shown = await add_item(database, cast)
    inside = await add_item(database, cast, audience="internal")
    numbers = [shown.number, inside.number, 99]
    await put(database, cast, *(entry(f"t-{number}", hours="1", item=number) for number in numbers))
    await draft(database, cast)
    await quick(database, cast)
    async with database.read() as db:
        views = [await invoice_view.invoice_view(db, await cast.scope(db, who), 1) for who in ("finn", "maria")]
    told = [[one.item_number for one in view.hours["Development"]] for view in views]
    assert told == [[shown.number, None, None], numbers]


async def test_hours_are_billed_once_and_again_after_a_credit_note(agreed, database, cast, store):
    await put(database, cast, entry())
    await draft(database, cast)
    with pytest.raises(Conflict):
        await draft(database, cast)
    await quick(database, cast)
    with pytest.raises(Conflict):
        await put(database, cast, entry(hours="3"))
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Wrong")
    async with database.read() as db:
        assert len(await time.entries(db, await cast.scope(db, "wei"), unbilled=True)) == 1
    again = await draft(database, cast)
    assert (again.number, again.net_minor) == (3, 25_000)
    async with database.read() as db:
        assert await time.entries(db, await cast.scope(db, "wei"), unbilled=True) == []


async def test_a_draft_that_is_thrown_away_frees_its_hours(agreed, database, cast):
    await put(database, cast, entry())
    await draft(database, cast)
    async with database.write() as db:
        await drafts.discard_draft(db, await cast.scope(db, "wei"), 1)
    await put(database, cast, entry(hours="3"))
    assert (await draft(database, cast)).net_minor == 30_000


@pytest.mark.parametrize(
    ("change", "free"),
    [
        ({}, ["Design"]),
        ({"number": "2"}, ["Design"]),
        ({"name": "Design and development"}, []),
        ({"quantity": "3.5"}, []),
        ({"unit": "LS", "name": "Work"}, []),
    ],
)
async def test_hours_whose_line_is_taken_out_of_a_draft_are_free_unless_another_may_bill_them(
    agreed, database, cast, change, free
):
    await put(database, cast, entry(), entry("t-2", role="Design", hours="1"))
    row = await draft(database, cast, rates={"Design": Rate(Decimal(80), TaxCategory.STANDARD, Decimal(19))})
    (development,) = [one for one in row.draft["lines"] if one["name"] == "Development"]
    async with database.write() as db:
        await drafts.change_draft(db, await cast.scope(db, "wei"), 1, {"lines": [development | change]})
    async with database.read() as db:
        unbilled = await time.entries(db, await cast.scope(db, "wei"), unbilled=True)
    assert [one.role for one in unbilled] == free


async def test_the_ceiling_is_not_exceeded(agreed, database, cast):
    await put(database, cast, entry(hours="5"), entry("t-2", hours="0.01"))
    with pytest.raises(Conflict) as refused:
        await draft(database, cast)
    assert "500.00 EUR by 1.00" in refused.value.message
    await put(database, cast, entry("t-2", hours="0.01", billable=False))
    assert (await draft(database, cast)).net_minor == 50_000


@pytest.fixture
async def almost(agreed, database, cast):
    """A draft of 499.00."""
    async with database.write() as db:
        await drafts.draft_lines(db, await cast.scope(db, "wei"), "Work", {"lines": [work("499")]})


def work(price):
    return {"number": "1", "name": "Work", "quantity": "1", "unit": "LS", "unit_price": price, "category": "S",
            "rate": "19"}  # fmt: skip


async def test_nor_by_lines_that_are_written_by_hand(almost, database, cast):
    with pytest.raises(Conflict):
        async with database.write() as db:
            await drafts.draft_lines(db, await cast.scope(db, "wei"), "More", {"lines": [work("1.01")]})


async def test_nor_by_a_milestone_which_is_confirmed_all_the_same(almost, database, cast, keys):
    async with database.write() as db:
        wei = await cast.scope(db, "wei")
        milestone = await projects.add_milestone(db, wei, name="Beta")
        part = {"kind": "milestone", "milestone": milestone.number, "text": "Beta", "percent": "100"}
        await plan.set_plan(db, wei, 0, [part])
    await confirmed(database, cast, keys, milestone.number)
    async with database.read() as db:
        wei = await cast.scope(db, "wei")
        assert (await plans.milestone(db, wei, milestone.number)).accepted_on is not None
        told = [one for one in await ledger.latest(db, wei.project_id, wei.audiences) if "not_drafted" in one.kind]
        assert "500.00 EUR by 299.00" in told[0].body["reason"]
        assert len(await queries.invoices(db, wei)) == 1


async def test_nor_by_changing_a_draft(almost, database, cast):
    async with database.write() as db:
        await drafts.change_draft(db, await cast.scope(db, "wei"), 1, {"lines": [work("500")]})
    with pytest.raises(Conflict):
        async with database.write() as db:
            await drafts.change_draft(db, await cast.scope(db, "wei"), 1, {"lines": [work("500.01")]})


async def test_nor_by_issuing_what_was_drafted_before_an_amendment_lowered_it(almost, database, cast, keys):
    less = {"title": "Less", "lines": [line(quantity="-1")]}
    await answer(database, cast, keys, await an_offer(database, cast, less))
    with pytest.raises(Conflict) as refused:
        await quick(database, cast)
    assert "400.00 EUR by 99.00" in refused.value.message


async def test_a_role_without_a_rate_is_named_and_a_given_rate_counts(agreed, database, cast):
    await put(database, cast, entry(role="Design"))
    with pytest.raises(Invalid) as refused:
        await draft(database, cast)
    assert (refused.value.field, refused.value.value) == ("rates", "Design")
    row = await draft(database, cast, rates={"Design": Rate(Decimal("80.125"), TaxCategory.STANDARD, Decimal(19))})
    assert (row.net_minor, row.draft["lines"][0]["unit_price"]) == (20_031, "80.125")


async def test_a_contract_of_a_fixed_price_has_no_ceiling(database, cast):
    await set_stage(database, cast)
    await bill(database, cast)
    await put(database, cast, *(entry(f"t-{at}", hours="24", role="The bridge") for at in range(5)))
    assert (await draft(database, cast)).net_minor == 1_200_000


async def test_a_period_begins_before_it_ends(agreed, database, cast):
    with pytest.raises(Invalid):
        await draft(database, cast, LAST, FIRST)


@pytest.mark.parametrize("who", ["dan", "ada", "finn"])
async def test_hours_are_for_finance_and_managers(agreed, database, cast, who):
    with pytest.raises(NotAllowed):
        await put(database, cast, entry(), who=who)
    async with database.read() as db:
        with pytest.raises(NotFound):
            await time.entries(db, await cast.scope(db, who))


async def test_nobody_without_the_right_hears_of_hours(agreed, database, cast):
    await put(database, cast, entry())
    async with database.read() as db:
        for who, hears in (("maria", True), ("dan", False), ("finn", False)):
            scope = await cast.scope(db, who)
            told = await ledger.latest(db, scope.project_id, scope.audiences)
            assert ("time.recorded" in [one.kind for one in told]) is hears


def test_a_csv_is_read():
    text = '\ufeffRef;Day;Hours;Role;Text;Item;Billable\r\nt-1;2026-11-03;2.5;Dev;"a; b";#7;no\r\n;;;;;;\r\n'
    assert time_csv.entries(text.encode()) == [
        {"ref": "t-1", "day": date(2026, 11, 3), "hours": "2.5", "role": "Dev", "text": "a; b", "item": 7,
         "billable": False}
    ]  # fmt: skip


@pytest.mark.parametrize("text", [
    "", "ref,day\n", "ref,day,hours,role,text,cost\n", "ref,ref,day,hours,role,text\n",
    "ref,day,hours,role,text\na,b\n", "ref,day,hours,role,text\na,3.11.2026,1,x,y\n", 'ref,day,hours,role,text\n"a',
    "ref,day,hours,role,text,item\na,2026-11-03,1,x,y,seven\n",
    "ref,day,hours,role,text,billable\na,2026-11-03,1,x,y,?\n",
    "ref,day,hours,role,text\na\x00,2026-11-03,1,x,y\n",
])  # fmt: skip
def test_a_csv_that_is_none_is_refused(text):
    with pytest.raises(Invalid):
        time_csv.entries(text.encode())


def test_a_csv_in_another_encoding_is_refused():
    with pytest.raises(Invalid):
        time_csv.entries("ref,day,hours,role,text\nä".encode("latin-1"))


async def test_hours_of_an_invoice_that_was_taken_back_are_corrected_and_billed_anew(agreed, database, cast, store):
    await put(database, cast, entry(), entry("t-2", hours="1"))
    await draft(database, cast)
    await quick(database, cast)
    with pytest.raises(Conflict):
        await put(database, cast, entry(hours="2"))
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "The hours were wrong.")
    assert await put(database, cast, entry(hours="2")) == Kept(0, 1, 0)
    assert (await draft(database, cast)).net_minor == 30_000
