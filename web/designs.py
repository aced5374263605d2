"""Designs in the browser: the list, one version with its remarks, two versions compared, and saying something."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from portal import traceability
from portal.access import Scope
from portal.designs import pins, queries
from portal.designs.carrying import Place
from portal.errors import Invalid
from portal.trace.models import TraceKind
from web.deps import ProjectScope, ReadSession, UnitOfWork, WritingScope
from web.design_views import DesignsPage, page_of, row_of
from web.etag import unchanged
from web.filters import number_of
from web.render import etag_for, respond

EACH_PAGE = 50

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form()]


@router.get("/projects/{key}/designs", name="designs")
async def designs(
    request: Request, scope: ProjectScope, db: ReadSession, before: Annotated[int | None, Query(ge=1, lt=2**31)] = None
) -> Response:
    """The designs, the newest first, and how each stands."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    lines = await queries.designs(db, scope, before=before, limit=EACH_PAGE + 1)
    following = f"?before={lines[EACH_PAGE - 1].design.number}" if len(lines) > EACH_PAGE else ""
    page = DesignsPage([row_of(scope, line) for line in lines[:EACH_PAGE]], following)
    return respond(request, "designs/list.html", page, scope=scope, tab="designs", etag=etag)


@router.get("/projects/{key}/designs/{number}", name="design")
async def design(request: Request, scope: ProjectScope, db: ReadSession, number: int) -> Response:
    """The newest version of a design that the viewer may see."""
    return await _page(request, scope, db, number, None)


@router.get("/projects/{key}/designs/{number}/versions/{version}", name="design_version")
async def design_version(request: Request, scope: ProjectScope, db: ReadSession, number: int, version: int) -> Response:
    """One version of a design."""
    return await _page(request, scope, db, number, version)


async def _page(request: Request, scope: Scope, db: ReadSession, number: int, version: int | None) -> Response:
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    found = await queries.with_versions(
        db, scope, number, traceability.links_column(scope, TraceKind.DESIGN, number)
    )  # fmt: skip
    line = found.newest if version is None else found.of(version)
    remarks = await queries.pins(db, scope, number)
    story = await queries.story(db, scope, number)
    page = page_of(request.query_params, scope, found, line, remarks, story)
    return respond(request, "designs/design.html", page, scope=scope, tab="designs", etag=etag)


@router.post("/projects/{key}/designs/{number}/pins", name="design_pin")
async def add_pin(
    scope: WritingScope, db: UnitOfWork, number: int, version: Text = "", file: Text = "", page: Text = "1",
    x: Text = "", y: Text = "", text: Text = "",
) -> Response:  # fmt: skip
    """Pins a remark to a place."""
    pins.require_word(scope)
    wanted = {"version": version, "file": file, "x": x, "y": y, "page": page}
    on, *place = (_number(wanted, name) for name in wanted)
    row = await pins.pin(db, scope, number, on, Place(*place), text)
    return _to(scope, f"{_back(number, version, file, page)}#pin-{row.number}")


def _number(wanted: Mapping[str, str], name: str) -> int:
    """A number from a form. Raises Invalid where there is none."""
    found = 0 if wanted[name] == "0" else number_of(wanted, name)
    if found is None:
        raise Invalid("Choose a place on the picture first.", field=name, value="")
    return found


@router.post("/projects/{key}/designs/{number}/pins/{pin}/replies", name="design_reply")
async def add_reply(
    scope: WritingScope, db: UnitOfWork, number: int, pin: int, text: Text = "", version: Text = "", file: Text = "",
    page: Text = "",
) -> Response:  # fmt: skip
    """Answers a remark."""
    await pins.reply(db, scope, number, pin, text)
    return _to(scope, f"{_back(number, version, file, page)}#pin-{pin}")


@router.post("/projects/{key}/designs/{number}/pins/{pin}/state", name="design_pin_state")
async def settle_pin(
    scope: WritingScope, db: UnitOfWork, number: int, pin: int, state: Text = "", version: Text = "", file: Text = "",
    page: Text = "",
) -> Response:  # fmt: skip
    """Settles a remark, or opens it again."""
    pins.require_word(scope)
    if state not in ("resolved", "open"):
        raise Invalid("A remark is resolved or open.", field="state", value=state[:40])
    await (pins.resolve if state == "resolved" else pins.reopen)(db, scope, number, pin)
    return _to(scope, f"{_back(number, version, file, page)}#pin-{pin}")


def _back(number: int, version: str, file: str, page: str) -> str:
    """Where a form was sent from, as far as it says so: the version, and which page of which of its pictures."""
    if not _is_number(version):
        return str(number)
    place = {name: text for name, text in (("file", file), ("page", page)) if _is_number(text) and text != "1"}
    return f"{number}/versions/{version}" + (f"?{urlencode(place)}" if place else "")


def _is_number(text: str) -> bool:
    return text.isdecimal() and text.isascii()


def _to(scope: Scope, place: str) -> RedirectResponse:
    return RedirectResponse(f"/projects/{scope.key}/designs/{place}", 303)
