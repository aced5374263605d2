"""The cast of all tests; it never changes.

Acme owns BRIDGE: Ada approves and pays there, Eve only reads, Finn keeps the books. Mallory is of Other & Co, which
owns HARBOUR. Of the agency: Wei manages, Maria does the money, Dan develops, Root administers. Nemo signed in once and
belongs nowhere.
"""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import SYSTEM, Role, Scope, StaffRole, Viewer
from portal.access.models import Membership
from portal.backlog import commands as backlog
from portal.backlog.models import Item
from portal.db import Database
from portal.identity.models import Session
from portal.identity.sessions import hash_of
from portal.people.models import Company, Identity, Person
from portal.projects import commands as projects
from portal.projects import queries
from tests.support import run

ISSUER = "https://login.example"
STAFF = {"wei": StaffRole.MANAGER, "maria": StaffRole.FINANCE, "dan": StaffRole.MEMBER, "root": StaffRole.ADMIN}
CLIENTS = {
    "ada": ("BRIDGE", {Role.APPROVER, Role.BILLING}),
    "eve": ("BRIDGE", set()),
    "finn": ("BRIDGE", {Role.BILLING}),
    "mallory": ("HARBOUR", {Role.APPROVER, Role.BILLING}),
}
NAMES = (*CLIENTS, *STAFF, "nemo")


@dataclass(frozen=True)
class Cast:
    """Everybody, by their short name in lower case."""

    people: dict[str, UUID]
    tokens: dict[str, str]
    companies: dict[str, UUID]

    def viewer(self, name: str) -> Viewer:
        """Somebody as the portal recognises them."""
        staff = frozenset({STAFF[name]}) if name in STAFF else frozenset()
        person = self.people[name]
        actor = f"{'staff' if staff else 'person'}:{person}"
        return Viewer("person", actor, person, name.title(), f"{name}@example.com", "en", staff)

    async def scope(self, db: AsyncSession, name: str, key: str = "BRIDGE") -> Scope:
        """What somebody is in a project."""
        return await queries.scope_for(db, self.viewer(name), key)

    def cookie(self, name: str, cookie_name: str = "portal") -> dict[str, str]:
        """The header that signs somebody in."""
        return {"Cookie": f"{cookie_name}={self.tokens[name]}"}


async def enter(database: Database) -> Cast:
    """Brings everybody on stage, with their companies, projects and sessions, unless they are there already."""
    known = await _on_stage(database)
    return known or await _enter(database)


async def _on_stage(database: Database) -> Cast | None:
    """Everybody, in a database that was copied from one in which they stood; they signed in just now."""
    scene = kept_scene(database.url)
    if not scene.exists():
        return None
    async with database.write() as db:
        if await db.scalar(select(Company.id).limit(1)) is None:
            return None
        now = clock.now()
        moments = {"auth_time": now, "created_at": now, "last_seen_at": now, "idle_until": now + timedelta(hours=8)}
        await db.execute(update(Session).values(**moments, expires_at=now + timedelta(days=7)))
    return from_json(scene.read_text())


def kept_scene(url: str) -> Path:
    """Where it stands who is on the stage that the run keeps for a kind of database."""
    return run.folder() / f"cast-{'sqlite' if url.startswith('sqlite') else 'postgresql'}.json"


def to_json(cast: Cast) -> str:
    """Everybody as text, to be kept."""
    return json.dumps(asdict(cast), default=str)


def from_json(text: str) -> Cast:
    """Everybody that was kept."""
    told: dict[str, dict[str, str]] = json.loads(text)
    people, companies = ({name: UUID(one) for name, one in told[of].items()} for of in ("people", "companies"))
    return Cast(people, told["tokens"], companies)


async def _enter(database: Database) -> Cast:
    async with database.write() as db:
        companies = {name: uuid4() for name in ("Acme", "Other & Co")}
        now = clock.now()
        for name, company_id in companies.items():
            db.add(Company(id=company_id, name=name, external_ref=None, created_at=now, updated_at=now))
        people = {name: await _person(db, name) for name in NAMES}
        await db.flush()
        owners = {"BRIDGE": companies["Acme"], "HARBOUR": companies["Other & Co"]}
        for key, company_id in owners.items():
            await projects.open_project(
                db, SYSTEM, key=key, company_id=company_id, name=f"The {key.lower()}", time_zone="Europe/Berlin"
            )
        for name, (key, roles) in CLIENTS.items():
            await _join(db, people[name], key, owners[key], roles)
        tokens = {name: await _sign_in(db, name, people[name]) for name in NAMES}
    return Cast(people, tokens, companies)


async def _person(db: AsyncSession, name: str) -> UUID:
    person_id, now = uuid4(), clock.now()
    db.add(
        Person(
            id=person_id, name=name.title(), email=f"{name}@example.com", locale="en", created_at=now, updated_at=now
        )
    )
    await db.flush()
    db.add(Identity(issuer=ISSUER, sub=name, person_id=person_id, bound_at=now))
    return person_id


async def _join(db: AsyncSession, person_id: UUID, key: str, company_id: UUID, roles: set[Role]) -> None:
    scope = await queries.scope_for(db, SYSTEM, key)
    db.add(
        Membership(
            project_id=scope.project_id, person_id=person_id, company_id=company_id, viewer=True,
            approver=Role.APPROVER in roles, billing=Role.BILLING in roles, since=clock.now(),
        )
    )  # fmt: skip
    await db.flush()


async def _sign_in(db: AsyncSession, name: str, person_id: UUID) -> str:
    token, now = f"token-of-{name}-{uuid4().hex}", clock.now()
    db.add(
        Session(
            token_hash=hash_of(token), person_id=person_id, provider="main", issuer=ISSUER, sub=name, sid=f"sid-{name}",
            sign_in_id=uuid4(), staff_roles=[STAFF[name].value] if name in STAFF else [], acr=None, amr=["pwd"],
            auth_time=now, created_at=now, last_seen_at=now, idle_until=now + timedelta(hours=8),
            expires_at=now + timedelta(days=7), user_agent="tests", view_as=None,
        )
    )  # fmt: skip
    return token


async def add_item(database: Database, cast: Cast, key: str = "BRIDGE", **fields: Any) -> Item:
    """An item that Wei adds; for the client unless `audience` says otherwise."""
    async with database.write() as db:
        scope = await cast.scope(db, "wei", key)
        return await backlog.add_item(db, scope, {"title": "A piece of work", "audience": "client"} | fields)
