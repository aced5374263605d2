"""Requirements out of spreadsheets: a CSV or XLSX, understood and told of, then brought in whole or not at all."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from fastapi import Depends, Query

from api.deps import EditScope, UnitOfWork
from api.doors import router as door
from api.openapi import answers
from api.raw_bodies import described, raw_body
from api.shapes import Outgoing
from portal.requirements import bringing, sheet
from portal.requirements.sheet import Read
from portal.tables.sheets import MOST_BYTES

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES = ("text/csv", XLSX, "application/octet-stream")
EXAMPLE = (
    "ID,Title,Description,Priority,Acceptance criteria\n"
    'REQ-1,Search by product,A visitor types a name.,must,"Each recall is listed.\nNone found is said."\n'
)

router = door("requirements", "/projects/{key}/requirements")


async def sent(content: Annotated[bytes, Depends(raw_body(*TYPES, most=MOST_BYTES))]) -> Read:
    """The file, read before a transaction begins: nobody waits for its size."""
    return await asyncio.to_thread(sheet.read, content)


class TableTaken(Outgoing):
    """How a table was understood."""

    sheet: str
    """Empty for a CSV."""
    encoding: str
    """What a CSV was taken to be written in: `Unicode`, or a code page that was guessed."""
    header: int
    """The row that names the columns."""
    columns: Mapping[str, str]
    """The file's name of a column → the field that it was taken for."""
    unread: Sequence[str]
    """Columns of which nothing was taken."""
    requirements: int


class RequirementBrought(Outgoing):
    """What a row does, or in a dry run would do."""

    sheet: str
    row: int
    external_ref: str
    number: int | None
    """Null for a requirement that a dry run would add."""
    did: Literal["created", "changed", "unchanged"]
    version: int
    """The version that stands then; the client confirms it anew where it is another."""
    changes: Sequence[str]
    withdraws_question: bool
    """Whether the client was being asked about what changes, and is so no more."""
    lacks: Sequence[str]
    """What must be filled before the client can be asked."""


class RequirementsBrought(Outgoing):
    """What became of a file, or in a dry run would."""

    dry_run: bool
    created: int
    changed: int
    unchanged: int
    tables: Sequence[TableTaken]
    left_out: Sequence[str]
    """Sheets without a table of requirements."""
    requirements: Sequence[RequirementBrought]


@router.post(
    "/import",
    responses=answers(RequirementsBrought, "What was done with each row, or would be."),
    openapi_extra=described(TYPES, EXAMPLE),
)
async def import_requirements(
    file: Annotated[Read, Depends(sent, scope="function")],
    scope: EditScope,
    db: UnitOfWork,
    dry_run: Annotated[bool, Query(description="Only say how the file is understood and what would be done.")] = False,
) -> RequirementsBrought:
    """Adds or changes the requirements of a CSV or XLSX of up to 20 MB, each recognised by its reference; all or none.

    The same file again changes nothing. A version that the client was asked about stays, and what changed makes the
    next one, unconfirmed. Whatever is wrong is told by row and column, with what would be right."""
    brought = await bringing.bring(db, scope, file.rows, dry_run=dry_run)
    did = Counter(one.did for one in brought)
    return RequirementsBrought(
        dry_run=dry_run, created=did["created"], changed=did["changed"], unchanged=did["unchanged"],
        tables=[TableTaken.model_validate(one) for one in file.tables], left_out=file.left_out,
        requirements=[RequirementBrought.model_validate(one) for one in brought],
    )  # fmt: skip
