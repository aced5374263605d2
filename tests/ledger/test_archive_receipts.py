"""An archive carries the receipts that its edition may show, and checks each against the ledger it holds."""

import json
import zipfile
from hashlib import sha256

import pytest
from sqlalchemy import update

from portal.errors import Conflict
from portal.ledger import archive, receipts
from portal.ledger import commands as ledger
from portal.ledger.archive import Edition, manifest_text, write_archive
from portal.ledger.keys import rotate
from portal.ledger.models import Audience, Receipt
from portal.ledger.note import sign_note
from portal.ledger.receipt_files import read_receipt
from portal.ledger.verify import verify_database
from portal.ledger.verify_archive import verify_archive
from tests.support.receipts import CONTENT, EVIDENCE, MONDAY, answered

PORTAL = "https://portal.example.com"


async def prove(book, audience: Audience, number: int):
    disclosed = {"content": CONTENT, "evidence": EVIDENCE}
    body = answered(comment=f"Number {number}")
    event = ledger.NewEvent("decision.answered", "decision", number, audience, body, "system", MONDAY)
    async with book.database.write() as db:
        return await receipts.append_proved(db, book.keys, PORTAL, event, book.id, disclosed)


async def export(book, path, edition=Edition.STAFF, keys=None):
    async with book.database.read() as db:
        await write_archive(db, book.id, edition, {}, path, keys or book.keys)
    return path


@pytest.fixture
async def proved(book):
    """Ten events, then an answer for the client (11), one with money (12), one more event (13) and an answer (14)."""
    await prove(book, Audience.CLIENT, 1)
    await prove(book, Audience.BILLING, 2)
    await book.append(ledger.NewEvent("item.moved", "item", 1, Audience.INTERNAL, {}, "system", MONDAY))
    await prove(book, Audience.CLIENT, 3)
    return book


def names(path):
    with zipfile.ZipFile(path) as file:
        return [name for name in file.namelist() if name.startswith("receipts/")]


def changed(path, book, **files: bytes | None):
    """The archive with files changed, added or removed, its manifest signed anew by the agency's own key."""
    with zipfile.ZipFile(path) as file:
        whole = {name: file.read(name) for name in file.namelist()}
    for name, content in files.items():
        if content is None:
            del whole[name]
        else:
            whole[name] = content
    manifest = json.loads(whole["manifest.json"])
    kept = {name: raw for name, raw in whole.items() if not name.startswith("manifest")}
    manifest["files"] = {name: {"bytes": len(raw), "sha256": sha256(raw).hexdigest()} for name, raw in kept.items()}
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    note = sign_note(manifest_text(text), book.keys.origin(book.id), book.keys)
    with zipfile.ZipFile(path, "w") as file:
        for name, raw in (kept | {"manifest.json": text.encode(), "manifest.note": note.encode()}).items():
            file.writestr(name, raw)
    return path


@pytest.mark.parametrize(
    ("edition", "seqs"), [(Edition.STAFF, [11, 12, 14]), (Edition.CLIENT, [11, 14]), (Edition.BILLING, [11, 12, 14])]
)
async def test_each_edition_has_the_receipts_that_it_may_show(proved, tmp_path, edition, seqs):
    path = await export(proved, tmp_path / "a.zip", edition)
    assert names(path) == [f"receipts/{seq}.json" for seq in seqs]
    report = verify_archive(path, trusted=proved.keys.public)
    assert report.ok, report.faults
    assert (report.verified[0].events, report.verified[0].receipts) == (14, len(seqs))
    with zipfile.ZipFile(path) as file:
        whole = b"".join(file.read(name) for name in file.namelist())
        token = read_receipt(file.read("receipts/11.json")).token
    assert receipts.verify(token, proved.keys.public).event["seq"] == 11
    assert (b"Number 2" in whole) is (12 in seqs)


async def test_a_receipt_in_an_archive_is_the_file_that_the_page_gives(proved, tmp_path):
    path = await export(proved, tmp_path / "a.zip")
    with zipfile.ZipFile(path) as file:
        assert json.loads(file.read("receipts/14.json"))["keys_url"] == f"{PORTAL}/.well-known/portal-keys.json"


async def test_it_stays_good_after_the_key_was_rotated(proved, tmp_path):
    keys = rotate(tmp_path / "keys", "portal.example.com")
    assert verify_archive(await export(proved, tmp_path / "a.zip", keys=keys), trusted=keys.public).ok


async def test_more_receipts_than_fit_are_refused_and_many_are_read_in_turns(proved, tmp_path, monkeypatch):
    monkeypatch.setattr(receipts, "AT_ONCE", 1)
    assert len(names(await export(proved, tmp_path / "a.zip"))) == 3
    monkeypatch.setattr(archive, "MAX_RECEIPTS", 2)
    with pytest.raises(Conflict, match="more than 2 receipts"):
        await export(proved, tmp_path / "b.zip")


class TestTampering:
    async def broken(self, proved, path, **files) -> str:
        report = verify_archive(changed(path, proved, **files), trusted=proved.keys.public)
        assert not report.ok
        return str(report.faults[0])

    async def test_a_changed_receipt(self, proved, tmp_path):
        path = await export(proved, tmp_path / "a.zip")
        with zipfile.ZipFile(path) as file:
            document = json.loads(file.read("receipts/11.json"))
        document["receipt"] = document["receipt"][:-1] + ("A" if document["receipt"][-1] != "A" else "Q")
        assert "receipts/11.json" in await self.broken(
            proved, path, **{"receipts/11.json": json.dumps(document).encode()}
        )

    async def test_receipts_in_each_others_place(self, proved, tmp_path):
        path = await export(proved, tmp_path / "a.zip")
        with zipfile.ZipFile(path) as file:
            other = file.read("receipts/14.json")
        told = await self.broken(proved, path, **{"receipts/11.json": other})
        assert "event 14" in told
        assert "another project, edition or event" in told

    async def test_a_receipt_with_money_in_the_clients_edition(self, proved, tmp_path):
        with zipfile.ZipFile(await export(proved, tmp_path / "all.zip")) as file:
            money = file.read("receipts/12.json")
        path = await export(proved, tmp_path / "a.zip", Edition.CLIENT)
        assert "another project, edition" in await self.broken(proved, path, **{"receipts/12.json": money})

    async def test_a_true_receipt_of_another_project(self, proved, open_book, tmp_path):
        other = await open_book("HARBOUR")
        receipt = await prove(other, Audience.CLIENT, 1)
        raw = json.dumps({"receipt": receipt.token}).encode()
        path = await export(proved, tmp_path / "a.zip")
        assert "another project" in await self.broken(proved, path, **{"receipts/11.json": raw})

    async def test_a_receipt_that_tells_of_another_history(self, proved, tmp_path):
        # The agency's own key signed both: the receipt proves an event that the archive's ledger has otherwise.
        forged = seal_for(proved, 11)
        path = await export(proved, tmp_path / "a.zip")
        told = await self.broken(proved, path, **{"receipts/11.json": json.dumps({"receipt": forged}).encode()})
        assert "rewritten" in told
        assert "the head in receipts/11.json" in told

    @pytest.mark.parametrize("audience", [["client"], {}, None, 1])
    async def test_a_receipt_for_an_audience_that_is_none(self, proved, tmp_path, audience):
        forged = seal_for(proved, 11, audience=audience)
        path = await export(proved, tmp_path / "a.zip")
        told = await self.broken(proved, path, **{"receipts/11.json": json.dumps({"receipt": forged}).encode()})
        assert "receipts/11.json" in told

    @pytest.mark.parametrize("raw", [b"", b"{}", b"\xff", b"[" * 100_000, b'{"receipt": "a.b.c"}', b"%PDF-1.7"])
    async def test_what_is_no_receipt(self, proved, tmp_path, raw):
        path = await export(proved, tmp_path / "a.zip")
        assert "receipts/11.json" in await self.broken(proved, path, **{"receipts/11.json": raw})

    async def test_a_missing_one_and_an_unsigned_one(self, proved, tmp_path):
        path = await export(proved, tmp_path / "a.zip")
        with zipfile.ZipFile(path, "a") as file:
            file.writestr("receipts/15.json", b"{}")
        assert not verify_archive(path, trusted=proved.keys.public).ok


def seal_for(book, size: int, **more) -> str:
    """A receipt of another history of the book's project, rightly signed; `more` are members of its event."""
    from portal.ledger import canonical, checkpoint, tree

    text = canonical.event_text(
        project_id=book.id, seq=size, at=MONDAY, recorded_at=MONDAY, actor="system", kind="decision.answered",
        subject_kind="decision", subject_number=1, audience=Audience.CLIENT, body=canonical.body_text(answered()),
    )  # fmt: skip
    text = canonical.document_text(json.loads(text) | more)
    leaves = [bytes(32)] * (size - 1) + [canonical.digest_of(text)]
    head = checkpoint.sign(book.id, size, tree.root_of(leaves), book.keys)
    disclosed = {"content": CONTENT, "evidence": EVIDENCE}
    path = tree.inclusion_proof(leaves, size - 1)
    return receipts.sealed(book.keys, PORTAL, "BRIDGE", json.loads(text), path, head, disclosed)


class TestInTheDatabase:
    async def report(self, book):
        async with book.database.read() as db:
            return await verify_database(db, book.keys.public)

    async def test_its_receipts_are_counted_and_checked(self, proved):
        report = await self.report(proved)
        assert report.ok, report.faults
        assert report.verified[0].receipts == 3

    async def test_a_changed_token_is_found(self, proved):
        await proved.tamper(
            update(Receipt).where(Receipt.project_id == proved.id, Receipt.seq == 12).values(token="a.b.c")
        )
        report = await self.report(proved)
        assert str(report.faults[0]).startswith("event 12 of BRIDGE: signature: its stored receipt")

    async def test_a_receipt_at_another_events_place_is_found(self, proved):
        async with proved.database.read() as db:
            other = (await receipts.receipt_of(db, proved.id, 14)).token
        await proved.tamper(
            update(Receipt).where(Receipt.project_id == proved.id, Receipt.seq == 11).values(token=other)
        )
        assert "another event" in str((await self.report(proved)).faults[0])

    async def test_a_receipt_of_another_history_is_found(self, proved):
        forged = seal_for(proved, 11)
        await proved.tamper(
            update(Receipt).where(Receipt.project_id == proved.id, Receipt.seq == 11).values(token=forged)
        )
        told = str((await self.report(proved)).faults[0])
        assert "rewritten" in told
        assert "receipt of event 11" in told
