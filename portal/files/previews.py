"""Has previews drawn by a process of its own, and waits for it only so long (drawing.py)."""

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from portal.files.drawing import BROKEN, DRAWN, REFUSED

PATIENCE_SECONDS = 30
MOST_PREVIEW = 32 * 1024 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What came of drawing a file."""

    state: str
    """`drawn`, `broken` (no preview) or `refused` (not to be kept at all)."""
    content: bytes = b""
    width: int | None = None
    height: int | None = None


async def draw(kind: str, chunks: AsyncIterator[bytes]) -> Drawing:
    """Draws a file's preview. A process that takes too long, too much memory or breaks has drawn nothing."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "portal.files.drawing", kind,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath}, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer, _ = await asyncio.gather(_answer(process), _feed(process, chunks))
    except TimeoutError:
        answer = b""
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())
    return _read(answer, kind)


async def _feed(process: asyncio.subprocess.Process, chunks: AsyncIterator[bytes]) -> None:
    assert process.stdin is not None  # it was asked for
    with contextlib.suppress(ConnectionError):  # it ended early: its answer says why
        async for chunk in chunks:
            process.stdin.write(chunk)
            await process.stdin.drain()
        process.stdin.close()


async def _answer(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    parts, size = [], 0
    while part := await process.stdout.read(1024 * 1024):
        size += len(part)
        if size > MOST_PREVIEW:
            return b""
        parts.append(part)
    return b"".join(parts)


def _read(answer: bytes, kind: str) -> Drawing:
    line, _, content = answer.partition(b"\n")
    told: dict[str, Any] = json.loads(line) if line else {"state": BROKEN, "error": "ended"}
    if told["state"] == DRAWN:
        return Drawing(DRAWN, content, told["width"], told["height"])
    _log.info("No preview was drawn.", extra={"kind": kind, "why": told.get("error", told["state"])})
    return Drawing(REFUSED if told["state"] == REFUSED else BROKEN)
