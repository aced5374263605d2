"""Mails about overdue invoices: to those of the client who see invoices, in the transaction that notes the reminder.

They name the invoice and its day, never an amount.
"""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Role
from portal.apart import Run
from portal.billing import reminders
from portal.billing.reminders import Reminded
from portal.db import Database
from portal.ledger.models import Audience
from portal.mailing import letters, readers
from portal.settings import Settings

TEMPLATE = "reminder"


async def remind(database: Database, settings: Settings) -> int:
    """Reminds of every overdue invoice that is due for a level, each in one transaction; returns how many. Raises
    SomeFailed."""
    async with database.read() as db:
        due = await reminders.overdue(db)
    run = Run()
    for one in due:
        with run.apart(project=one.key, invoice=one.number):
            async with database.write() as db:
                if (noted := await reminders.note(db, one)) is not None:
                    await _send(db, settings, noted)
            run.done += noted is not None
    return run.end()


async def _send(db: AsyncSession, settings: Settings, noted: Reminded) -> None:
    reminder = f"{noted.scope.project_id}:invoice-{noted.invoice.number}:{noted.level}"
    for reader in await readers.of_project(db, noted.scope.project):
        if not reader.scope.is_staff and Role.BILLING in reader.scope.roles:
            dedupe_key = f"{reader.viewer.person_id}:{reminder}"
            await letters.enqueue(db, settings, reader, TEMPLATE, _context(noted), dedupe_key)


def _context(noted: Reminded) -> dict[str, Any]:
    invoice, scope = noted.invoice, noted.scope
    return {
        "kind": "reminded", "project": scope.project.name, "key": scope.key, "audience": Audience.BILLING.value,
        "number": None, "invoice": invoice.number, "reference": invoice.reference, "title": invoice.title,
        "due_on": invoice.due_on.isoformat() if invoice.due_on else None, "days": noted.days, "level": noted.level,
        "path": f"/projects/{scope.key}/invoices/{invoice.number}", "is_staff": False, "takes_reply": False,
    }  # fmt: skip
