"""A receipt's page is PDF/A-3b for people in three languages, the same bytes each time, with the receipt attached."""

import hashlib
import io
from typing import Any

import pikepdf
import pypdfium2
import pytest

from portal.decisions.receipt_pdf import LANGUAGES, Agency, receipt_pdf
from portal.documents import fonts
from portal.documents.typesetting import _compiler
from portal.ledger import receipts, timestamps
from portal.ledger.models import Receipt
from portal.ledger.receipt_files import read_receipt, receipt_json
from tests.support import authority as authorities
from tests.support.receipts import CONTENT, EVIDENCE, MONDAY, PORTAL, PROJECT, keys_in, seal

AGENCY = Agency("Bright Harbour", "#3451b2", PORTAL)
SAID = {
    "en": ("Ada Lovelace", "Acme", "Approved", "Fine.", "4 May 2026"),
    "zh_CN": ("王小明", "晨光科技有限公司", "结账只需一步", "很好，请保留蓝色", "2026"),
    "ru": ("Екатерина Вознесенская", "ООО Мост", "Оформление заказа", "Прошу изменить подписи", "4 мая 2026"),
}


@pytest.fixture(scope="module")
def signing(tmp_path_factory):
    return keys_in(tmp_path_factory.mktemp("signing"))


def english(text: str) -> str:
    return text


async def pdf_of(
    signing, locale="en", gettext=english, content: Any = CONTENT, evidence: Any = EVIDENCE, agency=AGENCY, **more: Any
) -> bytes:
    receipt = receipt_of(signing, content, evidence, **more)
    return await receipt_pdf(receipt, receipts.verify(receipt.token, signing.public), agency, gettext, locale)


def receipt_of(signing, content=CONTENT, evidence=EVIDENCE, **more) -> Receipt:
    token = seal(signing, 5, content, evidence, **more)
    return Receipt(project_id=PROJECT, seq=5, token=token, issued_at=MONDAY, timestamp=None)


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


async def in_language(signing, locale: str) -> bytes:
    name, company, title, comment, _when = SAID[locale]
    evidence = EVIDENCE | {"name": name, "company": company}
    content = CONTENT | {"description": title}
    return await pdf_of(signing, locale, content=content, evidence=evidence, comment=comment)


@pytest.mark.parametrize("locale", LANGUAGES)
class TestTheForm:
    async def test_it_is_pdf_a_3b_tagged_with_its_language_and_fonts(self, signing, locale):
        with pikepdf.open(io.BytesIO(await in_language(signing, locale))) as pdf:
            with pdf.open_metadata() as metadata:
                assert metadata["pdfaid:part"] == "3"
                assert metadata["pdfaid:conformance"] == "B"
                assert metadata["dc:creator"] == ["Bright Harbour"]
            assert str(pdf.Root.Lang).startswith({"en": "en", "zh_CN": "zh", "ru": "ru"}[locale])
            assert pdf.Root.MarkInfo.Marked
            assert "/StructTreeRoot" in pdf.Root
            assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
            assert "/Encrypt" not in pdf.trailer
            fonts_used = [font for page in pdf.pages for font in page.Resources.Font.values()]
            assert fonts_used
            for font in fonts_used:
                assert set(font.DescendantFonts[0].FontDescriptor.keys()) & {"/FontFile2", "/FontFile3"}
                assert "/ToUnicode" in font

    async def test_the_receipt_is_attached_as_its_source(self, signing, locale):
        made = await in_language(signing, locale)
        with pikepdf.open(io.BytesIO(made)) as pdf:
            (attached,) = pdf.Root.AF
            assert attached.AFRelationship == "/Source"
            assert attached.UF == "receipt.json"
            assert pdf.attachments["receipt.json"].get_file().mime_type == "application/json"
        proved = receipts.verify(read_receipt(made).token, signing.public)
        assert proved.disclosed["evidence"]["name"] == SAID[locale][0]

    async def test_its_words_can_be_read_and_copied(self, signing, locale):
        text = text_of(await in_language(signing, locale))
        for words in SAID[locale]:
            if words != "Approved":
                assert words in text, text

    async def test_the_same_receipt_gives_the_same_bytes(self, signing, locale):
        first, second = await in_language(signing, locale), await in_language(signing, locale)
        assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


async def test_a_stamped_receipt_says_when_the_authority_saw_it(signing, tmp_path):
    authority = authorities.make(tmp_path / "authority")
    receipt = receipt_of(signing)
    request = timestamps.request_for(receipt.token)
    roots = timestamps.read_roots(authority.roots)
    receipt.timestamp = timestamps.stamp_from(authority.reply(request.as_bytes()), request, receipt.token, roots)
    proved = receipts.verify(receipt.token, signing.public)
    made = await receipt_pdf(receipt, proved, AGENCY, english, "en")
    at = timestamps.check(receipt.timestamp, receipt.token, roots)
    assert f"stamped it with the time (RFC 3161): {at.day} {at:%B %Y, %H:%M:%S} UTC." in " ".join(text_of(made).split())
    assert read_receipt(made).timestamp == receipt.timestamp


ODD = {"key": "A", "title": "x", "lines": [1], "net": "1", "gross": "1", "taxes": []}


class TestThePage:
    async def test_its_date_is_the_events_not_todays(self, signing):
        with pikepdf.open(io.BytesIO(await pdf_of(signing))) as pdf, pdf.open_metadata() as metadata:
            assert metadata["xmp:CreateDate"].startswith("2026-05-04T08:35:00")

    async def test_it_says_who_what_when_how_and_how_to_verify(self, signing):
        text = text_of(await pdf_of(signing))
        proved = receipts.verify(receipt_of(signing).token, signing.public)
        for words in (
            "Bright Harbour", "Screen: checkout, version 2", "Approved", "Fine.", "Ada Lovelace, Acme",
            "ada@example.com", "4 May 2026, 08:35:00 UTC", "https://login.example", "password, second factor",
            "checkout.png", CONTENT["files"][0]["sha256"], "event 5 of 5", proved.root.hex(), proved.kid,
            f"{PORTAL}/verify", "portal verify receipt-BRIDGE-5.pdf --keys portal-keys.json",
            f"{PORTAL}/.well-known/portal-keys.json",
        ):  # fmt: skip
            assert words in text, (words, text)

    async def test_it_tells_of_a_document_how_many_pages_were_shown(self, signing):
        long = CONTENT["files"][0] | {"name": "flow.pdf", "pages": 60, "shown": 50}
        assert "Pages shown: 50 of 60" in text_of(await pdf_of(signing, content=CONTENT | {"files": [long]}))
        assert "Pages shown" not in text_of(await pdf_of(signing))

    async def test_its_words_go_through_the_catalogue(self, signing):
        text = text_of(await pdf_of(signing, gettext=lambda text: text.replace("Proof", "Доказательство")))
        assert "Доказательство" in text

    @pytest.mark.parametrize("verdict", ["approved", "approved_with_remarks", "changes_wanted", "declined"])
    async def test_every_verdict_has_a_page(self, signing, verdict):
        words = {"approved_with_remarks": "Approved with remarks", "changes_wanted": "Changes wanted"}
        assert words.get(verdict, verdict.capitalize()) in text_of(await pdf_of(signing, verdict=verdict, outcome=None))

    async def test_everything_that_was_decided_stands_on_it(self, signing):
        content = {
            "title": "Faster search", "priority": "high", "days": 12, "binding": True, "empty": "", "none": None,
            "criteria": ["Answers in a second", "Finds Ёлка"], "total": {"amount": "1234.50", "currency": "EUR"},
            "lines": [{"text": "Work", "quantity": "12", "net": {"amount": "1140.00", "currency": "EUR"}}],
            "deep": {"one": [{"two": {"three": "found"}}]},
        }  # fmt: skip
        text = text_of(await pdf_of(signing, content=content))
        for words in ("Answers in a second", "Finds Ёлка", "1234.50 EUR", "1. Work", "Quantity: 12", "1140.00 EUR",
                      "One · 1 · Two · Three", "found", "Days", "12"):  # fmt: skip
            assert words in text, (words, text)

    async def test_the_price_that_was_accepted_stands_line_by_line(self, signing):
        line = {"text": "Recognition", "quantity": "60", "unit": "HUR", "unit_price": "95.00", "tax_category": "S",
                "tax_rate": "19", "net": "5700.00"}  # fmt: skip
        tax = {"category": "AE", "rate": "0", "net": "5700.00", "tax": "0.00"}
        offer = {"key": "B", "title": "Later", "days": "4", "quality": "", "items_changed": [], "free": False,
                 "milestones": [{"number": 2, "name": "Public beta", "on": "2026-07-01"}], "lines": [line],
                 "items_added": [{"title": "Recognise a product", "points": "5"}], "net": "5700.00",
                 "gross": "6783.00", "taxes": [tax]}  # fmt: skip
        content = {"currency": "EUR", "valid_until": "2026-06-30", "alternatives": [offer, offer | {"key": "A"}]}
        text = text_of(await pdf_of(signing, content=content, choice="B", of="change_request"))
        for words in ("B: Later", "A: Later", "60 h × 95.00 EUR", "Net 5700.00 EUR", "With tax 6783.00 EUR",
                      "Reverse charge 0 %", "Public beta", "Recognise a product", "Valid until 2026-06-30",
                      "Chosen B: Later"):  # fmt: skip
            assert words in text, (words, text)

    @pytest.mark.parametrize("offers", [[{}], [{"key": "A"}], ["A"], [[]], "A", [ODD]])
    async def test_alternatives_of_another_form_are_shown_as_they_are(self, signing, offers):
        assert await pdf_of(signing, content={"alternatives": offers}, choice="A")

    async def test_one_compiler_is_kept(self, signing):
        await pdf_of(signing)
        before = _compiler.cache_info().misses
        await pdf_of(signing)
        assert _compiler.cache_info().misses == before


class TestHostileText:
    @pytest.mark.parametrize(
        "words",
        ['#import "x": *', "$ #panic() $", "*bold* _it_ `raw` <label> @ref = heading", "// comment /* open",
         '\\u{41} \\ #read("/etc/passwd")', "#sys.inputs.attached", '"); #pdf.attach("x"', "--- ... '\""],
    )  # fmt: skip
    async def test_the_typesetters_own_language_is_only_text(self, signing, words):
        made = await pdf_of(signing, title=words, comment=words, content={"title": words, "description": words})
        assert text_of(made).replace("\u200b", "").count(words) >= 3
        with pikepdf.open(io.BytesIO(made)) as pdf:
            assert list(pdf.attachments) == ["receipt.json"]

    async def test_nobodys_name_turns_the_line(self, signing):
        text = text_of(await pdf_of(signing, evidence=EVIDENCE | {"name": "Ada\u202eevoL\u2066\u200f"}))
        assert "Ada[U+202E]evoL[U+2066][U+200F]" in text

    async def test_letters_that_the_fonts_lack_are_boxes_and_it_says_so(self, signing):
        text = text_of(await pdf_of(signing, evidence=EVIDENCE | {"name": "שלום 😀"}))
        assert "□□□□ □" in text
        assert "the attached receipt.json holds them" in text
        assert "□" not in text_of(await pdf_of(signing))

    async def test_endless_words_and_texts_stay_on_the_page(self, signing):
        endless = "W" * 3000
        made = await pdf_of(
            signing, "zh_CN", title=endless, comment=endless, evidence=EVIDENCE | {"name": endless, "email": endless},
            content={"description": "слово " * 20_000, "facts": [[endless, endless]] * 300,
                     "files": CONTENT["files"] * 300}, agency=Agency("Б" * 100, "#000000", PORTAL),
        )  # fmt: skip
        document = pypdfium2.PdfDocument(made)
        assert 5 < len(document) < 120
        assert "Shortened here" in text_of(made)
        for page in list(document)[:5]:
            width = page.get_width()
            for item in page.get_objects():
                assert item.get_bounds()[2] <= width - 40, "something reaches into the margin"


class TestTheFonts:
    @pytest.mark.parametrize("sign", "aÄßŁſĄЖЁ№«»“”„—…•→€₽¥≥✓你𠮷結账。，（）")
    def test_what_our_three_languages_write_is_there(self, sign):
        assert fonts.shown(sign) == sign

    @pytest.mark.parametrize(("sign", "shown"), [("\u202e", "[U+202E]"), ("\x07", "[U+0007]"), ("ש", "□"), ("\t", " ")])
    def test_what_is_not_is_shown_as_such(self, sign, shown):
        assert fonts.shown(sign) == shown

    def test_lines_stay_lines(self):
        assert fonts.shown("a\nb") == "a\nb"


async def test_the_receipt_of_the_page_and_the_file_are_one(signing):
    receipt = receipt_of(signing)
    assert read_receipt(await pdf_of(signing)) == read_receipt(receipt_json(receipt, PORTAL))
