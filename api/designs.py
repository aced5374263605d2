"""Designs: their versions, showing one to the client and asking to approve it. Pins are in design_pins.py."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.decisions import DecisionShort
from api.deps import EditScope, ReadScope, ReadSession, UnitOfWork, WriteScope
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.shapes import Day, Incoming, Line, Moment, Number, Outgoing, PathNumber, absent
from portal.access import Scope
from portal.decisions.models import Decision
from portal.designs import commands, queries
from portal.designs.models import Design
from portal.designs.queries import DesignLine, VersionLine
from portal.designs.rules import LONGEST_DESCRIPTION, LONGEST_REMARK, LONGEST_URL, MOST_PARTS, Asking, Link
from portal.files.pages import pages_of
from portal.ledger.models import Audience

router = door("designs", "/projects/{key}/designs")

Description = Annotated[str, Field(max_length=LONGEST_DESCRIPTION, description="Markdown.")]
Note = Annotated[str, Field(max_length=LONGEST_REMARK, description="What changed since the version before.")]
SHOT = "The number of the file with the picture that was taken of it; without one nobody can be asked to approve it."


class DesignNew(Incoming):
    """A design to be added."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Checkout", "description": "How one pays."}]})

    title: Line
    description: Description = absent()


class DesignPatch(Incoming):
    """Other words for a design."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Checkout on a phone"}]})

    title: Line = absent()
    description: Description = absent()


class LinkNew(Incoming):
    """A prototype elsewhere."""

    url: Annotated[str, Field(max_length=LONGEST_URL, pattern="^https://", examples=["https://proto.example/pay"])]
    snapshot: Annotated[Number | None, Field(description=SHOT)] = None


class VersionNew(Incoming):
    """A version to be added: pictures and PDFs by their numbers, in their order, and prototypes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "A larger button.", "files": [2]}]})

    note: Note = absent()
    files: Annotated[list[Number], Field(max_length=MOST_PARTS)] = absent()
    links: Annotated[list[LinkNew], Field(max_length=MOST_PARTS)] = absent()


class AskingNew(Incoming):
    """Who is asked to approve: people by id, all of them unless `needed` says less; else whoever approves."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"due_on": "2030-06-01", "holds_up": "The build."}, {}]})

    people: Annotated[list[UUID], Field(max_length=20)] = absent()
    needed: Annotated[int | None, Field(ge=1, le=20)] = None
    due_on: Day | None = None
    holds_up: Annotated[str, Field(max_length=500, description="What waits on it; the client reads it.")] = absent()

    def asking(self) -> Asking:
        """The same for the room."""
        given = self.given()
        return Asking(tuple(given.pop("people", ())), **given)


class PublicationNew(Incoming):
    """A version to be shown to the client. A design that was asked about is asked about anew, as before or so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"ask": {"due_on": "2030-06-01"}}]})

    ask: AskingNew = absent()


class DesignShort(Outgoing):
    """A design in a list. `shown_version` is what the client sees; `newest_decision` the last question about it."""

    number: int
    title: str
    audience: Audience
    last_version: int
    shown_version: int | None
    newest_decision: int | None


class DesignPage(Outgoing):
    """A page of designs, the newest first."""

    items: list[DesignShort]
    next: str | None


class PartOut(Outgoing):
    """What a version is made of: a file, or a prototype (`url`) with the file of its snapshot.

    Of a PDF with `page_count` pages the client sees the first `pages_shown`, and is told that there are more.
    """

    position: int
    file: int | None
    url: str | None
    name: str | None
    sha256: str | None
    page_count: int | None
    pages_shown: int


class VersionOut(Outgoing):
    """A version."""

    version: int
    note: str
    audience: Audience
    created_at: Moment
    published_at: Moment | None
    parts: list[PartOut]


class DesignFull(Outgoing):
    """A design with its versions, the oldest first."""

    number: int
    title: str
    description: str
    audience: Audience
    last_version: int
    shown_version: int | None
    created_at: Moment
    versions: list[VersionOut]


class Published(Outgoing):
    """A version that the client sees now, and the new question about it, if there is one."""

    version: VersionOut
    decision: DecisionShort | None


def short(line: DesignLine) -> dict[str, Any]:
    """A design's line as JSON values."""
    row = line.design
    fields = {name: getattr(row, name) for name in DesignShort.model_fields if name != "newest_decision"}
    number = line.newest.decision.number if line.newest else None
    return DesignShort.model_validate(fields | {"newest_decision": number}).shown()


def version_out(line: VersionLine) -> VersionOut:
    """A version with its parts."""
    row = line.version
    parts = [
        PartOut(
            position=one.part.position, file=one.part.file_number, url=one.part.url,
            name=one.file.name if one.file else None, sha256=one.file.sha256.hex() if one.file else None,
            page_count=one.file.page_count if one.file else None,
            pages_shown=len(pages_of(one.file)) if one.file else 0,
        )
        for one in line.parts
    ]  # fmt: skip
    return VersionOut(
        version=row.version, note=row.note, audience=row.audience, created_at=row.created_at,
        published_at=row.published_at, parts=parts,
    )  # fmt: skip


async def full(db: AsyncSession, scope: Scope, number: int) -> dict[str, Any]:
    """A design as JSON values."""
    found = await queries.with_versions(db, scope, number)
    row: Design = found.design
    fields = {name: getattr(row, name) for name in DesignFull.model_fields if name != "versions"}
    return DesignFull.model_validate(fields | {"versions": [version_out(one) for one in found.versions]}).shown()


@router.get("", responses=answers(DesignPage, "A page of designs, the newest first.", headers=("Link",)))
async def list_designs(scope: ReadScope, db: ReadSession, paged: Paged) -> Response:
    """All designs, the newest first."""
    after = paged.after()
    rows = await queries.designs(db, scope, before=after[0] if after else None, limit=paged.limit + 1)
    return paged.page(rows, lambda row: (row.design.number,), short)


@router.post(
    "", status_code=201, responses=answers(DesignFull, "It is added.", status=201, headers=("ETag", "Location"))
)
async def add_design(scope: WriteScope, db: UnitOfWork, wanted: Annotated[DesignNew, json_body(DesignNew)]) -> Response:
    """Adds a design, without any version: the client hears of it with the first one that is published."""
    row = await commands.add_design(db, scope, **wanted.given())
    address = f"/api/v1/projects/{scope.key}/designs/{row.number}"
    return editable(await full(db, scope, row.number), status_code=201, location=address)


@router.get("/{number}", responses=answers(DesignFull, "The design.", headers=("ETag",)))
async def read_design(scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """One design with its versions."""
    return editable(await full(db, scope, number))


@router.patch("/{number}", responses=answers(DesignFull, "The design as it is now.", headers=("ETag",)))
async def change_design(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    wanted: Annotated[DesignPatch, json_body(DesignPatch)],
) -> Response:
    """Changes title or description; not while the client is deciding on them."""
    match.require(await full(db, scope, number))
    await commands.change_design(db, scope, number, wanted.given())
    return editable(await full(db, scope, number))


@router.post("/{number}/versions", status_code=201, responses=answers(VersionOut, "The version.", status=201))
async def add_version(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[VersionNew, json_body(VersionNew)]
) -> VersionOut:
    """Adds a version as a draft. It never changes: what is different is the next version."""
    given = wanted.given()
    links = [Link(one.url, one.snapshot) for one in given.pop("links", ())]
    row = await commands.add_version(db, scope, number, links=links, **given)
    return version_out((await queries.with_versions(db, scope, number)).of(row.version))


@router.post(
    "/{number}/versions/{version}/publication",
    status_code=201,
    responses=answers(Published, "The version, and what was asked.", status=201),
)
async def publish_version(
    scope: WriteScope,
    db: UnitOfWork,
    number: PathNumber,
    version: PathNumber,
    wanted: Annotated[PublicationNew, json_body(PublicationNew)],
) -> Published:
    """Shows a version and its files to the client. An approval of an older version stands; an open question ends."""
    again = wanted.given().get("ask")
    decision = await commands.publish(db, scope, number, version, again.asking() if again else None)
    found = (await queries.with_versions(db, scope, number)).of(version)
    return Published(version=version_out(found), decision=_short(decision) if decision else None)


@router.post("/{number}/questions", status_code=201, responses=answers(DecisionShort, "The question.", status=201))
async def ask_for_approval(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[AskingNew, json_body(AskingNew)]
) -> DecisionShort:
    """Asks the client to approve the newest version that they see, by the digests of its files."""
    return _short(await commands.ask(db, scope, number, wanted.asking()))


def _short(decision: Decision) -> DecisionShort:
    return DecisionShort.model_validate(decision)
