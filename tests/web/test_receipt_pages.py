"""Receipts are fetched by those who may see the decision, and verified by anybody; nothing else is told."""

import asyncio
import json
import re

import pytest

from portal.access import Role
from portal.decisions.models import Verdict
from portal.ledger import receipts, timestamps
from portal.ledger.keys import open_keys
from portal.ledger.models import Audience, Receipt
from portal.ledger.receipt_files import MOST_BYTES, read_receipt, receipt_json
from tests.support import authority as authorities
from tests.support.decisions import PORTAL, answer, ask, grant
from tests.support.receipts import CONTENT, seal
from tests.web.conftest import SAME_ORIGIN, Page


@pytest.fixture
async def answered(database, cast, portal):
    """Ada's approval of a decision."""
    asked = await ask(database, cast, subject_number=77)
    return await answer(database, cast, portal.state.keys, asked, comment="Exactly so.")


@pytest.fixture
def address(answered) -> str:
    return f"/projects/BRIDGE/decisions/{answered.decision.number}/receipts/{answered.receipt.seq}"


async def verified(browser, raw: bytes, name: str = "receipt.json", expect: int = 200, who: str | None = None) -> Page:
    cookie = browser.cast.cookie(who) if who else {}
    response = await browser.client.post("/verify", files={"receipt": (name, raw)}, headers=cookie | SAME_ORIGIN)
    assert response.status_code == expect, response.text[:500]
    page = Page(response)
    page.check()
    return page


class TestFetching:
    @pytest.mark.parametrize("who", ["ada", "eve", "finn", "wei", "dan"])
    async def test_those_who_may_see_the_decision(self, browser, answered, address, portal, who):
        raw = await browser.get(f"{address}.json", who)
        assert raw.status_code == 200
        assert raw.headers["content-type"] == "application/json"
        assert (
            raw.headers["content-disposition"] == f'attachment; filename="receipt-BRIDGE-{answered.receipt.seq}.json"'
        )
        assert "no-cache" in raw.headers["cache-control"]
        proved = receipts.verify(read_receipt(raw.content).token, portal.state.keys.public)
        assert proved.disclosed["evidence"]["name"] == "Ada"
        assert json.loads(raw.content)["keys_url"] == f"{PORTAL}/.well-known/portal-keys.json"

    async def test_the_pdf_holds_the_same_receipt_and_comes_in_the_readers_language(self, browser, answered, address):
        first = await browser.get(f"{address}.pdf")
        assert first.headers["content-type"] == "application/pdf"
        assert read_receipt(first.content).token == answered.receipt.token
        assert (await browser.get(f"{address}.pdf")).content == first.content
        russian = await browser.get(f"{address}.pdf", headers={"Cookie": _with(browser, "ru")})
        assert b"/Lang(ru" in russian.content
        assert b"/Lang(ru" not in first.content

    @pytest.mark.parametrize("who", ["mallory", "nemo"])
    async def test_nobody_else(self, browser, address, who):
        nothing = (await browser.get("/projects/NOSUCH/decisions/1/receipts/1.json", who)).text
        for ending in (".json", ".pdf"):
            response = await browser.get(address + ending, who)
            assert response.status_code == 404
            assert _plain(response.text) == _plain(nothing)

    async def test_whoever_is_not_signed_in_is_sent_to_sign_in(self, browser, address):
        assert (await browser.get(f"{address}.json", None)).status_code == 303

    async def test_a_receipt_that_shows_money_is_for_those_who_may_see_it(self, browser, database, cast, portal):
        async with database.write() as db:
            await grant(db, cast, "ada", Role.BILLING)
        asked = await ask(database, cast, subject_number=78, audience=Audience.BILLING)
        kept = await answer(database, cast, portal.state.keys, asked)
        address = f"/projects/BRIDGE/decisions/{asked.number}/receipts/{kept.receipt.seq}.json"
        assert (await browser.get(address, "ada")).status_code == 200
        assert (await browser.get(address, "eve")).status_code == 404
        assert (await browser.get(address.replace(".json", ".pdf"), "eve")).status_code == 404

    @pytest.mark.parametrize(
        ("number", "seq"),
        [("1", "1"), ("1", "0"), ("1", "-1"), ("1", "9" * 30), ("2", None), ("0", None), ("9" * 30, None)],
    )
    async def test_a_receipt_that_is_none(self, browser, answered, number, seq):
        for ending in ("json", "pdf"):
            address = f"/projects/BRIDGE/decisions/{number}/receipts/{seq or answered.receipt.seq}.{ending}"
            assert (await browser.get(address)).status_code == 404


def _with(browser, locale: str) -> str:
    return f"{browser.cast.cookie('ada')['Cookie']}; portal_locale={locale}"


def _plain(text: str) -> str:
    return re.sub(r"\d\d:\d\d(:\d\d)?|value=\"[^\"]*\"|NOSUCH|BRIDGE", "", text)


class TestVerifying:
    async def test_the_page_opens_for_anybody(self, browser):
        for who in (None, "ada", "nemo"):
            page = await browser.open("/verify", who)
            assert [one.get("name") for one in page.all("input") if one.get("type") == "file"] == ["receipt"]

    async def test_every_page_leads_there(self, browser):
        page = await browser.open("/projects/BRIDGE")
        assert "/verify" in [one.get("href") for one in page.all("footer//a")]

    @pytest.mark.parametrize("ending", ["json", "pdf"])
    @pytest.mark.parametrize("who", [None, "mallory", "ada"])
    async def test_a_valid_one_shows_what_was_decided_by_whom_and_when(self, browser, address, who, ending):
        raw = (await browser.get(f"{address}.{ending}")).content
        text = (await verified(browser, raw, f"any.{ending}", who=who)).text
        for words in ("This receipt is valid", "Requirement 1: sign in", "Approved", "Exactly so.", "Ada", "Acme",
                      "People sign in with their own account.", "https://login.example", "event"):  # fmt: skip
            assert words in text

    async def test_it_tells_of_a_document_how_many_pages_were_shown(self, browser, portal):
        long = CONTENT | {"files": [CONTENT["files"][0] | {"name": "flow.pdf", "pages": 60, "shown": 50}]}
        raw = json.dumps({"receipt": seal(portal.state.keys, 5, long)}).encode()
        page = await verified(browser, raw)
        assert [page.words(one) for one in page.all("ul[@class='rows']//p")][1:] == ["Pages shown: 50 of 60"]

    async def test_it_shows_nothing_of_the_project_but_the_receipt(self, browser, database, cast, address):
        raw = (await browser.get(f"{address}.json")).content
        text = (await verified(browser, raw)).text
        assert "The bridge" not in text
        assert "/projects/BRIDGE" not in text

    async def test_a_changed_one_says_what_is_wrong(self, browser, address):
        document = (await browser.get(f"{address}.json")).json()
        head, body, signature = document["receipt"].split(".")
        changed = json.dumps(document | {"receipt": f"{head}.{body[:-4]}AAAA.{signature}"}).encode()
        page = await verified(browser, changed, expect=422)
        assert "This receipt is not valid" in page.text
        assert "changed after it was signed" in page.text
        assert "Ada" not in page.text

    async def test_one_of_another_portal(self, browser, tmp_path):
        token = seal(open_keys(tmp_path / "other", "portal.example"))
        page = await verified(browser, json.dumps({"receipt": token, "keys_url": ""}).encode(), expect=422)
        assert "not signed by a key of this portal" in page.text

    @pytest.mark.parametrize(
        ("raw", "words"),
        [(b"", "Choose a receipt first"), (b"{}", "is no receipt"), (b"\x00" * 500, "is no receipt"),
         (b"%PDF-1.7 nothing", "is no receipt"), (b"x" * (MOST_BYTES + 1), "too large"), (b"eyJ", "no receipt"),
         (b"[" * 100_000, "is no receipt")],
    )  # fmt: skip
    async def test_what_is_no_receipt(self, browser, raw, words):
        assert words in (await verified(browser, raw, expect=422)).text

    @pytest.mark.parametrize(
        ("headers", "content"),
        [({"Content-Type": "application/json"}, b"{}"), ({}, b""), ({"Content-Type": "multipart/form-data"}, b"x"),
         ({"Content-Type": "multipart/form-data; boundary=a"}, b"--a\r\nnonsense"),
         ({"Content-Type": "multipart/form-data; boundary=a"}, b"--a\r\n" * 1000)],
    )  # fmt: skip
    async def test_what_is_no_form(self, browser, headers, content):
        response = await browser.client.post("/verify", content=content, headers=headers | SAME_ORIGIN)
        assert response.status_code == 422
        Page(response).check()

    async def test_more_than_a_receipt_is_refused_before_it_was_read(self, browser, portal):
        read = 0

        async def endless():
            nonlocal read
            yield b'--a\r\nContent-Disposition: form-data; name="receipt"; filename="r"\r\n\r\n'
            while True:
                read += 1
                assert read < 200
                yield b"x" * 65536

        headers = {"Content-Type": "multipart/form-data; boundary=a"} | SAME_ORIGIN
        response = await browser.client.post("/verify", content=endless(), headers=headers)
        assert (response.status_code, "too large" in response.text) == (422, True)

    async def test_another_site_cannot_send_one(self, browser):
        files = {"receipt": ("r", b"{}")}
        response = await browser.client.post("/verify", files=files, headers={"Sec-Fetch-Site": "cross-site"})
        assert response.status_code == 403

    async def test_it_stays_valid_after_the_key_was_rotated(self, browser, address, portal, tmp_path):
        from portal.ledger.keys import rotate

        raw = (await browser.get(f"{address}.json")).content
        portal.state.keys = rotate(portal.state.settings.keys_dir, "portal.example")
        assert "This receipt is valid" in (await verified(browser, raw)).text

    @pytest.mark.parametrize("verdict", list(Verdict))
    async def test_every_verdict_in_every_language(self, browser, database, cast, portal, verdict):
        asked = await ask(database, cast, subject_number=80)
        kept = await answer(database, cast, portal.state.keys, asked, verdict=verdict, comment="<b>Ж</b> 好")
        raw = receipt_json(kept.receipt, PORTAL)
        for locale in ("en", "ru", "zh_CN"):
            headers = {"Cookie": f"portal_locale={locale}"} | SAME_ORIGIN
            response = await browser.client.post("/verify", files={"receipt": ("r", raw)}, headers=headers)
            assert response.status_code == 200
            Page(response).check()
            assert "<b>Ж" not in response.text


async def test_so_many_files_are_in_memory_at_a_time_and_no_more(browser, monkeypatch):
    monkeypatch.setattr("web.receipts.IN_MEMORY_AT_ONCE", asyncio.Semaphore(2))
    begun, all_read, ended = [], asyncio.Event(), asyncio.Event()

    async def stops(which):
        begun.append(which)
        if len(begun) == 2:
            all_read.set()
        yield b'--a\r\nContent-Disposition: form-data; name="receipt"; filename="r"\r\n\r\nx'
        await ended.wait()
        yield b"\r\n--a--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=a"} | SAME_ORIGIN
    sending = [
        asyncio.create_task(browser.client.post("/verify", content=stops(which), headers=headers)) for which in range(4)
    ]
    await all_read.wait()
    for _ in range(200):
        await asyncio.sleep(0)
    assert begun == [0, 1]
    ended.set()
    assert {one.status_code for one in await asyncio.gather(*sending)} == {422}
    assert begun == [0, 1, 2, 3]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return authorities.make(tmp_path_factory.mktemp("authority"))


class TestTheTimeStamp:
    def raw(self, answered, authority, *, over: str = "") -> bytes:
        request = timestamps.request_for(over or answered.receipt.token)
        roots = timestamps.read_roots(authority.roots)
        stamp = timestamps.stamp_from(
            authority.reply(request.as_bytes()), request, over or answered.receipt.token, roots
        )
        return receipt_json(Receipt(seq=1, token=answered.receipt.token, timestamp=stamp), PORTAL)

    def trust(self, portal, authority):
        portal.state.settings = portal.state.settings.model_copy(update={"timestamp_certificates": authority.roots})

    async def test_a_valid_one_is_confirmed(self, browser, answered, portal, authority):
        self.trust(portal, authority)
        assert "time stamp is valid too" in (await verified(browser, self.raw(answered, authority))).text

    @pytest.mark.parametrize("is_known", [True, False])
    async def test_one_over_something_else_is_not(self, browser, answered, portal, authority, is_known):
        if is_known:
            self.trust(portal, authority)
        text = (await verified(browser, self.raw(answered, authority, over="another token"))).text
        assert "This receipt is valid" in text
        assert "Its time stamp does not hold" in text

    async def test_without_certificates_it_says_that_it_cannot_tell(self, browser, answered, authority):
        assert "knows no authority" in (await verified(browser, self.raw(answered, authority))).text

    async def test_rubbish_is_not_believed(self, browser, answered):
        raw = receipt_json(Receipt(seq=1, token=answered.receipt.token, timestamp=b"rubbish"), PORTAL)
        assert "Its time stamp does not hold" in (await verified(browser, raw)).text


async def test_nobody_waits_for_a_session_while_a_page_is_set(browser, database, address, monkeypatch):
    held = []

    async def slow(*_):
        held.append(database.engine.pool.checkedout())
        return b"%PDF-"

    monkeypatch.setattr("web.receipts.receipt_pdf", slow)
    assert (await browser.get(f"{address}.pdf")).status_code == 200
    assert held == [0]
