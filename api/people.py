"""People who have signed in at least once."""

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
from api.shapes import Incoming, Moment, Outgoing
from portal.identity import commands as identity
from portal.people import commands, queries
from portal.people.models import Person

router = door("people", "/people", door=AdminDoor)


class PersonPatch(Incoming):
    """Whether a person is shut out of everything."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"disabled": True}]})

    disabled: bool


class PersonOut(Outgoing):
    """A person; `email` is the address that a provider vouched for, or empty."""

    id: UUID
    name: str
    email: str
    locale: str
    created_at: Moment
    updated_at: Moment
    disabled_at: Moment | None


class PersonPage(Outgoing):
    """A page of people, in no meaningful order."""

    items: list[PersonOut]
    next: str | None


def shape(row: Person) -> dict[str, Any]:
    """A person as JSON values."""
    return PersonOut.model_validate(row).shown()


@router.get("", responses=answers(PersonPage, "A page of people.", headers=("Link",)))
async def list_people(viewer: Viewing, db: ReadSession, paged: Paged) -> Response:
    """Everybody who ever signed in."""
    after = paged.after()
    rows = await queries.persons(db, viewer, after=UUID(after[0]) if after else None, limit=paged.limit + 1)
    return paged.page(rows, _key, shape)


def _key(row: Person) -> tuple[str]:
    return (str(row.id),)


@router.get("/{person_id}", responses=answers(PersonOut, "The person.", headers=("ETag",)))
async def read_person(viewer: Viewing, db: ReadSession, person_id: UUID) -> Response:
    """One person."""
    return editable(shape(await queries.person(db, viewer, person_id)))


@router.patch("/{person_id}", responses=answers(PersonOut, "The person as it is now.", headers=("ETag",)))
async def change_person(
    viewer: Viewing,
    db: UnitOfWork,
    match: IfMatch,
    person_id: UUID,
    wanted: Annotated[PersonPatch, json_body(PersonPatch)],
) -> Response:
    """Shuts a person out of everything, ending their sessions at once, or lets them in again."""
    match.require(shape(await queries.person(db, viewer, person_id)))
    await (identity.shut_out if wanted.disabled else commands.enable)(db, viewer, person_id)
    return editable(shape(await queries.person(db, viewer, person_id)))


@router.delete("/{person_id}/accounts", status_code=204)
async def release_person(viewer: Viewing, db: UnitOfWork, person_id: UUID) -> Response:
    """Forgets the accounts that a person signs in with, for when their provider gave them a new one.

    Their sessions end at once.
    """
    await identity.release(db, viewer, person_id)
    return Response(status_code=204)
