"""The store: bytes come in whole or not at all, and go out in pieces."""

import asyncio
import hashlib
import tracemalloc
from uuid import uuid4

import pytest

from portal.errors import TooLarge, Unavailable
from portal.files.store import PART, PARTS_AT_ONCE, PIECE, open_store
from portal.settings import SettingsError, load
from tests.files.conftest import Place, settings_for
from tests.support.files import chunks

MEGA = 1024 * 1024
PROJECT = uuid4()


def key(content, project=PROJECT):
    return f"{project}/{hashlib.sha256(content).hexdigest()}"


async def read(store, content, *span):
    sha256 = hashlib.sha256(content).digest()
    return b"".join([piece async for piece in store.stream(PROJECT, sha256, *span)])


async def test_bytes_are_kept_under_their_project_and_digest(place: Place):
    stored = await place.store.put(PROJECT, chunks(b"Hello, ", b"", b"world"), max_bytes=100)
    assert (stored.sha256, stored.size) == (hashlib.sha256(b"Hello, world").digest(), 12)
    assert place.lying() == [key(b"Hello, world")]
    assert await place.store.read(PROJECT, stored.sha256, 12) == b"Hello, world"
    assert await place.store.size(PROJECT, stored.sha256) == 12


async def test_any_part_can_be_read_and_a_long_one_comes_in_pieces(place: Place):
    content = bytes(range(256)) * 12_000
    await place.store.put(PROJECT, chunks(content), max_bytes=len(content))
    assert await read(place.store, content) == content
    for start, end in ((0, 1), (5, 5), (PIECE - 1, PIECE + 1), (len(content) - 3, len(content)), (7, None)):
        assert await read(place.store, content, start, end) == content[start:end]


async def test_the_same_bytes_lie_once_in_a_project_and_again_in_another(place: Place):
    other = uuid4()
    for project in (PROJECT, PROJECT, other):
        await place.store.put(project, chunks(b"same"), max_bytes=100)
    assert place.lying() == sorted([key(b"same"), key(b"same", other)])
    assert not await place.store.holds(uuid4(), hashlib.sha256(b"same").digest())


async def test_too_many_bytes_are_refused_and_nothing_stays(place: Place):
    asked = 0

    async def endless():
        nonlocal asked
        while True:
            asked += 1
            yield bytes(MEGA)

    with pytest.raises(TooLarge, match="at most 12582912 bytes"):
        await place.store.put(PROJECT, endless(), max_bytes=12 * MEGA)
    assert (place.lying(), place.half(), asked) == ([], 0, 13)


async def test_a_sender_that_breaks_off_leaves_nothing(place: Place):
    async def broken():
        yield bytes(7 * MEGA)
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await place.store.put(PROJECT, broken(), max_bytes=100 * MEGA)
    assert (place.lying(), place.half()) == ([], 0)


async def test_what_the_judge_refuses_never_gets_its_key(place: Place):
    seen = []

    async def judge(content, stored):
        seen.append((b"".join([piece async for piece in content()]), stored.size))
        raise PermissionError

    with pytest.raises(PermissionError):
        await place.store.put(PROJECT, chunks(b"bad"), max_bytes=100, judge=judge)
    assert seen == [(b"bad", 3)]
    assert place.lying() == []


async def test_an_upload_that_is_cancelled_leaves_nothing(place: Place):
    arrived = asyncio.Event()

    async def slow():
        yield bytes(6 * MEGA)
        arrived.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(place.store.put(PROJECT, slow(), max_bytes=100 * MEGA))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (place.lying(), place.half()) == ([], 0)


async def test_a_file_is_read_whole_only_when_it_is_small(place: Place):
    stored = await place.store.put(PROJECT, chunks(b"x" * 11), max_bytes=100)
    with pytest.raises(TooLarge):
        await place.store.read(PROJECT, stored.sha256, 10)


async def test_bytes_that_are_not_there_are_a_fault_of_ours(place: Place):
    with pytest.raises(Unavailable):
        await place.store.read(PROJECT, bytes(32), 10)
    with pytest.raises(Unavailable):
        await read(place.store, b"never sent", 0, 10)


async def test_a_store_that_does_not_answer_is_unavailable(tmp_path, monkeypatch):
    monkeypatch.setattr("portal.files.store.RETRIES", {"max_retries": 0})
    options = {"endpoint": "http://127.0.0.1:9", "region": "x", "access_key_id": "a", "secret_access_key": "b"}
    store = open_store(settings_for(tmp_path, files_url="s3://bucket", files_options=options))
    with pytest.raises(Unavailable):
        await store.put(PROJECT, chunks(b"x"), max_bytes=10)
    with pytest.raises(Unavailable):
        await store.holds(PROJECT, bytes(32))


async def test_a_folder_that_cannot_be_written_is_unavailable(store):
    store.folder.rename(store.folder.with_name("elsewhere"))
    store.folder.write_text("a file where the folder was")
    with pytest.raises(Unavailable):
        await store.put(PROJECT, chunks(b"x"), max_bytes=10)


@pytest.mark.slow
async def test_200_megabytes_go_in_and_out_in_constant_memory(store):
    async def large():
        for number in range(200):
            yield number.to_bytes(2, "big") * (MEGA // 2)

    tracemalloc.start()
    try:
        stored = await store.put(PROJECT, large(), max_bytes=200 * MEGA)
        pieces = [len(piece) async for piece in store.stream(PROJECT, stored.sha256)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stored.size == sum(pieces) == 200 * MEGA
    assert max(pieces) == PIECE
    assert peak < 16 * MEGA


@pytest.mark.slow
@pytest.mark.parametrize("place", ["s3"], indirect=True)
async def test_a_sender_is_taken_only_a_few_parts_ahead_of_the_bucket(place: Place):
    """What the library holds is not Python's memory: here it is what was taken and has not arrived yet."""
    ahead: list[int] = []

    async def large():
        for number in range(60):
            yield bytes(MEGA)
            ahead.append((number + 1) * MEGA - place.arrived())
            await asyncio.sleep(0.01)

    await place.store.put(PROJECT, large(), max_bytes=60 * MEGA)
    assert max(ahead) <= (PARTS_AT_ONCE + 2) * PART


@pytest.mark.parametrize(
    "address", ["ftp://host/x", "s3:", "/var/files", "https://bucket.example", "s3://", "memory:///", "file://"]
)
def test_an_address_that_is_no_store_is_refused_at_start(address):
    with pytest.raises(SettingsError, match="PORTAL_FILES_URL"):
        load(
            {"PORTAL_FILES_URL": address},
            base_url="http://localhost",
            secret_key="0123456789abcdefghijklmnopqrstuvwxyz",
        )


@pytest.mark.parametrize("options", [{"access_key_id": "topsecret"}, {"colour": "topsecret"}])
def test_options_that_lead_to_no_store_are_refused_at_start_without_being_told(tmp_path, options):
    with pytest.raises(SettingsError, match="PORTAL_FILES_OPTIONS") as refusal:
        open_store(settings_for(tmp_path, files_url="s3://bucket", files_options=options))
    assert "topsecret" not in str(refusal.value)


async def test_a_store_that_answers_is_left_as_it_was(place: Place):
    await place.store.probe()
    assert place.lying() == []


async def test_a_folder_elsewhere_can_be_named(tmp_path):
    store = open_store(settings_for(tmp_path, files_url=f"file://{tmp_path}/my%20files"))
    await store.put(PROJECT, chunks(b"x"), max_bytes=10)
    assert (tmp_path / "my files" / key(b"x")).read_bytes() == b"x"
    assert (tmp_path / "my files").stat().st_mode & 0o777 == 0o700


async def test_an_upload_that_is_cancelled_while_bytes_come_leaves_nothing_too(place: Place):
    taken, some = 0, asyncio.Event()

    async def steady():
        nonlocal taken
        while True:
            taken += 1
            if taken == 12:
                some.set()
            yield bytes(MEGA)

    task = asyncio.create_task(place.store.put(PROJECT, steady(), max_bytes=2000 * MEGA))
    await some.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (place.lying(), place.half()) == ([], 0)
    assert taken < 500
