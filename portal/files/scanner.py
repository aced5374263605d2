"""Asks a virus scanner that speaks clamd's protocol. Whatever is not plainly clean is refused.

`INSTREAM` (clamd(8)): chunks with their length in four bytes, big-endian, the last one empty; the answer is one line,
`stream: OK` or `stream: <signature> FOUND`, or an error.
"""

import asyncio
import contextlib
import logging
import struct
from collections.abc import AsyncIterator
from urllib.parse import unquote, urlsplit

from portal.errors import Invalid, TooLarge, Unavailable

CONNECT_SECONDS = 5
STALL_SECONDS = 30
"""How long the scanner may take no bytes."""
VERDICT_SECONDS = 120
"""How long it may think when it has all."""
MOST_ANSWER = 1024

_log = logging.getLogger(__name__)


async def scan(address: str, chunks: AsyncIterator[bytes]) -> None:
    """Has bytes scanned at `tcp://host:port` or `unix:///path`.

    Raises Invalid for what the scanner found something in, TooLarge for more than it takes, and Unavailable when it
    does not answer or answers anything else: without a verdict nothing is let in.
    """
    try:
        answer = await _ask(address, chunks)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        _log.error("The virus scanner does not answer.", extra={"error": type(error).__name__})
        raise Unavailable("The virus scanner does not answer, and no file is taken in without it.") from error
    _check(answer)


def _check(answer: str) -> None:
    if answer == "stream: OK":
        return
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        found = answer.removeprefix("stream: ").removesuffix(" FOUND")
        _log.warning("A file was refused by the virus scanner.", extra={"signature": found})
        raise Invalid("The virus scanner refuses this file.", field="file", value=found)
    if "size limit exceeded" in answer:
        raise TooLarge("The file is larger than the virus scanner takes.")
    _log.error("The virus scanner answered with an error.", extra={"answer": answer})
    raise Unavailable("The virus scanner could not read the file, and no file is taken in without it.")


async def _ask(address: str, chunks: AsyncIterator[bytes]) -> str:
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await _connect(address)
    # It is listened to from the beginning: a scanner that has had enough says so and hangs up before it was told all.
    answer = asyncio.create_task(reader.readuntil(b"\0"))
    answer.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        with contextlib.suppress(ConnectionError):
            await _tell(writer, chunks, answer)
        async with asyncio.timeout(VERDICT_SECONDS):
            raw = await answer
        return raw[:-1].decode("utf-8", "replace").strip()
    finally:
        answer.cancel()
        writer.transport.abort()


async def _tell(writer: asyncio.StreamWriter, chunks: AsyncIterator[bytes], answer: asyncio.Task[bytes]) -> None:
    writer.write(b"zINSTREAM\0")
    async for chunk in chunks:
        if answer.done():
            return
        writer.write(struct.pack(">I", len(chunk)) + chunk)
        async with asyncio.timeout(STALL_SECONDS):
            await writer.drain()
    writer.write(struct.pack(">I", 0))
    async with asyncio.timeout(STALL_SECONDS):
        await writer.drain()


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(address)
    if parts.scheme == "unix":
        return await asyncio.open_unix_connection(unquote(parts.path), limit=MOST_ANSWER)
    return await asyncio.open_connection(parts.hostname, parts.port, limit=MOST_ANSWER)
