"""Invoices in the browser: why each line is there, where the money stands, questions in place; no trace for others."""

import csv
import re
from datetime import timedelta
from io import BytesIO, StringIO
from unittest.mock import patch
from zipfile import ZipFile

import pypdfium2
import pytest

from portal.billing import accounts, disputes, drafts, files, issuing
from portal.billing.models import InvoiceState
from tests.support.billing import confirmed, drafted, issued, paid, planned, quick
from tests.support.statements import counting
from tests.web.conftest import browser, portal

__all__ = ["browser", "portal"]
B = "/projects/BRIDGE"


@pytest.fixture
async def billed(database, cast, browser):
    """BRIDGE with an invoice of 4,760.00, issued without its files."""
    await planned(database, cast)
    await drafted(database, cast)
    await quick(database, cast)
    return browser


async def test_an_invoice_says_why_each_line_is_there_and_what_it_comes_to(billed):
    page = await billed.open(f"{B}/invoices/1", "finn")
    account = "DE89 3704 0044 0532 0130 00"
    for words in ("End of warranty", "by the contract", "€4,000.00", "€760.00", "€4,760.00", account):
        assert words in page.text


async def test_the_files_can_be_saved_by_who_sees_money_alone(database, cast, store, portal, browser):
    await planned(database, cast)
    await drafted(database, cast)
    row = await issued(database, cast, portal.state.files)
    page = await browser.open(f"{B}/invoices/1", "finn")
    addresses = [a.get("href") for a in page.all("a") if "/files/" in a.get("href")]
    assert len(addresses) == 3
    for address in addresses:
        assert (await browser.get(address, "finn")).status_code == 200
        assert (await browser.get(address, "eve")).status_code == 404
    assert (await browser.get(addresses[0], "finn")).content[:5] == b"%PDF-"
    assert row.files["pdf"]["number"] == int(addresses[0].rpartition("/")[2])


@pytest.mark.parametrize("is_signed", [True, False])
async def test_a_pdf_is_called_signed_when_it_is_and_stands_alone_where_there_is_no_xml(
    database, cast, browser, is_signed
):
    async def files_of(*_):
        return {"pdf": {"number": 1, "sha256": "00" * 32, "size": 9} | ({"signature": "B-B"} if is_signed else {})}

    await planned(database, cast)
    await drafted(database, cast)
    with patch.object(files, "make_and_keep", files_of):
        await issued(database, cast, None)
    page = await browser.open(f"{B}/invoices/1", "finn")
    assert ("Signed PDF" in page.text, "XML" in page.text) == (is_signed, False)


async def test_the_list_says_where_the_money_stands_and_what_is_to_come(billed, database, cast):
    await paid(database, cast, "1000")
    page = await billed.open(f"{B}/invoices", "finn")
    for words in ("Partly paid", "€4,760.00", "€1,000.00", "€3,760.00", "Opening", "€7,140.00", "1 Mar 2027"):
        assert words in page.text
    assert len(page.all("figure")) == 1


async def test_what_is_late_by_the_projects_day_is_marked(billed, database, cast, monkeypatch):
    async with database.read() as db:
        today = (await cast.scope(db, "finn")).today
    assert "Overdue" not in (await billed.open(f"{B}/invoices", "finn")).text
    monkeypatch.setattr("portal.access.scope.Scope.today", property(lambda self: today + timedelta(days=31)))
    assert (await billed.open(f"{B}/invoices", "finn")).text.count("Overdue") == 2
    assert "Overdue" in (await billed.open(f"{B}/invoices/1", "finn")).text


async def test_a_draft_is_the_agencys_own(database, cast, browser):
    await planned(database, cast)
    await drafted(database, cast)
    for who in ("ada", "finn"):
        assert (await browser.get(f"{B}/invoices/1", who)).status_code == 404
        assert "Draft" not in (await browser.open(f"{B}/invoices", who)).text
    assert "Draft 1" in (await browser.open(f"{B}/invoices/1", "maria")).text


@pytest.mark.parametrize("who", ["eve", "dan"])
async def test_there_is_no_trace_of_invoices_for_who_may_see_no_money(billed, who):
    for path in ("/invoices", "/invoices/1", "/statement.csv", "/statement.pdf", "/statement.xlsx"):
        assert (await billed.get(f"{B}{path}", who)).status_code == 404
    for path in ("", "/activity", "/milestones"):
        text = (await billed.open(f"{B}{path}", who)).text
        assert re.search("invoice|BH-20|4,760|4,000", text, re.IGNORECASE) is None


async def test_a_developer_of_the_agency_hears_nothing_of_drafts(billed, database, cast):
    await drafted(database, cast, 1, unaccepted_reason="Agreed")
    assert "invoice" not in (await billed.open(f"{B}/activity", "dan")).text.lower()
    assert "An invoice was drafted" in (await billed.open(f"{B}/activity", "maria")).text


async def test_nothing_about_invoices_moves_an_etag_of_who_may_see_no_money(billed, database, cast):
    before = (await billed.get(B, "eve")).headers["etag"]
    await paid(database, cast, "5")
    assert (await billed.get(B, "eve")).headers["etag"] == before


async def test_a_client_asks_and_disputes_in_place_and_the_clock_runs(billed, database, cast):
    empty = await billed.post(f"{B}/invoices/1/words", "finn", text=" ")
    assert (empty.status_code, "Write something first" in empty.text) == (422, True)
    answer = await billed.post(f"{B}/invoices/1/words", "finn", text="Why <so> much?")
    assert answer.status_code == 303
    page = await billed.open(f"{B}/invoices/1", "finn")
    assert ("Why &lt;so&gt; much?" in page.text, "has been asked for" in page.text) == (True, True)
    assert (await billed.post(f"{B}/invoices/1/words", "finn", text="Twice", kind="dispute")).status_code == 303
    disputed = await billed.open(f"{B}/invoices/1", "ada")
    assert ("Disputed since" in disputed.text, "Dispute the invoice" in disputed.text) == (True, False)
    again = await billed.post(f"{B}/invoices/1/words", "finn", text="Thrice", kind="dispute")
    assert (again.status_code, "disputed already" in again.text, "Thrice" in again.text) == (422, True, True)
    async with database.write() as db:
        await disputes.answer(db, await cast.scope(db, "maria"), 1, "It is right.", settles=True)
    settled = await billed.open(f"{B}/invoices/1", "finn")
    assert ("has been asked for" in settled.text, "answered after" in settled.text) == (False, True)


@pytest.mark.parametrize(("who", "status"), [("eve", 403), ("maria", 403), ("dan", 403), ("mallory", 404)])
async def test_nobody_speaks_for_the_clients_clerk(billed, who, status):
    assert (await billed.post(f"{B}/invoices/1/words", who, text="Hm")).status_code == status


async def test_what_was_taken_back_leads_to_its_credit_note_and_back(billed, database, cast, store):
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Written twice")
    taken = await billed.open(f"{B}/invoices/1", "finn")
    assert (f"{B}/invoices/2" in taken.text, "nothing is to be paid" in taken.text) == (True, True)
    note = await billed.open(f"{B}/invoices/2", "finn")
    assert (f"{B}/invoices/1" in note.text, "Written twice" in note.text) == (True, True)
    assert "Taken back" in (await billed.open(f"{B}/invoices", "finn")).text


async def test_the_statement_balances_line_by_line(billed, database, cast, store):
    await paid(database, cast, "1000", text="=HYPERLINK(1)")
    await paid(database, cast, "-250.50")
    async with database.write() as db:
        await issuing.credit(db, await cast.scope(db, "maria"), store, 1, "Written twice")
    rows = list(csv.DictReader(StringIO((await billed.get(f"{B}/statement.csv", "finn")).text.lstrip("\ufeff"))))
    assert [(one["kind"], one["charged"], one["received"], one["balance"]) for one in rows] == [
        ("invoice", "4760.00", "", "4760.00"), ("credit_note", "-4760.00", "", "0.00"),
        ("payment", "", "1000.00", "-1000.00"), ("paid_back", "", "-250.50", "-749.50"),
    ]  # fmt: skip
    assert rows[2]["text"] == "'=HYPERLINK(1)"


async def test_the_statement_is_a_workbook_of_numbers_and_a_pdf(billed, database, cast):
    await paid(database, cast, "1000", text="=1+1")
    book = ZipFile(BytesIO((await billed.get(f"{B}/statement.xlsx", "finn")).content))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert ("<v>4760</v>" in sheet, "<f>" in sheet) == (True, False)
    pdf = await billed.get(f"{B}/statement.pdf", "finn")
    assert (pdf.content[:5], pdf.headers["content-type"]) == (b"%PDF-", "application/pdf")
    said = pypdfium2.PdfDocument(pdf.content)[0].get_textpage().get_text_range()
    for words in ("End of warranty", "=1+1", "Due", "€3,760.00"):
        assert words in said


async def test_a_statement_of_nothing_is_empty_in_every_form(database, cast, browser):
    assert (await browser.get(f"{B}/statement.csv", "finn")).text.count("\n") == 1
    for ending in ("xlsx", "pdf"):
        assert (await browser.get(f"{B}/statement.{ending}", "finn")).status_code == 200


async def test_the_front_page_shows_the_budget(billed, database, cast):
    await paid(database, cast, "1000")
    text = (await billed.open(B, "finn")).text
    for words in ("What does it cost?", "€10,000.00", "€4,000.00", "€6,000.00", "€1,000.00 are paid", "€3,760.00 are"):
        assert words in text


async def test_pages_cost_few_statements(billed, database, cast):
    await paid(database, cast, "1000")
    for path, most in (("/invoices", 3), ("/invoices/1", 3), ("/statement.csv", 2)):
        with counting(database) as statements:
            await billed.get(f"{B}{path}", "finn")
        assert len(statements) <= most + 2, path


async def test_a_confirmed_milestone_says_so(database, cast, browser, keys):
    await planned(database, cast)
    await confirmed(database, cast, keys)
    for path in ("/milestones", "/milestones/1"):
        assert "Confirmed by the client on" in (await browser.open(f"{B}{path}", "eve")).text


async def test_a_page_of_an_invoice_in_yen_has_no_places(database, cast, browser):
    await planned(database, cast)
    async with database.write() as db:
        scope = await cast.scope(db, "maria")
        await accounts.put_account(db, scope, {"language": "ru"})
        line = {"number": "1", "name": "Work", "quantity": "3", "unit": "HUR", "unit_price": "0.333333",
                "category": "S", "rate": "19"}  # fmt: skip
        made = await drafts.draft_lines(db, scope, "Hours", {"lines": [line]})
    assert made.state is InvoiceState.DRAFT
    assert "€0.333333" in (await browser.open(f"{B}/invoices/1", "maria")).text
