"""What clients owe the agency, by client and currency and by how late it is. Never summed across currencies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, money
from portal.access import StaffRole, Viewer
from portal.billing.models import Invoice, InvoiceKind
from portal.billing.queries import UNPAID
from portal.ledger.models import ProjectLedger
from portal.money import Money
from portal.people.models import Company
from portal.projects.models import Project

BUCKETS = ("current", "1-30", "31-60", "61-90", "over 90")
"""Not due yet, and days after the due day, by each project's own calendar."""
MOST = 50_000
WHY_ACROSS = "what all clients owe the agency"


@dataclass(frozen=True, slots=True)
class Owed:
    """One unpaid invoice. `days` after its due day; 0 and less while it is not late."""

    client: str
    project: str
    number: int
    reference: str
    due_on: date | None
    days: int
    open: Money
    disputed: bool

    @property
    def bucket(self) -> str:
        """Which of `BUCKETS` it is in."""
        if self.days <= 0:
            return "current"
        return BUCKETS[min((self.days - 1) // 30, 3) + 1]


@dataclass(frozen=True, slots=True)
class Aged:
    """What one client owes in one currency, by `BUCKETS`."""

    client: str
    currency: str
    buckets: Sequence[Money]
    total: Money
    invoices: Sequence[Owed]


async def receivables(db: AsyncSession, viewer: Viewer) -> list[Aged]:
    """What is owed, by client's name and currency, in one statement. Raises NotAllowed without the right to it."""
    viewer.require_staff(StaffRole.FINANCE, StaffRole.MANAGER)
    statement = (
        select(
            Company.name, ProjectLedger.key, Project.time_zone, Invoice.number, Invoice.reference, Invoice.due_on,
            Invoice.currency, Invoice.payable_minor - Invoice.paid_minor - Invoice.credited_minor, Invoice.disputed_at,
        ).join(ProjectLedger, ProjectLedger.id == Invoice.project_id)
        .join(Project, Project.id == Invoice.project_id)
        .join(Company, Company.id == Project.company_id)
        .where(Invoice.state.in_(UNPAID), Invoice.kind == InvoiceKind.INVOICE)
        .order_by(Company.name, Invoice.due_on, Invoice.reference)
        .limit(MOST)
        .execution_options(cross_project=WHY_ACROSS)
    )  # fmt: skip
    now = clock.now()
    found: dict[tuple[str, str], list[Owed]] = {}
    for client, key, zone, number, reference, due_on, code, minor, disputed_at in await db.execute(statement):
        days = (clock.day_of(now, ZoneInfo(zone)) - due_on).days if due_on else 0
        owed = Owed(client, key, number, reference or "", due_on, days, Money(minor, code), disputed_at is not None)
        found.setdefault((client, code), []).append(owed)
    return [_aged(client, code, owed) for (client, code), owed in sorted(found.items())]


def _aged(client: str, code: str, owed: Sequence[Owed]) -> Aged:
    buckets = [money.total((one.open for one in owed if one.bucket == name), code) for name in BUCKETS]
    return Aged(client, code, buckets, money.total(buckets, code), owed)


def totals(aged: Sequence[Aged]) -> dict[str, Sequence[Money]]:
    """The sums of each currency by `BUCKETS`."""
    return {
        code: [money.total((one.buckets[at] for one in aged if one.currency == code), code)
               for at in range(len(BUCKETS))]
        for code in sorted({one.currency for one in aged})
    }  # fmt: skip
