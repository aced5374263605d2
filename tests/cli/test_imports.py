"""`portal import`: dry run, import, again; and what goes wrong in the middle leaves nothing half done."""

import fcntl
import json
import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from portal.demo.load import DATA
from tests.cli.conftest import Shell

BOARD = str(DATA / "fda-food-recalls.json")


@pytest.fixture
def recalls(shell: Shell) -> Shell:
    """A shell with an empty project for the board."""
    shell("project", "add", "RECALLS", "--name", "Recalls", "--client", "FDA", "--zone", "America/New_York")
    return shell


def count(shell: Shell, table: str) -> int:
    return int(sqlite3.connect(shell.database).execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def big_csv(path: Path, items: int) -> Path:
    """A file of our own format that takes a while to import."""
    rows = [f"{n},Item {n} with a title of some length,{n % 8},2026-01-01T10:00:00Z" for n in range(items)]
    path.write_text("\n".join(["ref,title,points,created", *rows]))
    return path


def test_a_dry_run_says_how_the_file_is_understood_and_writes_nothing(recalls: Shell) -> None:
    ended = recalls("import", "trello", BOARD, "--project", "RECALLS", "--dry-run")
    first = ended.out.splitlines()[0]
    assert first.startswith("status ")
    assert "→" in first
    assert "items: 70 in the source, 58 here" in ended.out
    assert ended.out.endswith("Nothing was written: this was a dry run.\n")
    assert (count(recalls, "item"), count(recalls, "event")) == (0, 1)


def test_an_import_is_whole_and_a_second_one_changes_nothing(recalls: Shell) -> None:
    recalls("import", "trello", BOARD, "--project", "RECALLS")
    events = count(recalls, "event")
    again = recalls("import", "trello", BOARD, "--project", "RECALLS")
    assert "0 new, 0 changed, 58 unchanged" in again.out
    assert count(recalls, "event") == events
    assert recalls("rebuild").out == "RECALLS: 58 items, nothing differed\n"
    recalls("verify", "--database")


def test_a_mapping_file_decides_and_a_wrong_one_is_refused(recalls: Shell, tmp_path: Path) -> None:
    (tmp_path / "internal.toml").write_text('audience = "internal"\n')
    recalls("import", "trello", BOARD, "--project", "RECALLS", "--mapping", str(tmp_path / "internal.toml"))
    audiences = sqlite3.connect(recalls.database).execute("SELECT DISTINCT audience FROM item").fetchall()
    assert audiences == [("internal",)]
    (tmp_path / "wrong.toml").write_text("colour = 1\n")
    ended = recalls(
        "import", "trello", BOARD, "--project", "RECALLS", "--mapping", str(tmp_path / "wrong.toml"), code=1
    )
    assert "colour" in ended.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("trello", "gone.json", "--project", "RECALLS"), "No such file"),
        (("trello", BOARD, "--project", "NOPE"), "no such project"),
        (("csv", BOARD, "--project", "RECALLS"), "file:"),
        (("trello", BOARD, "--project", "RECALLS", "--zone", "Mars"), "IANA time zone"),
    ],
)
def test_what_cannot_be_imported_is_told_and_changes_nothing(
    recalls: Shell, arguments: tuple[str, ...], told: str
) -> None:
    assert told in recalls("import", *arguments, code=1).err
    assert (count(recalls, "item"), count(recalls, "event")) == (0, 1)


def test_an_unknown_system_is_a_wrong_command_line(recalls: Shell) -> None:
    recalls("import", "excel", BOARD, "--project", "RECALLS", code=2)


def test_an_import_that_is_killed_in_the_middle_leaves_nothing_and_the_next_one_works(
    recalls: Shell, tmp_path: Path
) -> None:
    file = big_csv(tmp_path / "big.csv", 4_000)
    process = recalls.process("import", "csv", str(file), "--project", "RECALLS")
    log = Path(f"{recalls.database}-wal")
    wait_until(lambda: log.exists() and log.stat().st_size > 1_000_000)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert (count(recalls, "item"), count(recalls, "event")) == (0, 1)
    recalls("verify", "--database")
    assert recalls.run("import", "csv", str(file), "--project", "RECALLS").code == 0
    assert count(recalls, "item") == 4_000
    assert "nothing differed" in recalls("rebuild").out


def wait_until(happened: Callable[[], bool]) -> None:
    """Waits for something that another process does; fails after two minutes."""
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def test_a_disk_that_fills_up_during_an_import_leaves_nothing(recalls: Shell, tmp_path: Path) -> None:
    file = big_csv(tmp_path / "big.csv", 4_000)
    room = recalls.database.stat().st_size + 200_000

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    ended = recalls.run("import", "csv", str(file), "--project", "RECALLS", preexec_fn=little_room)
    assert ended.code == 1
    assert "The database refused: " in ended.err
    assert "Nothing was changed." in ended.err
    assert (count(recalls, "item"), count(recalls, "event")) == (0, 1)
    recalls("verify", "--database")
    assert recalls.run("import", "csv", str(file), "--project", "RECALLS").code == 0


def waiting(shell: Shell, file: Path, **values: object) -> str:
    """An uploaded file and its import that waits, as the API leaves them."""
    job = uuid4()
    with sqlite3.connect(shell.database) as db:
        (project,) = db.execute("SELECT id FROM project_ledger").fetchone()
        row = {
            "id": job.hex, "project_id": project, "system": "trello", "file_name": "board.json", "path": str(file),
            "dry_run": 0, "actor": "robot:ci", "state": "waiting", "done_items": 0, "created_at": "2026-01-01",
        } | values  # fmt: skip
        names = ", ".join(row)
        db.execute(f"INSERT INTO import_job ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    return str(job)


def ended_job(shell: Shell) -> sqlite3.Row:
    db = sqlite3.connect(shell.database)
    db.row_factory = sqlite3.Row
    row: sqlite3.Row = db.execute("SELECT * FROM import_job").fetchone()
    return row


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A copy of the board, as an upload lies."""
    path = tmp_path / "upload"
    path.write_bytes(Path(BOARD).read_bytes())
    return path


def test_an_uploaded_import_is_run_by_a_process_of_its_own(recalls: Shell, upload: Path) -> None:
    job = waiting(recalls, upload)
    assert recalls.run("import-job", job).out == "done\n"
    row = ended_job(recalls)
    assert (row["state"], row["done_items"], row["all_items"], row["error"]) == ("done", 58, 58, None)
    assert json.loads(row["report"])["tallies"]["items"]["created"] == 58
    assert not upload.exists()
    actors = sqlite3.connect(recalls.database).execute("SELECT DISTINCT actor FROM event").fetchall()
    assert ("robot:ci",) in actors


def test_an_uploaded_dry_run_reports_and_writes_nothing(recalls: Shell, upload: Path) -> None:
    assert recalls.run("import-job", waiting(recalls, upload, dry_run=1)).code == 0
    assert json.loads(ended_job(recalls)["report"])["tallies"]["items"]["created"] == 58
    assert (count(recalls, "item"), count(recalls, "event")) == (0, 1)


def test_a_broken_upload_fails_with_the_place_where_it_breaks(recalls: Shell, upload: Path) -> None:
    upload.write_text(upload.read_text()[:5000])
    ended = recalls.run("import-job", waiting(recalls, upload))
    assert (ended.code, ended.out[:8]) == (1, "failed: ")
    row = ended_job(recalls)
    assert row["state"] == "failed"
    assert row["error"]
    assert (count(recalls, "item"), count(recalls, "event")) == (0, 1)


def refused(shell: Shell, job: str) -> str:
    """What is told when an import cannot be run."""
    ended = shell.run("import-job", job)
    assert ended.code == 1
    return ended.err


def test_an_import_is_run_once(recalls: Shell, upload: Path) -> None:
    job = waiting(recalls, upload, state="running")
    assert "does not wait" in refused(recalls, job)
    handle = os.open(upload, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert "Another process" in refused(recalls, job)
    os.close(handle)
    assert "no such import" in refused(recalls, str(uuid4()))
