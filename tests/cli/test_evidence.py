"""Archives, verification, keys and rebuilding, as scripts meet them."""

import json
import sqlite3
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def invited(bridge: Shell) -> Shell:
    """A project with three events, the invitations being internal."""
    for name in ("ada", "eve"):
        bridge("invite", f"{name}@example.com", "--project", "BRIDGE")
    return bridge


def tamper(shell: Shell, statement: str) -> None:
    """Changes the ledger behind the portal's back, as somebody with the database file could."""
    with sqlite3.connect(shell.database) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute(statement)


def test_an_archive_is_written_and_checked_offline(invited: Shell, tmp_path: Path) -> None:
    archive = tmp_path / "bridge.zip"
    assert "3 events" in invited("export", "BRIDGE", "-o", str(archive)).out
    invited.environment.pop("PORTAL_SECRET_KEY")
    assert invited("verify", str(archive)).out.startswith("whole   BRIDGE: 3 events")


def test_without_a_name_the_archive_is_named_after_project_and_edition(invited: Shell, tmp_path: Path) -> None:
    invited("export", "BRIDGE", "--edition", "client")
    assert (tmp_path / "BRIDGE-client.zip").exists()


def test_the_clients_edition_holds_nothing_internal(invited: Shell, tmp_path: Path) -> None:
    invited("export", "BRIDGE", "--edition", "client", "-o", str(tmp_path / "c.zip"))
    with ZipFile(tmp_path / "c.zip") as archive:
        lines = [json.loads(line) for line in archive.read("events.jsonl").splitlines()]
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert ["event" in line for line in lines] == [True, False, False]
    assert b"@example.com" not in whole
    assert b"invitation" not in whole
    assert invited("verify", str(tmp_path / "c.zip")).code == 0


def test_a_changed_event_is_found_in_the_database_and_stops_an_export(invited: Shell, tmp_path: Path) -> None:
    tamper(invited, "UPDATE event SET actor = 'person:somebody' WHERE seq = 2")
    ended = invited("verify", "--database", code=3)
    assert ended.out.startswith("BROKEN  event 2 of BRIDGE: changed")
    assert "Event 2" in invited("export", "BRIDGE", "-o", str(tmp_path / "x.zip"), code=1).err
    assert not list(tmp_path.glob("x.zip*"))


def test_a_cut_tail_is_found_by_an_older_archive(invited: Shell, tmp_path: Path) -> None:
    invited("export", "BRIDGE", "-o", str(tmp_path / "old.zip"))
    with ZipFile(tmp_path / "old.zip") as archive:
        (tmp_path / "old.note").write_bytes(archive.read("head.note"))
    invited("verify", "--database", "--older", str(tmp_path / "old.note"))
    tamper(invited, "DELETE FROM event WHERE seq = 3")
    for older in ("old.zip", "old.note"):
        assert "BROKEN" in invited("verify", "--database", "--older", str(tmp_path / older), code=3).out


def test_an_older_archive_that_is_none_is_refused_in_a_sentence(invited: Shell, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.writestr("keys.json", "{}")
    ended = invited("verify", "--database", "--older", str(tmp_path / "old.zip"), code=1)
    assert "head.note is missing." in ended.err
    (tmp_path / "old.zip").write_bytes((tmp_path / "old.zip").read_bytes()[:-30])
    assert "no ZIP file, or was cut off" in invited("verify", "--database", "--older", "old.zip", code=1).err


def test_a_damaged_archive_ends_with_three_and_a_missing_one_with_one(invited: Shell, tmp_path: Path) -> None:
    (tmp_path / "noise.zip").write_bytes(b"PK\x03\x04 not an archive")
    assert "BROKEN" in invited("verify", str(tmp_path / "noise.zip"), code=3).out
    assert "No such file" in invited("verify", str(tmp_path / "gone.zip"), code=1).err


def test_old_archives_stay_good_after_the_key_was_rotated(invited: Shell, tmp_path: Path) -> None:
    invited("export", "BRIDGE", "-o", str(tmp_path / "old.zip"))
    before = invited("keys", "list").out.splitlines()[0].split()[-1]
    after = invited("keys", "rotate").out
    assert f"retired  {before}" in after
    invited("export", "BRIDGE", "-o", str(tmp_path / "new.zip"))
    with ZipFile(tmp_path / "new.zip") as archive:
        (tmp_path / "keys.json").write_bytes(archive.read("keys.json"))
    ended = invited("verify", str(tmp_path / "old.zip"), "--keys", str(tmp_path / "keys.json"))
    assert "note" not in ended.out
    assert invited("verify", str(tmp_path / "new.zip"), "--older", str(tmp_path / "old.zip")).code == 0


def test_keys_of_another_portal_do_not_verify(invited: Shell, tmp_path: Path) -> None:
    invited("export", "BRIDGE", "-o", str(tmp_path / "b.zip"))
    key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    (tmp_path / "other.json").write_text(json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": key}]}))
    assert "signature" in invited("verify", str(tmp_path / "b.zip"), "--keys", str(tmp_path / "other.json"), code=3).out
    (tmp_path / "noise.json").write_text("no json")
    assert "JWK set" in invited("verify", str(tmp_path / "b.zip"), "--keys", str(tmp_path / "noise.json"), code=1).err


def test_rebuild_says_that_nothing_differed(bridge: Shell) -> None:
    assert bridge("rebuild").out == "BRIDGE: 0 items, nothing differed\n"
    assert "no such project" in bridge("rebuild", "NOPE", code=1).err
