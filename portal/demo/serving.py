"""Serves the demo provider on loopback, in the portal's own process."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from portal.demo.provider import DemoProvider
from portal.settings import SettingsError


class _Quiet(uvicorn.Server):
    """A server that leaves signals to the portal's own, and ends with it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


@asynccontextmanager
async def running(provider: DemoProvider, host: str, port: int) -> AsyncIterator[None]:
    """Serves the provider in this process and loop. Raises SettingsError for any host but loopback."""
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise SettingsError(f"The demo provider believes anybody: it listens on 127.0.0.1 only, not on {host}.")

    try:
        # Bound before anybody is told the address: connections queue until the server takes them.
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise SettingsError(f"The demo provider cannot listen on {host}:{port}: {error.strerror}.") from None
    server = _Quiet(uvicorn.Config(provider.app(), log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
