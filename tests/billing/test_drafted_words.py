"""What the portal itself writes into a draft is in the language of the invoice."""

from datetime import date

import pytest
import time_machine

from portal.billing import accounts, drafts, periods, plan, queries, stored, time, xml
from portal.billing.document import Exemption, TaxCategory
from portal.billing.figures import Figures
from portal.billing.words import LANGUAGES
from portal.errors import Invalid
from tests.support import invoices
from tests.support.billing import bill, quick
from tests.support.changes import an_offer, answer, line, sign

RETAINER = {"kind": "retainer", "period": "month", "milestones": []}
HOURS = {"kind": "time_and_materials", "ceiling": "500", "milestones": [],
         "lines": [line(text="Development", quantity="3")]}  # fmt: skip
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
RETAINED = {
    "en": ("Retainer, ", "Retainer by the contract"), "de": ("Pauschale, ", "Pauschale; Vertrag"),
    "ru": ("Абонентская плата, ", "Абонентская плата; договор"), "zh_CN": ("定期服务费，", "定期服务费；合同"),
}  # fmt: skip
WORKED = {
    "en": ("Hours, ", "Entries of time: 1"), "de": ("Stunden, ", "Zeiteinträge: 1"),
    "ru": ("Часы, ", "Записей о времени: 1"), "zh_CN": ("工时，", "工时记录：1条"),
}  # fmt: skip
FREE_OF_TAX = {"number": "1", "name": "Work", "quantity": "1", "unit": "LS", "unit_price": "10", "rate": "0"}


async def write(database, cast, language):
    async with database.write() as db:
        await accounts.put_account(db, await cast.scope(db, "maria"), {"language": language})


async def first_draft(database, cast):
    """The title of draft 1, without its period in the language of the draft, and why its first line is there."""
    async with database.read() as db:
        row = await queries.invoice(db, await cast.scope(db, "maria"), 1)
    return row.title.removesuffix(Figures(row.language).period(FIRST, LAST)), row.draft["lines"][0]["why"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_retainers_period(database, cast, language):
    await sign(database, cast, **RETAINER)
    await bill(database, cast)
    await write(database, cast, language)
    with time_machine.travel("2026-11-26T12:00:00Z"):
        await periods.draft_due(database)
    assert await first_draft(database, cast) == RETAINED[language]


async def test_a_retainers_line_names_the_amendment_that_it_comes_from(database, cast, keys):
    await sign(database, cast, **RETAINER)
    await bill(database, cast)
    await answer(database, cast, keys, await an_offer(database, cast, {"title": "More", "lines": [line()]}))
    await periods.draft_due(database)
    async with database.read() as db:
        row = await queries.invoice(db, await cast.scope(db, "maria"), 1)
    assert [one["why"] for one in row.draft["lines"]] == ["Retainer by the contract", "Retainer by amendment 1"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_hours(database, cast, language):
    await sign(database, cast, **HOURS)
    await bill(database, cast)
    await write(database, cast, language)
    entry = {"ref": "t-1", "day": FIRST, "hours": "2.5", "role": "Development", "text": "Export"}
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        await time.put_entries(db, scope, [entry])
        await time.draft_hours(db, scope, FIRST, LAST)
    assert await first_draft(database, cast) == WORKED[language]


@pytest.mark.parametrize(("language", "word"), [("en", "Tax no."), ("ru", "Налоговый №"), ("zh_CN", "纳税人识别号")])
def test_the_buyers_tax_number_in_the_e_invoice(language, word):
    buyer = stored.read_part(type(invoices.ACME), stored.plain(invoices.ACME) | {"tax_number": "123"}, "buyer")
    assert f"{word} 123" in xml.cii(invoices.sample(language=language, buyer=buyer)).decode()


@pytest.fixture
async def abroad(database, cast):
    """BRIDGE, whose buyer is in another country of the EU, with one line of reverse charge drafted."""
    await bill(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        french = stored.plain(invoices.ACME) | {"vat_id": "FR40303265045", "country": "FR"}
        await accounts.put_account(db, scope, {"buyer": french})
        await drafts.draft_lines(db, scope, "Work", {"lines": [FREE_OF_TAX | {"category": "AE"}]})


async def change(database, cast, **given):
    async with database.write() as db:
        await drafts.change_draft(db, await cast.scope(db, "maria"), 1, given)


class TestWhyNoTaxIsCharged:
    @pytest.mark.parametrize(("language", "word"), [("en", "Reverse charge"), ("de", "Steuerschuldnerschaft")])
    async def test_of_reverse_charge_it_is_said_by_itself_as_the_account_says_when_it_is_issued(
        self, abroad, database, cast, language, word
    ):
        await write(database, cast, language)
        (said,) = queries.document_of(await quick(database, cast)).exemptions
        assert (said.category, said.code) == (TaxCategory.REVERSE_CHARGE, "VATEX-EU-AE")
        assert said.reason.startswith(word)

    async def test_what_its_author_wrote_stays(self, abroad, database, cast):
        await change(database, cast, exemptions=[{"category": "AE", "reason": "Article 196"}])
        said = queries.document_of(await quick(database, cast)).exemptions
        assert said == (Exemption(TaxCategory.REVERSE_CHARGE, "Article 196"),)

    async def test_it_goes_with_the_lines(self, abroad, database, cast):
        await change(database, cast, lines=[FREE_OF_TAX | {"category": "S", "rate": "19"}])
        assert queries.document_of(await quick(database, cast)).exemptions == ()

    async def test_of_an_exemption_by_law_its_author_says_it(self, abroad, database, cast):
        with pytest.raises(Invalid) as refused:
            await change(database, cast, lines=[FREE_OF_TAX | {"category": "E"}])
        assert refused.value.field == "exemptions"

    async def test_a_part_of_the_plan_is_drafted_with_it(self, database, cast):
        await sign(database, cast, milestones=[], lines=[line(tax_category="AE", tax_rate="0")])
        await planned_by_day(database, cast)
        async with database.write() as db:
            await drafts.draft_plan(db, await cast.scope(db, "maria"), [1])
        assert queries.document_of(await quick(database, cast)).exemptions[0].code == "VATEX-EU-AE"


async def planned_by_day(database, cast):
    await bill(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        part = {"kind": "date", "text": "All", "percent": "100", "due_on": scope.today}
        await plan.set_plan(db, scope, 0, [part])
