"""The virus scanner: what is not plainly clean stays out."""

import asyncio

import pytest

from portal.errors import Invalid, TooLarge, Unavailable
from portal.files import scanner
from portal.settings import SettingsError, load
from tests.support.clamd import EICAR, clamd, installed, real_clamd
from tests.support.files import chunks


async def test_what_is_clean_may_pass():
    async with clamd() as running:
        await scanner.scan(running.url, chunks(b"Hello, ", b"world"))
        assert running.scanned == [12]


@pytest.mark.parametrize("cut", [0, 1, 30, 67])
async def test_the_standard_test_file_is_refused_in_whatever_pieces(cut):
    async with clamd() as running:
        with pytest.raises(Invalid, match="refuses this file") as refusal:
            await scanner.scan(running.url, chunks(EICAR[:cut] or b"x", EICAR[cut:], b"\n"))
    assert refusal.value.value == "Eicar-Signature"


@pytest.mark.slow
@pytest.mark.skipif(installed() is None, reason="clamd is not installed: a server of ours stands in")
async def test_the_real_daemon_says_the_same(tmp_path):
    async with real_clamd(tmp_path) as address:
        await scanner.scan(address, chunks(b"Hello, ", b"world"))
        for pieces in ((EICAR,), (EICAR[:20], EICAR[20:]), (b"x" * 100_000, EICAR, b"y" * 100_000)):
            with pytest.raises(Invalid, match="refuses this file"):
                await scanner.scan(address, chunks(*pieces))
        with pytest.raises(TooLarge):
            await scanner.scan(address, chunks(*[bytes(65_536)] * 40))


async def test_a_scanner_is_reached_by_a_path_too(tmp_path):
    async with clamd(tmp_path / "clamd ctl") as running:
        await scanner.scan(running.url.replace(" ", "%20"), chunks(b"x"))
        with pytest.raises(Invalid):
            await scanner.scan(running.url, chunks(EICAR))


async def test_a_scanner_that_is_not_there_lets_nothing_in(tmp_path):
    for address in ("tcp://127.0.0.1:9", f"unix://{tmp_path}/none"):
        with pytest.raises(Unavailable, match="no file is taken in without it"):
            await scanner.scan(address, chunks(b"x"))


@pytest.mark.parametrize(
    "answer",
    [b"", b"\0", b"OK\0", b"stream: OK", b"stream: okay\0", b"stream: OK FOUND ERROR\0", b"stream: Heuristics ERROR\0",
     b"UNKNOWN COMMAND\0", b"stream: OK\nstream: X FOUND\nagain\0", b"x" * 5000 + b"\0", b"\xff\xfe\0"],
    ids=range(11),
)  # fmt: skip
async def test_any_answer_but_a_verdict_lets_nothing_in(answer):
    async with clamd() as running:
        running.answer = answer
        with pytest.raises(Unavailable):
            await scanner.scan(running.url, chunks(b"x"))


async def test_more_than_the_scanner_takes_is_refused():
    async with clamd(most=1000) as running:

        async def much():
            for _ in range(200):
                yield bytes(64 * 1024)
                await asyncio.sleep(0)

        with pytest.raises((TooLarge, Unavailable)):
            await scanner.scan(running.url, much())
        assert running.scanned == []


async def test_a_scanner_that_says_nothing_is_not_waited_for_longer_than_agreed(monkeypatch):
    monkeypatch.setattr(scanner, "VERDICT_SECONDS", 0.01)
    never = asyncio.Event()

    async def silent(_reader, writer):
        await never.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable):
            await scanner.scan(f"tcp://127.0.0.1:{port}", chunks(b"x"))
        never.set()


@pytest.mark.parametrize("address", ["localhost:3310", "tcp://localhost", "tcp://localhost:3310/x", "unix://relative",
                                     "http://localhost:3310", "unix:"])  # fmt: skip
def test_an_address_that_is_no_scanner_is_refused_at_start(address):
    fit = {"base_url": "http://localhost", "secret_key": "0123456789abcdefghijklmnopqrstuvwxyz"}
    with pytest.raises(SettingsError, match="PORTAL_CLAMD_URL"):
        load({"PORTAL_CLAMD_URL": address}, **fit)
