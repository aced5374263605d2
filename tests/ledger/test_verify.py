"""Whatever was done to a ledger behind the portal's back, verification names the first event concerned."""

from datetime import timedelta

import pytest
from sqlalchemy import case, delete, update

from portal.ledger import canonical, checkpoint, tree
from portal.ledger.faults import Why
from portal.ledger.keys import open_keys, rotate
from portal.ledger.models import Audience, Event, LedgerHead, ProjectLedger
from portal.ledger.rows import event_rows, recomputed
from portal.ledger.verify import verify_database


async def verify(book, *older, keys=None):
    async with book.database.read() as db:
        return await verify_database(db, keys or book.keys.public, older)


async def found(book, *older):
    """(project, seq, why) of each fault."""
    report = await verify(book, *older)
    assert report.ok == (not report.faults)
    return [(fault.project, fault.seq, fault.why) for fault in report.faults]


async def digests(book):
    async with book.database.read() as db:
        return [row.digest async for row in event_rows(db, book.id)]


def of(book, *seqs):
    return (Event.project_id == book.id) & Event.seq.in_(seqs)


async def test_a_ledger_that_nobody_touched_is_right(book, event):
    note = await book.sign()
    await book.append(event(11))
    await book.sign()
    report = await verify(book, note)
    assert report.ok
    (verified,) = report.verified
    assert (verified.project, verified.events, verified.heads) == ("BRIDGE", 11, 2)
    assert verified.root == tree.root_of(await digests(book))


async def test_progress_is_told_while_it_goes_on(open_book, event):
    book = await open_book("LONG", [event(number) for number in range(1, 1201)])
    told = []
    async with book.database.read() as db:
        assert (await verify_database(db, book.keys.public, progress=told.append)).ok
    assert told == [500, 500]


@pytest.mark.parametrize(
    "change",
    [
        {"body": '{"to":"To Do"}'},
        {"body": "not JSON"},
        {"kind": "item.dropped"},
        {"actor": "robot:other"},
        {"subject_kind": "milestone"},
        {"subject_number": 8},
        {"subject_number": None},
        {"audience": Audience.CLIENT},
        {"digest": bytes(32)},
    ],
)
async def test_a_changed_row(book, change):
    await book.set_event(7, **change)
    assert await found(book) == [("BRIDGE", 7, Why.CHANGED)]


@pytest.mark.parametrize("column", ["at", "recorded_at"])
async def test_a_changed_time(book, column):
    moment = getattr((await book.all())[6], column)
    await book.set_event(7, **{column: moment + timedelta(microseconds=1)})
    assert await found(book) == [("BRIDGE", 7, Why.CHANGED)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        "at = 'yesterday'",
        "recorded_at = 7",
        "audience = 'everybody'",
        "subject_number = 'seven'",
        "actor = x'ff'",
        "body = CAST(x'ff' AS TEXT)",
        "digest = zeroblob(31)",
    ],
)
async def test_a_value_of_a_kind_that_sqlite_lets_in(book, change):
    await book.tamper("PRAGMA ignore_check_constraints = ON", f"UPDATE event SET {change} WHERE seq = 7")
    assert await found(book) == [("BRIDGE", 7, Why.CHANGED)]


async def test_a_removed_row(book):
    await book.tamper(delete(Event).where(of(book, 4)))
    assert await found(book) == [("BRIDGE", 4, Why.MISSING)]


async def test_a_removed_first_row(book):
    await book.tamper(delete(Event).where(of(book, 1)))
    assert await found(book) == [("BRIDGE", 1, Why.MISSING)]


async def test_two_swapped_rows(book):
    await book.tamper(
        update(Event).where(of(book, 3, 8)).values(seq=case((Event.seq == 3, 1008), else_=1003)),
        update(Event).where(of(book, 1003, 1008)).values(seq=Event.seq - 1000),
    )
    assert await found(book) == [("BRIDGE", 3, Why.SWAPPED)]


async def test_two_rows_whose_contents_were_swapped(book):
    third, eighth = (await book.all())[2], (await book.all())[7]
    for seq, other in ((3, eighth), (8, third)):
        body = canonical.body_text(other.body)
        await book.set_event(seq, at=other.at, subject_number=other.subject_number, body=body)
    report = await verify(book)
    assert [(fault.seq, fault.why) for fault in report.faults] == [(3, Why.SWAPPED)]
    assert "event 8" in report.faults[0].detail


async def test_a_cut_tail(book):
    await book.tamper(delete(Event).where(of(book, 9, 10)))
    assert await found(book) == [("BRIDGE", 9, Why.CUT)]


async def cut_cleanly(book, size):
    """Cuts the tail and makes the ledger's own row agree."""
    kept = (await digests(book))[:size]
    await book.tamper(delete(Event).where(of(book, *range(size + 1, 11))))
    last = dict.fromkeys(Audience, 0) | {event.audience: event.seq for event in await book.all()}
    await book.set_row(
        version=size,
        frontier=tree.extend(b"", 0, kept),
        client_version=last[Audience.CLIENT],
        billing_version=last[Audience.BILLING],
    )


async def test_a_cut_tail_that_the_row_agrees_with_is_found_by_a_stored_head(book):
    await book.sign()
    await cut_cleanly(book, 8)
    assert await found(book) == [("BRIDGE", 9, Why.CUT)]


async def test_a_cut_tail_whose_heads_were_cut_too_is_found_by_an_older_head_alone(book):
    older = await book.sign()
    await cut_cleanly(book, 8)
    await book.tamper(delete(LedgerHead).where(LedgerHead.project_id == book.id))
    await book.sign()
    assert await found(book) == []
    assert await found(book, older) == [("BRIDGE", 9, Why.CUT)]


async def rewrite(book, events):
    """Writes a ledger anew from nothing and signs a fresh head, as the agency itself could."""
    await book.tamper(
        delete(LedgerHead).where(LedgerHead.project_id == book.id),
        delete(Event).where(Event.project_id == book.id),
    )
    await book.set_row(version=0, client_version=0, billing_version=0, frontier=b"")
    await book.append(*events)
    await book.sign()


async def test_a_rewritten_ledger_with_a_fresh_head_is_found_by_an_older_head_alone(book, event):
    older = await book.sign()
    await rewrite(book, [event(number) for number in range(1, 21)])
    assert await found(book) == []
    report = await verify(book, older)
    assert [(fault.seq, fault.why) for fault in report.faults] == [(1, Why.REWRITTEN)]
    assert "events 1 to 10" in report.faults[0].detail


async def rewrite_event(book, seq):
    """Changes an event and its digest with it."""
    await book.set_event(seq, body="{}")
    async with book.database.read() as db:
        (row,) = [row async for row in event_rows(db, book.id, seq - 1) if row.seq == seq]
    await book.set_event(seq, digest=recomputed(book.id, row, seq))


async def test_an_event_changed_with_its_digest_is_found_by_the_frontier(book):
    await rewrite_event(book, 9)
    report = await verify(book)
    assert [(fault.seq, fault.why) for fault in report.faults] == [(9, Why.REWRITTEN)]
    assert "events 9 to 10" in report.faults[0].detail


async def test_an_event_changed_with_its_digest_is_found_between_two_heads(book, event):
    await book.sign()
    await book.append(*(event(number) for number in range(11, 15)))
    await book.sign()
    await rewrite_event(book, 12)
    report = await verify(book)
    assert [(fault.seq, fault.why) for fault in report.faults] == [(11, Why.REWRITTEN)]
    assert "events 11 to 14" in report.faults[0].detail


@pytest.mark.parametrize(
    ("values", "seq", "why"),
    [
        ({"version": 9}, 10, Why.COUNTER),
        ({"version": 11}, 11, Why.CUT),
        ({"client_version": 8}, None, Why.COUNTER),
        ({"billing_version": 0}, None, Why.COUNTER),
        ({"frontier": bytes(64)}, 1, Why.REWRITTEN),
        ({"frontier": b""}, 1, Why.REWRITTEN),
    ],
)
async def test_a_row_that_does_not_agree_with_its_events(book, values, seq, why):
    await book.set_row(**values)
    assert await found(book) == [("BRIDGE", seq, why)]


async def test_a_stored_head_that_somebody_else_signed(book, tmp_path):
    await book.sign()
    row = await book.row()
    note = checkpoint.sign(book.id, 10, tree.root(row.frontier, 10), open_keys(tmp_path / "x", "portal.example.com"))
    await book.tamper(update(LedgerHead).where(LedgerHead.project_id == book.id).values(checkpoint=note))
    assert await found(book) == [("BRIDGE", 10, Why.SIGNATURE)]


async def test_a_stored_head_that_was_signed_for_another_project(book, open_book):
    await book.sign()
    note = await (await open_book("OTHER")).sign()
    await book.tamper(update(LedgerHead).where(LedgerHead.project_id == book.id).values(checkpoint=note))
    assert await found(book) == [("BRIDGE", 10, Why.SIGNATURE)]


async def test_heads_of_a_retired_key_are_still_good(book, tmp_path):
    note = await book.sign()
    retired = rotate(tmp_path / "keys", "portal.example.com")
    assert (await verify(book, note, keys=retired.public)).ok


async def test_an_older_head_that_is_not_ours_is_said(book, tmp_path):
    note = checkpoint.sign(book.id, 10, bytes(32), open_keys(tmp_path / "x", "portal.example.com"))
    assert await found(book, note) == [("older head", None, Why.SIGNATURE)]
    assert await found(book, "nonsense") == [("older head", None, Why.SIGNATURE)]


async def test_a_ledger_that_is_gone_altogether(book, open_book):
    older = await book.sign()
    await open_book("OTHER")
    await book.tamper(
        delete(LedgerHead).where(LedgerHead.project_id == book.id),
        delete(Event).where(Event.project_id == book.id),
        delete(ProjectLedger).where(ProjectLedger.id == book.id),
    )
    assert await found(book, older) == [(str(book.id), 1, Why.CUT)]


async def test_every_broken_project_is_named_with_its_first_fault(book, open_book):
    other, good = await open_book("OTHER"), await open_book("RIGHT")
    await book.set_event(3, body="{}")
    await book.set_event(6, body="{}")
    await other.tamper(delete(Event).where(of(other, 2)))
    report = await verify(book)
    assert await found(book) == [("BRIDGE", 3, Why.CHANGED), ("OTHER", 2, Why.MISSING)]
    assert [verified.project for verified in report.verified] == [good.key]
    assert str(report.faults[0]) == "event 3 of BRIDGE: changed: its content is not what was digested"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_later_event_that_cannot_be_read_does_not_hide_the_first(book):
    await book.set_event(3, body="{}")
    await book.tamper("UPDATE event SET at = 'yesterday' WHERE seq = 9")
    assert await found(book) == [("BRIDGE", 3, Why.CHANGED)]
