"""Files as a browser meets them: saved, shown, and sent by form."""

import asyncio
import contextlib
import re
from typing import Annotated

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from portal.errors import Conflict
from portal.files import commands
from portal.ledger.models import Audience
from tests.files.conftest import hang_up
from tests.support.files import GREEN, RED, add_file, add_paper, paper, picture
from tests.web.conftest import SAME_ORIGIN, browser, cast, portal  # fixtures
from web import uploads
from web.deps import UnitOfWork, WritingScope
from web.uploads import UploadForm

__all__ = ["browser", "cast", "portal"]

HTML = "<script>alert(document.domain)</script>"


@pytest.fixture
async def files(database, cast, portal):
    """One file for the client, one for the inside, one about money, and one of the other project."""
    store = portal.state.files
    for content, key, audience in (
        (HTML, "BRIDGE", Audience.CLIENT),
        ("inside", "BRIDGE", Audience.INTERNAL),
        ("Rechnung", "BRIDGE", Audience.CLIENT),
        ("other", "HARBOUR", Audience.CLIENT),
    ):
        await add_file(database, cast, store, content, key, audience)


async def test_a_file_is_only_ever_saved(browser, files):
    answer = await browser.get("/projects/BRIDGE/files/1", "eve")
    assert (answer.status_code, answer.text) == (200, HTML)
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "cookie" in answer.headers["vary"].lower()
    assert answer.headers["content-length"] == str(len(HTML))


async def test_a_preview_is_shown_as_a_picture_and_as_nothing_else(browser, files):
    answer = await browser.get("/projects/BRIDGE/files/1/preview", "eve")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.headers["content-disposition"] == "inline"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_pages_of_a_pdf_are_for_whom_the_file_is(browser, cast, database, portal):
    for key in ("BRIDGE", "HARBOUR"):
        await add_paper(database, cast, portal.state.files, paper(RED, GREEN), key=key)
    assert (await browser.get("/projects/BRIDGE/files/1/preview?page=2", "wei")).status_code == 200
    hidden, unused = [await browser.get(f"/projects/BRIDGE/files/{one}/preview?page=2", "ada") for one in (1, 99)]
    assert (hidden.status_code, unused.status_code) == (404, 404)
    assert plain(hidden.text) == plain(unused.text)
    assert (await browser.get("/projects/HARBOUR/files/1/preview?page=2", "ada")).status_code == 404


async def test_a_browser_that_has_it_gets_nothing_and_one_that_wants_a_part_gets_that(browser, files):
    tag = (await browser.get("/projects/BRIDGE/files/1")).headers["etag"]
    same = await browser.get("/projects/BRIDGE/files/1", headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    part = await browser.get("/projects/BRIDGE/files/1", headers={"Range": "bytes=1-6", "If-Range": tag})
    assert (part.status_code, part.text) == (206, "script")


def plain(text):
    """A page without what may differ: the number that was asked for, and the moment of asking."""
    return re.sub(r"\d\d:\d\d(:\d\d(\.\d+)?)?", "TIME", re.sub(r"files/\d+", "files/N", text))


@pytest.mark.parametrize("rest", ["", "/preview"])
@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}, {"Range": "bytes=0-0"}])
async def test_a_file_that_is_not_for_the_viewer_is_as_one_that_is_not_there(browser, files, rest, headers):
    hidden, unused, foreign = [
        await browser.get(f"/projects/BRIDGE/files/{number}{rest}", "ada", headers) for number in (2, 99, 4)
    ]
    assert hidden.status_code == unused.status_code == foreign.status_code == 404
    assert plain(hidden.text) == plain(unused.text) == plain(foreign.text)
    assert (await browser.get(f"/projects/BRIDGE/files/1{rest}", "mallory", headers)).status_code == 404
    assert (await browser.get(f"/projects/BRIDGE/files/2{rest}", "wei")).status_code == 200


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999999999", "1%2F..%2F2", "1e1"])
async def test_an_address_that_is_no_number_is_answered(browser, files, number):
    assert (await browser.get(f"/projects/BRIDGE/files/{number}")).status_code in (404, 422)


async def test_no_session_of_the_database_stays_open_while_a_file_is_sent(portal, cast, files):
    """While the bytes leave, all four connections of the test's pool can be had."""
    finished = []

    async def reader(number):
        async def receive():
            await asyncio.Event().wait()  # the reader stays

        async def send(message):
            if message["type"] == "http.response.body" and message.get("body"):
                async with contextlib.AsyncExitStack() as held, asyncio.timeout(30):
                    for _ in range(4):
                        await held.enter_async_context(portal.state.database.read())
                    finished.append(number)

        headers = [(b"host", b"portal.example"), (b"cookie", cast.cookie("ada")["Cookie"].encode())]
        path = "/projects/BRIDGE/files/1"
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": headers, "scheme": "http", "server": ("portal.example", 80), "client": ("127.0.0.1", 1),
            "http_version": "1.1", "asgi": {"version": "3.0"}, "root_path": "",
        }  # fmt: skip
        await portal(scope, receive, send)

    for number in range(3):
        await reader(number)
    assert finished == [0, 1, 2]


@pytest.fixture
def room(portal: FastAPI):
    """A room that takes files by form, as others do."""
    form = uploads.form(files={"file": 2, "cover": 1}, fields={"note", "outcome"})

    @portal.post("/projects/{key}/trial")
    async def take(
        request: Request, sent: Annotated[UploadForm, form], scope: WritingScope, db: UnitOfWork
    ) -> Response:
        rows = [
            await commands.add_file(db, scope, one, audience=Audience.CLIENT, by_client=True) for one in sent.received
        ]
        if sent.text("outcome") == "refused":
            raise Conflict("No.")
        told = {"note": sent.text("note"), "names": [row.name for row in rows], "cover": len(sent.files["cover"])}
        return JSONResponse(told | {"types": [row.media_type for row in rows]})


async def send(browser, who="ada", files=(), headers=None, **fields):
    return await browser.client.post(
        "/projects/BRIDGE/trial",
        data=fields,
        files=list(files),
        headers=browser.cast.cookie(who) | SAME_ORIGIN | (headers or {}),
    )


def lying(portal):
    return [one for one in portal.state.files.folder.rglob("*") if one.is_file()]


async def test_a_form_brings_texts_and_files(browser, room, portal):
    files = [("file", ("../a.png", picture())), ("file", ("b\r\n.txt", b"text")), ("cover", ("c.svg", b"<svg>"))]
    answer = await send(browser, files=files, note="line\r\nline", outcome="")
    assert (answer.status_code, answer.json()) == (200, {
        "note": "line\nline", "names": ["a.png", "b .txt", "c.svg"], "cover": 1,
        "types": ["image/png", "text/plain", "image/svg+xml"],
    })  # fmt: skip
    assert len(lying(portal)) == 4
    assert (await browser.get("/projects/BRIDGE/files/2", "eve")).text == "text"


async def test_an_input_in_which_nothing_was_chosen_is_no_file(browser, room):
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--b--\r\n'
    headers = browser.cast.cookie("ada") | SAME_ORIGIN | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await browser.client.post("/projects/BRIDGE/trial", content=body, headers=headers)
    assert answer.json()["names"] == []


async def test_files_go_when_the_room_refuses(browser, room, portal):
    answer = await send(browser, files=[("file", ("a.png", picture()))], outcome="refused")
    assert (answer.status_code, lying(portal)) == (409, [])
    assert (await browser.get("/projects/BRIDGE/files/1")).status_code == 404


@pytest.mark.parametrize(
    ("files", "fields", "status"),
    [
        ([("file", ("a", b"1")), ("file", ("b", b"2")), ("file", ("c", b"3"))], {}, 413),
        ([("other", ("a", b"1"))], {}, 422),
        ([("file", ("a", b"1"))], {"colour": "red"}, 422),
        ([("file", ("a", b"1"))], {"note": "x" * 200_001}, 413),
        ([("file", ("a", b"1"))], {"note": ["one", "two"]}, 422),
        ([("file", ("a", b"1"))], {"note": "nul\0"}, 422),
        ([("file", ("a", b"1")), ("cover", ("b", b""))], {}, 422),
    ],
)
async def test_a_form_that_is_not_as_expected_is_refused_and_leaves_nothing(
    browser, room, portal, files, fields, status
):
    answer = await send(browser, files=files, **fields)
    assert (answer.status_code, lying(portal)) == (status, [])


async def test_what_is_no_form_is_refused(browser, room, portal):
    for headers, body in (
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"note=x"),
        ({"Content-Type": "multipart/form-data; boundary=b"}, b'--b\r\nContent-Disposition: form-data; name="file"'),
        ({}, b""),
    ):
        every = browser.cast.cookie("ada") | SAME_ORIGIN | headers
        assert (await browser.client.post("/projects/BRIDGE/trial", content=body, headers=every)).status_code == 422
    assert lying(portal) == []


@pytest.mark.parametrize(("who", "status"), [("mallory", 404), ("nemo", 404), ("eve", 200), ("dan", 200)])
async def test_only_members_send_files(browser, room, portal, who, status):
    answer = await send(browser, who, files=[("file", ("a", b"1"))])
    assert (answer.status_code, len(lying(portal))) == (status, int(status == 200))


async def test_staff_who_look_as_the_client_send_nothing(browser, room, portal):
    await browser.post("/projects/BRIDGE/view-as", "wei", roles="approver")
    answer = await send(browser, "wei", files=[("file", ("a", b"1"))])
    assert (answer.status_code, lying(portal)) == (403, [])


async def test_a_sender_who_stops_is_not_waited_for(browser, room, portal, monkeypatch):
    monkeypatch.setattr(uploads, "BETWEEN_SECONDS", 0.05)

    async def stalls():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf a file'
        await asyncio.sleep(0.5)
        yield b"\r\n--b--\r\n"

    headers = browser.cast.cookie("ada") | SAME_ORIGIN | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await browser.client.post("/projects/BRIDGE/trial", content=stalls(), headers=headers)
    assert (answer.status_code, lying(portal)) == (422, [])


async def test_a_sender_who_goes_away_leaves_nothing_and_is_no_fault_of_ours(browser, room, portal, caplog):
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf a file'
    headers = browser.cast.cookie("ada") | SAME_ORIGIN | {"Content-Type": "multipart/form-data; boundary=b"}
    assert await hang_up(portal, "POST", "/projects/BRIDGE/trial", headers, form) == 422
    assert lying(portal) == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
