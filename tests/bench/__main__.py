"""`make bench`: our pages beside the limit, on both databases, at three sizes, in one run. Prints ratios.

`python -m tests.bench --sizes 2000 --seconds 1` is a quick look. Everything runs on loopback, bounded in time.
"""

import argparse
import asyncio
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from portal import migrate
from portal.db import Database
from tests.bench import issuer, load, money, seed
from tests.support import databases, opened
from tests.support import run as test_run
from tests.support.ports import free_port

PAGES = {
    "overview": "/projects/BENCH",
    "backlog 50": "/projects/BENCH/backlog",
    "item": "/projects/BENCH/items/7",
    "board": "/projects/BENCH/board",
    "burndown": "/projects/BENCH/burndown",
    "test round": "/projects/BENCH/tests/1/rounds/1",
    "test case": "/projects/BENCH/tests/1/rounds/1/cases/7",
    "decisions": "/projects/BENCH/decisions",
    "decision": "/projects/BENCH/decisions/1",
    "waiting": "/waiting",
    "api list 50": "/api/v1/projects/BENCH/items?limit=50",
}
LIMITS = {name: "/json" if name.startswith("api") else "/page" for name in PAGES}
CONNECTIONS = (1, 8, 32)
COLUMNS = ("conn", "req/s", "p50 ms", "p99 ms", "bytes", "of limit", "anew/s", "304/anew")


@dataclass(frozen=True, slots=True)
class Portal:
    """A portal that is running on a seeded database, and the limit beside it."""

    port: int
    limit_port: int
    pid: int
    cookie: str
    bearer: str
    ready_seconds: float

    def headers(self, name: str) -> dict[str, str]:
        """What a request for a page must carry."""
        who = {"Authorization": f"Bearer {self.bearer}"} if name.startswith("api") else {"Cookie": self.cookie}
        return {"Host": f"127.0.0.1:{self.port}", **who}

    @property
    def memory_mib(self) -> float:
        """The resident memory of the portal's process."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0


@contextmanager
def process(arguments: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of ours, stopped at the end."""
    running = subprocess.Popen([sys.executable, *arguments], env=os.environ | environment)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(10)


def wait_until_ready(port: int, path: str, patience: float = 20.0) -> float:
    """Seconds until the server answers `path`. Raises TimeoutError."""
    started = time.perf_counter()
    while time.perf_counter() - started < patience:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", path, headers={"Host": f"127.0.0.1:{port}"})
            connection.getresponse().read()
            return time.perf_counter() - started
        except OSError:
            time.sleep(0.005)
    raise TimeoutError(f"no answer at port {port}")


async def prepare(url: str, items: int) -> str:
    """Migrates and seeds a database; returns a client's session token."""
    database = Database(url)
    await migrate.upgrade(database)
    started = time.perf_counter()
    token = await seed.seed(database, items)
    print(f"  seeded {items:,} items, {items * seed.EVENTS_AN_ITEM:,} events in {time.perf_counter() - started:.0f} s")
    await database.dispose()
    return token


@contextmanager
def portal_on(url: str, token: str, folder: Path) -> Iterator[Portal]:
    """The portal and the limit, each in a process of its own."""
    port, limit_port = free_port(), free_port()
    with ExitStack() as stack:
        signer = stack.enter_context(issuer.running())
        environment = {
            "PORTAL_ENVIRONMENT": "test",
            "PORTAL_BASE_URL": f"http://127.0.0.1:{port}",
            "PORTAL_DATABASE_URL": url,
            "PORTAL_DATA_DIR": str(folder),
            "PORTAL_SECRET_KEY": os.urandom(32).hex(),
            "PORTAL_API_ISSUER": signer.issuer,
            "PORTAL_ROBOTS": '[{"client_id": "bench", "name": "Bench", "scopes": ["staff:read"]}]',
            "PORTAL_API_RATE_PER_MINUTE": "100000000",
            "PORTAL_LOG_LEVEL": "ERROR",
        }
        started = time.perf_counter()
        ours = stack.enter_context(process(["-m", "portal.cli", "serve", "--port", str(port)], environment))
        wait_until_ready(port, "/readyz")
        ready = time.perf_counter() - started
        bare = {"PORTAL_DATABASE_URL": databases.PostgresServer.owned(url)}  # the limit has no wall either
        stack.enter_context(process(["-m", "tests.bench.limit", str(limit_port)], bare))
        wait_until_ready(limit_port, "/none")
        bearer = signer.token(f"http://127.0.0.1:{port}/api")
        yield Portal(port, limit_port, ours.pid, f"portal={token}", bearer, ready)


def etag_of(portal: Portal, name: str) -> str | None:
    """The ETag that a page has now."""
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=30)
    connection.request("GET", PAGES[name], headers=portal.headers(name))
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, (name, answer.status)
    return answer.getheader("ETag")


def measured(port: int, path: str, headers: dict[str, str], connections: int, seconds: float) -> load.Measured:
    """One run of the load."""
    return asyncio.run(load.measure(port, path, headers, connections=connections, seconds=seconds))


def report(portal: Portal, seconds: float) -> dict[str, float]:
    """Measures every page beside the limit and prints a line each; returns throughput at 8 connections by page."""
    print(f"  ready after {portal.ready_seconds:.2f} s")
    print(f"  {'page':12}" + "".join(f"{column:>10}" for column in COLUMNS))
    at_eight: dict[str, float] = {}
    for name, path in PAGES.items():
        etag = etag_of(portal, name)
        anew = rendered_anew(portal, name)
        for connections in CONNECTIONS:
            limit_headers = {"Host": "127.0.0.1", "Cookie": portal.cookie}
            limit = measured(portal.limit_port, LIMITS[name], limit_headers, connections, seconds)
            ours = measured(portal.port, path, portal.headers(name), connections, seconds)
            assert set(ours.statuses) == {200}, (name, ours.statuses)
            cells = [f"{connections}", f"{ours.per_second:.0f}", f"{ours.p50:.1f}", f"{ours.p99:.1f}",
                     f"{ours.body_bytes}", f"{ours.per_second / limit.per_second:.0%}"]  # fmt: skip
            if connections == 1:
                cells.append(f"{anew:.0f}")
                if etag:
                    conditional = portal.headers(name) | {"If-None-Match": etag}
                    short = measured(portal.port, path, conditional, connections, seconds)
                    cells.append(f"{short.per_second / anew:.1f}")
            if connections == 8:
                at_eight[name] = ours.per_second
            print(f"  {name:12}" + "".join(f"{cell:>10}" for cell in cells))
    print(f"  memory {portal.memory_mib:.0f} MiB")
    return at_eight


def rendered_anew(portal: Portal, name: str, times: int = 60) -> float:
    """Pages a second on one connection when none can be taken from those that were kept: each has another query."""
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=30)
    mark = "&" if "?" in PAGES[name] else "?"
    started = time.perf_counter()
    for number in range(times):
        path = PAGES[name] if name.startswith("api") else f"{PAGES[name]}{mark}notice=n{number}"
        connection.request("GET", path, headers=portal.headers(name))
        connection.getresponse().read()
    return times / (time.perf_counter() - started)


def run(kind: str, url: str, items: int, seconds: float) -> dict[str, float]:
    """One database at one size."""
    print(f"\n{kind}, {items:,} items")
    token = asyncio.run(prepare(url, items))
    with tempfile.TemporaryDirectory() as folder, portal_on(url, token, Path(folder)) as portal:
        return report(portal, seconds)


def compare(by_size: dict[int, dict[str, float]]) -> None:
    """How much slower each page is at the largest size than at the smallest."""
    small, large = min(by_size), max(by_size)
    if small != large:
        print(f"\n  {large:,} items beside {small:,}: times slower at 8 connections")
        for name in PAGES:
            print(f"  {name:12}{by_size[small][name] / by_size[large][name]:>9.2f}")


@contextmanager
def database_of(kind: str) -> Iterator[str]:
    """The URL of an empty database of a kind."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/portal.sqlite"
    else:
        with databases.PostgresServer() as server:
            yield server.create()


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 20_000, 200_000])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    chosen = parser.parse_args()
    print("`of limit`: throughput beside the limit's; `anew/s`: none taken from the kept pages, one connection.")
    test_run.begin()
    opened.install()
    for kind in chosen.databases:
        by_size = {}
        for items in chosen.sizes:
            with database_of(kind) as url:
                by_size[items] = run(kind, url, items, chosen.seconds)
        compare(by_size)
        with database_of(kind) as url:
            money.run(kind, url)
    test_run.end()


if __name__ == "__main__":
    main()
