"""Decisions in the browser: what waits, one decision, and what is said about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from portal.acceptance import waiting as all_waiting
from portal.acceptance.waiting import AllWaiting, RoundWaiting
from portal.access import Scope
from portal.decisions import delegations, queries, remarks, waiting, workflow
from portal.decisions.models import Decision, DecisionDraft, DecisionJudgement, DecisionState
from portal.decisions.queries import Detail, Waited
from portal.decisions.waiting import Waiting
from portal.errors import Conflict, NotAllowed, NotFound
from portal.people import queries as people
from web.deps import ProjectScope, ReadSession, SignedIn, UnitOfWork, WritingScope
from web.etag import unchanged
from web.paths import to
from web.protocols import Protocol, protocol_of
from web.render import etag_for, minute, respond

EACH_PAGE = 50

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """The context of decisions/waiting.html: what waits for the viewer's side, and what the viewer waits for;
    `rounds` of testing that wait for the viewer."""

    mine: Sequence[Waiting]
    ours: Sequence[Waiting]
    theirs: Sequence[Waiting]
    rounds: Sequence[RoundWaiting]


@dataclass(frozen=True, slots=True)
class DecisionsPage:
    """The context of decisions/list.html. Each decision stands in one list: `rest` are those that are not open."""

    open: Sequence[Waiting]
    rest: Sequence[Decision]
    waited: Waited
    next: str


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the form: what was sent and refused, or a draft from before a new sign-in."""

    verdict: str = ""
    comment: str = ""
    choice: str = ""
    fault: str = ""
    field: str = ""
    is_draft: bool = False
    principal: str = ""
    """In whose name, where there is a choice: an answer must not become somebody else's on its second way."""


@dataclass(frozen=True, slots=True)
class DecisionPage:
    """The context of decisions/decision.html. `can` are those whose answer the viewer may give, by id and name;
    `theirs` the names of those who delegated to the viewer and have to answer themselves nevertheless. `by_people`:
    the rule counts different people.
    """

    detail: Detail
    can: Sequence[tuple[UUID, str]]
    theirs: Sequence[str]
    by_people: bool
    has_answered: bool
    principals: Mapping[UUID, str]
    """The names of those for whom somebody else answered."""
    written: Written
    judgements: Sequence[DecisionJudgement]
    newer: Decision | None
    address: str
    protocol: Protocol | None


@router.get("/waiting", name="waiting")
async def waiting_page(request: Request, arrival: SignedIn, db: ReadSession) -> Response:
    """Over all projects: what waits for the viewer, for their side, and what the other side owes."""
    page = _waiting(await all_waiting.everywhere(db, arrival.viewer), is_staff=arrival.viewer.is_staff)
    return respond(request, "decisions/waiting.html", page, viewer=arrival.viewer)


def _waiting(found: AllWaiting, *, is_staff: bool) -> WaitingPage:
    ours = [one for one in found.decisions if (one.side == "agency") == is_staff]
    return WaitingPage(
        mine=[one for one in ours if one.is_mine],
        ours=[one for one in ours if not one.is_mine],
        theirs=[one for one in found.decisions if one not in ours],
        rounds=found.rounds,
    )


@router.get("/projects/{key}/decisions", name="decisions")
async def decisions(
    request: Request, scope: ProjectScope, db: ReadSession, before: Annotated[int | None, Query(ge=1, lt=2**31)] = None
) -> Response:
    """What is open, how long each side has waited, and what was settled."""
    etag = etag_for(request, scope, minute())
    if same := unchanged(request, etag):
        return same
    is_open = await waiting.waiting(db, scope)
    shown = [one.number for one in is_open]
    lines = await queries.decisions(db, scope, without=shown, before=before, limit=EACH_PAGE + 1)
    page = DecisionsPage(
        open=is_open,
        rest=lines[:EACH_PAGE],
        waited=await waiting.waited_in_all(db, scope),
        next=f"?before={lines[EACH_PAGE - 1].number}" if len(lines) > EACH_PAGE else "",
    )
    return respond(request, "decisions/list.html", page, scope=scope, tab="decisions", etag=etag)


@router.get("/projects/{key}/decisions/{number}", name="decision")
async def decision(request: Request, scope: ProjectScope, db: ReadSession, number: int) -> Response:
    """One decision: what is asked, the form for those who may answer, the answers with their receipts, the clock."""
    draft = await queries.draft(db, scope, number)  # no event tells of it
    etag = etag_for(request, scope, minute(), draft.at.isoformat() if draft else "")
    if same := unchanged(request, etag):
        return same
    written = _draft(draft, request.query_params.get("for", ""))
    return await decision_page(request, scope, db, number, written, etag=etag)


async def decision_page(
    request: Request,
    scope: Scope,
    db: AsyncSession,
    number: int,
    written: Written,
    *,
    status: int = 200,
    etag: str | None = None,
) -> Response:
    """The page of a decision, with what was written when it is shown again after a refusal."""
    detail = await queries.detail(db, scope, number)
    can, theirs = await _voices(db, scope, detail)
    page = DecisionPage(
        detail=detail,
        can=can,
        theirs=theirs,
        by_people=workflow.counts_people(detail.decision.needed, len(detail.people) or None),
        has_answered=any(one.person_id == scope.viewer.person_id for one in detail.answers),
        principals=await people.names_of(
            db, {one.principal_id for one in detail.answers if one.principal_id != one.person_id}
        ),
        written=written,
        judgements=await queries.judgements(db, scope, number),
        newer=await _newer(db, scope, detail.decision),
        address=f"/projects/{scope.key}/decisions/{number}",
        protocol=await protocol_of(db, scope, detail.decision),
    )
    return respond(request, "decisions/decision.html", page, scope=scope, tab="decisions", status=status, etag=etag)


async def _voices(db: AsyncSession, scope: Scope, detail: Detail) -> tuple[list[tuple[UUID, str]], list[str]]:
    """Those as whom the viewer can answer now, and the names of those who have to answer themselves. Nobody in an
    archived project, where what was asked can still be read."""
    if detail.decision.state != DecisionState.ASKED:
        return [], []
    named = frozenset(one.person_id for one in detail.people)
    try:
        standing = await delegations.standing(db, scope, detail.decision, named, detail.answers)
    except (NotAllowed, Conflict):
        return [], []
    names = await people.names_of(db, standing.can)
    done = {scope.viewer.person_id, *standing.left, *(one.principal_id for one in detail.answers)}
    return [(one, names[one]) for one in standing.left], [names[one] for one in standing.can if one not in done]


async def _newer(db: AsyncSession, scope: Scope, decision: Decision) -> Decision | None:
    """The last question about the same subject, when it is another one."""
    last = (await queries.of_subject(db, scope, decision.kind, decision.subject_number))[0]
    return last if last.number != decision.number else None


def _draft(draft: DecisionDraft | None, principal: str) -> Written:
    if draft is None:
        return Written()
    return Written(draft.verdict, draft.comment, draft.choice, is_draft=True, principal=principal)


@router.post("/projects/{key}/decisions/{number}/remarks", name="decision_remark")
async def add_remark(
    scope: WritingScope, db: UnitOfWork, number: int, text: Text = "", question: Annotated[bool, Form()] = False
) -> Response:
    """Says something about a decision, or asks the team a question before answering."""
    await remarks.remark(db, scope, number, text, is_question=question and not scope.is_staff)
    return to(f"/projects/{scope.key}/decisions/{number}#said")


@router.post("/projects/{key}/decisions/{number}/judgements", name="decision_judgement")
async def add_judgement(scope: WritingScope, db: UnitOfWork, number: int, text: Text = "") -> Response:
    """Staff's private word about a decision."""
    if not scope.is_staff:
        raise NotFound("There is nothing here.")
    await remarks.judge(db, scope, number, text)
    return to(f"/projects/{scope.key}/decisions/{number}#judged")
