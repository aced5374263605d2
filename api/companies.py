"""Client companies."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict
from starlette.responses import Response

from api.bodies import json_body
from api.conditional import IfMatch, editable
from api.deps import ReadSession, UnitOfWork, Viewing
from api.doors import AdminDoor
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.shapes import Incoming, Line, Moment, Outgoing, Reference, absent
from portal.people import commands, queries
from portal.people.models import Company

router = door("companies", "/companies", door=AdminDoor)


class CompanyNew(Incoming):
    """A client company to be added."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Harbour Ltd", "external_ref": "crm:4711"}]})

    name: Line
    external_ref: Reference | None = absent()


class CompanyPatch(Incoming):
    """A company's new name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Harbour Group"}]})

    name: Line


class CompanyOut(Outgoing):
    """A client company."""

    id: UUID
    name: str
    external_ref: str | None
    created_at: Moment
    updated_at: Moment


class CompanyPage(Outgoing):
    """A page of companies, by name."""

    items: list[CompanyOut]
    next: str | None


def shape(row: Company) -> dict[str, Any]:
    """A company as JSON values."""
    return CompanyOut.model_validate(row).shown()


@router.get("", responses=answers(CompanyPage, "A page of companies, by name.", headers=("Link",)))
async def list_companies(viewer: Viewing, db: ReadSession, paged: Paged) -> Response:
    """All client companies, by name."""
    after = paged.after()
    rows = await queries.companies(db, viewer, after=after[0] if after else "", limit=paged.limit + 1)
    return paged.page(rows, _key, shape)


def _key(row: Company) -> tuple[str]:
    return (row.name,)


@router.post(
    "", status_code=201, responses=answers(CompanyOut, "The company.", status=201, headers=("ETag", "Location"))
)
async def add_company(
    viewer: Viewing, db: UnitOfWork, wanted: Annotated[CompanyNew, json_body(CompanyNew)]
) -> Response:
    """Adds a client company."""
    row = await commands.create_company(db, viewer, **wanted.given())
    return editable(shape(row), status_code=201, location=f"/api/v1/companies/{row.id}")


@router.get("/{company_id}", responses=answers(CompanyOut, "The company.", headers=("ETag",)))
async def read_company(viewer: Viewing, db: ReadSession, company_id: UUID) -> Response:
    """One client company."""
    return editable(shape(await queries.company(db, viewer, company_id)))


@router.patch("/{company_id}", responses=answers(CompanyOut, "The company as it is now.", headers=("ETag",)))
async def rename_company(
    viewer: Viewing,
    db: UnitOfWork,
    match: IfMatch,
    company_id: UUID,
    wanted: Annotated[CompanyPatch, json_body(CompanyPatch)],
) -> Response:
    """Renames a client company."""
    match.require(shape(await queries.company(db, viewer, company_id)))
    return editable(shape(await commands.rename_company(db, viewer, company_id, wanted.name)))
