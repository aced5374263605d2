"""An archive is checked offline by anybody, shows a client nothing that is not theirs, and survives hostile hands."""

import json
import random
import struct
import zipfile
from hashlib import sha256

import pytest
from sqlalchemy import delete

from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import archive_reader, tree
from portal.ledger.archive import Edition, manifest_text, write_archive
from portal.ledger.faults import Why
from portal.ledger.keys import open_keys, rotate
from portal.ledger.models import Event, LedgerHead
from portal.ledger.note import sign_note
from portal.ledger.verify_archive import verify_archive

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SIGNED_FILES = ["manifest.json", "manifest.note", "head.note", "events.jsonl", "heads.jsonl", "state/items.jsonl"]
STRANGE_NAMES = ["../keys.json", "/keys.json", "state/../keys.json", "KEYS.JSON", "x"]


async def rows():
    for number in (1, 2):
        yield {"number": number, "title": "Заголовок"}


async def export(book, path, edition=Edition.STAFF, state=None, keys=None):
    async with book.database.read() as db:
        return await write_archive(db, book.id, edition, state or {}, path, keys or book.keys)


@pytest.fixture
async def archive(book, tmp_path):
    await book.sign()
    written = await export(book, tmp_path / "bridge.zip", state={"project": {"name": "Bridge"}, "items": rows()})
    return written.path


def read(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def write(path, files):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def seal(files, keys):
    """Makes the manifest agree with changed files and signs it, as somebody with the agency's key could."""
    manifest = json.loads(files["manifest.json"])
    for name in manifest["files"]:
        manifest["files"][name] = {"bytes": len(files[name]), "sha256": sha256(files[name]).hexdigest()}
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    origin = files["head.note"].decode().split("\n")[0]
    return files | {
        "manifest.json": text.encode(),
        "manifest.note": sign_note(manifest_text(text), origin, keys).encode(),
    }


def edit(path, keys, **changes):
    """The archive with some files changed by functions of their lines, sealed again."""
    files = read(path)
    for name, change in changes.items():
        lines = files[f"{name}.jsonl"].decode().splitlines()
        files[f"{name}.jsonl"] = "".join(line + "\n" for line in change(lines)).encode()
    return write(path, seal(files, keys))


def fault(report):
    (only,) = report.faults
    return only.seq, only.why


class TestWhole:
    async def test_an_archive_is_right_and_leads_to_the_ledgers_root(self, book, tmp_path):
        await book.sign()
        written = await export(book, tmp_path / "bridge.zip", state={"items": rows()})
        row = await book.row()
        report = verify_archive(written.path, trusted=book.keys.public)
        assert (list(report.faults), list(report.notes)) == ([], [])
        (verified,) = report.verified
        assert (verified.project, verified.events) == ("BRIDGE", 10)
        assert verified.root == written.root == tree.root(row.frontier, 10)

    async def test_every_edition_leads_to_the_same_root(self, book, tmp_path):
        roots = {(await export(book, tmp_path / f"{edition}.zip", edition)).root for edition in Edition}
        assert len(roots) == 1
        assert all(verify_archive(tmp_path / f"{edition}.zip", trusted=book.keys.public).ok for edition in Edition)

    @pytest.mark.parametrize(
        ("edition", "shown"),
        [
            (Edition.STAFF, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (Edition.CLIENT, [2, 3, 6, 8, 9]),
            (Edition.BILLING, [2, 3, 5, 6, 8, 9]),
        ],
    )
    async def test_an_edition_shows_other_events_as_digests_alone(self, book, tmp_path, edition, shown):
        files = read((await export(book, tmp_path / "a.zip", edition)).path)
        lines = [json.loads(line) for line in files["events.jsonl"].splitlines()]
        assert [line["event"]["seq"] for line in lines if "event" in line] == shown
        hidden = [line for line in lines if "event" not in line]
        assert [line["seq"] for line in hidden] == [seq for seq in range(1, 11) if seq not in shown]
        assert all(set(line) == {"digest", "seq"} for line in hidden)
        everything = b"".join(files.values()).decode()
        assert [seq for seq in range(1, 11) if f'"Title {seq}"' in everything] == shown

    async def test_the_same_ledger_gives_the_same_bytes(self, book, tmp_path):
        first = await export(book, tmp_path / "a.zip", state={"b": {"x": 1}, "a": [2]})
        second = await export(book, tmp_path / "b.zip", state={"a": [2], "b": {"x": 1}})
        assert first.path.read_bytes() == second.path.read_bytes()

    async def test_the_state_is_in_it(self, archive):
        files = read(archive)
        assert json.loads(files["state/project.json"]) == {"name": "Bridge"}
        assert [json.loads(line)["number"] for line in files["state/items.jsonl"].splitlines()] == [1, 2]

    async def test_an_empty_ledger_can_be_archived(self, open_book, tmp_path):
        empty = await open_book("EMPTY", [])
        written = await export(empty, tmp_path / "empty.zip")
        assert verify_archive(written.path, trusted=empty.keys.public).verified[0].events == 0

    async def test_without_trusted_keys_the_report_says_what_it_cannot_know(self, archive):
        report = verify_archive(archive)
        assert report.ok
        assert report.notes == ["The keys come from the archive itself: compare them with the portal's published ones."]

    async def test_a_retired_key_still_verifies_its_archives(self, archive, tmp_path):
        assert verify_archive(archive, trusted=rotate(tmp_path / "keys", "portal.example.com").public).ok

    async def test_a_failed_export_leaves_no_file(self, book, tmp_path):
        with pytest.raises(Invalid):
            await export(book, tmp_path / "a.zip", state={"items": {"points": 0.5}})
        with pytest.raises(Invalid, match="one lower-case word"):
            await export(book, tmp_path / "a.zip", state={"../items": {}})
        assert not [path for path in tmp_path.iterdir() if path.name.startswith("a.zip")]

    async def test_a_broken_ledger_is_not_archived(self, book, open_book, tmp_path):
        await book.set_event(3, body="{}")
        with pytest.raises(Conflict, match="Event 3"):
            await export(book, tmp_path / "a.zip")
        other = await open_book("OTHER")
        await other.set_row(version=11)
        with pytest.raises(Conflict, match="does not agree"):
            await export(other, tmp_path / "a.zip")

    async def test_an_unknown_project_is_not_found(self, book, tmp_path):
        book.id = type(book.id)(int=0)
        with pytest.raises(NotFound):
            await export(book, tmp_path / "a.zip")


@one_database
class TestTampered:
    async def test_somebody_elses_signature(self, archive, tmp_path):
        others = open_keys(tmp_path / "others", "portal.example.com")
        assert fault(verify_archive(archive, trusted=others.public)) == (None, Why.SIGNATURE)

    @pytest.mark.parametrize("name", SIGNED_FILES)
    async def test_a_change_of_any_file_by_somebody_without_the_key(self, archive, book, name):
        files = read(archive)
        changed = files[name].replace(b"e", b"f", 1)
        assert changed != files[name]
        write(archive, files | {name: changed})
        assert not verify_archive(archive, trusted=book.keys.public).ok

    async def test_a_changed_event(self, archive, book):
        edit(archive, book.keys, events=lambda lines: [line.replace("Title 6", "Title 9") for line in lines])
        assert fault(verify_archive(archive)) == (6, Why.CHANGED)

    async def test_a_removed_event(self, archive, book):
        edit(archive, book.keys, events=lambda lines: lines[:3] + lines[4:])
        assert fault(verify_archive(archive)) == (4, Why.MISSING)

    async def test_two_swapped_events(self, archive, book):
        edit(archive, book.keys, events=lambda lines: [*lines[:2], lines[7], *lines[3:7], lines[2], *lines[8:]])
        assert fault(verify_archive(archive)) == (3, Why.SWAPPED)

    async def test_a_cut_tail(self, archive, book):
        edit(archive, book.keys, events=lambda lines: lines[:8])
        assert fault(verify_archive(archive)) == (9, Why.CUT)

    async def test_an_event_too_many(self, archive, book):
        more = f'{{"digest":"{"0" * 64}","seq":11}}'
        edit(archive, book.keys, events=lambda lines: [*lines, more])
        assert fault(verify_archive(archive)) == (11, Why.COUNTER)

    async def test_an_event_changed_with_its_digest(self, archive, book):
        def change(lines):
            event = lines[5].partition('"event":')[2][:-1].replace("Title 6", "Title 9")
            lines[5] = f'{{"digest":"{sha256(event.encode()).hexdigest()}","event":{event}}}'
            return lines

        edit(archive, book.keys, events=change)
        assert fault(verify_archive(archive)) == (1, Why.REWRITTEN)

    @pytest.mark.parametrize(
        "change",
        [
            lambda line: line.replace('"seq":6', '"seq": 6'),
            lambda line: line.replace('"seq":6', '"seq":6.0'),
            lambda line: line.replace('"seq":6', '"seq":true'),
            lambda line: line.replace('"audience":"client"', '"audience":["client"]'),
            lambda line: line.replace('"audience":"client"', '"audience":"everybody"'),
            lambda line: line.replace('"project":"', '"project":"0'),
            lambda line: line.replace('"actor":"system",', ""),
            lambda line: line.replace('{"digest"', '{"digest":"","digest"'),
            lambda line: '{"digest":"zz","seq":6}',
            lambda line: "[]",
            lambda line: "[" * 100_000,
            lambda line: "9" * 10_000,
            lambda line: "not JSON",
            lambda line: "",
        ],
    )
    async def test_a_line_of_another_form(self, archive, book, change):
        def one(lines):
            changed = change(lines[5])
            assert changed != lines[5]
            return [*lines[:5], changed, *lines[6:]]

        edit(archive, book.keys, events=one)
        (only,) = verify_archive(archive).faults
        assert only.why in (Why.CHANGED, Why.DAMAGED)
        assert only.seq == 6 or "line 6" in only.detail

    async def test_a_file_too_few_or_too_many(self, archive, book):
        files = read(archive)
        write(archive, {name: content for name, content in files.items() if name != "state/items.jsonl"})
        assert "state/items.jsonl is missing" in verify_archive(archive).faults[0].detail
        write(archive, files | {"state/more.json": b"{}"})
        assert "state/more.json is not in the signed manifest" in verify_archive(archive).faults[0].detail

    async def test_a_stored_head_that_is_not_ours(self, archive, book):
        edit(archive, book.keys, heads=lambda lines: [lines[0].replace("portal.example.com", "other.example.com")])
        assert fault(verify_archive(archive)) == (None, Why.SIGNATURE)


class TestOlder:
    """What only somebody who kept an older head or archive can see."""

    @pytest.fixture(params=["head", "archive"])
    async def older(self, request, book, tmp_path):
        """What was kept, before anything more happened."""
        kept = await export(book, tmp_path / "older.zip", Edition.CLIENT)
        if request.param == "archive":
            return kept.path
        (tmp_path / "older.note").write_text(kept.head)
        return tmp_path / "older.note"

    async def test_a_ledger_that_only_grew(self, book, older, event, tmp_path):
        await book.append(event(11))
        written = await export(book, tmp_path / "new.zip")
        assert verify_archive(written.path, older).ok
        assert verify_archive(written.path, older, book.keys.public).ok

    async def test_a_cut_tail_with_a_fresh_head(self, book, older, event, tmp_path):
        events = await book.all()
        await rewritten(book, [event(number) for number in range(1, len(events) - 1)])
        written = await export(book, tmp_path / "new.zip")
        assert verify_archive(written.path).ok
        assert fault(verify_archive(written.path, older)) == (9, Why.CUT)

    async def test_a_rewritten_ledger_with_a_fresh_head(self, book, older, event, tmp_path):
        await rewritten(book, [event(number) for number in range(1, 31)])
        written = await export(book, tmp_path / "new.zip")
        assert verify_archive(written.path).ok
        assert fault(verify_archive(written.path, older)) == (1, Why.REWRITTEN)

    async def test_a_rewritten_ledger_under_a_fresh_key(self, book, older, event, tmp_path):
        fresh = open_keys(tmp_path / "fresh", "portal.example.com")
        await rewritten(book, [event(number) for number in range(1, 31)])
        written = await export(book, tmp_path / "new.zip", keys=fresh)
        assert verify_archive(written.path).ok
        assert fault(verify_archive(written.path, older)) == (None, Why.SIGNATURE)
        assert fault(verify_archive(written.path, older, book.keys.public)) == (None, Why.SIGNATURE)

    async def test_an_older_head_of_another_project(self, archive, open_book, tmp_path):
        other = await export(await open_book("OTHER"), tmp_path / "other.zip")
        assert fault(verify_archive(archive, other.path)) == (None, Why.SIGNATURE)

    async def test_an_older_file_that_is_nonsense(self, archive, tmp_path):
        (tmp_path / "older").write_bytes(b"\xff\x00 nonsense" * 100_000)
        assert fault(verify_archive(archive, tmp_path / "older")) == (None, Why.SIGNATURE)


async def rewritten(book, events):
    """The ledger written anew, as only the agency itself could."""
    await book.tamper(
        delete(LedgerHead).where(LedgerHead.project_id == book.id),
        delete(Event).where(Event.project_id == book.id),
    )
    await book.set_row(version=0, client_version=0, billing_version=0, frontier=b"")
    await book.append(*events)


@one_database
@pytest.mark.usefixtures("database_url")
class TestHostile:
    """Files that no portal wrote: each is refused in bounded time and memory, none with a traceback."""

    def refused(self, path):
        (only,) = verify_archive(path).faults
        assert only.why is Why.DAMAGED
        return only.detail

    async def test_no_zip_at_all(self, tmp_path):
        for content in (b"", b"PK\x03\x04", b"x" * 100, b"PK\x05\x06" + bytes(17)):
            (tmp_path / "a").write_bytes(content)
            assert "no ZIP file" in self.refused(tmp_path / "a")

    async def test_an_empty_zip(self, tmp_path):
        assert "keys.json is missing" in self.refused(write(tmp_path / "a.zip", {}))

    @pytest.mark.parametrize("name", STRANGE_NAMES)
    async def test_a_strange_name(self, archive, name):
        assert "a file that no archive has" in self.refused(write(archive, read(archive) | {name: b"{}"}))

    async def test_two_files_of_one_name(self, archive):
        with zipfile.ZipFile(archive, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("keys.json", b"{}")
        assert "two of one name" in self.refused(archive)

    async def test_too_many_files(self, archive):
        names = {f"state/s{number}.json": b"{}" for number in range(archive_reader.MAX_FILES)}
        assert "larger than any archive" in self.refused(write(archive, read(archive) | names))

    async def test_a_huge_directory_is_not_read(self, tmp_path, monkeypatch):
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 0x7FFFFFFF, 0, 0)
        (tmp_path / "a").write_bytes(bytes(100) + end)
        monkeypatch.setattr(archive_reader, "ZipFile", None)  # must not even be reached
        assert "larger than any archive" in self.refused(tmp_path / "a")

    async def test_a_bomb_in_a_small_file(self, archive):
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("keys.json", b" " * 50_000_000)
        assert "larger than 1048576 bytes" in self.refused(archive)

    async def test_a_bomb_in_the_whole(self, archive, monkeypatch):
        monkeypatch.setattr(archive_reader, "MAX_TOTAL_BYTES", 1000)
        assert "larger than any archive" in self.refused(archive)

    async def test_an_endless_line(self, archive, book, monkeypatch):
        files = read(archive) | {"events.jsonl": b"[" * (archive_reader.MAX_LINE_BYTES + 10)}
        assert "line that does not end" in self.refused(write(archive, seal(files, book.keys)))

    @pytest.mark.parametrize(
        "change",
        [
            {"size": "ten"},
            {"size": float("inf")},
            {"root": "zz"},
            {"files": []},
            {"files": {"keys.json": 7}},
            {"project": None},
            {"edition": "everybody"},
            {"audiences": ["internal"]},
            {"audiences": [[]]},
            {"format": "portal-archive/2"},
        ],
    )
    async def test_a_manifest_of_another_form(self, archive, change):
        files = read(archive)
        manifest = json.dumps(json.loads(files["manifest.json"]) | change).encode()
        assert "manifest.json" in self.refused(write(archive, files | {"manifest.json": manifest}))

    async def test_flipped_bytes_are_found_or_harmless_and_never_a_traceback(self, archive, tmp_path, book):
        whole, chance = archive.read_bytes(), random.Random(9162)
        for _ in range(500):
            raw = bytearray(whole)
            for _ in range(chance.randint(1, 3)):
                raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
            (tmp_path / "flipped.zip").write_bytes(raw[: chance.choice([len(raw), len(raw) - chance.randrange(40)])])
            report = verify_archive(tmp_path / "flipped.zip", trusted=book.keys.public)
            assert not report.ok or report.verified[0].root == (await export(book, tmp_path / "again.zip")).root
