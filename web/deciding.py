"""The answer to a decision: how sure it is who gives it is asked first, and nothing that was written is lost."""

from datetime import datetime
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock, settlement
from portal.access import Scope
from portal.decisions import commands, drafts, proof
from portal.decisions import queries as decisions
from portal.decisions.commands import Answer
from portal.decisions.models import Verdict
from portal.decisions.proof import Proof, StepUpNeeded
from portal.errors import Conflict, Invalid, PortalError, Stale
from portal.identity import queries as identity
from portal.identity.arrive import Arrival
from portal.identity.providers import Provider
from web.auth import providers_of, settings_of
from web.decisions import Written, decision_page
from web.deps import SignedIn, database_of, writing_scope
from web.paths import to

LONGEST_ID = 36

router = APIRouter(include_in_schema=False)


class AnswerForm:
    """What the form of a decision sends."""

    def __init__(
        self,
        digest: Annotated[str, Form()] = "",
        verdict: Annotated[str, Form()] = "",
        comment: Annotated[str, Form()] = "",
        choice: Annotated[str, Form()] = "",
        principal: Annotated[str, Form()] = "",
    ) -> None:
        self.digest, self.verdict, self.comment, self.choice, self.principal = (
            digest, verdict, comment, choice, principal,
        )  # fmt: skip

    def answer(self) -> Answer:
        """The answer. Raises Invalid for a verdict or a person that is none."""
        try:
            verdict = Verdict(self.verdict)
        except ValueError:
            raise Invalid("Choose one of the answers.", field="verdict", value=self.verdict) from None
        try:
            principal = UUID(self.principal) if self.principal else None
        except ValueError:
            raise Invalid("You cannot answer for this person.", field="principal", value=self.principal) from None
        return Answer(verdict, self.digest, self.comment.replace("\r\n", "\n"), self.choice or None, principal)

    def written(self, refusal: PortalError) -> Written:
        """The form as it is shown again."""
        return Written(
            self.verdict, self.comment, self.choice, refusal.message, refusal.field or "", principal=self.principal
        )  # fmt: skip


@router.post("/projects/{key}/decisions/{number}/answer", name="decision_answer")
async def answer(
    request: Request, key: str, number: int, arrival: SignedIn, form: Annotated[AnswerForm, Depends()]
) -> Response:
    """Keeps the answer and leads back to the decision with its receipt."""
    try:
        async with database_of(request).write() as db:
            scope = await writing_scope(key, arrival, db)
            await commands.may_answer(db, scope, number)
            await _decide(request, db, scope, arrival, number, form.answer())
    except StepUpNeeded as needed:
        return await _step_up(request, key, arrival, number, form, needed)
    except (Invalid, Conflict, Stale) as refusal:
        status = 422 if isinstance(refusal, Invalid) else 409
        return await _again(request, arrival, number, form.written(refusal), status)
    return to(f"/projects/{key}/decisions/{number}?notice=answered#answers")


async def _decide(
    request: Request, db: AsyncSession, scope: Scope, arrival: Arrival, number: int, given: Answer
) -> None:
    asked = await decisions.decision(db, scope, number)
    given_proof = await proof_of(request, db, scope, arrival)
    settings = settings_of(request)
    if asked.state == "asked":
        proof.check(given_proof, settings.decision_limit(asked.kind), clock.now())
    await settlement.decide(db, scope, request.app.state.keys, settings.base_url, number, given, given_proof)


async def proof_of(request: Request, db: AsyncSession, scope: Scope, arrival: Arrival) -> Proof:
    """How the person of this request signed in, as their session keeps it."""
    session = await identity.session_by_id(db, arrival.session_id)
    provider = providers_of(request).by_name.get(session.provider)
    return Proof(
        issuer=session.issuer, sub=session.sub, name=scope.viewer.name, email=scope.viewer.email,
        company=await decisions.company_of(db, scope), acr=session.acr, amr=tuple(session.amr or ()),
        auth_time=session.auth_time, second_factor_acr=_second_factor(provider, session.acr),
    )  # fmt: skip


def _second_factor(provider: Provider | None, acr: str | None) -> str | None:
    """The class by which a provider tells of a second factor; of several, any of which will do, the session's own."""
    asked = (provider.settings.step_up_acr or "").split() if provider else []
    return next((one for one in asked if one == acr), asked[0] if asked else None)


async def _step_up(
    request: Request, key: str, arrival: Arrival, number: int, form: AnswerForm, needed: StepUpNeeded
) -> Response:
    """Keeps what was written and sends the person to prove themselves; who comes from there without a second factor is
    told so. A sign-in that has grown old since is no such thing: it is renewed once more.
    """
    async with database_of(request).write() as db:
        scope = await writing_scope(key, arrival, db)
        before = await decisions.draft(db, scope, number)
        session = await identity.session_by_id(db, arrival.session_id)
        has_been_there = before is not None and _signed_in_since(session.auth_time, before.at)
        await drafts.keep(db, scope, number, vars(form))
    if has_been_there and needed.missing == "factor":
        return await _again(request, arrival, number, form.written(needed), 403)
    in_whose_name = f"?for={quote(form.principal[:LONGEST_ID], safe='')}" if form.principal else ""
    return to("/auth/step-up?next=" + quote(f"/projects/{key}/decisions/{number}{in_whose_name}#answer", safe=""))


def _signed_in_since(auth_time: datetime | None, moment: datetime) -> bool:
    # Providers tell the time of a sign-in in whole seconds.
    return auth_time is not None and auth_time >= moment.replace(microsecond=0)


async def _again(request: Request, arrival: Arrival, number: int, written: Written, status: int) -> Response:
    scope = arrival.scope()
    async with database_of(request).read(scope.project_id) as db:
        return await decision_page(request, scope, db, number, written, status=status)
