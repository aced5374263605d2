"""Event loops of tests end when their connections have: what is left open by mistake is told, and only that.

A connection that was closed is gone a few turns of its loop later; one that speaks TLS, when the other side has said
goodbye too. A loop that ends before leaves its socket to the garbage collector, whose warning then fails whichever test
runs by that time.
"""

import asyncio
from collections.abc import Callable

Close = Callable[[asyncio.SelectorEventLoop], None]
PATIENCE_SECONDS = 2.0
PAUSE_SECONDS = 0.001


def install() -> None:
    """For every loop of this process, those of servers in threads included."""
    setattr(asyncio.SelectorEventLoop, "close", _patient(asyncio.SelectorEventLoop.close))  # noqa: B010


def _patient(close: Close) -> Close:
    def close_when_gone(loop: asyncio.SelectorEventLoop) -> None:
        if not loop.is_closed():
            loop.run_until_complete(_connections_are_gone(loop))
        close(loop)

    return close_when_gone


async def _connections_are_gone(loop: asyncio.SelectorEventLoop) -> None:
    until = loop.time() + PATIENCE_SECONDS
    while _is_connected(loop) and loop.time() < until:  # noqa: ASYNC110, nothing tells when the last one has ended
        await asyncio.sleep(PAUSE_SECONDS)


def _is_connected(loop: asyncio.SelectorEventLoop) -> bool:
    transports = loop._transports.values()  # type: ignore[attr-defined]
    return any(transport._sock is not None for transport in list(transports))
