"""The protocol and the sheet on paper: what stands in them, what is inside, and that the same is always the same."""

import io
import json
from hashlib import sha256

import pypdf
import pytest
from fastapi import FastAPI

from portal.acceptance import machines, papers, standing
from portal.acceptance.models import Acceptance, Outcome
from portal.db import Database
from portal.decisions import queries as decisions
from portal.decisions.models import Verdict
from portal.decisions.receipt_pdf import Agency
from portal.ledger import receipt_files, receipts
from tests.support.acceptance import add_plan, answer, ask, begun, close_round, offer, say
from tests.support.cast import Cast
from tests.support.decisions import PORTAL
from tests.support.receipts import pdf_with
from tests.web.conftest import SAME_ORIGIN, Browser
from web import protocols
from web.catalogues import catalogue

PLAN = "/projects/BRIDGE/tests/1"
PROTOCOL = f"{PLAN}/acceptances/1/protocol.pdf"
AGENCY = Agency("Bright Harbour", "#0f5a7a", PORTAL)
HOSTILE = '#panic("x") $ \\ <b>中文</b> Привет \u202e ﷽ \U0001f600 ' + "q" * 300


@pytest.fixture
async def signed(database: Database, cast: Cast, portal: FastAPI) -> Acceptance:
    """Two cases tested, a third not, and Ada's acceptance with reservations."""
    await begun(database, cast)
    await say(database, cast, "ada", 1, Outcome.PASSED)
    await say(database, cast, "eve", 2, Outcome.FAILED, remark=HOSTILE)
    await close_round(database, cast)
    asked = await ask(database, cast)
    comment = "- The footer — 2030-12-10\n- A word"
    await answer(database, cast, portal.state.keys, asked, Verdict.APPROVED_WITH_REMARKS, comment)
    async with database.read() as db:
        return await standing.acceptance(db, await cast.scope(db, "ada"), 1)


def read(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf))


def words(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in read(pdf).pages).split())


async def test_the_protocol_says_who_tested_who_signed_and_with_which_reservations(
    browser: Browser, signed: Acceptance
) -> None:
    answered = await browser.get(PROTOCOL)
    assert (answered.status_code, answered.headers["content-type"]) == (200, "application/pdf")
    said = words(answered.content)
    for one in ("Accepted with reservations", "One signs in", "Ada: Passed", "Eve: Failed", "Nobody ran it.",
                "The footer", "10 December 2030", "no day agreed", "Acme",
                signed.protocol_digest.hex(), "Missing: 1"):  # fmt: skip
        assert one in said, one


async def test_the_protocol_holds_what_was_signed_and_its_receipt_and_both_verify(
    browser: Browser, portal: FastAPI, signed: Acceptance
) -> None:
    pdf = (await browser.get(PROTOCOL)).content
    inside = {one.name: bytes(one.content) for one in read(pdf).attachment_list}
    assert inside.keys() == {"protocol.json", "receipt.json"}
    assert sha256(inside["protocol.json"]).digest() == signed.protocol_digest
    proved = receipts.verify(receipt_files.read_receipt(pdf).token, portal.state.keys.public)
    assert proved.event["body"]["of"] == "acceptance"
    assert json.loads(json.dumps(proved.disclosed["content"]))["protocol_sha256"] == signed.protocol_digest.hex()
    meta = read(pdf).xmp_metadata
    assert meta is not None
    assert (meta.pdfaid_part, meta.pdfaid_conformance) == ("3", "B")


async def test_a_protocol_is_verified_with_all_that_was_signed_and_another_one_is_refused(
    browser: Browser, signed: Acceptance
) -> None:
    pdf = (await browser.get(PROTOCOL)).content
    inside = {one.name: bytes(one.content) for one in read(pdf).attachment_list}
    forged = pdf_with(inside["receipt.json"], protocol=inside["protocol.json"].replace(b"failed", b"passed"))
    sent = [{"receipt": ("protocol.pdf", raw)} for raw in (pdf, forged)]
    good, bad = [await browser.client.post("/verify", files=files, headers=SAME_ORIGIN) for files in sent]
    assert (good.status_code, bad.status_code) == (200, 422)
    assert "The protocol attached to it is the one that was signed, to the letter." in good.text
    assert "The protocol attached to it is not the one that was signed." in bad.text


@pytest.mark.parametrize("locale", ["en", "ru", "zh_CN"])
async def test_the_same_answers_give_the_same_bytes_in_each_language(
    browser: Browser, signed: Acceptance, locale: str
) -> None:
    headers = {"Cookie": browser.cast.cookie("eve")["Cookie"] + f"; portal_locale={locale}"}
    first, second = [(await browser.get(PROTOCOL, None, headers)).content for _ in range(2)]
    assert first == second
    title = {"en": "Acceptance protocol", "ru": "Протокол приёмки", "zh_CN": "验收"}[locale]
    assert title in words(first)


async def test_a_protocol_that_nobody_signed_says_so(browser: Browser, database: Database, cast: Cast) -> None:
    await begun(database, cast)
    await close_round(database, cast)
    await ask(database, cast)
    pdf = (await browser.get(PROTOCOL)).content
    assert "Nobody has signed it." in words(pdf)
    assert [one.name for one in read(pdf).attachment_list] == ["protocol.json"]


async def test_a_refusal_is_printed_with_its_reason(
    browser: Browser, database: Database, portal: FastAPI, cast: Cast
) -> None:
    await begun(database, cast)
    await close_round(database, cast)
    await answer(database, cast, portal.state.keys, await ask(database, cast), Verdict.DECLINED, "Far too slow.")
    said = words((await browser.get(PROTOCOL)).content)
    assert "Refused" in said
    assert "Far too slow." in said


async def test_a_long_protocol_leaves_the_rest_to_the_attached_one(
    database: Database, cast: Cast, signed: Acceptance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(papers, "MOST_ON_PAGE", 1)
    async with database.read() as db:
        scope = await cast.scope(db, "ada")
        answers = await decisions.answers_of(db, scope, signed.decision_number)
        both = [papers.Signed(one, await receipts.receipt_of(db, scope.project_id, one.seq)) for one in answers]
    page = papers.protocol_page(signed, "00", both, AGENCY, catalogue("en").gettext, "en")
    assert [(len(one["results"]), one["more"]) for one in page["cases"]] == [
        (1, ""), (0, "and 1 more in the attached protocol"), (0, ""),
    ]  # fmt: skip


async def test_a_very_long_protocol_still_says_of_each_case_who_said_what(
    browser: Browser, signed: Acceptance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(papers, "MOST_IN_FULL", 2)
    said = words((await browser.get(PROTOCOL)).content)
    for one in ("One signs in: Passed · Ada: Passed,", "One pays: Failed · Eve: Failed,", "One signs out: Not run"):
        assert one in said, one


async def test_a_machines_case_is_called_automatic_and_not_forgotten(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await begun(database, cast, cases=[{"title": "By hand"}, {"title": "Load", "is_automatic": True}])
    async with database.write() as db:
        reported = [machines.Reported("Load", Outcome.PASSED, "41 seconds")]
        await machines.record_machine(db, await cast.scope(db, "dan"), 1, 1, "CI", "run 7", reported)
    await say(database, cast, "ada", 1, Outcome.PASSED)
    await close_round(database, cast)
    asked = await ask(database, cast)
    for said in (words((await browser.get(PROTOCOL)).content),
                 (await browser.open(f"/projects/BRIDGE/decisions/{asked.decision_number}")).text):  # fmt: skip
        assert "automatic" in said
        assert "CI (automatic): Passed" in said
        assert "41 seconds" in said


async def test_what_a_machine_says_never_looks_as_if_one_of_the_clients_people_had_said_it(
    browser: Browser, database: Database, cast: Cast
) -> None:
    await begun(database, cast, cases=[{"title": "By hand"}])
    async with database.write() as db:
        reported = [machines.Reported("By hand", Outcome.PASSED)]
        await machines.record_machine(db, await cast.scope(db, "dan"), 1, 1, "Eve", "run 7", reported)
    await say(database, cast, "ada", 1, Outcome.FAILED)
    case = await browser.open(f"{PLAN}/rounds/1/cases/1")
    await close_round(database, cast)
    asked = await ask(database, cast)
    decision = await browser.open(f"/projects/BRIDGE/decisions/{asked.decision_number}")
    shown = [" ".join(page.words(page.all("main")[0]).split()) for page in (case, decision)]
    for said in (words((await browser.get(PROTOCOL)).content), *shown):
        assert "Eve (automatic)" in said
        assert "Ada (automatic)" not in said


async def test_the_sheet_has_every_case_that_people_test(browser: Browser, database: Database, cast: Cast) -> None:
    cases = [
        {"title": HOSTILE[:200], "precondition": HOSTILE, "expected": HOSTILE,
         "steps": [{"action": HOSTILE, "expected": ""}] * 40},
        {"title": "By a machine", "is_automatic": True}, {"title": "By hand", "section": "Payments", "priority": 3},
    ]  # fmt: skip
    await add_plan(database, cast, cases)
    assert (await browser.get(f"{PLAN}/sheet.pdf")).status_code == 404
    await offer(database, cast)
    for who in ("ada", "dan"):
        answered = await browser.get(f"{PLAN}/sheet.pdf", who)
        assert (answered.status_code, answered.headers["content-type"]) == (200, "application/pdf")
        said = words(answered.content)
        assert "By hand" in said
        assert "By a machine" not in said
    assert len({(await browser.get(f"{PLAN}/sheet.pdf")).content for _ in range(2)}) == 1


async def test_a_plan_without_cases_for_people_says_so(browser: Browser, database: Database, cast: Cast) -> None:
    await add_plan(database, cast, [{"title": "By a machine", "is_automatic": True}])
    await offer(database, cast)
    assert "no cases to test by hand" in words((await browser.get(f"{PLAN}/sheet.pdf")).content)


def test_of_too_many_cases_the_page_of_a_decision_lists_what_failed_before_what_machines_run() -> None:
    automatic = [{"number": number, "verdict": None, "is_automatic": True} for number in range(1, 302)]
    failed = {"number": 302, "verdict": "failed", "is_automatic": False}
    assert protocols.listed([*automatic, failed])[0] == failed
    assert protocols.listed([*automatic[:5], failed])[-1] == failed
