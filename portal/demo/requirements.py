"""Requirements of the demo: what the recalls prototype was asked to do, linked with the real items that did it.

None is confirmed, because only a person who signs in can do that: two wait for Ada.
"""

from typing import Any

from sqlalchemy import select

from portal import traceability
from portal.access import SYSTEM
from portal.backlog.models import Item
from portal.db import Database
from portal.projects import queries as projects
from portal.requirements import asking, commands, queries
from portal.trace.models import TraceKind
from portal.trace.rules import End

REQUIREMENTS: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
    (
        {
            "title": "Show on a map where a recalled product was sold",
            "description": "The darker a state is on the map, the **more recalls** concern it.\n\n"
            "A click on a state shows that state alone.",
            "priority": "must",
            "criteria": [
                "Each state shows how many recalls and products concern it.",
                "From a single state one step leads back to the whole map, on a phone too.",
            ],
            "audience": "client",
        },
        ("Add recalls and product count to map tooltip", "Navigation back to full map on phone%"),
    ),
    (
        {
            "title": "Filter recalls by product, company, status and class",
            "description": "The filters narrow the map, the chart and the list together.",
            "priority": "must",
            "criteria": [
                "Each filter can be combined with every other.",
                "A filter applies without loading the whole page again.",
                "One button clears all filters.",
            ],
            "audience": "client",
        },
        ("Filter by product", "Filter by producer (company)", "Filter by event class", "Filter by event status",
         "Apply filters without reloading full page"),
    ),
    (
        {
            "title": "The first page is fast on a phone",
            "kind": "non_functional",
            "description": "Most people look at it in a shop, over a mobile network.",
            "priority": "should",
            "criteria": ["The target is met in the last full week before the release."],
            "measure": {
                "metric": "Largest contentful paint, 75th percentile",
                "target": "at most 2.5 seconds",
                "how_measured": "Field data of one week, phones alone.",
            },
            "audience": "client",
        },
        ("Setup PageSpeed insight gulp task", "Better initial state while data is loading"),
    ),
    (
        {
            "title": "Print one recall",
            "description": "A shop hangs the recall up beside the shelf.",
            "priority": "could",
            "audience": "client",
        },
        ("Will users be able to print individual event records?",),
    ),
    (
        {
            "title": "Import recalls of other countries",
            "description": "For us to estimate before we speak of it.",
            "priority": "wont",
        },
        (),
    ),
)  # fmt: skip
"""Each with the titles of the items that belong to it."""
OFFERED = (1, 2, 3)
CHANGE = {
    "priority": "should",
    "description": "The darker a state is on the map, the **more products** were recalled in it.\n\n"
    "A click on a state shows that state alone.",
}
"""Of the first one, after it was offered: its question is withdrawn, and version 2 is not confirmed yet."""


async def load(database: Database, key: str) -> None:
    """Writes the requirements down, links them and asks about two of them, unless that is done."""
    async with database.write() as db:
        scope = await projects.scope_for(db, SYSTEM, key)
        if (await queries.progress(db, scope)).all:
            return
        for fields, titles in REQUIREMENTS:
            row = await commands.add(db, scope, fields)
            for title in titles:
                found = select(Item.number).where(Item.project_id == scope.project_id, Item.title.like(title))
                for number in await db.scalars(found):
                    ends = End(TraceKind.REQUIREMENT, row.number), End(TraceKind.ITEM, number)
                    await traceability.link(db, scope, *ends)
        drawn = End(TraceKind.DESIGN, 1)
        if await traceability.is_known(db, scope, drawn):
            await traceability.link(db, scope, End(TraceKind.REQUIREMENT, 2), drawn)
        await asking.ask(db, scope, OFFERED, asking.Asking(holds_up="The next release."))
        await commands.change(db, scope, 1, CHANGE, reason="The first test showed that nobody reads the numbers.")
