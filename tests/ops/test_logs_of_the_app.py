"""The whole portal, used by everybody and misused by some, logs nothing about a person and no secret."""

import io
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from portal import logs
from portal.app import create_app
from portal.db import Database
from portal.settings import Settings
from tests.support import cast as stage

SECRET = "k2J9-random-enough-7Qw5-Zx81-Lm-4t"
PAGES = ("", "/backlog", "/board", "/burndown", "/activity", "/items/1", "/milestones", "/nothing")


@pytest.fixture
def stream() -> io.StringIO:
    """Everything that any library logs at DEBUG, as our formatter writes it."""
    return io.StringIO()


@pytest.fixture
async def client(database_url: str, tmp_path: Path, stream: io.StringIO) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(
        environment="test", base_url="http://127.0.0.1:8000", secret_key=SECRET, data_dir=tmp_path,
        database_url=database_url, api_issuer="http://127.0.0.1:9",
    )  # fmt: skip
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    loud = [logging.getLogger(name) for name in logs.OURS]
    root, levels = logging.getLogger(), [one.level for one in loud]
    root.addHandler(handler)
    for one in loud:
        one.setLevel(logging.DEBUG)
    app = create_app(settings)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as opened:
        yield opened
    await app.state.providers.close()
    await app.state.database.dispose()
    root.removeHandler(handler)
    for one, level in zip(loud, levels, strict=True):
        one.setLevel(level)


async def test_nothing_personal_or_secret_is_logged(
    database: Database, client: httpx2.AsyncClient, stream: io.StringIO
) -> None:
    cast = await stage.enter(database)
    await stage.add_item(database, cast, title="Unmistakable title")
    for name in (*stage.NAMES, None):
        headers = cast.cookie(name) if name else {"Cookie": "portal=forged-cookie-value"}
        for page in PAGES:
            await client.get(f"/projects/BRIDGE{page}?text=unmistakable-query&mail=ada@example.com", headers=headers)
        await client.post("/auth/logout", data={"who": "unmistakable-form"}, headers=headers)
    await client.get("/auth/callback/nobody?code=unmistakable-code&state=unmistakable-state")
    await client.get("/api/v1/projects", headers={"Authorization": "Bearer eyJhbGciOiJub25lIn0.unmistakable.x"})
    await client.post(
        "/api/v1/projects", json={"name": "unmistakable-body"}, headers={"Authorization": "Basic dW5taXN0"}
    )
    text = stream.getvalue()
    told = [json.loads(line) for line in text.splitlines()]
    answered = [line for line in told if line["logger"] == "portal.request"]
    assert len(answered) == 10 * (len(PAGES) + 1) + 3
    assert 500 not in {line["status"] for line in answered}
    kept_out = ["nmistakable", "forged-cookie", "@example.com", SECRET, "BRIDGE", "Cookie", "dW5taXN0"]
    kept_out += [*cast.tokens.values(), *(name.title() for name in stage.NAMES)]
    assert [word for word in kept_out if word in text] == []
