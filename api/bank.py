"""Bank statements of the agency: taken in once, matched by the invoice's number, the rest is listed."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from pydantic import ConfigDict, Field

from api.bodies import json_body
from api.deps import ReadSession, UnitOfWork, Viewing
from api.doors import router as door
from api.money_shapes import MoneyOut, money_out
from api.openapi import answers
from api.raw_bodies import described, raw_body
from api.shapes import Day, Incoming, Number, Outgoing
from portal.access import StaffRole
from portal.billing import bank, camt
from portal.billing.camt import Entry
from portal.billing.models import BankEntry, EntryState
from portal.money import Money

router = door("billing", "/bank")
XML = ("application/xml", "text/xml", "application/octet-stream")
EXAMPLE = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Acct><Id>'
    "<IBAN>DE89370400440532013000</IBAN></Id></Acct></Stmt></BkToCstmrStmt></Document>"
)


class TakenOut(Outgoing):
    """What became of a statement's entries."""

    matched: Annotated[int, Field(description="Now payments of the invoices that they name.")]
    unmatched: Annotated[int, Field(description="Listed for somebody to match or to set aside.")]
    known: Annotated[int, Field(description="Taken in before.")]


class EntryOut(Outgoing):
    """A line of a bank statement. `note` says why it was not matched by itself."""

    id: UUID
    account: str
    booked_on: Day
    amount: MoneyOut
    counterparty: str
    remittance: str
    state: EntryState
    note: str


class EntryList(Outgoing):
    """Entries that nobody has matched or set aside, the oldest first (at most 500)."""

    items: list[EntryOut]


class MatchNew(Incoming):
    """Which invoice an entry is for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"project": "BRIDGE", "invoice": 2}]})

    project: Annotated[str, Field(max_length=16)]
    invoice: Number


class AsideNew(Incoming):
    """Why an entry is for no invoice."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "Interest"}]})

    note: Annotated[str, Field(min_length=1, max_length=500)]


async def may_take(viewer: Viewing) -> None:
    """Asks before a byte is read. Raises NotAllowed without finance's rights."""
    viewer.require_staff(StaffRole.FINANCE)


async def statement(
    _asked: Annotated[None, Depends(may_take)],
    content: Annotated[bytes, Depends(raw_body(*XML, most=camt.MOST_BYTES))],
) -> list[Entry]:
    """The entries of a bank statement that was sent, read before a transaction begins: nobody waits for its size."""
    return await asyncio.to_thread(camt.entries, content)


def _shown(row: BankEntry) -> EntryOut:
    fields: dict[str, Any] = {name: getattr(row, name) for name in EntryOut.model_fields if name != "amount"}
    return EntryOut(**fields, amount=money_out(Money(row.minor, row.currency)))


@router.post("/statements", responses=answers(TakenOut, "What became of its entries."),
             openapi_extra=described(XML, EXAMPLE))  # fmt: skip
async def take_statement(
    entries: Annotated[list[Entry], Depends(statement, scope="function")], viewer: Viewing, db: UnitOfWork
) -> TakenOut:
    """Takes in a statement (ISO 20022 camt.053, at most 20 MB), all of it or nothing; twice changes nothing."""
    found = await bank.take_in(db, viewer, entries)
    return TakenOut(matched=found.matched, unmatched=found.unmatched, known=found.known)


@router.get("/entries", responses=answers(EntryList, "Entries that wait for somebody."))
async def list_unmatched(viewer: Viewing, db: ReadSession) -> EntryList:
    """The entries that nobody has matched or set aside, each with the reason why it was not matched by itself."""
    return EntryList(items=[_shown(row) for row in await bank.unmatched(db, viewer)])


@router.post("/entries/{entry_id}/match", responses=answers(EntryOut, "The entry, matched."))
async def match_entry(
    viewer: Viewing, db: UnitOfWork, entry_id: UUID, wanted: Annotated[MatchNew, json_body(MatchNew)]
) -> EntryOut:
    """Says which invoice an entry is for; it becomes a payment of that invoice."""
    return _shown(await bank.match(db, viewer, entry_id, wanted.project, wanted.invoice))


@router.post("/entries/{entry_id}/set-aside", responses=answers(EntryOut, "The entry, set aside."))
async def set_entry_aside(
    viewer: Viewing, db: UnitOfWork, entry_id: UUID, wanted: Annotated[AsideNew, json_body(AsideNew)]
) -> EntryOut:
    """Says that an entry is for no invoice, and why."""
    return _shown(await bank.set_aside(db, viewer, entry_id, wanted.note))
