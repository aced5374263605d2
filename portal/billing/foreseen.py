"""The files of what is about to be issued, made before anything is locked: a page takes its time, an authority's stamp
up to three seconds, and nobody else needs to wait for them.

The number is foreseen here, not taken, and nothing is written. Who issues takes the files only when the document that
came about under the lock is this one, field by field; else they are made anew there. So a crash leaves nothing behind.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope, StaffRole, Viewer
from portal.billing import accounts, drafts, files, issuing
from portal.billing.document import InvoiceDocument
from portal.billing.files import Ready
from portal.billing.models import InvoiceSeries
from portal.billing.seals import Seals, Sign
from portal.db import Database
from portal.errors import PortalError
from portal.projects import queries as projects


async def of_draft(database: Database, viewer: Viewer, key: str, number: int, seals: Seals) -> Ready | None:
    """The files of a draft as it would be issued now; None where it would be refused: whoever issues is told why."""
    try:
        async with database.read() as db:
            scope = await projects.scope_for(db, viewer, key)
            document, sign = await _invoice(db, scope, number, seals)
        return await files.ready(document, sign)
    except PortalError:
        return None


async def of_credit(
    database: Database, viewer: Viewer, key: str, number: int, reason: str, seals: Seals
) -> Ready | None:
    """The files of the credit note that would take an invoice back now; None where it would be refused."""
    try:
        async with database.read() as db:
            scope = await projects.scope_for(db, viewer, key)
            document, sign = await _credit_note(db, scope, number, reason, seals)
        return await files.ready(document, sign)
    except PortalError:
        return None


async def _invoice(db: AsyncSession, scope: Scope, number: int, seals: Seals) -> tuple[InvoiceDocument, Sign | None]:
    scope.require_staff(StaffRole.FINANCE)
    row = await drafts.open_draft(db, scope, number)
    issuer, today = (await accounts.account(db, scope)).issuer, scope.today
    reference = await _next_reference(db, scope, issuer)
    document = await drafts.assembled(db, scope, row.draft, number=reference, issued_on=today)
    return document, seals.signer(issuer)


async def _credit_note(
    db: AsyncSession, scope: Scope, number: int, reason: str, seals: Seals
) -> tuple[InvoiceDocument, Sign | None]:
    scope.require_staff(StaffRole.FINANCE)
    row, words = await issuing.to_take_back(db, scope, number, reason)
    document = issuing.credit_note(row, await _next_reference(db, scope, row.issuer), scope.today, words)
    return document, seals.signer(row.issuer)


async def _next_reference(db: AsyncSession, scope: Scope, issuer: str) -> str:
    year = scope.today.year
    last = select(InvoiceSeries.last).where(InvoiceSeries.issuer == issuer, InvoiceSeries.year == year)
    return issuing.reference_of(issuer, year, (await db.scalar(last) or 0) + 1)
