"""Drafts of invoices."""

from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope


async def drafts_for_milestone(db: AsyncSession, scope: Scope, milestone_number: int) -> None:
    """Drafts what the payment plan makes due by a milestone."""
