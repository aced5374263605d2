"""What a page's handler asks for: a session for reading or writing, who is signed in, and the scope of a project.

The gate has already decided that they may come in; a write asks again inside its own transaction, under the project's
lock, so that a membership or a session that ended in between ends here.
"""

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.db import Database
from portal.errors import NotFound, SignInNeeded
from portal.identity import queries as identity
from portal.identity.arrive import Arrival
from portal.projects import queries as projects


def database_of(request: Request) -> Database:
    """The database that this portal runs on."""
    return cast(Database, request.app.state.database)


async def reading(request: Request) -> AsyncSession:
    """The session that the gate opened for this request. Raises NotFound at an address for which it opens none: a name
    made up to look like a file's reaches a page."""
    if not hasattr(request.state, "db"):
        raise NotFound("There is nothing here.")
    return cast(AsyncSession, request.state.db)


async def unit_of_work(request: Request) -> AsyncIterator[AsyncSession]:
    """A transaction that is committed before the answer leaves, or rolled back."""
    async with database_of(request).write() as db:
        yield db


async def signed_in(request: Request) -> Arrival:
    """Who is signed in. Raises SignInNeeded."""
    arrival = getattr(request.state, "arrival", None)
    if arrival is None:
        raise SignInNeeded("Please sign in.")
    return cast(Arrival, arrival)


ReadSession = Annotated[AsyncSession, Depends(reading)]
# Without scope="function" FastAPI would commit after the answer has left, and a failed commit would read as success.
UnitOfWork = Annotated[AsyncSession, Depends(unit_of_work, scope="function")]
SignedIn = Annotated[Arrival, Depends(signed_in)]


async def project_scope(arrival: SignedIn) -> Scope:
    """The scope in the project of the address, for reading. Raises NotFound."""
    return arrival.scope()


async def writing_scope(key: str, arrival: SignedIn, db: UnitOfWork) -> Scope:
    """The scope in the project of the address, read again inside the transaction that will write, with the project
    locked. Raises NotFound, SignInNeeded."""
    scope = await projects.locked_scope(db, arrival.viewer, key)
    await identity.session_by_id(db, arrival.session_id)
    seen = arrival.scope()
    return Scope(seen.viewer, scope.project, seen.roles, seen.is_staff, preview=True) if seen.preview else scope


ProjectScope = Annotated[Scope, Depends(project_scope)]
WritingScope = Annotated[Scope, Depends(writing_scope)]
