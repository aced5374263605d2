"""A receipt's file is recognised by its content, read strictly, and whatever else comes is refused in words."""

import io
import json
import zlib

import pikepdf
import pypdf
import pytest

from portal.documents import attachment
from portal.errors import Invalid, TooLarge
from portal.ledger import receipt_files
from portal.ledger.models import Receipt
from portal.ledger.receipt_files import ReceiptFile, read_receipt, receipt_json
from tests.support.receipts import MONDAY, PORTAL, PROJECT, keys_in, pdf_with, seal


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    return seal(keys_in(tmp_path_factory.mktemp("signing")))


def receipt(token: str, timestamp: bytes | None = None) -> Receipt:
    return Receipt(project_id=PROJECT, seq=5, token=token, issued_at=MONDAY, timestamp=timestamp)


def refused(raw: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        read_receipt(raw)
    assert caught.value.field in ("file", "timestamp")
    return caught.value.message


def test_it_is_small_json_that_reads_back(token):
    raw = receipt_json(receipt(token, b"stamp"), PORTAL)
    assert json.loads(raw) == {
        "receipt": token, "timestamp": "c3RhbXA=", "keys_url": f"{PORTAL}/.well-known/portal-keys.json",
    }  # fmt: skip
    assert read_receipt(raw) == ReceiptFile(token, b"stamp", f"{PORTAL}/.well-known/portal-keys.json")
    assert receipt_json(receipt(token, b"stamp"), PORTAL) == raw


def test_without_a_time_stamp_it_names_none(token):
    raw = receipt_json(receipt(token), PORTAL)
    assert b"timestamp" not in raw
    assert read_receipt(raw).timestamp is None


def test_the_bare_token_is_a_receipt_too(token):
    assert read_receipt(token.encode() + b"\n") == ReceiptFile(token, None, "")


def test_a_pdf_is_known_by_its_content(token):
    assert read_receipt(pdf_with(receipt_json(receipt(token), PORTAL))).token == token


def test_a_pdf_in_which_a_pdf_is_attached_is_no_receipt(token):
    inner = pdf_with(receipt_json(receipt(token), PORTAL))
    refused(pdf_with(inner))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{}", b"[]", b"null", b"7", b'"x"', b"\xff\xfe", b"\x00" * 100, b"[" * 100_000, b'{"a":' * 50_000,
        b'{"receipt": 7}', b'{"receipt": null}', b'{"receipt": "x", "more": 1}', b'{"receipt": "x", "timestamp": 7}',
        b'{"receipt": "x", "receipt": "y"}', b'{"keys_url": "x"}', b'{"receipt": "x", "timestamp": "not base64!"}',
        b'{"receipt": "x", "timestamp": ""}', b"PK\x03\x04", b"<html>", "{\"receipt\": \"x\"}".encode("utf-16"),
        b'\xef\xbb\xbf{"receipt": "x"}', b"eyJ\xff", b"9" * 10_000,
    ],
)  # fmt: skip
def test_other_files_are_refused_in_words(raw):
    assert refused(raw).endswith(".")


def test_more_than_five_megabytes_are_not_even_looked_at():
    with pytest.raises(TooLarge):
        read_receipt(b" " * (receipt_files.MOST_BYTES + 1))


class TestHostilePdfs:
    @pytest.mark.parametrize(
        "raw",
        [
            b"%PDF-", b"%PDF-1.7\n" + b"\x00" * 1000, b"%PDF-1.7\n%%EOF", b"%PDF-1.7\n" + b"1 0 obj\n" * 10_000,
            b"%PDF-1.7\n1 0 obj<</Root 1 0 R/Names 1 0 R/Kids[1 0 R]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
            b"%PDF-1.7\n" + b"[" * 200_000, b"%PDF-1.7\n" + b"<<" * 200_000,
        ],
    )  # fmt: skip
    def test_damaged_ones(self, raw):
        assert "No receipt is attached" in refused(raw)

    def test_one_without_a_receipt(self, token):
        assert "No receipt is attached" in refused(pdf_with(b"{}", "other.json"))

    def test_a_bomb(self):
        packed = zlib.compress(b" " * 200_000_000, 9)
        made = pikepdf.new()
        made.add_blank_page()
        stream = pikepdf.Stream(made, b"")
        made.attachments["receipt.json"] = pikepdf.AttachedFileSpec(made, b"x", filename="receipt.json")
        stream = made.Root.Names.EmbeddedFiles.Names[1].EF.F
        stream.write(packed, filter=pikepdf.Name.FlateDecode)
        written = io.BytesIO()
        made.save(written)
        assert len(written.getvalue()) < 1_000_000
        assert "No receipt is attached" in refused(written.getvalue())

    def test_two_of_which_one_might_be_shown_and_the_other_checked(self, token):
        made = pypdf.PdfWriter()
        made.add_blank_page(100, 100)
        for content in (receipt_json(receipt(token), PORTAL), b"{}"):
            made.add_attachment("receipt.json", content)
        written = io.BytesIO()
        made.write(written)
        assert "No receipt is attached" in refused(written.getvalue())

    def test_names_that_go_in_circles(self, token):
        made = pikepdf.open(io.BytesIO(pdf_with(b"{}", "other.json")))
        names = made.make_indirect(pikepdf.Dictionary())
        names.Kids = pikepdf.Array([names, names, names])
        made.Root.Names.EmbeddedFiles = names
        written = io.BytesIO()
        made.save(written)
        refused(written.getvalue())

    def test_one_that_takes_too_long(self, token, monkeypatch):
        monkeypatch.setattr(attachment, "PATIENCE_SECONDS", 0.01)
        refused(pdf_with(receipt_json(receipt(token), PORTAL)))

    def test_truncated_ones_are_refused_or_read_but_never_break(self, token):
        whole = pdf_with(receipt_json(receipt(token), PORTAL))
        for cut in range(50, len(whole), len(whole) // 4):
            found = attachment.find(whole[:cut], "receipt.json")
            assert found is None or b"receipt" in found
