"""Billing over HTTP: from the issuer to the paid invoice, money as text, and nothing of it for who may see no money."""

import asyncio
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from fastapi import FastAPI

from portal.billing import seals
from portal.db import Database
from tests.api.conftest import Api, at_fault, settings_for
from tests.support import seals as certificates
from tests.support.billing import Slow, quick
from tests.support.cast import Cast

B = "/v1/projects/BRIDGE"
PARTY = {
    "name": "Acme Logistics SE", "country": "DE", "address": ["Hafenallee 1"], "city": "Bremen", "postcode": "28195",
    "vat_id": "DE115235681", "electronic": {"scheme": "EM", "value": "invoices@acme.example"},
}  # fmt: skip
SELLER = PARTY | {
    "name": "Bright Harbour Studio GmbH", "vat_id": "DE136695976",
    "contact": {"name": "Ada", "phone": "+49 40 1", "email": "ada@bright-harbour.example"},
}  # fmt: skip
PAYMENT = {"iban": "DE89370400440532013000", "holder": "Bright Harbour Studio GmbH"}
WORK = {"text": "Work", "quantity": "100", "unit": "HUR", "unit_price": "100", "tax_category": "S", "tax_rate": "19"}
CONTRACT = {"kind": "fixed_price", "bought": "It", "lines": [WORK], "signed_on": "2026-11-02", "currency": "EUR"}
LINE = {"number": "1", "name": "Consulting", "quantity": "2.5", "unit": "HUR", "unit_price": "118.50",
        "category": "S", "rate": "19", "why": "Asked for"}  # fmt: skip
PLAN = {"items": [{"kind": "milestone", "milestone": 1, "text": "Beta", "percent": "40"},
                  {"kind": "date", "due_on": "2026-11-20", "text": "End", "percent": "60"}]}  # fmt: skip


@pytest.fixture
async def ready(api: Api) -> Api:
    """Issuer, contract, milestone, account and plan."""
    await api.post("/v1/issuers", {"code": "BH", "party": SELLER, "payment": PAYMENT}, by="root")
    await api.post(f"{B}/milestones", {"name": "Beta"})
    await api.post(f"{B}/contract", CONTRACT)
    await api.post(f"{B}/billing/account", {"issuer": "BH", "buyer": PARTY}, by="maria")
    await api.post(f"{B}/billing/plan", PLAN, expect=200)
    return api


async def test_from_the_plan_to_the_paid_invoice(ready: Api) -> None:
    plan = (await ready.get(f"{B}/billing/plan"))["items"]
    assert [one["net"]["amount"] for one in plan] == ["4000.00", "6000.00"]
    draft = await ready.post(f"{B}/invoices/planned", {"parts": [2]})
    assert (draft["state"], draft["gross"]["amount"], draft["reference"]) == ("draft", "7140.00", None)
    invoice = await ready.post(f"{B}/invoices/1/issue", by="maria", expect=200)
    assert (invoice["state"], set(invoice["files"])) == ("issued", {"pdf", "cii", "ubl"})
    number = invoice["files"]["pdf"]["number"]
    pdf = await ready.call("GET", f"{B}/files/{number}/content")
    assert pdf.content[:5] == b"%PDF-"
    await ready.call("GET", f"{B}/files/{number}/content", by="dan", expect=404)
    paid = await ready.post(f"{B}/invoices/1/payments", {"amount": "7140", "paid_on": "2026-11-20"}, by="maria")
    assert paid["amount"] == {"amount": "7140.00", "currency": "EUR"}
    after = await ready.get(f"{B}/invoices/1")
    assert (after["state"], after["open"]["amount"], after["paid"]["amount"]) == ("paid", "0.00", "7140.00")
    assert len((await ready.get(f"{B}/invoices/1/payments"))["items"]) == 1


async def test_an_issuer_with_a_certificate_signs_and_one_whose_certificate_ended_is_refused(
    ready: Api, portal: FastAPI, tmp_path: Path
) -> None:
    for number, ends in enumerate((timedelta(days=-1), timedelta(days=30)), start=1):
        files = certificates.make(tmp_path / str(number), ends=ends)
        settings = settings_for(tmp_path, invoice_signatures={"BH": files.setting()})
        portal.state.seals = seals.open_seals(settings)
        await ready.post(f"{B}/invoices", {"title": "Hours", "lines": [LINE]})
        await ready.post(f"{B}/invoices/1/issue", by="maria", expect=409 if number == 1 else 200)
    invoice = await ready.get(f"{B}/invoices/1")
    assert (invoice["reference"][-4:], invoice["files"]["pdf"]["signature"]) == ("0001", "B-B")
    assert invoice["files"]["cii"]["signature"] is None


@pytest.mark.parametrize("path", ["issue", "credit"])
async def test_the_project_goes_on_while_an_authority_is_asked(
    ready: Api, portal: FastAPI, database: Database, cast: Cast, path: str
) -> None:
    await ready.post(f"{B}/invoices", {"title": "Hours", "lines": [LINE]})
    if path == "credit":
        await quick(database, cast)
    portal.state.seals = slow = Slow()
    body, status = (None, 200) if path == "issue" else ({"reason": "Wrong"}, 201)
    asking = asyncio.create_task(ready.post(f"{B}/invoices/1/{path}", body, by="maria", expect=status))
    await slow.asked.wait()
    async with asyncio.timeout(60):
        await ready.post(f"{B}/milestones", {"name": "Meanwhile"})
    slow.answers.set()
    answer = await asking
    assert (answer["reference"][-4:], answer["files"]["pdf"]["signature"]) == (
        "0001" if path == "issue" else "0002", "B-T"
    )  # fmt: skip


async def test_a_milestone_that_is_not_accepted_needs_a_reason(ready: Api) -> None:
    refused = await ready.call("POST", f"{B}/invoices/planned", json={"parts": [1]}, expect=422)
    assert at_fault(refused) == [("body", "/unaccepted_reason")]
    draft = await ready.post(f"{B}/invoices/planned", {"parts": [1], "unaccepted_reason": "By mail"})
    assert "By mail" in draft["lines"][0]["why"]


async def test_a_confirmation_is_asked_for(ready: Api) -> None:
    asked = await ready.post(f"{B}/milestones/1/confirmation", {"holds_up": "The rest"})
    assert asked == {"decision": 1, "milestone": 1, "version": 1}
    await ready.post(f"{B}/milestones/1/confirmation", {}, by="dan", expect=403)


async def test_a_draft_is_edited_with_its_etag_and_thrown_away(ready: Api) -> None:
    await ready.post(f"{B}/invoices", {"title": "Hours", "lines": [LINE]})
    etag = (await ready.call("GET", f"{B}/invoices/1")).headers["etag"]
    changed = await ready.patch(f"{B}/invoices/1", {"order_number": "PO-7", "delivered_on": "2026-11-20"}, match=etag)
    assert (changed["draft"]["order_number"], changed["draft"]["delivered_on"]) == ("PO-7", "2026-11-20")
    await ready.patch(f"{B}/invoices/1", {"order_number": "PO-8"}, match=etag, expect=412)
    await ready.call("DELETE", f"{B}/invoices/1", expect=428)
    await ready.call("DELETE", f"{B}/invoices/1", match="*", expect=204)
    await ready.get(f"{B}/invoices/1", expect=404)


async def test_what_is_issued_is_taken_back_by_a_credit_note_alone(ready: Api) -> None:
    await ready.post(f"{B}/invoices", {"title": "Hours", "lines": [LINE]})
    await ready.post(f"{B}/invoices/1/issue", by="maria", expect=200)
    await ready.patch(f"{B}/invoices/1", {"title": "Else"}, expect=409)
    await ready.call("DELETE", f"{B}/invoices/1", match="*", expect=409)
    note = await ready.post(f"{B}/invoices/1/credit", {"reason": "Wrong hours"}, by="maria")
    assert (note["kind"], note["takes_back"], note["number"]) == ("credit_note", 1, 2)
    assert (await ready.get(f"{B}/invoices/1"))["taken_back_by"] == 2
    await ready.post(f"{B}/invoices/1/payments", {"amount": "1", "paid_on": "2026-11-20"}, by="maria", expect=409)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"lines": [LINE | {"quantity": 2.5}]}, "/lines/0/quantity"),
        ({"lines": [LINE | {"unit_price": "NaN"}]}, "/lines/0/unit_price"),
        ({"lines": [LINE | {"unit_price": "-1"}]}, "/lines/0/unit_price"),
        ({"lines": [LINE | {"unit": "hour"}]}, "/lines/0/unit"),
        ({"lines": [LINE | {"number": "1"}, LINE]}, "/lines/1/number"),
        ({"lines": []}, "/lines"),
        ({"prepaid": "1e3"}, "/prepaid"),
        ({"total": "1.00"}, "/total"),
        ({"delivered_on": "yesterday"}, "/delivered_on"),
    ],
)
async def test_what_is_wrong_in_a_draft_is_named(ready: Api, wrong: dict, pointer: str) -> None:
    answer = await ready.call("POST", f"{B}/invoices", json={"title": "X", "lines": [LINE]} | wrong, expect=422)
    assert pointer in [one["field"] for one in answer.json()["errors"]]


@pytest.mark.parametrize("wrong", [
    {"buyer": PARTY | {"vat_id": "DE115235682"}}, {"buyer": PARTY | {"country": "XX"}}, {"issuer": "NOBODY"},
    {"language": "xx"}, {"payment_days": 400},
])  # fmt: skip
async def test_a_wrong_account_is_refused(ready: Api, wrong: dict) -> None:
    await ready.patch(f"{B}/billing/account", wrong, by="maria", expect=422)


@pytest.mark.parametrize("wrong", [
    {"items": [{"kind": "date", "text": "x", "due_on": "2026-12-01", "percent": "99"}]},
    {"items": [{"kind": "date", "text": "x", "percent": "100"}]},
    {"items": [{"kind": "milestone", "text": "x", "percent": "100"}]},
])  # fmt: skip
async def test_a_plan_that_is_not_the_whole_is_refused(ready: Api, wrong: dict) -> None:
    await ready.post(f"{B}/billing/plan", wrong, expect=422)


async def test_an_account_is_changed_with_its_etag(ready: Api) -> None:
    etag = (await ready.call("GET", f"{B}/billing/account")).headers["etag"]
    changed = await ready.patch(f"{B}/billing/account", {"order_number": "PO-1"}, match=etag, by="maria")
    assert (changed["order_number"], changed["payment_days"]) == ("PO-1", 30)
    await ready.patch(f"{B}/billing/account", {"order_number": "PO-2"}, match=etag, by="maria", expect=412)


async def test_issuers_are_recorded_by_an_admin_and_read_by_finance(ready: Api) -> None:
    body = {"code": "BH2", "party": SELLER, "payment": PAYMENT, "logo": "iVBORw0KGgo="}
    await ready.post("/v1/issuers", body, by="maria", expect=403)
    assert (await ready.post("/v1/issuers", body, by="root"))["has_logo"] is True
    await ready.post("/v1/issuers", body | {"logo": "§"}, by="root", expect=422)
    assert [one["code"] for one in (await ready.get("/v1/issuers", by="maria"))["items"]] == ["BH", "BH2"]
    await ready.get("/v1/issuers", by="dan", expect=403)


async def test_a_developer_of_the_agency_finds_nothing_of_money(ready: Api) -> None:
    await ready.post(f"{B}/invoices", {"title": "Hours", "lines": [LINE]})
    for path in ("/invoices", "/invoices/1", "/invoices/1/payments", "/invoices/1/words", "/billing/account",
                 "/billing/plan", "/time"):  # fmt: skip
        await ready.get(f"{B}{path}", by="dan", expect=404)
    for path in ("/v1/receivables", "/v1/bank/entries", "/v1/bookkeeping.csv?since=2026-11-01&until=2026-11-30"):
        await ready.call("GET", path, by="dan", expect=403)
    told = (await ready.call("GET", f"{B}/events", by="dan")).text
    assert ("invoice" in told, "296.25" in told) == (False, False)


async def test_questions_are_answered(ready: Api, database: Database, cast: Cast) -> None:
    await ready.post(f"{B}/invoices", {"title": "Hours", "lines": [LINE]})
    await quick(database, cast)
    await ready.post(f"{B}/invoices/1/answers", {"text": "Hello", "settles": True}, expect=409)
    answer = await ready.post(f"{B}/invoices/1/answers", {"text": "Here it is."})
    assert (answer["kind"], answer["by_staff"], answer["minutes"]) == ("answer", True, None)
    assert len((await ready.get(f"{B}/invoices/1/words"))["items"]) == 1


async def test_a_page_of_invoices_leads_to_the_next(ready: Api) -> None:
    for title in ("One", "Two", "Three"):
        await ready.post(f"{B}/invoices", {"title": title, "lines": [LINE]})
    page = await ready.get(f"{B}/invoices?limit=2")
    assert [one["title"] for one in page["items"]] == ["Three", "Two"]
    rest = await ready.get(f"{B}/invoices?limit=2&cursor={page['next']}")
    assert ([one["title"] for one in rest["items"]], rest["next"]) == (["One"], None)
    assert (await ready.get(f"{B}/invoices?state=paid"))["items"] == []


async def test_hours_are_sent_twice_and_billed_once(ready: Api) -> None:
    entry = {"ref": "t-1", "day": "2026-11-03", "hours": "2.5", "role": "Work", "text": "Export"}
    sent = {"entries": [entry, entry | {"ref": "t-2", "hours": "0.25", "text": "Test"}]}
    assert await ready.post(f"{B}/time", sent, expect=200) == {"added": 2, "changed": 0, "same": 0}
    assert await ready.post(f"{B}/time", sent, expect=200) == {"added": 0, "changed": 0, "same": 2}
    csv = "ref;day;hours;role;text\r\nt-2;2026-11-03;0.5;Work;Test\r\n"
    kept = await ready.call("POST", f"{B}/time/csv", content=csv.encode(), headers={"Content-Type": "text/csv"})
    assert kept.json() == {"added": 0, "changed": 1, "same": 0}
    draft = await ready.post(f"{B}/time/invoice", {"since": "2026-11-01", "until": "2026-11-30"})
    assert (draft["net"]["amount"], draft["lines"][0]["entries"]) == ("300.00", 2)
    await ready.post(f"{B}/time/invoice", {"since": "2026-11-01", "until": "2026-11-30"}, expect=409)
    await ready.post(f"{B}/time", {"entries": [entry | {"hours": "3"}]}, expect=409)
    assert (await ready.get(f"{B}/time?unbilled=true"))["items"] == []


STATEMENT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Acct><Id>
<IBAN>DE89370400440532013000</IBAN></Id></Acct><Ntry><Amt Ccy="EUR">352.54</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>
<Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>B-1</AcctSvcrRef><NtryDtls><TxDtls><RmtInf>
<Ustrd>{words}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"""


async def test_a_bank_statement_pays_invoices_once(ready: Api) -> None:
    await ready.post(f"{B}/invoices", {"title": "Hours", "lines": [LINE]})
    reference = (await ready.post(f"{B}/invoices/1/issue", by="maria", expect=200))["reference"]
    xml = {"headers": {"Content-Type": "application/xml"}, "by": "maria"}
    content = STATEMENT.format(words=f"Invoice {reference}, thanks").encode()
    first = await ready.call("POST", "/v1/bank/statements", content=content, **xml)
    again = await ready.call("POST", "/v1/bank/statements", content=content, **xml)
    assert [first.json(), again.json()] == [
        {"matched": 1, "unmatched": 0, "known": 0}, {"matched": 0, "unmatched": 0, "known": 1},
    ]  # fmt: skip
    assert (await ready.get(f"{B}/invoices/1"))["state"] == "paid"


async def test_an_entry_that_names_nothing_is_matched_or_set_aside_by_hand(ready: Api) -> None:
    await ready.post(f"{B}/invoices", {"title": "Hours", "lines": [LINE]})
    await ready.post(f"{B}/invoices/1/issue", by="maria", expect=200)
    xml = {"headers": {"Content-Type": "application/xml"}, "by": "maria"}
    await ready.call("POST", "/v1/bank/statements", content=STATEMENT.format(words="Thanks").encode(), **xml)
    (entry,) = (await ready.get("/v1/bank/entries", by="maria"))["items"]
    assert (entry["note"], entry["amount"]["amount"]) == ("It names no invoice of ours.", "352.54")
    address = f"/v1/bank/entries/{entry['id']}"
    await ready.post(f"{address}/match", {"project": "BRIDGE", "invoice": 9}, by="maria", expect=404)
    matched = await ready.post(f"{address}/match", {"project": "BRIDGE", "invoice": 1}, by="maria", expect=200)
    assert matched["state"] == "matched"
    await ready.post(f"{address}/set-aside", {"note": "Interest"}, by="maria", expect=409)
    await ready.call("POST", "/v1/bank/statements", content=b"<x/>", **xml | {"by": "wei"}, expect=403)
    await ready.call("POST", "/v1/bank/statements", content=b"<x/>", **xml, expect=422)
    await ready.call("POST", "/v1/bank/statements", json={}, by="maria", expect=415)


async def test_receivables_and_the_export_for_bookkeeping(ready: Api) -> None:
    await ready.post(f"{B}/invoices", {"title": "=Hours", "lines": [LINE]})
    issued = await ready.post(f"{B}/invoices/1/issue", by="maria", expect=200)
    await ready.post(f"{B}/invoices/1/payments", {"amount": "52.54", "paid_on": issued["issued_on"]}, by="maria")
    owed = await ready.get("/v1/receivables", by="maria")
    (client,) = owed["items"]
    assert (client["client"], client["total"]["amount"], client["ages"][0]["age"]) == ("Acme", "300.00", "current")
    assert owed["totals"][0]["ages"][0]["amount"] == {"amount": "300.00", "currency": "EUR"}
    day = issued["issued_on"]
    export = (await ready.call("GET", f"/v1/bookkeeping.csv?since={day}&until={day}", by="maria")).text
    lines = export.lstrip("\ufeff").splitlines()
    assert lines[1].startswith(f"invoice,{day},{issued['reference']},BRIDGE,Acme,DE115235681,")
    assert lines[1].endswith("S,19,EUR,296.25,56.29,352.54,,'=Hours")
    assert lines[2].endswith("EUR,,,,52.54,")
    for query in ("since=2026-11-30&until=2026-11-01", "since=2020-01-01&until=2026-01-01", "since=x&until=y"):
        await ready.call("GET", f"/v1/bookkeeping.csv?{query}", by="maria", expect=422)
        await ready.call("GET", f"/v1/bookkeeping.zip?{query}", by="maria", expect=422)


async def test_the_batch_for_an_accountant_holds_what_was_issued(ready: Api) -> None:
    await ready.post(f"{B}/invoices", {"title": "Hours", "lines": [LINE]})
    issued = await ready.post(f"{B}/invoices/1/issue", by="maria", expect=200)
    query = f"since={issued['issued_on']}&until={issued['issued_on']}&issuer=BH"
    answer = await ready.call("GET", f"/v1/bookkeeping.zip?{query}&xml=ubl", by="maria")
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/zip", "no-store")
    with ZipFile(BytesIO(answer.content)) as archive:
        reference = issued["reference"]
        assert archive.namelist() == ["bookkeeping.csv", f"{reference}-ubl.xml", f"{reference}.pdf"]
        assert sha256(archive.read(f"{reference}.pdf")).hexdigest() == issued["files"]["pdf"]["sha256"]
    for wrong in ("issuer=NO", "issuer=bh", "xml=pdf"):
        await ready.call("GET", f"/v1/bookkeeping.zip?{wrong}", by="maria", expect=422)
    await ready.call("GET", f"/v1/bookkeeping.zip?{query}", by="wei", expect=403)
