"""Keeps the tests on this machine: a connection or a look-up that would leave it fails by name."""

import sys
from typing import Any

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


class LeavesTheMachine(RuntimeError):
    """A test, or the code under it, tried to reach another machine."""


def guard() -> None:
    """Refuses connections and look-ups beyond loopback for the rest of the process. It cannot be taken away again."""
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and not str(address[0]).startswith(LOOPBACK):
            raise LeavesTheMachine(f"a connection to {address}: tests reach nothing but this machine")
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        if host and not str(host if isinstance(host, str) else host.decode("ascii", "replace")).startswith(LOOPBACK):
            raise LeavesTheMachine(f"a look-up of {host!r}: tests reach nothing but this machine")
