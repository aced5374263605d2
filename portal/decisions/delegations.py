""" "X decides for me until Friday": given, ended, and asked for when somebody answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Role, Scope
from portal.access.models import Membership
from portal.decisions import rules
from portal.decisions.models import Decision, DecisionAnswer, Delegation
from portal.decisions.proof import Proof
from portal.errors import Conflict, Invalid, NotFound
from portal.ledger import commands as ledger
from portal.ledger import receipts
from portal.ledger.models import Audience
from portal.people.models import Person
from portal.people.queries import LET_IN

LONGEST_DAYS = 92


async def delegate(
    db: AsyncSession, scope: Scope, to_person: UUID, from_on: date, until_on: date, proof: Proof
) -> Delegation:
    """Lets another member of the project decide for the viewer, from a day to a day, both included, and keeps how they
    were signed in: the ledger has the digest alone. The caller has checked `proof` against the limit of every kind.

    Raises NotAllowed without the role approver, Invalid for wrong days or somebody who is no member, Conflict when the
    viewer delegated for some of these days already.
    """
    scope.require(Role.APPROVER)
    await ledger.lock(db, scope.project_id)
    _check_days(scope, from_on, until_on)
    mine = await given_by(db, scope)
    if any(one.from_on <= until_on and from_on <= one.until_on for one in mine):
        raise Conflict("You have delegated your decisions for some of these days already: end that first.")
    member = select(Membership.person_id).join(Person, LET_IN)
    member = member.where(
        Membership.project_id == scope.project_id, Membership.person_id == to_person, Membership.viewer
    )
    if to_person == scope.viewer.person_id or await db.scalar(member) is None:
        raise Invalid("Choose another member of this project.", field="to_person", value=str(to_person))
    highest = await db.scalar(select(func.max(Delegation.number)).where(Delegation.project_id == scope.project_id))
    row = Delegation(
        project_id=scope.project_id, number=(highest or 0) + 1, person_id=scope.viewer.person_id,
        to_person_id=to_person, from_on=from_on, until_on=until_on, ended_at=None, evidence=proof.evidence(), seq=0,
    )  # fmt: skip
    row.seq = await _tell(db, scope, row.number, "delegation.given", _given_body(row))
    db.add(row)
    await db.flush()
    return row


def _given_body(row: Delegation) -> dict[str, str]:
    return {
        "to": f"person:{row.to_person_id}",
        "from_on": row.from_on.isoformat(),
        "until_on": row.until_on.isoformat(),
        "evidence_digest": receipts.document_digest(row.evidence),
    }


def _check_days(scope: Scope, from_on: date, until_on: date) -> None:
    if from_on < scope.today:
        raise Invalid("A delegation cannot begin in the past.", field="from_on", value=from_on.isoformat())
    if not 0 <= (until_on - from_on).days <= LONGEST_DAYS:
        right = f"It ends on its first day or later, after {LONGEST_DAYS} days at most."
        raise Invalid(right, field="until_on", value=until_on.isoformat())


async def end(db: AsyncSession, scope: Scope, number: int) -> None:
    """Ends one of the viewer's own delegations now. What was decided under it stands. Raises NotFound."""
    scope.require_writable()
    await ledger.lock(db, scope.project_id)
    row = next((one for one in await given_by(db, scope) if one.number == number), None)
    if row is None:
        raise NotFound("There is no such delegation of yours.")
    row.ended_at = clock.now()
    row.seq = await _tell(db, scope, number, "delegation.ended", {})


async def given_by(db: AsyncSession, scope: Scope) -> Sequence[Delegation]:
    """The viewer's own delegations that hold now or later."""
    mine = (Delegation.project_id == scope.project_id, Delegation.person_id == scope.viewer.person_id)
    statement = select(Delegation).where(*mine, Delegation.ended_at.is_(None), Delegation.until_on >= scope.today)
    return (await db.scalars(statement.order_by(Delegation.from_on))).all()


async def given_by_all(
    db: AsyncSession, scope: Scope, *, before: int | None = None, limit: int = 50
) -> Sequence[Delegation]:  # fmt: skip
    """Everybody's delegations, past ones too, the newest first; the next page is before the last one's number."""
    statement = select(Delegation).where(Delegation.project_id == scope.project_id)
    if before is not None:
        statement = statement.where(Delegation.number < before)
    return (await db.scalars(statement.order_by(Delegation.number.desc()).limit(limit))).all()


async def principals(db: AsyncSession, scope: Scope, roles: frozenset[Role]) -> frozenset[UUID]:
    """The members with these roles who have delegated to the viewer for today."""
    statement = (
        select(Delegation.person_id)
        .join(
            Membership,
            (Membership.project_id == Delegation.project_id) & (Membership.person_id == Delegation.person_id),
        )
        .join(Person, LET_IN)
        .where(
            Delegation.project_id == scope.project_id,
            Delegation.to_person_id == scope.viewer.person_id,
            Delegation.ended_at.is_(None),
            Delegation.from_on <= scope.today,
            Delegation.until_on >= scope.today,
            *(getattr(Membership, role.value) for role in sorted(roles)),
        )
    )
    return frozenset(await db.scalars(statement))


@dataclass(frozen=True, slots=True)
class Standing:
    """As whom somebody may answer a decision: `can` at all, the viewer first, and `left` of those still now."""

    can: Sequence[UUID]
    left: Sequence[UUID]


async def standing(
    db: AsyncSession, scope: Scope, decision: Decision, named: frozenset[UUID], answers: Sequence[DecisionAnswer]
) -> Standing:
    """As whom the viewer may answer a decision with these people and answers. Raises NotAllowed for nobody."""
    delegated = await principals(db, scope, rules.roles_for(decision.audience))
    can = rules.may_answer(scope, decision, named, delegated)
    person = scope.viewer.person_id
    assert person is not None  # rules.may_answer has seen to that
    given = [(one.person_id, one.principal_id) for one in answers]
    asked = len(named) if decision.is_named else None
    return Standing(can, rules.voices(person, can, given, decision.needed, asked))


def principal_of(scope: Scope, standing: Standing, answers: Sequence[DecisionAnswer], said: UUID | None) -> UUID:
    """Whose answer it is: the one that was `said`, else of the first whose answer is missing, else the one that the
    viewer gave: a double click is held against that. Raises Invalid for somebody for whom they cannot answer.
    """
    if said is not None:
        if said not in standing.can:
            raise Invalid("You cannot answer for this person.", field="principal", value=str(said))
        return said
    by_viewer = (one.principal_id for one in answers if one.person_id == scope.viewer.person_id)
    return [*standing.left, *(one for one in by_viewer if one in standing.can), standing.can[0]][0]


async def _tell(db: AsyncSession, scope: Scope, number: int, kind: str, body: dict[str, str]) -> int:
    event = ledger.NewEvent(kind, "delegation", number, Audience.CLIENT, {**body}, scope.viewer.actor, clock.now())
    return await ledger.append(db, scope.project_id, [event])
