"""A server that speaks clamd's protocol as clamd does (clamd(8), INSTREAM), and knows one virus: the test file."""

import asyncio
import contextlib
import getpass
import os
import shutil
import struct
from collections.abc import AsyncIterator
from pathlib import Path

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + rb"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
FOUND = b"stream: Eicar-Signature FOUND\0"


class Clamd:
    """What it was asked, and how it shall misbehave."""

    def __init__(self, most: int = 100 * 1024 * 1024) -> None:
        self.most = most
        self.scanned: list[int] = []
        self.answer: bytes | None = None
        """Said instead of a verdict; empty: it hangs up."""
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(await self._session(reader))
            await writer.drain()
        writer.close()

    async def _session(self, reader: asyncio.StreamReader) -> bytes:
        if await reader.readuntil(b"\0") != b"zINSTREAM\0":
            return b"UNKNOWN COMMAND\0"
        size, tail, is_found = 0, b"", False
        while length := struct.unpack(">I", await reader.readexactly(4))[0]:
            size += length
            if size > self.most:
                return b"INSTREAM size limit exceeded. ERROR\0"
            chunk = tail + await reader.readexactly(length)
            is_found = is_found or EICAR in chunk
            tail = chunk[-len(EICAR) :]
        self.scanned.append(size)
        if self.answer is not None:
            return self.answer
        return FOUND if is_found else b"stream: OK\0"


def installed() -> str | None:
    """Where the real daemon is, if this machine has it."""
    return shutil.which("clamd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


@contextlib.asynccontextmanager
async def real_clamd(folder: Path) -> AsyncIterator[str]:
    """The real daemon, with no signature but the test file's; its address."""
    program = installed()
    assert program is not None
    (folder / "db").mkdir()
    (folder / "db" / "test.ndb").write_text(f"Eicar-Signature:0:*:{EICAR.hex()}\n")
    settings = {
        "Foreground": "yes", "LocalSocket": folder / "ctl", "DatabaseDirectory": folder / "db",
        "StreamMaxLength": "1M", "AlertExceedsMax": "yes", "User": getpass.getuser(),
    }  # fmt: skip
    (folder / "clamd.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(program, "-c", folder / "clamd.conf", stdout=quiet, stderr=quiet)
    try:
        async with asyncio.timeout(60):
            while not (folder / "ctl").exists():
                assert process.returncode is None
                await asyncio.sleep(0.1)
        yield f"unix://{folder}/ctl"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def clamd(path: Path | None = None, **options: int) -> AsyncIterator[Clamd]:
    """A running scanner, on loopback or at a path."""
    scanner = Clamd(**options)
    if path:
        server = await asyncio.start_unix_server(scanner.serve, path)
        scanner.url = f"unix://{path}"
    else:
        server = await asyncio.start_server(scanner.serve, "127.0.0.1", 0)
        scanner.url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield scanner
