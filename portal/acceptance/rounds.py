"""Writes of the rounds: opened for named testers, closed when the period is over. The caller owns the transaction."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance import accepting, covering, queries
from portal.acceptance.models import RoundCase, TestCase, TestRound, TestTester
from portal.acceptance.telling import tell
from portal.access import Scope
from portal.access.models import Membership
from portal.db import refresh_statistics
from portal.errors import Conflict, Invalid
from portal.ledger import commands as ledger
from portal.projects.rules import check_name

MOST_TESTERS = 200
MANY_CASES = 500
HASH = re.compile(r"[0-9A-Za-z+/=:._-]{0,128}")
BEGUN = "A new round of testing has begun."


@dataclass(frozen=True, slots=True)
class Terms:
    """What is tested in a round, where and when. `build_hash`: of the build or commit, as text; kept as it is given."""

    build: str = ""
    address: str = ""
    build_hash: str = ""
    starts_on: date | None = None
    ends_on: date | None = None


def check_terms(terms: Terms) -> Terms:
    """The same, checked. Raises Invalid naming the field."""
    if terms.starts_on and terms.ends_on and terms.ends_on < terms.starts_on:
        raise Invalid("A round ends after it starts.", field="ends_on", value=terms.ends_on.isoformat())
    if not HASH.fullmatch(terms.build_hash):
        raise Invalid("A hash is at most 128 letters, digits or + / = : . _ -", field="build_hash",
                      value=terms.build_hash[:40])  # fmt: skip
    if terms.address and not terms.address.startswith(("https://", "http://")):
        raise Invalid("An address begins with https:// or http://.", field="address", value=terms.address[:80])
    for field, length in (("build", 200), ("address", 2000)):
        if value := getattr(terms, field):
            check_name(value, field, length=length)
    return terms


async def open_round(
    db: AsyncSession, scope: Scope, number: int, testers: Sequence[UUID], terms: Terms | None = None
) -> TestRound:
    """Opens a round on the version that was offered last, for these people of the client.

    It asks what is not passed yet, or was changed since (`asking.why`). An acceptance that is being asked for is
    withdrawn. Raises Conflict while another round runs, when nothing was offered or nothing is left to test; Invalid
    for testers who are no members; NotFound, NotAllowed.
    """
    scope.require_staff()
    given = check_terms(terms or Terms())
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    if plan.offered_version is None:
        raise Conflict("This plan was not offered yet: the client does not see it.")
    if await queries.open_round(db, scope, number) is not None:
        raise Conflict("A round of this plan is running: close it first.")
    await _check_testers(db, scope, testers, at_least=1)
    asked = await covering.to_ask(db, scope, plan)
    if not asked:
        raise Conflict(
            "Nothing is left to test: what passed is not asked again, and what failed waits for its defects."
        )
    await accepting.withdraw_open(db, scope, plan, BEGUN)
    last = await db.scalar(select(func.max(TestRound.number)).where(*queries.rounds_of(scope, number))) or 0
    row = TestRound(
        project_id=scope.project_id, plan_number=number, number=last + 1, version=plan.offered_version,
        build=given.build.strip(), address=given.address.strip(), build_hash=given.build_hash,
        starts_on=given.starts_on, ends_on=given.ends_on, opened_at=clock.now(), closed_at=None, cases=len(asked),
        reminded_on=None,
        passed=0, not_applicable=0, blocked=0, failed=0, seq=0,
    )  # fmt: skip
    told = {
        "round": row.number, "version": row.version, "cases": row.cases, "build": row.build,
        "build_hash": row.build_hash, "testers": [f"person:{one}" for one in testers],
        "ends_on": row.ends_on.isoformat() if row.ends_on else None,
    }  # fmt: skip
    row.seq = plan.seq = await tell(db, scope, plan, "test_round.opened", told)
    db.add(row)
    await db.flush()
    cases = [{**_of(row), "case_number": one, "why": why, "verdict": None} for one, why in sorted(asked.items())]
    await db.execute(insert(RoundCase), cases)
    await db.execute(insert(TestTester), [{**_of(row), "person_id": one, "done": 0} for one in testers])
    if len(cases) >= MANY_CASES:
        await refresh_statistics(db, TestCase, RoundCase)
    return row


def _of(row: TestRound) -> dict[str, Any]:
    return {"project_id": row.project_id, "plan_number": row.plan_number, "round_number": row.number}


async def _check_testers(db: AsyncSession, scope: Scope, testers: Sequence[UUID], *, at_least: int) -> None:
    """People of the client with any role in the project; the agency's staff have none there, and never test."""
    if len(set(testers)) != len(testers) or not at_least <= len(testers) <= MOST_TESTERS:
        raise Invalid(f"Name each tester once, {at_least} to {MOST_TESTERS}.", field="testers", value=len(testers))
    members = select(Membership.person_id).where(Membership.project_id == scope.project_id)
    known = set(await db.scalars(members.where(Membership.person_id.in_(testers))))
    for at, person in enumerate(testers):
        if person not in known:
            raise Invalid("A tester is one of the client's people in this project.", field=f"testers[{at}]",
                          value=str(person))  # fmt: skip


async def add_testers(db: AsyncSession, scope: Scope, number: int, round_number: int, people: Sequence[UUID]) -> int:
    """Names further testers of a round that runs; those who are named already stay. Returns how many are new."""
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    row = await queries.test_round(db, scope, number, round_number)
    if row.closed_at is not None:
        raise Conflict("This round is closed.")
    await _check_testers(db, scope, people, at_least=1)
    named = {one.tester.person_id for one in await queries.testers(db, scope, number, round_number)}
    new = [one for one in people if one not in named]
    if len(named) + len(new) > MOST_TESTERS:
        raise Invalid(f"A round has at most {MOST_TESTERS} testers.", field="testers", value=len(named) + len(new))
    if new:
        await db.execute(insert(TestTester), [{**_of(row), "person_id": one, "done": 0} for one in new])
        told = {"round": round_number, "testers": [f"person:{one}" for one in new]}
        row.seq = plan.seq = await tell(db, scope, plan, "test_round.testers_added", told)
    return len(new)


async def close_round(db: AsyncSession, scope: Scope, number: int, round_number: int) -> TestRound:
    """Closes a round: no result is taken any more. What it came to is told. Raises Conflict for one that is closed."""
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    plan = await queries.plan(db, scope, number)
    row = await queries.test_round(db, scope, number, round_number)
    if row.closed_at is not None:
        raise Conflict("This round is closed already.")
    row.closed_at = clock.now()
    told = {field: getattr(row, field) for field in ("cases", "passed", "failed", "blocked", "not_applicable")}
    told |= {"round": round_number, "not_run": not_run(row)}
    row.seq = plan.seq = await tell(db, scope, plan, "test_round.closed", told)
    await db.flush()
    return row


def not_run(row: TestRound) -> int:
    """How many of the cases that a round asks have no verdict yet."""
    return row.cases - row.passed - row.failed - row.blocked - row.not_applicable
