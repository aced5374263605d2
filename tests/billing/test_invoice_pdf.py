"""The page is PDF/A-3b and Factur-X in four languages: tagged, fonts inside, the e-invoice inside, the same bytes."""

import hashlib
import io
import re
import subprocess
import sys
import zlib
from dataclasses import replace
from decimal import Decimal

import pikepdf
import pypdfium2
import pytest
from facturx import get_facturx_xml_from_pdf
from PIL import Image

from portal.billing import making, qr, stored, xml
from portal.billing.document import Look, PaymentMeans
from portal.billing.factur_x import URN, declared
from portal.billing.logo import logo_svg
from portal.billing.pdf import invoice_pdf, town
from portal.billing.totals import totals
from portal.billing.words import LANGUAGES, UNITS, labels, unit
from portal.errors import Invalid
from tests.support.invoices import ACME, AGENCY, HOURS, KINDS, MILESTONE, TO, sample

HOSTILE = '#panic("no") $x$ \\ *b* _i_ @ref <lbl> `raw` [c] {d} //e /*f*/ " \' https://x.example'


async def pdf_of(document=None, **changes):
    document = document or sample(**changes)
    return await invoice_pdf(document, xml.cii(document))


def pages_of(pdf):
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)]


def text_of(pdf):
    return "\n".join(pages_of(pdf)).replace("\r\n", "\n").replace("\xa0", " ")


def run(program):
    """What a program says in a process of its own."""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=180)
    return ended.stdout.strip()


def png(mode="RGBA", size=(40, 20)):
    picture = io.BytesIO()
    Image.new(mode, size, 1 if mode == "1" else "#b3412e").save(picture, "PNG")
    return picture.getvalue()


@pytest.mark.parametrize("language", LANGUAGES)
class TestInEachLanguage:
    async def test_it_is_pdf_a_3b_and_pdf_ua_1_tagged_with_its_language_and_fonts(self, language):
        with pikepdf.open(io.BytesIO(await pdf_of(language=language))) as pdf:
            with pdf.open_metadata() as metadata:
                assert metadata["pdfaid:part"] == "3"
                assert metadata["pdfaid:conformance"] == "B"
                assert metadata["{http://www.aiim.org/pdfua/ns/id/}part"] == "1"
                assert metadata["dc:creator"] == [AGENCY.name]
                assert "RE-2026-0042" in metadata["dc:title"]
            assert str(pdf.Root.Lang).startswith(LANGUAGES[language][0])
            assert pdf.Root.MarkInfo.Marked
            assert "/StructTreeRoot" in pdf.Root
            assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
            assert "/Encrypt" not in pdf.trailer
            fonts = [font for page in pdf.pages for font in page.Resources.Font.values()]
            assert fonts
            for font in fonts:
                assert set(font.DescendantFonts[0].FontDescriptor.keys()) & {"/FontFile2", "/FontFile3"}
                assert "/ToUnicode" in font

    async def test_it_says_what_it_is_in_that_language(self, language):
        said = text_of(await pdf_of(language=language))
        words = labels(language)
        for name in ("invoice", "payable", "due", "quantity", "breakdown", "pay_to", "page", "vat_id"):
            assert words[name] in said, name

    async def test_no_sign_is_missing_from_its_fonts(self, language):
        assert "□" not in text_of(await pdf_of(language=language, buyer=replace(ACME, name="晨光 ООО Größe")))

    def test_every_word_and_unit_is_there(self, language):
        assert all(labels(language).values())
        assert all(unit(code, Decimal(quantity), language) for code in UNITS for quantity in (1, 2))


class TestTheInvoiceInside:
    async def test_the_embedded_xml_is_the_one_that_was_made(self):
        pdf = await pdf_of()
        name, embedded = get_facturx_xml_from_pdf(pdf, check_xsd=True, check_schematron=False)
        assert name == "factur-x.xml"
        assert embedded == xml.cii(sample())

    async def test_it_is_associated_with_the_whole_page_as_an_alternative(self):
        with pikepdf.open(io.BytesIO(await pdf_of())) as pdf:
            (spec,) = pdf.Root.AF
            assert spec.AFRelationship == "/Alternative"
            assert str(spec.UF) == "factur-x.xml"
            assert spec.EF.F.Subtype == "/text/xml"
            assert pdf.attachments["factur-x.xml"].get_file().read_bytes() == xml.cii(sample())

    async def test_the_metadata_declare_factur_x_and_explain_their_schema(self):
        with pikepdf.open(io.BytesIO(await pdf_of())) as pdf, pdf.open_metadata() as metadata:
            stated = {name: metadata[f"{{{URN}}}{name}"] for name in ("DocumentType", "DocumentFileName", "Version")}
            assert stated == {"DocumentType": "INVOICE", "DocumentFileName": "factur-x.xml", "Version": "1.0"}
            assert metadata[f"{{{URN}}}ConformanceLevel"] == "EN 16931"
            explained = str(metadata)
            assert explained.count("Factur-X PDFA Extension Schema") == 1
            for name in ("DocumentType", "DocumentFileName", "Version", "ConformanceLevel"):
                assert f"<pdfaProperty:name>{name}</pdfaProperty:name>" in explained

    async def test_every_offset_of_the_file_is_right(self):
        pdf = await pdf_of()
        table = re.search(rb"xref\n0 (\d+)\n((?:\d{10} \d{5} [nf]\r\n)+)trailer", pdf)
        rows = table[2].split(b"\r\n")[:-1]
        assert len(rows) == int(table[1])
        for number, row in enumerate(rows[1:], 1):
            assert pdf[int(row[:10]) :].startswith(b"%d 0 obj" % number)
        assert int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0]) == table.start()
        with pikepdf.open(io.BytesIO(pdf), attempt_recovery=False) as opened:
            assert opened.check_pdf_syntax() == []

    def test_a_file_that_our_typesetter_did_not_write_is_refused(self):
        for content in (
            b"",
            b"%PDF-1.7\n",
            b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f\r\ntrailer\n<<>>startxref\n9\n%%EOF",
        ):
            with pytest.raises(ValueError, match="laid out"):
                declared(content)

    async def test_what_cannot_be_an_e_invoice_holds_the_stored_document(self):
        document = sample(currency="KWD", payment=None)
        made = await making.make(document)
        assert made.cii is None
        assert made.ubl is None
        with pikepdf.open(io.BytesIO(made.pdf)) as pdf:
            assert list(pdf.attachments) == ["invoice.json"]
            inside = pdf.attachments["invoice.json"].get_file().read_bytes()
        assert stored.from_json(inside.decode()) == document
        assert "factur-x" not in text_of(made.pdf)


class TestThePage:
    async def test_the_same_document_gives_the_same_bytes(self):
        assert await pdf_of() == await pdf_of()

    async def test_it_gives_the_same_bytes_in_another_process(self):
        program = (
            "import asyncio, hashlib; from tests.support.invoices import sample; from portal.billing import making;"
            "print(hashlib.sha256(asyncio.run(making.make(sample())).pdf).hexdigest())"
        )
        assert run(program) == hashlib.sha256((await making.make(sample())).pdf).hexdigest()

    async def test_it_shows_every_figure_that_the_sums_have(self):
        document = KINDS["discounts and charges"]()
        said, made = text_of(await pdf_of(document)), totals(document)
        for amount in (made.net, made.gross, made.payable, *made.lines, *(group.tax for group in made.groups)):
            assert f"{Decimal(amount.amount):,}" in said

    async def test_it_says_why_each_line_is_there(self):
        said = text_of(await pdf_of())
        for line in (MILESTONE, HOURS):
            assert line.name in said
            assert line.why in said

    async def test_it_says_whom_it_is_for_and_where_to_pay(self):
        said = text_of(await pdf_of())
        for words in (
            ACME.name,
            ACME.vat_id,
            AGENCY.vat_id,
            AGENCY.tax_number,
            "DE89 3704 0044 0532 0130 00",
            "PO-7781",
        ):
            assert words in said

    @pytest.mark.parametrize(("name", "words"), [
        ("Chinese buyer", ("晨光科技有限公司", "91110000600037341L", "中国工商银行上海分行", "统一社会信用代码")),
        ("Russian buyer", ("ООО «Мост»", "7707083893", "773601001", "ИНН", "КПП")),
    ])  # fmt: skip
    async def test_a_buyers_own_numbers_stand_on_it(self, name, words):
        said = text_of(await pdf_of(KINDS[name]()))
        assert [one for one in words if one not in said] == []

    @pytest.mark.parametrize(("country", "given", "lines"), [
        ("US", ("Oakland", "CA", "94607"), ("Oakland, CA 94607",)),
        ("US", ("Oakland", "", ""), ("Oakland",)),
        ("US", ("", "CA", "94607"), ("CA 94607",)),
        ("CA", ("Toronto", "ON", "M5V 3L9"), ("Toronto ON M5V 3L9",)),
        ("AU", ("Sydney", "NSW", "2000"), ("Sydney NSW 2000",)),
        ("GB", ("London", "", "EC1A 1BB"), ("London", "", "EC1A 1BB")),
        ("DE", ("Bremen", "", "28195"), ("28195 Bremen", "")),
        ("CN", ("上海", "浦东", "200120"), ("200120 上海", "浦东")),
    ])  # fmt: skip
    def test_city_region_and_postcode_stand_as_their_country_writes_them(self, country, given, lines):
        city, region, postcode = given
        assert town(replace(ACME, country=country, city=city, region=region, postcode=postcode)) == lines

    async def test_an_address_has_no_empty_line(self):
        said = text_of(await pdf_of(buyer=replace(ACME, country="GB", city="London", postcode="EC1A 1BB", region="")))
        assert "Gate 4\nLondon\nEC1A 1BB\nUnited Kingdom" in said

    async def test_figures_and_days_are_written_as_the_language_writes_them(self):
        assert "20.345,45 EUR" in text_of(await pdf_of(language="de"))
        assert "26. Dezember 2026" in text_of(await pdf_of(language="de"))
        assert "20 345,45 EUR" in text_of(await pdf_of(language="ru"))
        assert "2026 年 12 月 26 日" in text_of(await pdf_of(language="zh_CN")).replace("年12", "年 12").replace(
            "2026年", "2026 年"
        ).replace("月26日", "月 26 日").replace("12月", "12 月")
        assert "412.5 km" in text_of(await pdf_of())

    async def test_a_credit_note_is_called_so_and_asks_for_nothing(self):
        said = text_of(await pdf_of(KINDS["credit note"]()))
        assert "Credit note" in said
        assert "Takes back invoice" in said
        assert "Wrong address" in said
        assert "How to pay" not in said
        assert "Amount due" not in said

    async def test_an_exemption_says_why(self):
        said = text_of(await pdf_of(KINDS["category AE"]()))
        assert "Reverse charge" in said
        assert "Because the law says so" in said

    async def test_tax_in_the_books_currency_is_shown_with_its_rate(self):
        said = " ".join(text_of(await pdf_of(KINDS["foreign currency"]())).split())
        assert "2,970.53 EUR (at 1 USD = 0.91837 EUR)" in said

    async def test_many_lines_repeat_the_head_and_count_the_pages(self):
        lines = tuple(replace(HOURS, number=str(at), name=f"Work item {at}") for at in range(1, 81))
        pages = pages_of(await pdf_of(lines=lines))
        assert len(pages) > 3
        for at, page in enumerate(pages, 1):
            assert f"Page {at} / {len(pages)}" in page
        for page in pages[1:-2]:
            assert "Unit price" in page
            assert "Invoice RE-2026-0042" in page
        assert all(f"Work item {at}" in "".join(pages) for at in (1, 40, 80))

    async def test_texts_are_data_and_never_markup(self):
        line = replace(MILESTONE, name=HOSTILE, description=HOSTILE, why=HOSTILE)
        made = await pdf_of(lines=(line,), buyer=replace(ACME, name=HOSTILE), notes=(HOSTILE,))
        assert "".join(HOSTILE.split()) in "".join(text_of(made).split())

    async def test_a_name_cannot_turn_the_direction_of_its_line(self):
        said = text_of(await pdf_of(buyer=replace(ACME, name="Acme \u202egpj.exe")))
        assert "\u202e" not in said
        assert "[U+202E]" in said

    async def test_a_word_without_end_stays_on_the_page(self):
        made = await pdf_of(lines=(replace(MILESTONE, name="A" * 500),), buyer=replace(ACME, address=("x" * 200,)))
        document = pypdfium2.PdfDocument(made)
        for page in document:
            words = page.get_textpage()
            for at in range(words.count_chars()):
                _left, _bottom, right, _top = words.get_charbox(at)
                assert right <= page.get_width() - 50

    async def test_pictures_have_words(self):
        with pikepdf.open(io.BytesIO(await pdf_of(look=Look("#3451b2", png())))) as pdf:
            said = [str(one.Alt) for one in pdf.objects if isinstance(one, pikepdf.Dictionary) and "/Alt" in one]
        assert any("Logo of Bright Harbour" in one for one in said)
        assert any("QR code" in one for one in said)


class TestTheCodeToPayBy:
    def code(self, document):
        return qr.transfer(document, totals(document).payable)

    def test_it_is_there_for_euros_to_an_iban(self):
        assert self.code(sample()).startswith("<svg")

    @pytest.mark.parametrize("name", [
        "no minor unit", "foreign currency", "credit note", "no references", "nothing left", "no iban",
        "prepaid in full",
    ])  # fmt: skip
    def test_it_is_not_there_where_the_standard_has_none(self, name):
        others = {
            "nothing left": lambda: sample(lines=(replace(MILESTONE, unit_price=Decimal(0)),)),
            "no iban": lambda: sample(payment=PaymentMeans(account="12345")),
        }
        assert self.code((KINDS | others)[name]()) == ""

    def test_it_says_what_epc069_12_says(self, monkeypatch):
        import segno

        seen = []
        real = segno.make_qr
        monkeypatch.setattr(segno, "make_qr", lambda content, **more: seen.append(content) or real(content, **more))
        self.code(sample())
        rows = (seen[0].decode() if isinstance(seen[0], bytes) else seen[0]).split("\n")
        assert rows[:4] == ["BCD", "002", "1", "SCT"]
        assert rows[4:8] == [TO.bic, TO.holder, TO.iban, "EUR20345.45"]
        assert "RE-2026-0042" in rows


class TestTheLogo:
    @pytest.mark.parametrize("mode", ["RGBA", "RGB", "L"])
    async def test_a_png_is_shown_within_pdf_a(self, mode):
        with_logo = await pdf_of(look=Look("#3451b2", png(mode)))
        assert len(with_logo) > len(await pdf_of())

    def test_a_jpeg_is_taken_as_well(self):
        picture = io.BytesIO()
        Image.new("RGB", (30, 10)).save(picture, "JPEG")
        assert "data:image/jpeg;base64," in logo_svg(picture.getvalue())

    @pytest.mark.parametrize("size", [(2001, 2000), (20_000, 20_000), (1, 4_000_001)])
    def test_a_picture_that_unpacks_to_too_much_is_left_out(self, size):
        packed = png("1", (8, 8))
        head = packed[:16] + size[0].to_bytes(4) + size[1].to_bytes(4) + packed[24:29]
        crc = zlib.crc32(head[12:29]).to_bytes(4)
        assert logo_svg(head + crc + packed[33:]) == ""

    async def test_an_svg_is_shown_as_it_is(self):
        logo = (
            b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="4" cx="4" cy="4" fill="#a00"/></svg>'
        )
        assert logo_svg(logo) == logo.decode()
        await pdf_of(look=Look("#3451b2", logo))

    @pytest.mark.parametrize("logo", [
        b"", b"GIF89a", b"\x89PNG\r\n\x1a\n broken", b"<html>", b"%PDF-1.7",
        b'<svg><image href="file:///etc/passwd"/></svg>', b'<svg><use xlink:href="http://x.example/a.svg#b"/></svg>',
        b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>', b"<svg><script>1</script></svg>",
        b'<svg style="fill:url(http://x.example)"/>', b'<?xml-stylesheet href="x"?><svg/>',
    ])  # fmt: skip
    def test_what_is_no_picture_or_refers_elsewhere_is_left_out(self, logo):
        assert logo_svg(logo) == ""


class TestMaking:
    async def test_all_files_come_at_once_and_are_the_same_each_time(self):
        one, other = await making.make(sample()), await making.make(sample())
        assert one == other
        assert stored.from_json(one.json) == sample()
        assert (one.cii, one.ubl) == (xml.cii(sample()), xml.ubl(sample()))

    async def test_what_breaks_a_rule_is_not_made(self):
        with pytest.raises(Invalid, match="needs a number"):
            await making.make(sample(number=""))

    @pytest.mark.slow
    @pytest.mark.parametrize("name", KINDS)
    async def test_every_kind_can_be_made(self, name):
        made = await making.make(KINDS[name]())
        assert made.pdf.startswith(b"%PDF-")


def test_to_start_the_portal_costs_no_library_that_only_issuing_needs():
    program = (
        "import sys, portal.app, portal.billing.making;"
        "heavy = ('facturx', 'lxml', 'typst', 'segno', 'stdnum', 'pypdf', 'iso4217', 'xlsxwriter',"
        " 'pyhanko', 'asn1crypto');"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert run(program) == "[]"
