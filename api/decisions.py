"""Decisions: what was asked of the client, what came of it, and who waits for whom. Only the client answers."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from api.bodies import json_body
from api.deps import ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.shapes import Day, Incoming, Moment, Outgoing, PathNumber
from portal import settlement
from portal.decisions import queries, remarks
from portal.decisions.models import Decision, DecisionKind, DecisionState, Side, Verdict
from portal.decisions.queries import Detail

router = door("decisions", "/projects/{key}/decisions")
Words = Annotated[str, Field(min_length=1, max_length=4000)]


class WithdrawalNew(Incoming):
    """Why a question is taken back; the client reads it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The design was drawn anew."}]})

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class RemarkNew(Incoming):
    """What is said about a decision."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "It is the account that you sign in with."}]})

    text: Words


class ChoiceOut(Outgoing):
    """One of the alternatives that an approval takes."""

    key: str
    title: str


class DecisionShort(Outgoing):
    """A decision in a list."""

    number: int
    kind: DecisionKind
    subject_number: int
    subject_version: int
    title: str
    state: DecisionState
    outcome: Verdict | None
    choice: str | None
    asked_at: Moment
    due_on: Day | None
    settled_at: Moment | None
    turn: Side | None


class AnswerOut(Outgoing):
    """An answer: who, how they were signed in, and where its receipt is."""

    name: str
    person: UUID
    on_behalf_of: UUID | None
    verdict: Verdict
    choice: str | None
    comment: str
    at: Moment
    acr: str | None
    amr: list[str]
    auth_time: datetime | None
    seq: int


class SaidOut(Outgoing):
    """A question or remark. `name` is null where a robot wrote it."""

    text: str
    name: str | None
    by_staff: bool
    is_question: bool
    by_mail: bool
    at: Moment


class TurnOut(Outgoing):
    """A stretch in which one side waited for the other; `minutes` of working time once it ended."""

    side: Side
    from_at: Moment
    until_at: Moment | None
    minutes: int | None


class DecisionFull(DecisionShort):
    """A decision with all that belongs to it. Times waited are working minutes of the project."""

    content: dict[str, Any]
    digest: str
    choices: list[ChoiceOut]
    needed: int
    people: list[UUID]
    holds_up: str
    reason: str
    answers: list[AnswerOut]
    remarks: list[SaidOut]
    turns: list[TurnOut]
    waited_for_client: int
    waited_for_agency: int


class DecisionPage(Outgoing):
    """A page of decisions, the newest first."""

    items: list[DecisionShort]
    next: str | None


class JudgementOut(Outgoing):
    """A private word of staff about a decision."""

    text: str
    author: str
    at: Moment


class JudgementList(Outgoing):
    """All private words about a decision, the oldest first."""

    items: list[JudgementOut]


def short(row: Decision) -> dict[str, Any]:
    """A decision's line as JSON values."""
    return DecisionShort.model_validate(row).shown()


def full(found: Detail) -> dict[str, Any]:
    """A decision as JSON values."""
    row = found.decision
    more = {
        "content": found.content, "digest": row.digest.hex(), "choices": row.choices, "needed": row.needed,
        "people": [one.person_id for one in found.people], "holds_up": row.holds_up, "reason": row.reason,
        "answers": [_answer(one) for one in found.answers],
        "remarks": [{**SaidOut.model_validate(_said(one)).shown()} for one in found.remarks],
        "turns": [TurnOut.model_validate(one).shown() for one in found.turns],
        "waited_for_client": found.waited.client, "waited_for_agency": found.waited.agency,
    }  # fmt: skip
    return DecisionFull.model_validate(short_values(row) | more).shown()


def short_values(row: Decision) -> dict[str, Any]:
    """What a list says of a decision, not yet as JSON."""
    return DecisionShort.model_validate(row).model_dump()


def _answer(one: Any) -> dict[str, Any]:
    kept = one.evidence
    return {
        "name": kept["name"], "person": one.person_id, "verdict": one.verdict, "choice": one.choice,
        "on_behalf_of": one.principal_id if one.principal_id != one.person_id else None, "comment": one.comment,
        "at": one.at, "acr": kept["acr"], "amr": kept["amr"], "auth_time": kept["auth_time"], "seq": one.seq,
    }  # fmt: skip


def _said(one: Any) -> dict[str, Any]:
    row = one.remark
    return {
        "text": row.text, "name": one.name, "by_staff": row.by_staff, "is_question": row.is_question,
        "by_mail": row.by_mail, "at": row.at,
    }  # fmt: skip


@router.get("", responses=answers(DecisionPage, "A page of decisions, the newest first.", headers=("Link",)))
async def list_decisions(
    scope: ReadScope,
    db: ReadSession,
    paged: Paged,
    state: Annotated[DecisionState | None, Query(description="Only those that stand so.")] = None,
) -> Response:
    """All decisions, the newest first."""
    after = paged.after()
    rows = await queries.decisions(
        db, scope, state=state, before=after[0] if after else None, limit=paged.limit + 1
    )  # fmt: skip
    return paged.page(rows, lambda row: (row.number,), short)


@router.get("/{number}", responses=answers(DecisionFull, "The decision."))
async def read_decision(scope: ReadScope, db: ReadSession, number: PathNumber) -> DecisionFull:
    """One decision with its answers, remarks and turns."""
    return DecisionFull.model_validate(full(await queries.detail(db, scope, number)), strict=False)


@router.post("/{number}/withdrawal", status_code=201, responses=answers(DecisionShort, "The decision.", status=201))
async def withdraw_decision(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[WithdrawalNew, json_body(WithdrawalNew)]
) -> DecisionShort:
    """Takes an open question back; that of a change request is taken back there, with its offer."""
    return DecisionShort.model_validate(await settlement.withdraw(db, scope, number, wanted.reason))


@router.post("/{number}/remarks", status_code=201, responses=answers(SaidOut, "The remark.", status=201))
async def add_remark(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[RemarkNew, json_body(RemarkNew)]
) -> SaidOut:
    """Says something about a decision. While the client's question is open, it answers that question."""
    row = await remarks.remark(db, scope, number, wanted.text)
    return SaidOut.model_validate(_said(queries.Said(row, scope.viewer.name or None)))


@router.get("/{number}/judgements", responses=answers(JudgementList, "Staff's private words."))
async def list_judgements(scope: ReadScope, db: ReadSession, number: PathNumber) -> JudgementList:
    """Staff's private words about a decision; no client response has any trace of them."""
    await queries.decision(db, scope, number)
    rows = await queries.judgements(db, scope, number)
    return JudgementList(items=[JudgementOut.model_validate(row) for row in rows])


@router.post("/{number}/judgements", status_code=201, responses=answers(JudgementOut, "It is kept.", status=201))
async def add_judgement(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[RemarkNew, json_body(RemarkNew)]
) -> JudgementOut:
    """Keeps a private word about a decision."""
    return JudgementOut.model_validate(await remarks.judge(db, scope, number, wanted.text))
