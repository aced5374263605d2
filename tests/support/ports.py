"""Ports of this machine that tests may listen on."""

import os
import socket
from itertools import count

FIRST, NUMBER = 20_000, 12_000
"""Below those that the system gives to connections (32,768 and up on Linux): between the choice and the listening, no
connection of another test takes one.
"""
STEP = 3
"""A server that several processes share also takes the ports after its own."""

_taken = count(os.getpid() * 997, STEP)


def free_port() -> int:
    """A port on loopback that nobody listens on, and that this process was not given before. Processes that run beside
    each other begin at places of their own.
    """
    return next(port for port in (FIRST + number % NUMBER for number in _taken) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
