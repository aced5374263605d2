"""The demo's contract, and one change request whose offer waits for the second client: now, or less of it later."""

from datetime import date, timedelta
from typing import Any

from portal.access import SYSTEM, Scope
from portal.changes import commands, contract_view, contracts, offers
from portal.changes.offers import Terms
from portal.db import Database
from portal.projects import commands as plan
from portal.projects import queries as projects

VALID = timedelta(days=45)
MILESTONE = "Release for Windows"


def _line(text: str, hours: str) -> dict[str, str]:
    return {
        "text": text, "quantity": hours, "unit": "HUR", "unit_price": "118.50", "tax_category": "S",
        "tax_rate": "8.25",
    }  # fmt: skip


async def load(database: Database, key: str) -> None:
    """Records contract, change request and offer in a project, unless it has its contract already."""
    async with database.write() as db:
        scope = await projects.scope_for(db, SYSTEM, key)
        if await contract_view.contract_or_none(db, scope) is not None:
            return
        milestone = await plan.add_milestone(db, scope, name=MILESTONE, expected_on=_soon(scope, 70))
        await contracts.record_contract(db, scope, _contract(milestone.number, _soon(scope, 60)))
        request = await commands.raise_change(
            db,
            scope,
            title="Signed updates",
            wanted="The daemon installs an update only when its **signature** is right, and keeps the version before.",
            reason="Two of our customers must prove which code runs on their machines.",
        )
        await offers.price(db, scope, request.number, _alternatives(scope, milestone.number))
        terms = Terms(valid_until=scope.today + VALID, holds_up="The plan of the next two iterations")
        await offers.offer(db, scope, request.number, terms)


def _soon(scope: Scope, days: int) -> date:
    return scope.today + timedelta(days=days)


def _contract(milestone: int, day: date) -> dict[str, Any]:
    return {
        "kind": "fixed_price",
        "bought": "A **service on a developer's machine** that the tools of the suite share, for three systems.",
        "lines": [
            _line("The service and its interface", "620"),
            _line("Installers for Windows, macOS and Linux", "180"),
            _line("Tests on all three systems", "140"),
        ],
        "payment_terms": "Half at the first release, the rest in 30 days after acceptance.",
        "quality_terms": "No known fault that loses data; every release passes the tests on all three systems.",
        "signed_on": day - timedelta(days=240),
        "milestones": [{"number": milestone, "on": day}],
    }


def _alternatives(scope: Scope, milestone: int) -> list[dict[str, Any]]:
    return [
        {
            "title": "All of it now",
            "lines": [_line("Signing and checking updates", "72"), _line("Going back to the version before", "36")],
            "days": "13.5",
            "quality": "Every update is tried on all three systems before it is signed.",
            "milestones": [{"number": milestone, "on": _soon(scope, 78)}],
            "items_added": [
                {"title": "Check an update's signature", "points": "8", "milestone": milestone},
                {"title": "Go back to the version before", "points": "5", "milestone": milestone},
            ],
        },
        {
            "title": "Signatures alone, later",
            "lines": [_line("Signing and checking updates", "64")],
            "days": "8",
            "quality": "A broken update has to be mended by hand.",
            "items_added": [{"title": "Check an update's signature", "points": "8"}],
        },
    ]
