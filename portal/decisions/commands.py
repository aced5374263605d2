"""Writes of the decisions: asking, answering, withdrawing. The caller owns the transaction."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.decisions import delegations, drafts, queries, rules, turns, workflow
from portal.decisions.models import (
    Decision,
    DecisionAnswer,
    DecisionPerson,
    DecisionState,
    Side,
    Verdict,
)
from portal.decisions.proof import Proof
from portal.decisions.rules import Question
from portal.decisions.telling import subject_of, tell
from portal.errors import Conflict, Invalid, Stale
from portal.ledger import canonical, receipts
from portal.ledger import commands as ledger
from portal.ledger.keys import SigningKeys
from portal.ledger.models import Receipt
from portal.projects.rules import check_text

CLOSED = {
    DecisionState.DECIDED: "This was decided already.",
    DecisionState.WITHDRAWN: "The team has withdrawn this question.",
    DecisionState.SUPERSEDED: "There is a newer version: this one can no longer be decided.",
}
ONCE = "Different people have to answer here: everybody counts once, and whoever is asked answers for themselves."


class Closed(Conflict):
    """The decision is not open any more; `state` says how it ended."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(CLOSED[decision.state])
        self.state = decision.state


class NotCurrent(Stale):
    """What the form showed is not what is asked now: nothing was decided."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answers. `digest` (hex) is that of the content which they were shown."""

    verdict: Verdict
    digest: str
    comment: str = ""
    choice: str | None = None
    principal: UUID | None = None
    """Whose answer it is, when several people delegated to the one who gives it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was kept, with its receipt. `decision.outcome` is set when it settled the decision.

    `is_new` is False for an answer that came twice.
    """

    decision: Decision
    receipt: Receipt
    is_new: bool


async def ask(db: AsyncSession, scope: Scope, question: Question) -> Decision:
    """Asks the client. A question that is still open about the same subject is superseded by this one.

    Raises Invalid for a wrong question or people who could not answer, TooLarge, NotAllowed without staff rights.
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    rules.checked(question, scope.today)
    await queries.check_people(db, scope, question)
    number = (
        await db.scalar(select(func.max(Decision.number)).where(Decision.project_id == scope.project_id)) or 0
    ) + 1
    await _supersede(db, scope, question, number)
    decision = _new_decision(scope, question, number)
    decision.seq = await tell(db, scope, decision, "decision.asked", _asked_body(decision, question))
    db.add(decision)
    await db.flush()
    db.add_all(
        DecisionPerson(project_id=scope.project_id, decision_number=number, person_id=one) for one in question.people
    )
    await turns.pass_to(db, scope, decision, Side.CLIENT)
    return decision


def _new_decision(scope: Scope, question: Question, number: int) -> Decision:
    content = rules.check_size(canonical.document_text(dict(question.content)))
    return Decision(
        project_id=scope.project_id, number=number, kind=question.kind, subject_number=question.subject_number,
        subject_version=question.subject_version, audience=question.audience, title=question.title.strip(),
        content=content, digest=canonical.digest_of(content),
        choices=[{"key": key, "title": title} for key, title in question.choices], needed=rules.needed_of(question),
        is_named=bool(question.people), asked_by=scope.viewer.actor, asked_at=clock.now(), due_on=question.due_on,
        holds_up=question.holds_up.strip(), state=DecisionState.ASKED, outcome=None, choice=None, settled_at=None,
        reason="", turn=None, reminded_on=None, seq=0,
    )  # fmt: skip


def _asked_body(decision: Decision, question: Question) -> dict[str, Any]:
    return {
        "content_digest": decision.digest.hex(),
        "people": [f"person:{one}" for one in question.people],
        "needed": decision.needed,
        "due_on": decision.due_on.isoformat() if decision.due_on else None,
        "holds_up": decision.holds_up,
        "choices": [choice["key"] for choice in decision.choices],
    }


async def _supersede(db: AsyncSession, scope: Scope, question: Question, by: int) -> None:
    before = await queries.of_subject(db, scope, question.kind, question.subject_number)
    for decision in before:
        if decision.state is DecisionState.ASKED:
            await _close(db, scope, decision, DecisionState.SUPERSEDED, str(by), "decision.superseded", {"by": by})
        elif decision.turn is not None:
            await turns.pass_to(db, scope, decision, None)
    await db.flush()


async def withdraw(db: AsyncSession, scope: Scope, number: int, reason: str) -> Decision:
    """Takes an open question back, with a reason that the client reads. Raises Closed, Invalid."""
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    decision = await queries.decision(db, scope, number)
    if decision.state is not DecisionState.ASKED:
        raise Closed(decision)
    words = check_text(reason.strip(), "reason", length=2000)
    if not words:
        raise Invalid("Say why the question is withdrawn.", field="reason", value=reason)
    await _close(db, scope, decision, DecisionState.WITHDRAWN, words, "decision.withdrawn", {"reason": words})
    return decision


async def withdraw_of_subject(db: AsyncSession, scope: Scope, kind: str, subject_number: int, reason: str) -> None:
    """Withdraws what is still open about a subject, and ends the agency's turn on what was: its room took it back."""
    for decision in await queries.of_subject(db, scope, kind, subject_number):
        if decision.state is DecisionState.ASKED:
            await withdraw(db, scope, decision.number, reason)
    await end_turns_of_subject(db, scope, kind, subject_number)


async def end_turns_of_subject(db: AsyncSession, scope: Scope, kind: str, subject_number: int) -> None:
    """Ends the agency's turn on what was answered about a subject: nobody waits for it any more. The caller holds the
    lock; `scope` is one that sees every decision about it.
    """
    for decision in await queries.of_subject(db, scope, kind, subject_number):
        if decision.state is not DecisionState.ASKED:
            await turns.pass_to(db, scope, decision, None)


async def _close(
    db: AsyncSession,
    scope: Scope,
    decision: Decision,
    state: DecisionState,
    reason: str,
    kind: str,
    told: dict[str, Any],
) -> None:
    decision.state, decision.reason, decision.settled_at = state, reason, clock.now()
    await turns.pass_to(db, scope, decision, None)
    decision.seq = await tell(db, scope, decision, kind, told)


async def answer(
    db: AsyncSession, scope: Scope, keys: SigningKeys, portal: str, number: int, given: Answer, proof: Proof
) -> Answered:
    """Keeps a client person's answer, with its evidence, and settles the decision when the answers suffice.

    The same answer sent twice (a double click) is answered with what was kept. The caller has checked `proof` against
    the limit of the kind. Raises Closed, NotCurrent, NotAllowed, Invalid, Conflict; then nothing is decided.
    """
    await ledger.lock(db, scope.project_id)
    decision = await queries.decision(db, scope, number)
    named, answers = await queries.people_and_answers(db, scope, number)
    standing = await delegations.standing(db, scope, decision, named, answers)
    principal = delegations.principal_of(scope, standing, answers, given.principal)
    before = next((one for one in answers if one.principal_id == principal), None)
    if before is not None and _is_same(before, scope, given):
        return Answered(decision, await receipts.receipt_of(db, scope.project_id, before.seq), is_new=False)
    if decision.state is not DecisionState.ASKED:
        raise Closed(decision)
    if before is not None:
        raise Conflict("Your answer was given already, and it cannot be changed.")
    if principal not in standing.left:
        raise Conflict(ONCE, field="principal", value=str(principal))
    if given.digest != decision.digest.hex():
        raise NotCurrent("What you were shown has changed since. Nothing was decided; please look at it again.")
    row = _new_answer(scope, decision, principal, given, proof)
    row.choice = workflow.check_choice(
        row.verdict, given.choice, [one["key"] for one in decision.choices], decision.choice
    )
    tally = _tally(decision, named, [*answers, row])
    receipt = await _prove(db, scope, keys, portal, decision, row, tally)
    row.seq = decision.seq = receipt.seq
    db.add(row)
    decision.choice = decision.choice or row.choice
    if tally.outcome is not None:
        await _settle(db, scope, decision, tally.outcome)
    await drafts.forget(db, scope, number)
    return Answered(decision, receipt, is_new=True)


async def may_answer(db: AsyncSession, scope: Scope, number: int) -> list[UUID]:
    """As whom this viewer may answer a decision. Raises NotFound, NotAllowed."""
    decision = await queries.decision(db, scope, number)
    named, answers = await queries.people_and_answers(db, scope, number)
    return list((await delegations.standing(db, scope, decision, named, answers)).can)


@dataclass(frozen=True, slots=True)
class _Tally:
    """What the answers so far add up to."""

    approvals: int
    outcome: Verdict | None


def _tally(decision: Decision, named: frozenset[UUID], answers: list[DecisionAnswer]) -> _Tally:
    asked = len(named) if decision.is_named else None
    given = [(one.person_id, one.verdict) for one in answers]
    return _Tally(workflow.approvals(decision.needed, asked, given), workflow.outcome(decision.needed, asked, given))


def _is_same(before: DecisionAnswer, scope: Scope, given: Answer) -> bool:
    choice = (given.choice or None) if given.verdict.is_approval else None  # a refusal takes none, whatever was ticked
    same = (before.person_id, before.verdict, before.comment, before.choice)
    return same == (scope.viewer.person_id, given.verdict, given.comment.strip(), choice)


def _new_answer(scope: Scope, decision: Decision, principal: UUID, given: Answer, proof: Proof) -> DecisionAnswer:
    return DecisionAnswer(
        project_id=scope.project_id, decision_number=decision.number, principal_id=principal,
        person_id=scope.viewer.person_id, verdict=given.verdict, choice=None,
        comment=workflow.check_comment(given.verdict, given.comment), at=clock.now(), evidence=proof.evidence(), seq=0,
    )  # fmt: skip


async def _prove(
    db: AsyncSession, scope: Scope, keys: SigningKeys, portal: str, decision: Decision, row: DecisionAnswer,
    tally: _Tally,
) -> Receipt:  # fmt: skip
    content = queries.content_of(decision)
    body = subject_of(decision) | {
        "content_digest": decision.digest.hex(),
        "evidence_digest": receipts.document_digest(row.evidence),
        "verdict": row.verdict.value,
        "choice": row.choice,
        "comment": row.comment,
        "for": f"person:{row.principal_id}" if row.principal_id != row.person_id else None,
        "outcome": tally.outcome.value if tally.outcome else None,
    }
    if decision.needed > 1:
        body |= {"needed": decision.needed, "approvals": tally.approvals}
    event = ledger.NewEvent(
        "decision.answered", "decision", decision.number, decision.audience, body, scope.viewer.actor, row.at
    )
    disclosed = {"content": content, "evidence": row.evidence}
    return await receipts.append_proved(db, keys, portal, event, scope.project_id, disclosed)


async def _settle(db: AsyncSession, scope: Scope, decision: Decision, outcome: Verdict) -> None:
    decision.state, decision.outcome, decision.settled_at = DecisionState.DECIDED, outcome, clock.now()
    if not outcome.is_approval:
        decision.choice = None
    # Changes that are wanted wait for the agency until it asks anew; everything else waits for nobody.
    await turns.pass_to(db, scope, decision, Side.AGENCY if outcome is Verdict.CHANGES_WANTED else None)
