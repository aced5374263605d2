"""Requirements in the browser: the list with its filters, the same as CSV, and one in any of its versions."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncSession

from portal import traceability
from portal.access import Scope
from portal.backlog import activity as history
from portal.errors import Invalid
from portal.ledger import queries as ledger
from portal.requirements import queries, workflow
from portal.requirements.models import Priority, RequirementKind, State
from portal.requirements.queries import Filter, Progress, Shown
from portal.requirements.workflow import FieldDiff
from portal.spreadsheet import BOM, Cell, rows_as_csv
from portal.trace.models import TraceKind
from portal.traceability import Link
from web.deps import ProjectScope, ReadSession
from web.etag import unchanged
from web.filters import LONGEST_TEXT, number_of
from web.locale_choice import locale_of
from web.markdown import to_text
from web.render import etag_for, respond
from web.telling import Teller, Told, tell
from web.words import words

EACH_PAGE = 100
EACH_CSV_READ = 200

router = APIRouter(include_in_schema=False)
Closed = TypeVar("Closed", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class RequirementsPage:
    """The context of requirements/list.html."""

    rows: Sequence[Shown]
    progress: Progress
    wanted: Filter
    first: str
    next: str
    csv: str


@dataclass(frozen=True, slots=True)
class RequirementPage:
    """The context of requirements/requirement.html. `diff` is against the version before; of an old version, links and
    history are left out.
    """

    shown: Shown
    versions: Sequence[Shown]
    diff: Sequence[FieldDiff]
    links: Sequence[Link]
    history: Sequence[Told]


def filter_of(asked: Mapping[str, str]) -> Filter:
    """What the address asks for. An empty field asks nothing; raises Invalid for one that cannot be right."""
    text = asked.get("q", "").strip()
    if len(text) > LONGEST_TEXT or "\x00" in text:
        raise Invalid(f"q has at most {LONGEST_TEXT} characters, and no NUL.", field="q", value=text[:40])
    return Filter(
        state=_one_of(asked, "state", State),
        priority=_one_of(asked, "priority", Priority),
        kind=_one_of(asked, "kind", RequirementKind),
        text=text or None,
    )


def _one_of(asked: Mapping[str, str], name: str, kind: type[Closed]) -> Closed | None:
    value = asked.get(name, "").strip()
    if not value:
        return None
    if value not in set(kind):
        raise Invalid(f"{name} must be one of: {', '.join(kind)}.", field=name, value=value[:40])
    return kind(value)


def asked_of(wanted: Filter) -> dict[str, str]:
    """The filter as an address has it, without what is not asked."""
    named = {("q" if one.name == "text" else one.name): getattr(wanted, one.name) for one in fields(wanted)}
    return {name: str(value) for name, value in named.items() if value is not None}


def address(scope: Scope, path: str, asked: Mapping[str, str]) -> str:
    """A page of the requirements with its query."""
    return f"/projects/{scope.key}/requirements{path}" + (f"?{urlencode(asked)}" if asked else "")


@router.get("/projects/{key}/requirements", name="requirements")
async def requirements(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """The requirements by number, narrowed and paged, and how many of all are confirmed."""
    asked = dict(request.query_params)
    wanted, after = filter_of(asked), number_of(asked, "after") or 0
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    rows = await queries.requirements(db, scope, wanted, after=after, limit=EACH_PAGE + 1)
    narrowed, shown = asked_of(wanted), rows[:EACH_PAGE]
    goes_on = len(rows) > EACH_PAGE
    page = RequirementsPage(
        rows=shown,
        progress=await queries.progress(db, scope),
        wanted=wanted,
        first=address(scope, "", narrowed) if after else "",
        next=address(scope, "", narrowed | {"after": str(shown[-1].number)}) if goes_on else "",
        csv=address(scope, ".csv", narrowed),
    )
    return respond(request, "requirements/list.html", page, scope=scope, tab="requirements", etag=etag)


@router.get("/projects/{key}/requirements.csv", name="requirements_csv")
async def requirements_csv(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """The same list whole, as CSV: exactly the requirements that the page shows, with their texts."""
    wanted = filter_of(request.query_params)
    name = f"{scope.key}-requirements.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    # Whole: sent as it is read, somebody who takes it slowly would keep a session of the few that there are.
    content = "".join([part async for part in _csv(db, scope, wanted)])
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


async def _csv(db: AsyncSession, scope: Scope, wanted: Filter) -> AsyncIterator[str]:
    head: list[Cell] = [
        "number", "version", "kind", "title", "description", "priority", "criteria", "metric", "target",
        "how_measured", "state", "confirmed_version", "decision",
    ]  # fmt: skip
    yield BOM + rows_as_csv([[*head, "audience", "external_ref"] if scope.is_staff else head])
    after = 0
    while rows := await queries.requirements(db, scope, wanted, after=after, limit=EACH_CSV_READ):
        yield rows_as_csv(_csv_row(scope, row) for row in rows)
        after = rows[-1].number
        if len(rows) < EACH_CSV_READ:
            return


def _csv_row(scope: Scope, row: Shown) -> list[Cell]:
    cells: list[Cell] = [
        row.number, row.version, row.kind.value, row.title, row.description,
        row.priority.value if row.priority else None, "\n".join(row.criteria), row.metric, row.target,
        row.how_measured, row.state.value, row.confirmed_version, row.decision,
    ]  # fmt: skip
    return [*cells, row.audience.value, row.external_ref] if scope.is_staff else cells


@router.get("/projects/{key}/requirements/{number}", name="requirement")
async def requirement(request: Request, scope: ProjectScope, db: ReadSession, number: int) -> Response:
    """One requirement as it stands now, with what it is linked with and what happened to it."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    versions = await queries.versions(db, scope, number)
    events = await ledger.of_subject(db, scope.project_id, scope.audiences, "requirement", number)
    linked = traceability.links_statement(scope, TraceKind.REQUIREMENT, [number])
    happenings, rows = await history.told_also(db, scope, events, linked)
    teller = Teller(scope.key, scope.project.time_zone, scope.is_staff, locale_of(request, scope.viewer.locale))
    page = RequirementPage(
        shown=versions[0],
        versions=versions,
        diff=_diff(versions, versions[0], teller.locale),
        links=traceability.in_order(traceability.link_of(*row) for row in rows),
        history=[told for happening in happenings if (told := tell(happening, teller))],
    )
    return respond(request, "requirements/requirement.html", page, scope=scope, tab="requirements", etag=etag)


@router.get("/projects/{key}/requirements/{number}/versions/{version}", name="requirement_version")
async def requirement_version(
    request: Request, scope: ProjectScope, db: ReadSession, number: int, version: int
) -> Response:
    """One version of a requirement, as it was worded, what the client said to it, and what it had changed."""
    etag = etag_for(request, scope)
    if same := unchanged(request, etag):
        return same
    versions = await queries.versions(db, scope, number, version)
    shown = next(one for one in versions if one.version == version)
    diff = _diff(versions, shown, locale_of(request, scope.viewer.locale))
    page = RequirementPage(shown, versions, diff, (), ())
    return respond(request, "requirements/requirement.html", page, scope=scope, tab="requirements", etag=etag)


def _diff(versions: Sequence[Shown], shown: Shown, locale: str) -> list[FieldDiff]:
    """What a version changed, with the words of closed lists in the reader's language."""
    before = next((one for one in versions if one.version == shown.version - 1), None)
    return [_in_words(one, locale) for one in _as_read(before, shown)] if before else []


def _as_read(before: Shown, after: Shown) -> list[FieldDiff]:
    """What differs, in descriptions as they are read; as they are written where only signs differ (a bold word)."""
    old, new = (replace(workflow.wording(one), description=to_text(one.description)) for one in (before, after))
    return workflow.diff(before, after) if old.description == new.description else workflow.diff(old, new)


def _in_words(diff: FieldDiff, locale: str) -> FieldDiff:
    known = words(locale).get({"kind": "requirement_kind", "priority": "moscow"}.get(diff.field, ""), {})
    return FieldDiff(diff.field, tuple(piece.called(known.get(piece.text, piece.text)) for piece in diff.pieces))
