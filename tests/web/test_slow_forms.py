"""Nobody waits for who sends or reads slowly: no page holds a transaction while it takes a form or gives a list."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from starlette.types import Message

from portal.backlog.commands import add_item as items
from portal.db import Database
from portal.ledger import Audience
from portal.requirements.commands import add as needs
from tests.isolation import table
from tests.support.cast import Cast
from tests.web.conftest import SAME_ORIGIN, Browser
from web import backlog, requirements

KINDS = {
    "application/x-www-form-urlencoded": b"text=begun",
    "multipart/form-data; boundary=b": b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nbegun',
}


def forms(app: FastAPI) -> list[str]:
    """The addresses of all pages that take something; the one that signs out comes last."""
    posts = {one for one in table.routes(app) if one.startswith("POST /") and not one.startswith("POST /api/")}
    return sorted((table.address(one) for one in posts), key=lambda path: (path == "/auth/logout", path))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_form_that_stops_in_the_middle_keeps_nobody_from_writing(
    browser: Browser, portal: FastAPI, database: Database, kind: str
) -> None:
    addresses = forms(portal)
    assert {"/locale", "/me/notifications", "/projects/BRIDGE/changes"} <= set(addresses)
    for address in addresses:
        waiting, ended = asyncio.Event(), asyncio.Event()

        async def stops(waiting: asyncio.Event = waiting, ended: asyncio.Event = ended) -> AsyncIterator[bytes]:
            yield KINDS[kind]
            waiting.set()
            await ended.wait()

        headers = browser.cast.cookie("ada") | SAME_ORIGIN | {"Content-Type": kind}
        sending = asyncio.create_task(browser.client.post(address, content=stops(), headers=headers))
        reading = asyncio.create_task(waiting.wait())
        await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
        async with database.write():
            ended.set()
        await sending
        reading.cancel()


@pytest.mark.parametrize(("room", "list_"), [(backlog, "backlog"), (requirements, "requirements")])
async def test_a_list_that_is_read_slowly_keeps_no_session(
    browser: Browser, portal: FastAPI, database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch, room, list_
) -> None:
    monkeypatch.setattr(room, "EACH_CSV_READ", 1)
    async with database.write() as db:
        scope = await cast.scope(db, "wei")
        for title in ("One", "Two", "Three"):
            await (items if list_ == "backlog" else needs)(db, scope, {"title": title, "audience": Audience.CLIENT})
    asked, sent = False, list[int]()

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message.get("body"):
            sent.append(portal.state.database.engine.pool.checkedout() if sent else 0)

    request = browser.client.build_request("GET", f"/projects/BRIDGE/{list_}.csv", headers=cast.cookie("ada"))
    await portal(
        {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
         "path": request.url.path, "raw_path": request.url.raw_path, "query_string": b"", "root_path": "",
         "headers": [(name.lower(), value) for name, value in request.headers.raw], "client": None,
         "server": ("portal.example", 80)},
        receive, send,
    )  # fmt: skip
    assert sum(sent) == 0
    assert sent
