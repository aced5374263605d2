"""Answers that were made a moment ago, for the next who would get exactly the same.

A page's ETag names everything that it depends on: who looks and with which rights, the last event that they may see,
language, release and day. So a kept page is never another viewer's, nor older than the last change that its viewer may
see; it is kept for a minute at most, because it says as of which minute it is true.
"""

import time
from collections import OrderedDict

MOST_BYTES = 4 * 1024 * 1024
"""Some 130 pages of the usual size: those of one minute, for whoever comes back without what their browser kept."""
LIFE_SECONDS = 60.0

Address = tuple[str, str]
"""An ETag, and the path with its query."""


class KeptPages:
    """The most recently used pages within a bound of memory."""

    def __init__(self, most_bytes: int = MOST_BYTES, life_seconds: float = LIFE_SECONDS) -> None:
        self.most_bytes = most_bytes
        self.life_seconds = life_seconds
        self.bytes = 0
        self._pages: OrderedDict[Address, tuple[float, bytes]] = OrderedDict()

    def get(self, address: Address) -> bytes | None:
        """The page that was kept under this address, unless it is too old."""
        found = self._pages.get(address)
        if found is None:
            return None
        if found[0] < time.monotonic():
            self._forget(address)
            return None
        self._pages.move_to_end(address)
        return found[1]

    def keep(self, address: Address, page: bytes) -> None:
        """Keeps a page, and forgets the least recently used ones beyond the bound."""
        if address in self._pages:
            self._forget(address)
        self._pages[address] = (time.monotonic() + self.life_seconds, page)
        self.bytes += len(page)
        while self.bytes > self.most_bytes:
            self._forget(next(iter(self._pages)))

    def _forget(self, address: Address) -> None:
        self.bytes -= len(self._pages.pop(address)[1])
