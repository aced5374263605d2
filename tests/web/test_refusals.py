"""What a page ends in when something goes wrong, and what is open to everybody."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from portal.errors import Conflict, Invalid, NotAllowed, NotFound, Stale, TooLarge, Unavailable
from portal.projects import queries
from tests.web.conftest import SAME_ORIGIN, Browser
from web.security import MOST_FORM_BYTES
from web.static_files import static_url


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (NotFound("secret"), 404, "There is nothing here"),
        (NotAllowed("Only managers may."), 403, "This is not for you to do"),
        (Conflict("It is closed."), 409, "This is not possible now"),
        (Stale("It changed."), 412, "Somebody was faster"),
        (TooLarge("At most 1 MB."), 413, "This is too much at once"),
        (Invalid("No.", field="name", value="x"), 422, "Something in the address or form is wrong"),
        (Unavailable("Busy."), 503, "The portal cannot answer just now"),
        (OperationalError("SELECT secret", {}, Exception("gone")), 503, "The portal cannot answer just now"),
        (IntegrityError("INSERT secret", {}, Exception("twice")), 409, "This is not possible now"),
        (ConnectionRefusedError("secret"), 503, "The portal cannot answer just now"),
        (RuntimeError("secret"), 500, "Something went wrong here"),
        (RecursionError("secret"), 500, "Something went wrong here"),
    ],
)
async def test_each_kind_of_failure_is_a_designed_page_that_says_no_more_than_it_should(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, title: str
) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(queries, "mine", fails)
    page = await browser.open("/projects", expect=status)
    assert page.words(page.all("h1")[0]) == title
    assert "secret" not in page.text
    headers = page.response.headers
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert ("retry-after" in headers) is (status == 503)


@pytest.mark.parametrize("path", ["/locale", "/me/notifications", "/projects/BRIDGE/decisions/1/remarks"])
@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize("has_file", [True, False])
async def test_a_form_is_read_no_further_than_any_form_of_ours_goes(
    browser: Browser, path: str, is_told: bool, has_file: bool
) -> None:
    kind = "multipart/form-data; boundary=b" if has_file else "application/x-www-form-urlencoded"
    part = b'--b\r\nContent-Disposition: form-data; name="x"; filename="x"\r\n\r\n'
    start, chunk, sent = (part, b"x" * 65_536, 0) if has_file else (b"", b"x=" + b"y" * 65_533 + b"&", 0)

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield start
        for _ in range(40):
            sent += len(chunk)
            yield chunk

    content = start + chunk * 40 if is_told else endless()
    headers = browser.cast.cookie("ada") | SAME_ORIGIN | {"Content-Type": kind}
    answer = await browser.client.post(path, content=content, headers=headers)
    assert answer.status_code == 413
    assert sent < 2 * MOST_FORM_BYTES


async def test_a_wrong_method_is_a_page_too(browser: Browser) -> None:
    assert (await browser.post("/projects")).status_code == 405


@pytest.mark.parametrize("name", ["portal.css", "portal.js", "icon.svg"])
async def test_static_files_are_open_kept_for_ever_and_packed(browser: Browser, name: str) -> None:
    address = static_url(name)
    plain = await browser.get(address, None, {"Accept-Encoding": "identity"})
    assert plain.status_code == 200
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    async with browser.client.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join([chunk async for chunk in packed.aiter_raw()])
        is_packed = packed.headers.get("content-encoding") == "gzip"
    assert (gzip.decompress(raw) if is_packed else raw) == plain.content
    assert is_packed is (len(plain.content) > 500)


@pytest.mark.parametrize(
    "path", ["/static/portal.css", "/static/portal.0000000000000000.css", "/static/..%2froutes.py"]
)
async def test_no_other_file_is_served(browser: Browser, path: str) -> None:
    assert (await browser.get(path, None)).status_code == 404


async def test_search_engines_are_asked_to_stay_away(browser: Browser) -> None:
    response = await browser.get("/robots.txt", None)
    assert (response.status_code, response.text) == (200, "User-agent: *\nDisallow: /\n")
    assert response.headers["x-robots-tag"] == "noindex, nofollow"
    assert (await browser.get("/favicon.ico", None)).headers["content-type"] == "image/svg+xml"
