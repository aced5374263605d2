"""Sending one request to an address that somebody typed in: bounded, and never into a private network.

The name is looked up here, each address is checked, and the connection goes to an address that was checked; so a name
that answers differently the second time (DNS rebinding) gains nothing. TLS and the Host header keep the name.
No redirect is followed, no proxy of the environment is asked, no cookie kept.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

import httpcore2

from portal.notify.webhooks.address import is_public
from portal.notify.webhooks.rules import Outcome

DEADLINE_SECONDS = 20.0
CONNECT_SECONDS = 5.0
RESPONSE_BYTES = 1024
"""How much of an answer is read; what follows is never fetched."""
USER_AGENT = "portal-webhooks"
FORESEEN = (
    httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol,
    OSError, ValueError,
)  # fmt: skip
"""What a network, a server or a name can do to a request (ValueError: a name that cannot be looked up)."""

_log = logging.getLogger("portal.webhooks")

_LOOKING_UP = ThreadPoolExecutor(8, "names of webhooks")
"""A resolver that nobody answers holds its thread for long after our patience has ended: not one of those few in which
everything else is done."""

Resolve = Callable[[str, int], Awaitable[list[str]]]


class Refused(Exception):
    """The address leads where no webhook may go."""


async def look_up(host: str, port: int) -> list[str]:
    """The IP addresses of a name, as the machine's own resolver says. Raises OSError."""
    found = await asyncio.get_running_loop().run_in_executor(
        _LOOKING_UP, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    )
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Connections to addresses that were checked, and to nothing else."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self.resolve = resolve
        self.allow_private = allow_private
        self.inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (the library's own signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first address of the name that answers. Raises Refused when one of them is private."""
        addresses = await self.resolve(host, port)
        if not self.allow_private and not all(is_public(address) for address in addresses):
            raise Refused(f"{host} does not lead to the public internet")
        for address in addresses[:3]:
            try:
                return await self.inner.connect_tcp(address, port, CONNECT_SECONDS, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        raise httpcore2.ConnectError(f"none of {len(addresses)} addresses answers")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        """Never."""
        raise Refused("a socket of this machine is no address")

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)


class Sender:
    """Sends requests; its connections are kept for a while, each to the address that was checked when it was made."""

    def __init__(
        self, *, allow_private: bool = False, resolve: Resolve = look_up, trust: ssl.SSLContext | None = None
    ) -> None:
        self.network = CheckedNetwork(resolve, allow_private=allow_private)
        self.trust = trust

    @cached_property
    def pool(self) -> httpcore2.AsyncConnectionPool:
        """Made when something is sent for the first time: reading the machine's certificates takes a while."""
        return httpcore2.AsyncConnectionPool(
            ssl_context=self.trust or httpcore2.default_ssl_context(),
            max_connections=16,
            max_keepalive_connections=8,
            keepalive_expiry=15,
            network_backend=self.network,
        )

    async def send(self, url: str, headers: Mapping[str, str], text: str) -> Outcome:
        """Posts a JSON text; whatever goes wrong is in the outcome."""
        loop = asyncio.get_running_loop()
        began, error = loop.time(), ""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                status, response, retry_after = await self._post(url, headers, text)
        except TimeoutError:
            error = f"no answer within {DEADLINE_SECONDS:g} s"
        except Refused as refused:
            error = f"refused: {refused}"
        except FORESEEN as failure:
            error = f"{type(failure).__name__}: {failure}"[:300] if str(failure) else type(failure).__name__
        except Exception as failure:  # a try that is not counted would be made again before all others, for ever
            _log.exception("a webhook failed as nobody foresaw")
            error = type(failure).__name__
        spent = int((loop.time() - began) * 1000)
        if error:
            return Outcome(None, spent, _printable(error))
        return Outcome(status, spent, None if 200 <= status < 300 else f"answered {status}", response, retry_after)

    async def _post(self, url: str, headers: Mapping[str, str], text: str) -> tuple[int, str, int | None]:
        if not self.network.allow_private and urlsplit(url).scheme != "https":  # typed in while it was allowed
            raise Refused("an address must be https")
        ours = {"content-type": "application/json", "user-agent": USER_AGENT, "accept-encoding": "identity"}
        sent = [(name.encode(), value.encode()) for name, value in (ours | dict(headers)).items()]
        limits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), DEADLINE_SECONDS)}
        async with self.pool.stream("POST", url, headers=sent, content=text.encode(), extensions=limits) as answer:
            beginning = await _beginning(answer)
            named = {name.lower(): value for name, value in answer.headers}
            return answer.status, beginning, _seconds(named.get(b"retry-after", b""))

    async def close(self) -> None:
        """Closes the connections, if there ever were any."""
        if "pool" in self.__dict__:
            await self.pool.aclose()


async def _beginning(answer: httpcore2.Response) -> str:
    found = bytearray()
    async for chunk in answer.aiter_stream():
        found += chunk
        if len(found) >= RESPONSE_BYTES:
            break
    return _printable(bytes(found[:RESPONSE_BYTES]).decode("utf-8", "replace"))


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign == "\n" else "�" for sign in text)


def _seconds(retry_after: bytes) -> int | None:
    return int(retry_after) if retry_after.isdigit() and len(retry_after) < 8 else None
