"""What a handler of the API asks for: a session, who calls, and the scope in the project of the address."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Path, Request
from sqlalchemy.ext.asyncio import AsyncSession

from api import idempotency
from portal.access import Scope, Viewer
from portal.db import Database
from portal.errors import NotFound
from portal.projects import queries as projects
from portal.settings import Settings

LONGEST_KEY = 16


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and how far their token reaches."""

    viewer: Viewer
    scopes: frozenset[str]


def caller_of(request: Request) -> Caller:
    """The caller that the gate recognised: no request reaches a handler without one."""
    return cast(Caller, request.state.caller)


async def viewer_of(request: Request) -> Viewer:
    """The caller as the rooms know them."""
    return caller_of(request).viewer


def database_of(request: Request) -> Database:
    """The database that this portal runs on."""
    return cast(Database, request.app.state.database)


def settings_of(request: Request) -> Settings:
    """The portal's settings."""
    return cast(Settings, request.app.state.settings)


async def reading(request: Request) -> AsyncIterator[AsyncSession]:
    """A session on one consistent snapshot."""
    async with database_of(request).read() as db:
        yield db


async def unit_of_work(request: Request) -> AsyncIterator[AsyncSession]:
    """A transaction, committed before the answer leaves or rolled back. A POST claims its Idempotency-Key in it."""
    async with database_of(request).write() as db:
        if request.method == "POST":
            request.state.pending = await idempotency.begin(db, request, caller_of(request).viewer)
        yield db


ReadSession = Annotated[AsyncSession, Depends(reading, scope="function")]
# Without scope="function" FastAPI would commit after the answer has left, and a failed commit would read as success.
UnitOfWork = Annotated[AsyncSession, Depends(unit_of_work, scope="function")]
Viewing = Annotated[Viewer, Depends(viewer_of)]
ProjectKey = Annotated[str, Path(description="The project's key, such as BRIDGE.", examples=["BRIDGE"])]


async def open_scope(db: AsyncSession, viewer: Viewer, key: str) -> Scope:
    """The caller's scope in a project. Raises NotFound, in the same words whatever the reason."""
    return await projects.scope_for(db, viewer, _fit(key))


def _fit(key: str) -> str:
    if len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise NotFound("There is no such project.")
    return key


async def reading_scope(key: ProjectKey, viewer: Viewing, db: ReadSession) -> Scope:
    """The scope for reading."""
    return await open_scope(db, viewer, key)


async def writing_scope(key: ProjectKey, viewer: Viewing, db: UnitOfWork) -> Scope:
    """The scope inside the transaction that will write, with the project locked."""
    return await projects.locked_scope(db, viewer, _fit(key))


ReadScope = Annotated[Scope, Depends(reading_scope)]
WriteScope = Annotated[Scope, Depends(writing_scope)]
EditScope = WriteScope
"""The same, for what was read before: what If-Match is compared with cannot change before it is edited."""
