"""A small HTTP/1.1 load: some connections, each asking again as soon as it was answered. Bounded in time."""

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run saw. Times in milliseconds."""

    per_second: float
    p50: float
    p99: float
    body_bytes: int
    statuses: dict[int, int]


async def measure(port: int, path: str, headers: dict[str, str], *, connections: int, seconds: float) -> Measured:
    """Asks for `path` on this machine for some seconds, after a short warm-up that is not counted."""
    request = f"GET {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
    await _run(port, request.encode(), connections, min(0.5, seconds / 4))
    started = time.perf_counter()
    times, statuses, size = await _run(port, request.encode(), connections, seconds)
    took = time.perf_counter() - started
    times.sort()
    return Measured(
        len(times) / took, times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3, size, statuses
    )


async def _run(port: int, request: bytes, connections: int, seconds: float) -> tuple[list[float], dict[int, int], int]:
    times: list[float] = []
    statuses: dict[int, int] = {}
    sizes: list[int] = [0]
    end = time.perf_counter() + seconds
    await asyncio.gather(*(_one(port, request, end, times, statuses, sizes) for _ in range(connections)))
    return times, statuses, sizes[-1]


async def _one(
    port: int, request: bytes, end: float, times: list[float], statuses: dict[int, int], sizes: list[int]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (started := time.perf_counter()) < end:
            writer.write(request)
            status, size = await _answer(reader)
            times.append(time.perf_counter() - started)
            statuses[status] = statuses.get(status, 0) + 1
            sizes[0] = size
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = 0
    for line in head.lower().split(b"\r\n")[1:]:
        if line.startswith(b"content-length:"):
            length = int(line[15:])
        elif line.startswith(b"transfer-encoding: chunked"):
            return status, await _chunks(reader)
    if length and status != 304:
        await reader.readexactly(length)
    return status, length


async def _chunks(reader: asyncio.StreamReader) -> int:
    total = 0
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
        total += size
    await reader.readline()
    return total
