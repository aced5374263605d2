"""Hours whose line was taken out of a draft: they are free to be billed by another invoice."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.billing.models import Invoice, TimeEntry


async def free_hours(db: AsyncSession, scope: Scope, row: Invoice, before: Sequence[Mapping[str, Any]]) -> None:
    """Frees the entries of the roles whose lines are gone from a draft that had the lines `before`."""
    roles = dropped(before, row.draft["lines"])
    behind = (TimeEntry.project_id == scope.project_id, TimeEntry.invoice_number == row.number)
    if roles:
        await db.execute(update(TimeEntry).where(*behind, TimeEntry.role.in_(roles)).values(invoice_number=None))


def dropped(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> set[str]:
    """What the lines are called that are gone. None where another line is not as it was: it may bill the same. Pure."""
    old = [_unnumbered(one) for one in before]
    if any(_unnumbered(one) not in old for one in now):
        return set()
    return {one["name"] for one in before} - {one["name"] for one in now}


def _unnumbered(line: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in line.items() if field != "number"}
