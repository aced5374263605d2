"""Bytes on their way into the store: counted, digested, and given up when nobody waits for them any more."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from portal.errors import TooLarge


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that lie in the store."""

    sha256: bytes
    size: int


class Tally:
    """Digest and length of bytes on their way through."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._waiting: asyncio.Future[bytes | None] | None = None
        self._is_given_up = False

    def stored(self) -> Stored:
        """What has passed until now."""
        return Stored(self._sha256.digest(), self.size)

    async def counted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same bytes. Raises TooLarge beyond the bound."""
        arriving = aiter(chunks)
        while (chunk := await self._next(arriving)) is not None:
            self.size += len(chunk)
            if self.size > self.most:
                raise TooLarge(f"A file may have at most {self.most} bytes here.")
            self._sha256.update(chunk)
            if chunk:
                yield chunk

    async def _next(self, arriving: AsyncIterator[bytes]) -> bytes | None:
        if self._is_given_up:
            raise ConnectionAbortedError("the upload was given up")
        self._waiting = asyncio.ensure_future(anext(arriving, None))
        try:
            return await self._waiting
        except asyncio.CancelledError:
            raise ConnectionAbortedError("the upload was given up") from None

    def give_up(self) -> None:
        """Makes the bytes end in an error, whoever is waiting for the next."""
        self._is_given_up = True
        if self._waiting:
            self._waiting.cancel()
