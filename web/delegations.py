""" "X decides for me until Friday" in the browser: who delegates proves themselves as if they decided now."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from typing import Annotated
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Role, Scope
from portal.decisions import delegations, proof
from portal.decisions.models import DecisionKind, Delegation
from portal.decisions.proof import Proof, StepUpNeeded
from portal.errors import Conflict, Invalid
from portal.identity.arrive import Arrival
from portal.people import queries as people
from portal.people.queries import Member
from web.auth import settings_of
from web.deciding import proof_of
from web.deps import ProjectScope, ReadSession, SignedIn, UnitOfWork, WritingScope
from web.errors import status_of
from web.paths import to
from web.render import respond

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the form. `again` says that its sender was sent to sign in anew before."""

    to_person: str = ""
    from_on: str = ""
    until_on: str = ""
    again: str = ""

    def wanted(self) -> tuple[UUID, date, date]:
        """To whom, and the first and last day. Raises Invalid."""
        return _person(self.to_person), _day(self.from_on, "from_on"), _day(self.until_on, "until_on")


def _sent(to_person: Text = "", from_on: Text = "", until_on: Text = "", again: Text = "") -> Written:
    return Written(to_person, from_on, until_on, again)


@dataclass(frozen=True, slots=True)
class DelegationsPage:
    """The context of decisions/delegations.html. `members`: to whom the viewer can delegate."""

    mine: Sequence[Delegation]
    members: Sequence[Member]
    names: dict[UUID, str]
    may_delegate: bool
    today: date
    written: Written
    fault: str


@router.get("/projects/{key}/delegations", name="delegations")
async def delegations_page(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """Who decides for the viewer, and until when."""
    kept = (request.query_params.get(one.name, "") for one in fields(Written))
    return await _page(request, scope, db, Written(*kept))


async def _page(
    request: Request, scope: Scope, db: AsyncSession, written: Written, *, fault: str = "", status: int = 200
) -> Response:
    members = await people.members(db, scope)
    page = DelegationsPage(
        mine=await delegations.given_by(db, scope) if not scope.is_staff else (),
        members=[one for one in members if one.person_id != scope.viewer.person_id and Role.VIEWER in one.roles],
        names={one.person_id: one.name for one in members},
        may_delegate=Role.APPROVER in scope.roles and not scope.preview,
        today=scope.today,
        written=written,
        fault=fault,
    )
    return respond(request, "decisions/delegations.html", page, scope=scope, tab="decisions", status=status)


@router.post("/projects/{key}/delegations", name="delegate")
async def delegate(
    request: Request, arrival: SignedIn, scope: WritingScope, db: UnitOfWork, form: Annotated[Written, Depends(_sent)]
) -> Response:
    """Lets somebody decide for the viewer for some days, once it is sure enough who says so. Wrong or doubled days are
    said beside the form, with what was written in it.
    """
    scope.require(Role.APPROVER)
    try:
        person, first, last = form.wanted()
        given = await _checked_proof(request, db, scope, arrival)
        await delegations.delegate(db, scope, person, first, last, given)
    except StepUpNeeded as needed:
        if form.again and needed.missing == "factor":  # a sign-in that grew old since is renewed once more
            return await _page(request, scope, db, replace(form, again=""), fault=needed.message, status=403)
        back = f"/projects/{scope.key}/delegations?" + urlencode(asdict(replace(form, again="true")))
        return to("/auth/step-up?next=" + quote(back, safe=""))
    except (Invalid, Conflict) as fault:
        return await _page(request, scope, db, form, fault=fault.message, status=status_of(fault))
    return to(f"/projects/{scope.key}/delegations")


async def _checked_proof(request: Request, db: AsyncSession, scope: Scope, arrival: Arrival) -> Proof:
    """How the person signed in. Raises StepUpNeeded by the strictest limit: whatever is asked until the last day, the
    delegate may answer.
    """
    given, settings = await proof_of(request, db, scope, arrival), settings_of(request)
    for kind in DecisionKind:
        proof.check(given, settings.decision_limit(kind), clock.now())
    return given


@router.post("/projects/{key}/delegations/{number}/end", name="delegation_end")
async def end_delegation(scope: WritingScope, db: UnitOfWork, number: int) -> Response:
    """Ends a delegation now; that takes nothing but rights away, and asks for no proof."""
    await delegations.end(db, scope, number)
    return to(f"/projects/{scope.key}/delegations")


def _person(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("Choose another member of this project.", field="to_person", value=text) from None


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("Give a day such as 2026-12-24.", field=field, value=text) from None
