"""Has previews drawn by a process of its own, and waits for it only so long (drawing.py)."""

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from portal.files.drawing import BROKEN, DRAWN, REFUSED, Drawn

PATIENCE_SECONDS = 30
MOST_PREVIEW = 32 * 1024 * 1024
"""Bytes that all pages of a file take together."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What came of drawing a file, page by page."""

    state: str
    """`drawn`, `broken` (no preview) or `refused` (not to be kept at all)."""
    pictures: Sequence[bytes] = ()
    """Of each page that was tried; without bytes where it could not be drawn."""
    sizes: Sequence[tuple[int, int]] = ()
    """Width and height of each, in points; zero where it could not be drawn."""
    of: int | None = None
    """How many pages a PDF has."""


async def draw(kind: str, chunks: AsyncIterator[bytes], most: int = 1) -> Drawing:
    """Draws a file's first pages. Of a process that takes too long, too much memory or breaks, what it drew counts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "portal.files.drawing", kind, str(most),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath}, start_new_session=True,
    )  # fmt: skip
    pages: list[Drawn] = []
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(_hear(process, pages, most), _feed(process, chunks))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        # Not wait(): it lasts until the pipes end, and who reads no further never sees the end of one that is full.
        await asyncio.shield(process.communicate())
    return _concluded(pages, kind)


async def _feed(process: asyncio.subprocess.Process, chunks: AsyncIterator[bytes]) -> None:
    assert process.stdin is not None  # it was asked for
    with contextlib.suppress(ConnectionError):  # it ended early: its answer says why
        async for chunk in chunks:
            process.stdin.write(chunk)
            await process.stdin.drain()
        process.stdin.close()


async def _hear(process: asyncio.subprocess.Process, pages: list[Drawn], most: int) -> None:
    """Adds the pages as they arrive whole, until they would be too many or too large together."""
    assert process.stdout is not None
    room = MOST_PREVIEW
    with contextlib.suppress(asyncio.IncompleteReadError):
        while len(pages) < most and (line := await process.stdout.readline()):
            told: dict[str, Any] = json.loads(line)
            room -= told["size"]
            if room < 0:
                return
            pages.append((told, await process.stdout.readexactly(told["size"])))


def _concluded(pages: Sequence[Drawn], kind: str) -> Drawing:
    first: dict[str, Any] = pages[0][0] if pages else {"state": BROKEN, "error": "ended"}
    if first["state"] != DRAWN:
        _log.info("No preview was drawn.", extra={"kind": kind, "why": first.get("error", first["state"])})
        return Drawing(REFUSED if first["state"] == REFUSED else BROKEN, of=first.get("of"))
    sizes = [(told.get("width", 0), told.get("height", 0)) for told, _ in pages]
    return Drawing(DRAWN, [picture for _, picture in pages], sizes, first.get("of"))
