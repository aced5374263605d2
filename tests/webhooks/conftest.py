"""A receiver of webhooks that really listens, and an administrator who sets them up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from typing import Any

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook

from portal import clock
from portal.db import Database
from portal.notify.webhooks import commands, delivering, leases
from portal.notify.webhooks.models import WebhookCursor, WebhookDelivery, WebhookEndpoint
from portal.notify.webhooks.sealing import Seal
from portal.notify.webhooks.sending import Sender
from tests.support.cast import Cast
from tests.support.sign_in import settings_for


@dataclass
class Got:
    """A request as it came."""

    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server on loopback; `answers` are given one by one, the last one again and again."""

    port: int = 0
    answers: list[bytes] = field(default_factory=lambda: [answer(204)])
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    names: list[str] = field(default_factory=list)
    """What TLS was asked for (SNI)."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hooks"

    @property
    def ids(self) -> list[str]:
        """The webhook-ids that came."""
        return [one.headers["webhook-id"] for one in self.got]

    def seqs(self) -> list[int]:
        """The seqs that came."""
        import json

        return [json.loads(one.body)["data"]["seq"] for one in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                first, *lines = head.strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.got.append(Got(first, headers, body))
                reply = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if not reply:
                    break
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(status: int, body: str = "", *headers: str) -> bytes:
    """An answer of HTTP/1.1."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body.encode())}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body.encode()


@asynccontextmanager
async def receiving(tls: SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver, for as long as it is needed."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on loopback."""
    async with receiving() as found:
        yield found


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """A sender that may reach loopback."""
    found = Sender(allow_private=True)
    yield found
    await found.close()


@pytest.fixture
def seal(tmp_path: Path, database_url: str) -> Seal:
    """What the portal seals secrets with."""
    return Seal(settings_for(tmp_path, database_url))


@dataclass
class Hooks:
    """Webhooks as an administrator of the agency has them."""

    database: Database
    cast: Cast
    sender: Sender
    seal: Seal

    def secret_of(self, endpoint: WebhookEndpoint) -> str:
        """The signing secret, as its receiver has it."""
        found = self.seal.open(endpoint.id, endpoint.secret)
        assert found is not None
        return found

    async def add(self, url: str, **fields: Any) -> WebhookEndpoint:
        """Adds an endpoint."""
        async with self.database.write() as db:
            wanted = {"name": "Time keeping", "url": url} | fields
            root = self.cast.viewer("root")
            return (await commands.add(db, root, wanted, seal=self.seal, allow_private=True)).endpoint

    async def run(self) -> int:
        """What the background job does once; the tries that were made."""
        due = await leases.due(self.database)
        return sum([await delivering.work(self.database, self.sender, self.seal, one) for one in due])

    async def endpoint(self, endpoint: WebhookEndpoint) -> WebhookEndpoint:
        """The endpoint as it is now."""
        async with self.database.read() as db:
            found = await db.get(WebhookEndpoint, endpoint.id)
        assert found is not None
        return found

    async def cursor(self, endpoint: WebhookEndpoint, key: str = "BRIDGE") -> WebhookCursor | None:
        """How far a project has got."""
        async with self.database.read() as db:
            scope = await self.cast.scope(db, "root", key)
            return await db.get(WebhookCursor, (endpoint.id, scope.project_id))

    async def log(self, endpoint: WebhookEndpoint) -> list[WebhookDelivery]:
        """All tries, the oldest first."""
        statement = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id)
        statement = statement.order_by(WebhookDelivery.id).execution_options(cross_project="test")
        async with self.database.read() as db:
            return list((await db.scalars(statement)).all())

    async def make_due(self) -> None:
        """As if the pauses and leases were over."""
        now = clock.now()
        async with self.database.write() as db:
            cursors = update(WebhookCursor).values(due_at=now).execution_options(cross_project="test")
            await db.execute(cursors)
            await db.execute(update(WebhookEndpoint).values(lease_until=now))


@pytest.fixture
async def hooks(database: Database, cast: Cast, sender: Sender, seal: Seal) -> Hooks:
    """Webhooks, with nothing set up yet."""
    return Hooks(database, cast, sender, seal)


@pytest.fixture
def during_a_try(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Awaitable[Any]]], None]:
    """Lets something happen when the next request is about to leave."""

    def let(happen: Callable[[], Awaitable[Any]]) -> None:
        send = hooks.sender.send

        async def sending(*request: Any) -> Any:
            monkeypatch.setattr(hooks.sender, "send", send)
            await happen()
            return await send(*request)

        monkeypatch.setattr(hooks.sender, "send", sending)

    return let


def verified(got: Got, secret: str) -> Any:
    """The payload, if the specification's own library finds the signature right."""
    return Webhook(secret).verify(got.body, got.headers)
