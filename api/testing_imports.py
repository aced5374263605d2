"""Files of other tools in the API: test cases into a plan's draft, results of machines into the round that runs."""

import asyncio
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Depends

from api.deps import EditScope, UnitOfWork
from api.doors import router as door
from api.openapi import answers
from api.raw_bodies import described, raw_body
from api.shapes import Outgoing, PathNumber
from portal.acceptance import editing, machines, queries
from portal.acceptance.imports.model import ImportedCase, Read
from portal.acceptance.imports.reading import read
from portal.acceptance.machines import Imported, Reported
from portal.errors import Conflict
from portal.tables.sheets import MOST_BYTES

SOURCE = "JUnit"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES = ("text/csv", "application/xml", "text/xml", XLSX, "application/octet-stream")
EXAMPLE = "title,section,priority,action,expected\nPay by card,Payments,1,Press Pay,A receipt is shown\n"

router = door("tests", "/projects/{key}/tests")


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that was read, and the digest by which it is the same when it is sent again."""

    read: Read
    digest: str


async def sent(content: Annotated[bytes, Depends(raw_body(*TYPES, most=MOST_BYTES))]) -> Sent:
    """The file, read before a transaction begins: nobody waits for its size."""
    return Sent(await asyncio.to_thread(read, content), sha256(content).hexdigest())


class FileImported(Outgoing):
    """What became of a file."""

    kind: str
    """What it was taken for: `table`, `testrail` or `junit`."""
    cases: list[int]
    """The numbers of the cases that were added to the draft."""
    kept: int
    """Results that were kept in the round that runs."""
    unknown: list[str]
    """Tests of which there is no case in the round."""
    losses: list[str]
    """What was left out or changed, in sentences."""


@router.post(
    "/{number}/cases/import",
    status_code=201,
    responses=answers(FileImported, "It is read.", status=201),
    openapi_extra=described(TYPES, EXAMPLE),
)
async def import_file(
    file: Annotated[Sent, Depends(sent, scope="function")],
    scope: EditScope,
    db: UnitOfWork,
    number: PathNumber,
) -> FileImported:
    """Adds the cases of a CSV, XLSX or TestRail XML to the plan's draft, all or none; or keeps the results of a JUnit
    XML in the round that runs, the same file once. What the file is, its content says."""
    scope.require_staff()
    plan = await queries.plan(db, scope, number)
    found = file.read
    added = await editing.add_cases(db, scope, plan.number, [_case(one) for one in found.cases]) if found.cases else []
    kept = Imported(0, ())
    if found.results:
        running = await queries.open_round(db, scope, plan.number)
        if running is None:
            raise Conflict("No round of this plan is running that could take results.")
        said = _reported(found)
        kept = await machines.record_machine(db, scope, plan.number, running.number, SOURCE, file.digest, said)
    return FileImported(
        kind=found.kind, cases=added, kept=kept.kept, unknown=list(kept.unknown), losses=list(found.losses)
    )


def _case(one: ImportedCase) -> dict[str, Any]:
    steps = [asdict(step) for step in one.steps]
    return asdict(one) | {"steps": steps, "external_ref": one.external_ref or None}


def _reported(found: Read) -> list[Reported]:
    return [Reported(one.name, one.outcome, one.message) for one in found.results]
