"""What happens by itself: mail, daily heads, clearing away what has expired, imports whose process died."""

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from api.models import IdempotencyKey
from portal import background, clock
from portal.apart import SomeFailed
from portal.connectors.models import ImportJob
from portal.db import Database
from portal.identity.models import Session, SignIn, SpentToken
from portal.ledger import queries as ledger
from portal.ledger.keys import open_keys
from portal.notify import outbox
from portal.settings import Settings
from tests.support import cast as stage

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def state(database: Database, tmp_path: Path) -> Any:
    """What the jobs are given of the app."""
    settings = Settings(
        environment="test",
        base_url="http://127.0.0.1:8000",
        secret_key="k2J9-random-enough-7Qw5-Zx81-Lm-4t",
        data_dir=tmp_path,
    )
    keys = open_keys(settings.keys_dir, "127.0.0.1:8000")
    return SimpleNamespace(settings=settings, database=database, keys=keys, files=None)


@pytest.fixture
async def cast(database: Database) -> stage.Cast:
    """The usual cast and projects."""
    return await stage.enter(database)


async def how_many(database: Database, table: Any) -> int:
    async with database.read() as db:
        return await db.scalar(select(func.count()).select_from(table).execution_options(cross_project="test")) or 0


async def test_every_project_where_something_happened_is_signed_once_a_day(state: Any, cast: stage.Cast) -> None:
    assert await background.sign_heads(state) == 2
    assert await background.sign_heads(state) == 0
    async with state.database.read() as db:
        scope = await cast.scope(db, "wei")
        head = await ledger.latest_head(db, scope.project_id)
    assert head is not None
    assert head.size == scope.project.version


async def test_what_has_expired_is_deleted_and_nothing_else(
    state: Any, cast: stage.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "ROWS_AT_ONCE", 2)
    now = clock.now()
    async with state.database.write() as db:
        for number, expires_at in enumerate([now - timedelta(minutes=1)] * 5 + [now + timedelta(minutes=1)]):
            stamp = bytes([number]) * 32
            db.add(
                SignIn(
                    state_hash=stamp, browser_hash=stamp, provider="main", nonce="n", verifier="v", next="/",
                    max_age=None, acr=None, created_at=now, expires_at=expires_at,
                )
            )  # fmt: skip
            db.add(SpentToken(issuer="https://login.example", jti=f"t{number}", expires_at=expires_at))
            db.add(
                IdempotencyKey(
                    actor="robot:ci", key=f"k{number}", fingerprint=stamp, status=201, headers=None, body=b"{}",
                    created_at=now, expires_at=expires_at,
                )
            )  # fmt: skip
        session = await db.scalar(select(Session).limit(1))
        assert session is not None
        session.expires_at = now - timedelta(days=2)
    sessions = await how_many(state.database, Session)
    assert await background.clear_expired(state) == 5 * 3 + 1
    left = [await how_many(state.database, table) for table in (SignIn, SpentToken, IdempotencyKey, Session)]
    assert left == [1, 1, 1, sessions - 1]
    assert await background.clear_expired(state) == 0


async def test_what_cannot_be_deleted_in_one_table_keeps_nothing_in_the_others(
    state: Any, cast: stage.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with state.database.write() as db:
        db.add(SpentToken(issuer="https://login.example", jti="t", expires_at=clock.now() - timedelta(minutes=1)))
    works = background.delete_before

    async def fails(database: Database, table: Any, *more: Any) -> int:
        if table is Session:
            raise ValueError
        return await works(database, table, *more)

    monkeypatch.setattr(background, "delete_before", fails)
    with pytest.raises(SomeFailed) as some:
        await background.clear_expired(state)
    assert (some.value.failed, some.value.done) == (2, 1)


def job_of(cast_project: Any, path: Path, state: str, *, age: timedelta = timedelta(seconds=5)) -> ImportJob:
    """An import as the API writes it down."""
    moment = clock.now() - age
    return ImportJob(
        id=uuid4(), project_id=cast_project, system="jira", file_name="x.json", path=str(path), mapping=None,
        dry_run=False, actor="system", state=state, done_items=0, all_items=None, report=None, error=None,
        created_at=moment, started_at=moment if state == "running" else None, finished_at=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("was", "held", "age", "becomes"),
    [
        ("running", False, timedelta(seconds=5), "failed"),
        ("running", True, timedelta(hours=9), "running"),
        ("waiting", False, timedelta(seconds=5), "waiting"),
        ("waiting", False, timedelta(minutes=11), "failed"),
        ("done", False, timedelta(days=1), "done"),
    ],
)
async def test_an_import_whose_process_died_is_told_so(
    state: Any, cast: stage.Cast, tmp_path: Path, was: str, held: bool, age: timedelta, becomes: str
) -> None:
    path = tmp_path / "upload"
    path.write_text("{}")
    async with state.database.write() as db:
        job = job_of((await cast.scope(db, "wei")).project_id, path, was, age=age)
        db.add(job)
    handle = os.open(path, os.O_RDONLY)
    if held:
        fcntl.flock(handle, fcntl.LOCK_EX)
    await background.fail_abandoned_imports(state)
    os.close(handle)
    async with state.database.read() as db:
        mine = (ImportJob.project_id == job.project_id, ImportJob.id == job.id)
        found = await db.scalar(select(ImportJob).where(*mine))
    assert found is not None
    assert found.state == becomes
    assert (found.error == background.ENDED_EARLY) is (becomes == "failed" != was)


def test_one_process_of_a_machine_does_the_jobs_and_the_next_takes_over(tmp_path: Path) -> None:
    with background.lock_of(tmp_path) as second:
        with background.lock_of(tmp_path) as first:
            assert first()
            assert not second()
            assert first()
        assert second()


@SQLITE
async def test_a_job_that_fails_does_not_stop_the_others(
    state: Any, cast: stage.Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done = asyncio.Event()

    async def fails(_state: Any) -> int:
        raise ValueError("on purpose")

    async def works(_state: Any) -> int:
        done.set()
        return 1

    async def fails_in_part(_state: Any) -> int:
        raise SomeFailed(2, 7)

    jobs = (
        background.Job("fails", 60, fails),
        background.Job("fails in part", 60, fails_in_part),
        background.Job("works", 60, works),
    )
    monkeypatch.setattr(background, "JOBS", jobs)
    with caplog.at_level(logging.ERROR, "portal.background"):
        async with in_the_background(state):
            await asyncio.wait_for(done.wait(), 30)
    first, second = (vars(line) for line in caplog.records if line.name == "portal.background")
    assert first["job"] == "fails"
    assert (second["job"], second["failed"], second["done"]) == ("fails in part", 2, 7)


@SQLITE
async def test_a_job_that_hangs_keeps_no_other_from_being_done_again_and_again(
    state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    times, enough = 0, asyncio.Event()

    async def hangs(_state: Any) -> int:
        await asyncio.Event().wait()
        return 0

    async def works(_state: Any) -> int:
        nonlocal times
        times += 1
        if times == 3:
            enough.set()
        return 1

    jobs = (background.Job("hangs", 60, hangs), background.Job("works", 0.01, works))
    monkeypatch.setattr(background, "JOBS", jobs)
    async with in_the_background(state):
        await asyncio.wait_for(enough.wait(), 30)


@SQLITE
async def test_the_jobs_of_another_process_are_taken_over_when_it_ends(
    state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "TICK_SECONDS", 0.01)
    asked, done = asyncio.Event(), asyncio.Event()
    takes = background.takes

    def asking(handle: int) -> bool:
        asked.set()
        return takes(handle)

    async def works(_state: Any) -> int:
        done.set()
        return 1

    monkeypatch.setattr(background, "JOBS", (background.Job("works", 60, works),))
    with background.lock_of(state.settings.data_dir) as is_others:
        assert is_others()
        monkeypatch.setattr(background, "takes", asking)
        task = asyncio.create_task(background.run(state))
        await asyncio.wait_for(asked.wait(), 30)
        assert not done.is_set()
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@SQLITE
async def test_mail_leaves_although_the_jobs_cannot_begin(state: Any) -> None:
    (state.settings.data_dir / background.LOCK_FILE).mkdir()
    assert "ada@example.com" in await sent_by_itself(state)


@SQLITE
async def test_mail_in_the_outbox_leaves_by_itself(state: Any) -> None:
    assert "ada@example.com" in await sent_by_itself(state)


@asynccontextmanager
async def in_the_background(state: Any) -> AsyncIterator[None]:
    """While the block runs, so does all that happens by itself."""
    task = asyncio.create_task(background.run(state))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def sent_by_itself(state: Any) -> str:
    """A mail that is put into the outbox, as it left."""
    context = {
        "project": "The bridge", "company": "Acme", "invited_by": "Wei", "provider": None,
        "expires_at": clock.rfc3339(clock.now()),
    }  # fmt: skip
    async with state.database.write() as db:
        sent = await outbox.enqueue(
            db, recipient="ada@example.com", locale="en", template="invitation", context=context
        )
    mail = state.settings.data_dir / "mail" / f"{sent}.eml"
    async with in_the_background(state):
        for _ in range(6000):
            if mail.exists():
                break
            await asyncio.sleep(0.01)
    return str(mail.read_text())
