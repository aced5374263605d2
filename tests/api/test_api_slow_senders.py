"""Nobody waits for a body that does not arrive: no operation holds a transaction while it reads what is sent to it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import ALL
from tests.isolation import table


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["application/octet-stream", "text/csv", "application/xml", "application/json"])
async def test_a_body_that_stops_in_the_middle_keeps_nobody_from_writing(api: Any, kind: str) -> None:
    reads = set()
    for route in sorted(one for one in table.API if one.startswith("POST ")):
        waiting, ended = asyncio.Event(), asyncio.Event()

        async def stops(waiting: asyncio.Event = waiting, ended: asyncio.Event = ended) -> AsyncIterator[bytes]:
            yield b"<begun"
            waiting.set()
            await ended.wait()

        headers = {"Authorization": f"Bearer root {ALL}", "Idempotency-Key": uuid4().hex, "Content-Type": kind}
        address = f"{table.address(route)}{'?name=x&system=csv' if route.endswith(('/files', '/imports')) else ''}"
        sending = asyncio.create_task(api.client.post(address, content=stops(), headers=headers))
        reading = asyncio.create_task(waiting.wait())
        await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.is_set():
            reads.add(route)
        async with api.database.write():
            ended.set()
        await sending
        reading.cancel()
    assert reads
