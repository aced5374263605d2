"""Reads of files: one, several, the list, and what they take together."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.errors import NotFound
from portal.files.models import File

MOST_NUMBER = 2**31 - 1
NO_ROOM = "The files of this project take all the room that they may."


async def file(db: AsyncSession, scope: Scope, number: int) -> File:
    """One file. Raises NotFound, in the same words for what is not there and for what this viewer may not see."""
    statement = select(File).where(*_visible(scope), File.number == number)
    found = await db.scalar(statement) if 0 < number <= MOST_NUMBER else None
    if found is None:
        raise NotFound("There is no such file in this project.")
    return found


async def files_by_numbers(db: AsyncSession, scope: Scope, numbers: Iterable[int]) -> dict[int, File]:
    """Those of the files with these numbers that the viewer may see, by number."""
    wanted = sorted(set(numbers))
    if not wanted:
        return {}
    rows = await db.scalars(select(File).where(*_visible(scope), File.number.in_(wanted)))
    return {row.number: row for row in rows}


async def listed(db: AsyncSession, scope: Scope, *, after: int = 0, limit: int) -> Sequence[File]:
    """The files that the viewer may see in the order of their numbers, from behind `after` on."""
    statement = select(File).where(*_visible(scope), File.number > after).order_by(File.number).limit(limit)
    return (await db.scalars(statement)).all()


async def used_bytes(db: AsyncSession, scope: Scope) -> int:
    """What the project's files take together in bytes, each content once; our previews come on top."""
    last = await last_file(db, scope)
    return last.project_bytes if last else 0


async def last_file(db: AsyncSession, scope: Scope) -> File | None:
    """The newest file of the project, whoever may see it: it carries the count and the sum."""
    mine = select(File).where(File.project_id == scope.project_id)
    return await db.scalar(mine.order_by(File.number.desc()).limit(1))


async def holds_content(db: AsyncSession, scope: Scope, sha256: bytes) -> bool:
    """Whether a file of the project has this content already."""
    mine = select(File.id).where(File.project_id == scope.project_id, File.sha256 == sha256)
    return await db.scalar(mine.limit(1)) is not None


def _visible(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    return File.project_id == scope.project_id, File.audience.in_(scope.audiences)
