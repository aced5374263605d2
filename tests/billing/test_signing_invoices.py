"""Signed PDFs (PAdES): anybody can tell who issued one and that no byte of it changed, and it stays what it was."""

import io
import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pikepdf
import pytest
import time_machine
from asn1crypto.pem import unarmor
from asn1crypto.x509 import Certificate
from facturx import get_facturx_xml_from_pdf
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from sqlalchemy import select

from portal import clock, stamping
from portal.billing import issuing, making, seals, xml
from portal.billing.models import Invoice, InvoiceSeries, InvoiceState
from portal.documents import signing
from portal.errors import Conflict
from portal.settings import Settings, SettingsError, load
from tests.support import authority as authorities
from tests.support import seals as certificates
from tests.support.billing import drafted, planned
from tests.support.invoices import sample
from tests.web.conftest import settings_for

ENDED = timedelta(days=-1)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("seal"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    with authorities.serving(authorities.make(tmp_path_factory.mktemp("authority"))) as serving:
        yield serving


@pytest.fixture
async def plain():
    return (await making.make(sample())).pdf


def opened(setting, code="*", **more):
    settings = settings_for_seals({code: setting}, **more)
    return seals.open_seals(settings, stamping.at_once(settings, within_seconds=seals.STAMP_WITHIN_SECONDS))


def settings_for_seals(setting, **more):
    plain = settings_for(Path("var"), "").model_dump() | {"invoice_signatures": setting} | more
    return Settings.model_validate(plain)


def stamped_by(authority):
    return {"timestamp_url": authority.url, "timestamp_certificates": authority.roots}


async def signed_by(setting, pdf, **more):
    return await opened(setting, **more).signer("BH")(pdf)


async def verdict(pdf, files, *more_roots):
    """What the library says of the one signature: whole, trusted, over all of the file."""
    trusted = [Certificate.load(one) for one in (files.root, *more_roots)]
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    return await async_validate_pdf_signature(signature, ValidationContext(trust_roots=trusted))


class TestTheSignature:
    @pytest.mark.parametrize("kind", ["ec", "rsa", "ed25519"])
    @pytest.mark.parametrize("form", ["pkcs12", "pem", "locked pem"])
    async def test_it_holds_for_every_kind_of_key_and_form_of_files(self, tmp_path, plain, kind, form):
        files = certificates.make(tmp_path, kind)
        signed = await signed_by(files.setting(form), plain)
        status = await verdict(signed.pdf, files)
        assert (status.bottom_line, status.intact, status.trusted, status.coverage.name) == (
            True, True, True, "ENTIRE_FILE"
        )  # fmt: skip
        assert status.signing_cert.subject.native["common_name"] == certificates.SIGNER

    async def test_it_is_pades_baseline_with_the_moment_by_our_clock(self, files, plain):
        at = clock.now().replace(microsecond=0) + timedelta(days=3)
        with time_machine.travel(at, tick=False):
            signed = await signed_by(files.setting(), plain)
        (signature,) = PdfFileReader(io.BytesIO(signed.pdf)).embedded_signatures
        assert signed.level == "B-B"
        assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
        assert signature.self_reported_timestamp == at
        given = {one["type"].native for one in signature.signer_info["signed_attrs"]}
        assert given == {"content_type", "message_digest", "signing_certificate_v2"}

    async def test_a_flipped_byte_is_found_wherever_it_is(self, files, plain):
        signed = (await signed_by(files.setting(), plain)).pdf
        for at in (20, plain.index(b"<fx:DocumentType>"), len(plain) // 2, signed.rindex(b"/M (D") + 12):
            broken = bytearray(signed)
            broken[at] ^= 1
            status = await verdict(bytes(broken), files)
            assert (status.bottom_line, status.intact) == (False, False), at

    async def test_another_authoritys_signer_is_not_believed(self, tmp_path, files, plain):
        signed = await signed_by(certificates.make(tmp_path).setting(), plain)
        status = await verdict(signed.pdf, files)
        assert (status.intact, status.trusted, status.bottom_line) == (True, False, False)


class TestWhatStays:
    async def test_the_page_stands_unchanged_before_the_signature(self, files, plain):
        assert (await signed_by(files.setting(), plain)).pdf.startswith(plain)

    async def test_the_e_invoice_inside_is_the_same_to_the_byte(self, files, plain):
        signed = (await signed_by(files.setting(), plain)).pdf
        assert get_facturx_xml_from_pdf(signed, check_xsd=True, check_schematron=False)[1] == xml.cii(sample())

    async def test_it_stays_pdf_a_3_pdf_ua_1_and_factur_x(self, files, plain):
        signed = (await signed_by(files.setting(), plain)).pdf
        with pikepdf.open(io.BytesIO(plain)) as before, pikepdf.open(io.BytesIO(signed)) as after:
            assert after.Root.Metadata.read_bytes() == before.Root.Metadata.read_bytes()
            assert str(after.docinfo.get("/ModDate")) == str(before.docinfo.get("/ModDate"))
            assert "/Version" not in after.Root  # PDF/A-3 is PDF 1.7
            assert after.Root.AF[0].AFRelationship == "/Alternative"
            assert after.check_pdf_syntax() == []

    async def test_its_field_lies_where_pdf_a_and_pdf_ua_both_allow_it(self, files, plain):
        signed = (await signed_by(files.setting(), plain)).pdf
        with pikepdf.open(io.BytesIO(signed)) as pdf:
            (field,) = pdf.pages[0].Annots
            left, bottom, right, top = (float(one) for one in field.Rect)
            assert (left, bottom) == (right, top)
            assert left < float(pdf.pages[0].MediaBox[0])
            assert int(field.F) & 0b100111 == 0b100  # printed; neither invisible, hidden nor unseen
            assert (str(field.TU), pdf.pages[0].Tabs) == (signing.FIELD_NAME, "/S")
            assert "/NeedAppearances" not in pdf.Root.AcroForm


class TestTheTimeStamp:
    async def test_the_authority_stamps_the_signature(self, files, authority, plain):
        signed = await signed_by(files.setting(), plain, **stamped_by(authority))
        status = await verdict(signed.pdf, files, unarmor(authority.roots.read_bytes())[2])
        assert (signed.level, status.bottom_line) == ("B-T", True)
        assert (status.timestamp_validity.intact, status.timestamp_validity.trusted) == (True, True)

    @pytest.mark.parametrize("answer", [b"no stamp", b""])
    async def test_a_wrong_answer_leaves_the_signature_without_it(self, files, authority, plain, answer):
        authority.wrong = answer
        try:
            signed = await signed_by(files.setting(), plain, **stamped_by(authority))
        finally:
            authority.wrong = None
        assert (signed.level, (await verdict(signed.pdf, files)).bottom_line) == ("B-B", True)

    async def test_an_answer_to_another_request_is_refused(self, files, authority, plain):
        await signed_by(files.setting(), plain, **stamped_by(authority))
        authority.wrong = authority.reply(authority.asked[-1])
        try:
            signed = await signed_by(files.setting(), plain, **stamped_by(authority))
        finally:
            authority.wrong = None
        assert signed.level == "B-B"

    async def test_an_authority_that_we_do_not_believe_is_left_out(self, tmp_path, files, authority, plain):
        other = authorities.make(tmp_path / "other")
        given = {"timestamp_url": authority.url, "timestamp_certificates": other.roots}
        assert (await signed_by(files.setting(), plain, **given)).level == "B-B"

    async def test_an_authority_that_is_away_keeps_nobody_waiting_long(self, files, authority, plain):
        given = stamped_by(authority) | {"timestamp_url": "http://127.0.0.1:9/away"}
        signed = await signed_by(files.setting(), plain, **given)
        assert (signed.level, (await verdict(signed.pdf, files)).bottom_line) == ("B-B", True)


class TestTheSetting:
    def test_nothing_is_signed_by_default(self):
        assert seals.open_seals(settings_for(Path("var"), "")).signer("BH") is None

    def test_an_issuers_own_seal_goes_before_that_of_all_others(self, tmp_path, files):
        own = certificates.make(tmp_path, "rsa")
        found = seals.open_seals(settings_for_seals({"*": files.setting(), "BH": own.setting()}))
        assert found.signer("BH").keywords["seal"] is found.by_issuer["BH"]
        assert found.signer("XY").keywords["seal"] is found.by_issuer["*"]

    def test_an_issuer_without_one_is_not_signed(self, files):
        assert opened(files.setting(), "XY").signer("BH") is None

    @pytest.mark.parametrize(("change", "words"), [
        ({"password": "wrong"}, "Is the password right"),
        ({"password": None}, "Is the password right"),
        ({"pkcs12": "/nowhere/seal.p12"}, "/nowhere/seal.p12 cannot be read"),
        ({"pkcs12": __file__}, "cannot be opened"),
    ])  # fmt: skip
    def test_what_cannot_be_opened_is_said_at_the_start(self, files, change, words):
        with pytest.raises(SettingsError, match=re.escape(words)) as refused:
            opened(files.setting() | change, "BH")
        assert "PORTAL_INVOICE_SIGNATURES[BH]" in str(refused.value)
        assert certificates.PASSWORD not in str(refused.value)

    def test_a_key_that_is_not_the_certificates_is_refused(self, tmp_path, files):
        other = certificates.make(tmp_path)
        with pytest.raises(SettingsError, match="none of the certificates belongs to the key"):
            opened({"key": other.key, "certificates": files.certificates})

    @pytest.mark.parametrize(("given", "words"), [
        ({"kind": "weak rsa"}, "RSA of at least 2048 bits"), ({"may_sign": False}, "does not allow signatures"),
    ])  # fmt: skip
    def test_a_key_that_may_not_sign_is_refused(self, tmp_path, given, words):
        with pytest.raises(SettingsError, match=words):
            opened(certificates.make(tmp_path, **given).setting())

    @pytest.mark.parametrize("given", [{}, {"key": "a"}, {"pkcs12": "a", "key": "b", "certificates": "c"}])
    def test_one_form_of_files_is_named(self, given):
        environ = {"PORTAL_BASE_URL": "http://localhost", "PORTAL_SECRET_KEY": "k3yK3yk3y" * 5}
        with pytest.raises(SettingsError, match="names either pkcs12, or key and certificates"):
            load(environ, environment="test", invoice_signatures={"*": given})

    def test_without_the_library_it_says_what_to_install(self, files, monkeypatch):
        monkeypatch.setattr(seals, "find_spec", lambda name: None)
        with pytest.raises(SettingsError, match=re.escape("project-portal[pades]")):
            opened(files.setting())


async def issue(database, cast, store, found, number=1):
    async with database.write() as db:
        return await issuing.issue(db, await cast.scope(db, "maria"), store, number, found)


async def kept(database, cast, store, row):
    async with database.read() as db:
        scope = await cast.scope(db, "maria")
    digest = bytes.fromhex(row.files["pdf"]["sha256"])
    return await store.read(scope.project_id, digest, 5_000_000)


class TestIssuing:
    async def test_the_signed_bytes_are_those_that_are_kept_by_their_digest(self, database, cast, store, files):
        await planned(database, cast)
        await drafted(database, cast)
        row = await issue(database, cast, store, opened(files.setting()))
        content = await kept(database, cast, store, row)
        assert (await verdict(content, files)).bottom_line
        assert row.files["pdf"] | {"number": 0} == {
            "number": 0, "sha256": sha256(content).hexdigest(), "size": len(content), "signature": "B-B"
        }  # fmt: skip

    async def test_a_credit_note_is_signed_too(self, database, cast, store, files):
        await planned(database, cast)
        await drafted(database, cast)
        await issue(database, cast, store, opened(files.setting()))
        async with database.write() as db:
            scope = await cast.scope(db, "maria")
            note = await issuing.credit(db, scope, store, 1, "The wrong buyer", opened(files.setting()))
        assert (await verdict(await kept(database, cast, store, note), files)).bottom_line

    async def test_a_certificate_that_ended_is_said_before_a_number_is_taken(self, database, cast, store, tmp_path):
        ended = opened(certificates.make(tmp_path / "old", ends=ENDED).setting())
        await planned(database, cast)
        await drafted(database, cast)
        with pytest.raises(Conflict, match="ended on"):
            await issue(database, cast, store, ended)
        async with database.read() as db:
            assert (await db.scalar(select(InvoiceSeries.last))) is None
        row = await issue(database, cast, store, seals.UNSIGNED)
        assert (row.series_number, "signature" in row.files["pdf"]) == (1, False)

    async def test_what_goes_wrong_while_signing_leaves_no_hole(self, database, cast, store, files, monkeypatch):
        await planned(database, cast)
        await drafted(database, cast)
        with monkeypatch.context() as broken:
            broken.setattr(signing, "_sign", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await issue(database, cast, store, opened(files.setting()))
        async with database.read() as db:
            scope = await cast.scope(db, "maria")
            (row,) = await db.scalars(select(Invoice).where(Invoice.project_id == scope.project_id))
            assert (row.state, row.reference) == (InvoiceState.DRAFT, None)
        assert (await issue(database, cast, store, opened(files.setting()))).series_number == 1
