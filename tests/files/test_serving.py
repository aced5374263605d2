"""How a file is handed out: status and headers, to the byte."""

import hashlib

import pytest

from portal.files import serving
from portal.files.models import File
from portal.files.serving import Asked

SHA = hashlib.sha256(b"x").digest()
TAG = f'"{SHA.hex()}"'


def a_file(media_type="application/pdf", name="Plan für Ada.pdf", size=1000):
    return File(sha256=SHA, size=size, media_type=media_type, name=name)


def test_a_file_is_saved_sandboxed_and_unsniffed():
    answer = serving.download(a_file(), Asked())
    assert (answer.status, answer.start, answer.end) == (200, 0, 1000)
    assert answer.headers == {
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
        "ETag": TAG,
        "Accept-Ranges": "bytes",
        "Content-Disposition": "attachment; filename*=UTF-8''Plan%20f%C3%BCr%20Ada.pdf",
        "Content-Type": "application/pdf",
        "Content-Length": "1000",
    }


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "text/xml"])
def test_what_a_browser_would_run_loses_even_its_type(kind):
    answer = serving.download(a_file(kind, "x.html"), Asked())
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")


def test_a_preview_is_shown_as_what_we_encoded():
    answer = serving.preview(SHA, 0, 77, Asked())
    assert (answer.status, answer.end) == (200, 77)
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Content-Disposition"] == "inline"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize("header", [TAG, f"W/{TAG}", f'"other", {TAG}', "*"])
def test_what_is_known_is_not_sent_again(header):
    for answer in (serving.download(a_file(), Asked(header)), serving.preview(SHA, 0, 77, Asked(header))):
        assert (answer.status, answer.start, answer.end) == (304, 0, 0)
        assert answer.headers["ETag"] == TAG
        assert "Content-Length" not in answer.headers


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=0-99", 0, 100), ("bytes=900-", 900, 1000), ("bytes=990-5000", 990, 1000),
     ("bytes=-10", 990, 1000), ("bytes=-5000", 0, 1000), ("bytes=999-999", 999, 1000)],
)  # fmt: skip
def test_a_part_is_sent_alone(wanted, start, end):
    answer = serving.download(a_file(), Asked(range=wanted))
    assert (answer.status, answer.start, answer.end) == (206, start, end)
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/1000"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("wanted", ["bytes=1000-", "bytes=1000-2000", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(wanted):
    answer = serving.download(a_file(), Asked(range=wanted))
    assert (answer.status, answer.start, answer.end) == (416, 0, 0)
    assert answer.headers["Content-Range"] == "bytes */1000"


@pytest.mark.parametrize(
    "wanted",
    ["bytes=5-1", "bytes=0-1,5-6", "items=0-1", "bytes=-", "bytes=a-b", "bytes=" + "9" * 30 + "-", "bytes=٣-٤"],
)
def test_what_is_no_single_range_gets_the_whole(wanted):
    assert serving.download(a_file(), Asked(range=wanted)).status == 200


@pytest.mark.parametrize(("if_range", "status"), [(TAG, 206), ('"other"', 200), (f"W/{TAG}", 200)])
def test_a_part_of_another_version_is_not_sent(if_range, status):
    assert serving.download(a_file(), Asked(range="bytes=0-1", if_range=if_range)).status == status
