"""Fills the demo: two real public projects under two clients, through the real importer, once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import wall
from portal.access import SYSTEM
from portal.connectors.commands import run_import
from portal.connectors.model import System
from portal.db import Database
from portal.demo import acceptance, billing, changes, designs, requirements
from portal.demo.cast import CAST, DemoPerson
from portal.errors import Conflict
from portal.ledger.models import ProjectLedger
from portal.people import commands as people
from portal.people import invitations
from portal.people.models import Company, Identity
from portal.projects import commands as plan
from portal.projects import queries as projects
from portal.settings import Settings

DATA = Path(__file__).parent / "data"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoProject:
    """One of the demo's projects, and where its history comes from."""

    key: str
    client: Literal["first", "second"]
    company: str
    system: System
    file: str
    fields: dict[str, Any]


PROJECTS = (
    DemoProject(
        key="RECALLS",
        client="first",
        company="Office of Food Safety",
        system=System.TRELLO,
        file="fda-food-recalls.json",
        fields={
            "name": "Food recalls",
            "summary": "A prototype that shows which food was recalled, where and why.",
            "time_zone": "America/New_York",
            "currency": "USD",
            "holidays": "US",
            "unit": "count",
            "contact_name": "陈梅",
            "contact_email": "mei@agency.example",
        },
    ),
    DemoProject(
        key="DAEMON",
        client="second",
        company="Tooling & Co",
        system=System.JIRA,
        file="appcd-daemon-agile-rest.json",
        fields={
            "name": "Tooling daemon",
            "summary": "A service on a developer's machine that many tools share.",
            "time_zone": "America/Los_Angeles",
            "currency": "USD",
            "holidays": "US",
            "unit": "count",
            "contact_name": "David Okafor",
            "contact_email": "david@agency.example",
        },
    ),
)


async def load(database: Database, settings: Settings, issuer: str, say: Say = lambda line: None) -> None:
    """Loads what is not there yet; a second start changes nothing but the provider's address, should it have moved.

    `settings` are the demo's own, `issuer` the address of its provider. Each project is loaded in one transaction.
    """
    for wanted in PROJECTS:
        async with database.write() as db:
            if await db.scalar(select(ProjectLedger.id).where(ProjectLedger.key == wanted.key)) is None:
                say(f"Loading {wanted.fields['name']} from {wanted.file} …")
                await _load_one(db, wanted)
    async with database.write() as db:
        await db.execute(update(Identity).where(Identity.issuer != issuer).values(issuer=issuer))
        for person in CAST:
            await _invite(db, settings, person)
    await designs.load(database, settings, PROJECTS[0].key)
    await requirements.load(database, PROJECTS[0].key)
    await acceptance.load(database, PROJECTS[0].key)
    await changes.load(database, PROJECTS[1].key)
    await billing.load(database, settings, PROJECTS[1].key)


async def _load_one(db: AsyncSession, wanted: DemoProject) -> None:
    company = await db.scalar(select(Company).where(Company.name == wanted.company))
    company = company or await people.create_company(db, SYSTEM, wanted.company)
    scope = await plan.open_project(db, SYSTEM, key=wanted.key, company_id=company.id, **wanted.fields)
    await run_import(db, scope, wanted.system, DATA / wanted.file)


async def _invite(db: AsyncSession, settings: Settings, person: DemoPerson) -> None:
    """Invites one of the clients' people, unless they are in already; an invitation that ran out is sent anew."""
    for project in PROJECTS:
        if project.client == person.client:
            await wall.leave(db)
            scope = await projects.scope_for(db, SYSTEM, project.key)
            try:
                await invitations.invite(db, scope, settings, email=person.email, roles=sorted(person.roles))
            except Conflict:
                continue
