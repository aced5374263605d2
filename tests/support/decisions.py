"""Questions, answers and proofs for tests: what a decision is asked with, and who says what to it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Role
from portal.access.models import Membership
from portal.db import Database
from portal.decisions import commands
from portal.decisions.commands import Answer, Answered
from portal.decisions.models import Decision, DecisionKind, Verdict
from portal.decisions.proof import Proof
from portal.decisions.rules import Question
from portal.ledger.keys import SigningKeys, open_keys
from portal.settlement import Follow
from tests.support.cast import ISSUER, Cast

PORTAL = "http://portal.example"
QUESTION = Question(
    kind=DecisionKind.REQUIREMENT,
    subject_number=1,
    subject_version=1,
    title="Requirement 1: sign in",
    content={"title": "Sign in", "description": "People sign in with their own account.", "version": 1},
)
"""A question to everybody with the role, about a subject that no room follows up."""


def keys_in(folder: Path) -> SigningKeys:
    """The portal's signing keys, made in a folder."""
    return open_keys(folder / "keys", "portal.example")


def proof_of(name: str, **more: Any) -> Proof:
    """Somebody who signed in just now, with a password alone."""
    given = {
        "issuer": ISSUER, "sub": name, "name": name.title(), "email": f"{name}@example.com", "company": "Acme",
        "acr": None, "amr": ("pwd",), "auth_time": clock.now() - timedelta(minutes=1), "second_factor_acr": None,
    }  # fmt: skip
    return Proof(**(given | more))


async def nothing(*_: Any) -> None:
    """What a room does that has nothing to say to a decision."""


UNFOLLOWED = {kind: Follow(nothing, nothing) for kind in DecisionKind}
"""For tests of the mechanism alone, in place of `settlement.FOLLOWS`."""


async def grant(db: AsyncSession, cast: Cast, name: str, *roles: Role, key: str = "BRIDGE") -> None:
    """Gives a member of a project further roles."""
    scope = await cast.scope(db, "wei", key)
    mine = (Membership.project_id == scope.project_id, Membership.person_id == cast.people[name])
    await db.execute(update(Membership).where(*mine).values({role.value: True for role in roles}))


async def join(db: AsyncSession, cast: Cast, name: str, *roles: Role, key: str = "BRIDGE") -> None:
    """Makes somebody a member of a project who is none."""
    scope = await cast.scope(db, "wei", key)
    given = {role.value: True for role in (Role.VIEWER, *roles)}
    whose = {"project_id": scope.project_id, "person_id": cast.people[name], "company_id": scope.project.company_id}
    db.add(Membership(**whose, **given, since=clock.now()))
    await db.flush()


async def ask(database: Database, cast: Cast, key: str = "BRIDGE", **more: Any) -> Decision:
    """A question that Wei asks the project's client."""
    async with database.write() as db:
        return await commands.ask(db, await cast.scope(db, "wei", key), replace(QUESTION, **more))


async def answer(
    database: Database,
    cast: Cast,
    keys: SigningKeys,
    decision: Decision,
    name: str = "ada",
    verdict: Verdict = Verdict.APPROVED,
    **more: Any,
) -> Answered:
    """What somebody of the client answers, in a transaction of its own."""
    given = Answer(**({"verdict": verdict, "digest": decision.digest.hex()} | more))
    async with database.write() as db:
        scope = await cast.scope(db, name)
        return await commands.answer(db, scope, keys, PORTAL, decision.number, given, proof_of(name))
