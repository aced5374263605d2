"""Recomputing every project's tree from the stored events, and naming the first event that is broken."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import wall
from portal.errors import Invalid
from portal.ledger import checkpoint, receipts, tree
from portal.ledger.faults import Fault, Report, Verified, Why
from portal.ledger.keys import PublicKey
from portal.ledger.models import Audience, LedgerHead, ProjectLedger
from portal.ledger.rows import CHUNK, Columns, event_rows, recomputed
from portal.ledger.walk import Broken, KnownHead, Walk

Progress = Callable[[int], None]
"""Told how many further events were gone through."""


async def verify_database(
    db: AsyncSession, keys: Sequence[PublicKey], older: Sequence[str] = (), progress: Progress = lambda events: None
) -> Report:
    """Recomputes all ledgers and compares digests, gaps, counters, frontiers and signed heads.

    `keys` are the portal's public keys, retired ones too. `older` are signed heads kept elsewhere: with them, a tail
    that was cut and a history that was written anew are found too, even if everything in the database agrees. Memory
    does not grow with the number of events.
    """
    known, faults = _older_heads(older, keys)
    verified = []
    async for ledger in _ledgers(db):
        try:
            verified.append(await _verify_project(db, ledger, keys, known.pop(ledger.id, []), progress))
        except Broken as broken:
            faults.append(broken.fault(ledger.key))
    faults += [Fault(str(project), 1, Why.CUT, f"the whole ledger is gone: {heads[0].source} proves it")
               for project, heads in known.items()]  # fmt: skip
    return Report(verified, faults)


def _older_heads(notes: Sequence[str], keys: Sequence[PublicKey]) -> tuple[dict[UUID, list[KnownHead]], list[Fault]]:
    known: dict[UUID, list[KnownHead]] = {}
    faults = []
    for note in notes:
        try:
            head = checkpoint.verify(note, keys)
        except Invalid as error:
            faults.append(Fault("older head", None, Why.SIGNATURE, error.message))
            continue
        known.setdefault(head.project_id, []).append(KnownHead(head.size, head.root, "an older signed head"))
    return known, faults


async def _ledgers(db: AsyncSession) -> AsyncIterator[Row[*Columns]]:
    statement = select(
        ProjectLedger.id, ProjectLedger.key, ProjectLedger.version, ProjectLedger.client_version,
        ProjectLedger.billing_version, ProjectLedger.frontier,
    ).order_by(ProjectLedger.key)  # fmt: skip
    for row in await db.execute(statement.execution_options(cross_project="verification goes through every ledger")):
        yield row


async def _verify_project(
    db: AsyncSession, ledger: Row[*Columns], keys: Sequence[PublicKey], older: list[KnownHead], progress: Progress
) -> Verified:
    await wall.enter(db, ledger.id)
    heads, unsigned = await _signed_heads(db, ledger.id, keys)
    proved, unproved = await _receipt_heads(db, ledger.id, keys)
    walk = Walk([*heads, *proved, *older])
    last: dict[Audience, int] = {}
    async for row in event_rows(db, ledger.id):
        if row.seq != walk.size + 1:
            raise Broken(walk.size + 1, Why.MISSING, f"the next event that is there is {row.seq}")
        if recomputed(ledger.id, row, row.seq) != row.digest:
            raise await _changed(db, ledger.id, row)
        walk.take(row.digest)
        last[row.audience] = row.seq
        if row.seq % CHUNK == 0:
            progress(CHUNK)
    walk.finish()
    _compare_with_row(ledger, walk, last)
    if false := unsigned or unproved:
        raise false
    return Verified(ledger.key, walk.size, walk.root, len(heads), len(proved))


async def _signed_heads(
    db: AsyncSession, project_id: UUID, keys: Sequence[PublicKey]
) -> tuple[list[KnownHead], Broken | None]:
    """The stored heads that are rightly signed, and the first that is not."""
    columns = select(LedgerHead.size, LedgerHead.root, LedgerHead.checkpoint)
    heads, first_false = [], None
    for row in await db.execute(columns.where(LedgerHead.project_id == project_id).order_by(LedgerHead.size)):
        try:
            head = checkpoint.verify(row.checkpoint, keys)
            if (head.project_id, head.size, head.root) != (project_id, row.size, row.root):
                raise Invalid("It was signed for another project, size or root.")
        except Invalid as error:
            detail = f"the stored head of size {row.size}: {error.message}"
            first_false = first_false or Broken(row.size, Why.SIGNATURE, detail)
        else:
            heads.append(KnownHead(head.size, head.root, f"the signed head of size {head.size}"))
    return heads, first_false


async def _receipt_heads(
    db: AsyncSession, project_id: UUID, keys: Sequence[PublicKey]
) -> tuple[list[KnownHead], Broken | None]:
    """The heads in the receipts that hold, and the first receipt that does not."""
    heads: list[KnownHead] = []
    first_false: Broken | None = None
    async for receipt in receipts.of_project(db, project_id):
        try:
            proved = receipts.verify(receipt.token, keys)
            if (proved.project_id, proved.event["seq"]) != (project_id, receipt.seq):
                raise Invalid("It is the receipt of another event.")
        except Invalid as error:
            detail = f"its stored receipt: {error.message}"
            first_false = first_false or Broken(receipt.seq, Why.SIGNATURE, detail)
        else:
            heads.append(KnownHead(proved.size, proved.root, f"the head in the receipt of event {receipt.seq}"))
    return heads, first_false


async def _changed(db: AsyncSession, project_id: UUID, row: Row[*Columns]) -> Broken:
    """Tells an exchange of two rows from a change: the row's content then belongs at another broken event's place."""
    with suppress(Broken):  # a later one that cannot be read: this one is the first all the same
        async for other in event_rows(db, project_id, row.seq):
            if recomputed(project_id, other, other.seq) != other.digest:
                belongs = recomputed(project_id, row, other.seq)
                if belongs is not None and belongs in (row.digest, other.digest):
                    return Broken(row.seq, Why.SWAPPED, f"it and event {other.seq} stand in each other's place")
    return Broken(row.seq, Why.CHANGED, "its content is not what was digested")


def _compare_with_row(ledger: Row[*Columns], walk: Walk, last: dict[Audience, int]) -> None:
    """The ledger's own row against what the events say. Raises Broken."""
    if walk.size < ledger.version:
        raise Broken(walk.size + 1, Why.CUT, f"the ledger counts {ledger.version} events and ends at {walk.size}")
    if walk.size > ledger.version:
        raise Broken(ledger.version + 1, Why.COUNTER, f"the ledger counts {ledger.version} events and has {walk.size}")
    if walk.frontier != ledger.frontier:
        raise _rewritten(walk, ledger.frontier)
    counted = (last.get(Audience.CLIENT, 0), last.get(Audience.BILLING, 0))
    if counted != (ledger.client_version, ledger.billing_version):
        stored = (ledger.client_version, ledger.billing_version)
        raise Broken(None, Why.COUNTER, f"the last events for client and billing are {counted}, its row says {stored}")


def _rewritten(walk: Walk, stored: bytes) -> Broken:
    """Which part of the tree differs from the stored frontier: the first subtree whose root is another one."""
    for position, leaves in enumerate(tree.subtree_ranges(walk.size)):
        place = slice(position * tree.HASH_BYTES, (position + 1) * tree.HASH_BYTES)
        if walk.frontier[place] != stored[place]:
            detail = f"events {leaves.start + 1} to {leaves.stop}: their tree is not the one the ledger's row keeps"
            return Broken(leaves.start + 1, Why.REWRITTEN, detail)
    return Broken(None, Why.COUNTER, "the tree's frontier in the ledger's row has a wrong length")
