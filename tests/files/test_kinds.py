"""What a file is, by its bytes alone: honest ones, and those that pretend."""

import gzip
import io
import zipfile

import pytest

from portal.files.kinds import ACTIVE, HTML, PDF, PICTURES, SVG, TEXT, UNKNOWN, kind_of
from tests.support.files import document, picture

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
OPEN_TEXT = "application/vnd.oasis.opendocument.text"


def archive(*entries: str, stored: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        if stored:
            made.writestr(zipfile.ZipInfo("mimetype"), stored)
        for name in entries:
            made.writestr(name, "content")
    return out.getvalue()


HONEST = [
    (picture(form="PNG"), "image/png"),
    (picture(form="JPEG"), "image/jpeg"),
    (picture(form="GIF"), "image/gif"),
    (picture(form="WEBP"), "image/webp"),
    (document(), PDF),
    (b"Hello, world\n", TEXT),
    ("Привет, 世界\n".encode(), TEXT),
    (b"\xef\xbb\xbfref,title\n1,A\n", TEXT),
    ("Grüße".encode("utf-16"), TEXT),
    (b'{"a": [1, 2]}', TEXT),
    (b"a < b and c > d\n", TEXT),
    (b"<!DOCTYPE html><title>x</title>", HTML),
    (b"\n\t <HTML><body onload=alert(1)>", HTML),
    (b"<script>alert(1)</script>", HTML),
    (b"text first <script >alert(1)</script>", HTML),
    (b"<!-- comment --><p>x", HTML),
    (b"<img src=x onerror=alert(1)>", HTML),
    ("<html>".encode("utf-16"), HTML),
    (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', SVG),
    (b'<?xml version="1.0"?><!DOCTYPE svg><s:svg xmlns:s="http://www.w3.org/2000/svg"/>', SVG),
    (b"<?xml version='1.0'?><note/>", "text/xml"),
    (archive("a.txt"), "application/zip"),
    (archive("[Content_Types].xml", "_rels/.rels", "word/document.xml"), WORD),
    (archive("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"), EXCEL),
    (archive("content.xml", stored=OPEN_TEXT), OPEN_TEXT),
    (gzip.compress(b"x"), "application/gzip"),
    (b"{\\rtf1\\ansi x}", "application/rtf"),
    (b"8BPS\x00\x01" + bytes(30), "image/vnd.adobe.photoshop"),
    (b"II*\x00" + bytes(30), "image/tiff"),
    (b"\x00\x00\x00\x18ftypmp42" + bytes(30), "video/mp4"),
    (b"wOF2" + bytes(30), "font/woff2"),
    (b"MZ\x90\x00\x03" + bytes(100), UNKNOWN),
    (b"\x7fELF" + bytes(100), UNKNOWN),
    (bytes(100), UNKNOWN),
    (b"\xff", UNKNOWN),
]


@pytest.mark.parametrize(("content", "kind"), HONEST, ids=range(len(HONEST)))
def test_a_type_is_found_from_the_content(content, kind):
    assert kind_of(content, whole=True) == kind


PRETENDING = [
    (b"GIF89a/*<svg/onload=alert(1)>*/=1;", "image/gif"),
    (b"%PDF-1.7\n<html><script>alert(1)</script></html>", PDF),
    (b"<html>%PDF-1.7", HTML),
    (b"x" * 900 + b"%PDF-1.7", TEXT),
    (archive("[Content_Types].xml", "word/document.xml", "xl/workbook.xml"), "application/zip"),
    (archive("a.txt", stored="text/html"), "application/zip"),
    (b"PK\x03\x04<html><script>", "application/zip"),
    (b"RIFF\x00\x00\x00\x00WAVE", UNKNOWN),
    (b"\x00\x00<html><script>alert(1)</script>", UNKNOWN),
]


@pytest.mark.parametrize(("content", "kind"), PRETENDING, ids=range(len(PRETENDING)))
def test_what_is_two_things_is_the_one_that_its_first_bytes_say(content, kind):
    assert kind_of(content, whole=True) == kind


def test_a_text_that_is_cut_within_a_character_is_still_text():
    for letter in ("é", "世", "😀"):
        content = letter.encode() * 30_000
        for length in range(60_000, 60_008):
            assert kind_of(content[:length], whole=False) == TEXT


def test_what_browsers_run_is_never_called_a_picture_to_be_drawn():
    assert not set(ACTIVE) & set(PICTURES)
