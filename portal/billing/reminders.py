"""Reminders of overdue invoices: three levels, each noted once, none while an invoice is disputed. Mail goes above."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import SYSTEM, Scope
from portal.billing import drafts, queries
from portal.billing.models import BillingAccount, Invoice, InvoiceKind, PaymentReminder
from portal.ledger import commands as ledger
from portal.ledger.models import Audience, ProjectLedger
from portal.projects import queries as projects
from portal.projects.models import Project, ProjectStatus

AFTER_DAYS = (3, 10, 20)
"""Days after the due day, by the project's calendar, from which level 1, 2 and 3 are due."""
REMIND_AT = time(8)
"""By the project's clock."""
MOST = 500
_OPEN = (
    Invoice.kind == InvoiceKind.INVOICE, Invoice.state.in_(queries.UNPAID), Invoice.disputed_at.is_(None),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Overdue:
    """An invoice that may be due for a reminder."""

    project_id: UUID
    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Reminded:
    """A reminder that was noted just now."""

    scope: Scope
    invoice: Invoice
    level: int
    days: int


def level_of(days: int) -> int:
    """The level that so many days after the due day call for; 0 for none. Pure."""
    return sum(1 for after in AFTER_DAYS if days >= after)


async def overdue(db: AsyncSession) -> Sequence[Overdue]:
    """Unpaid invoices that may be due for a level that was not noted yet, in any project, the oldest first."""
    last = select(func.coalesce(func.max(PaymentReminder.level), 0)).where(
        PaymentReminder.project_id == Invoice.project_id, PaymentReminder.invoice_number == Invoice.number
    )
    today = clock.now().date() + timedelta(days=1)  # a day more than anywhere: the project's own day decides in `note`
    statement = (
        select(Invoice.project_id, ProjectLedger.key, Invoice.number, Invoice.due_on, last.scalar_subquery())
        .join(ProjectLedger, ProjectLedger.id == Invoice.project_id)
        .join(Project, Project.id == Invoice.project_id)
        .join(BillingAccount, and_(BillingAccount.project_id == Invoice.project_id, BillingAccount.reminds))
        .where(
            *_OPEN,
            Invoice.due_on <= today - timedelta(days=AFTER_DAYS[0]),
            Project.status != ProjectStatus.ARCHIVED,
        )
        .order_by(Invoice.due_on, Invoice.project_id, Invoice.number)
        .execution_options(cross_project="what is overdue in any project")
    )
    found = [row for row in await db.execute(statement) if level_of((today - row.due_on).days) > row[4]]
    return [Overdue(*row[:3]) for row in found[:MOST]]


async def note(db: AsyncSession, one: Overdue) -> Reminded | None:
    """Notes the level that an invoice is due for by now; None for none. Missed levels are skipped."""
    await ledger.lock(db, one.project_id)
    scope = await projects.scope_for(db, SYSTEM, one.key)
    local = clock.now().astimezone(scope.zone)
    account = await db.get(BillingAccount, one.project_id)
    if scope.project.status == "archived" or local.time() < REMIND_AT or account is None or not account.reminds:
        return None
    invoice = await db.scalar(select(Invoice).where(*queries.visible(scope), Invoice.number == one.number, *_OPEN))
    if invoice is None or invoice.due_on is None:
        return None
    days = (local.date() - invoice.due_on).days
    level = level_of(days)
    if level <= await _last_level(db, scope, one.number):
        return None
    body = {"level": level, "reference": invoice.reference, "due_on": invoice.due_on.isoformat()}
    invoice.seq = await drafts.tell(db, scope, invoice, "invoice.reminded", body, Audience.BILLING)
    db.add(
        PaymentReminder(
            project_id=one.project_id, invoice_number=one.number, level=level, at=clock.now(), seq=invoice.seq
        )
    )
    await db.flush()
    return Reminded(scope, invoice, level, days)


async def _last_level(db: AsyncSession, scope: Scope, number: int) -> int:
    mine = (PaymentReminder.project_id == scope.project_id, PaymentReminder.invoice_number == number)
    return await db.scalar(select(func.max(PaymentReminder.level)).where(*mine)) or 0


async def still_holds(db: AsyncSession, scope: Scope, number: int) -> bool:
    """Whether an invoice is still to be reminded of: unpaid and not disputed, for who may see it, while the project
    goes on."""
    if not scope.sees_money or scope.project.status == ProjectStatus.ARCHIVED:
        return False
    statement = select(Invoice.number).where(*queries.visible(scope), Invoice.number == number, *_OPEN)
    return await db.scalar(statement) is not None
