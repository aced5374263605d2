"""What a decision about an acceptance means: accepted, accepted with reservations that become items, or refused."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.acceptance import accepting, gates, queries, standing
from portal.acceptance.defects import link_if_room
from portal.acceptance.models import Acceptance, AcceptanceState, TestPlan
from portal.acceptance.telling import tell
from portal.access import Scope
from portal.backlog import commands as backlog
from portal.backlog.models import ItemType
from portal.decisions import queries as decisions
from portal.decisions.commands import Answer
from portal.decisions.models import Decision, Verdict
from portal.errors import Conflict, Invalid
from portal.ledger.models import Audience
from portal.milestones import decided as milestones
from portal.trace.models import TraceKind
from portal.trace.rules import End

MOST_RESERVATIONS = 50
NO_CHANGES = (
    "Accept, accept with reservations, or refuse: a protocol cannot be changed, only made anew by testing again."
)
_ENTRY = re.compile(r"\s{0,9}[-*•]\s+(.*\S)\s*$")
_DATED = re.compile(r"(.*[^\s—–(,:;-])(?:\s*([—–(,:;-][\s—–(,:;-]*)|\s+)(\d{4}-\d\d-\d\d)\)?\.?\s*$")


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is accepted only if it is still done, and by when, if that was said."""

    text: str
    due_on: date | None


def reservations_in(comment: str) -> list[Reservation]:
    """The reservations in an answer's comment: each line that begins with "- ", with a day at its end if there is one
    ("- The footer on a phone — 2026-12-10"; in "- The footer until 2026-12-10" it stays in the words). Lines that do
    not begin so go on with the one before; a comment without such lines is one reservation. Raises Invalid for a day
    that is none, and for too many."""
    found: list[str] = []
    is_list = any(_ENTRY.match(line) for line in comment.splitlines())
    for line in comment.splitlines():
        entry = _ENTRY.match(line)
        if entry:
            found.append(entry[1])
        elif found and line.strip():
            found[-1] += " " + line.strip()
        elif line.strip() and not is_list:
            found.append(line.strip())
    if len(found) > MOST_RESERVATIONS:
        raise Invalid(f"At most {MOST_RESERVATIONS} reservations.", field="comment", value=len(found))
    return [_reservation(text) for text in found]


def _reservation(text: str) -> Reservation:
    dated = _DATED.match(text)
    if dated is None:
        return Reservation(text, None)
    said, apart, day = dated.groups()
    try:
        return Reservation(said if apart else text, date.fromisoformat(day))
    except ValueError:
        raise Invalid(f"{day} is no day.", field="comment", value=text[:80]) from None


async def before(db: AsyncSession, scope: Scope, decision: Decision, given: Answer) -> None:
    """Raises Conflict for what is not open any more and for a yes behind a go/no-go that said no; Invalid for an answer
    that a protocol has no place for."""
    if given.verdict is Verdict.CHANGES_WANTED:
        raise Invalid(NO_CHANGES, field="verdict", value=given.verdict.value)
    row = await standing.acceptance(db, scope, decision.subject_number)
    plan = await queries.plan(db, scope, row.plan_number)
    if row.state is not AcceptanceState.ASKED or plan.offered_version != row.version:
        raise Conflict("There is a newer protocol or plan: this one cannot be signed any more.")
    if row.milestone_number is not None:
        await accepting.check_open(db, scope, row.milestone_number)
        if given.verdict.is_approval:
            await gates.check_gates(db, scope, row.milestone_number)
    if given.verdict is Verdict.APPROVED_WITH_REMARKS:
        for one in reservations_in(given.comment):
            if one.due_on is not None and one.due_on < scope.today:
                raise Invalid("The day of a reservation has passed already.", field="comment", value=str(one.due_on))


async def after(db: AsyncSession, scope: Scope, decision: Decision) -> None:
    """Does what follows from the settled decision."""
    row = await standing.acceptance(db, scope, decision.subject_number)
    plan = await queries.plan(db, scope, row.plan_number)
    if decision.outcome is None or not decision.outcome.is_approval:
        await _refuse(db, scope, plan, row, decision)
        return
    answers = await decisions.answers_of(db, scope, decision.number)
    remarks = [one.comment for one in answers if one.verdict is Verdict.APPROVED_WITH_REMARKS]
    reservations = _once(one for text in remarks for one in reservations_in(text))
    row.reservations = [await _item_of(db, scope, plan, row, one) for one in reservations]
    row.state = AcceptanceState.ACCEPTED_WITH_RESERVATIONS if row.reservations else AcceptanceState.ACCEPTED
    await settle(db, scope, plan, row, f"acceptance.{row.state.value}", {"reservations": row.reservations})


async def withdrawn(db: AsyncSession, scope: Scope, decision: Decision) -> None:
    """The team took the question back by itself: the acceptance goes with it, for the same reason."""
    row = await standing.acceptance(db, scope, decision.subject_number)
    if row.state is AcceptanceState.ASKED:
        await accepting.end(db, scope, await queries.plan(db, scope, row.plan_number), row, decision.reason)


def _once(found: Iterable[Reservation]) -> list[Reservation]:
    return list(dict.fromkeys(found))


async def _item_of(
    db: AsyncSession, scope: Scope, plan: TestPlan, row: Acceptance, one: Reservation
) -> dict[str, object]:
    """A reservation as an item of the backlog, which the client sees."""
    title = one.text if len(one.text) <= 200 else one.text[:199].rstrip() + "…"
    by = f"To be done by **{one.due_on.isoformat()}**." if one.due_on else "No day was agreed."
    about = f"A reservation of acceptance {row.number} (test plan {plan.number}: {plan.title})."
    fields = {
        "title": title, "type": ItemType.TASK, "audience": Audience.CLIENT, "milestone": plan.milestone_number,
        "description": f"{one.text}\n\n{about} {by}",
    }  # fmt: skip
    item = await backlog.add_item(db, scope, fields)
    await link_if_room(db, scope, plan, End(TraceKind.ITEM, item.number))
    return {"item": item.number, "text": one.text, "due_on": one.due_on.isoformat() if one.due_on else None}


async def _refuse(db: AsyncSession, scope: Scope, plan: TestPlan, row: Acceptance, decision: Decision) -> None:
    """Refused: nothing is accepted. Of a go/no-go it is a no, behind which nothing can be accepted (accepting.py)."""
    row.state, row.settled_at = AcceptanceState.REFUSED, clock.now()
    told = {"acceptance": row.number, "decision": decision.number, "part": row.part, "is_no_go": plan.is_gate}
    row.seq = plan.seq = await tell(db, scope, plan, "acceptance.refused", told)


async def settle(
    db: AsyncSession, scope: Scope, plan: TestPlan, row: Acceptance, kind: str, more: dict[str, object]
) -> None:
    """What every acceptance does, however it came: it is told, and with the whole the milestone is accepted, its
    invoice drafted, and nothing else asked about it any more."""
    row.settled_at = clock.now()
    told = {
        "acceptance": row.number, "decision": row.decision_number, "part": row.part, "is_whole": row.is_whole,
        "protocol_digest": row.protocol_digest.hex(),
    }  # fmt: skip
    row.seq = plan.seq = await tell(db, scope, plan, kind, told | more)
    if row.is_whole and row.milestone_number is not None:
        is_deemed = row.state is AcceptanceState.DEEMED
        await milestones.confirm(db, scope, row.milestone_number, row.decision_number, is_deemed=is_deemed)
        await accepting.withdraw_of_milestone(db, scope, row.milestone_number)
    await db.flush()
