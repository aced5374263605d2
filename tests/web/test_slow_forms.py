"""Nobody waits for a form that does not arrive: no page holds a transaction while it reads what is sent to it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from portal.db import Database
from tests.isolation import table
from tests.web.conftest import SAME_ORIGIN, Browser

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
