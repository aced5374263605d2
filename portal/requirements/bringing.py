"""Requirements of a file brought in: what each row would do to what stands, and then exactly that, all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.ledger import commands as ledger
from portal.requirements import commands, sheet, workflow
from portal.requirements.sheet import Row
from portal.requirements.store import Loaded


@dataclass(frozen=True, slots=True)
class Brought:
    """What a row does. `number` is None for a requirement that a dry run would add."""

    sheet: str
    row: int
    external_ref: str
    number: int | None
    did: Literal["created", "changed", "unchanged"]
    version: int
    """The version that stands then: a new one where the client was asked about the one before."""
    changes: Sequence[str]
    """The fields that differ from what stands."""
    withdraws_question: bool
    """Whether the client is being asked about what changes, and is so no more."""
    lacks: Sequence[str]
    """The fields that must be filled before the client can be asked."""


@dataclass(frozen=True, slots=True)
class _Plan:
    told: Brought
    fields: dict[str, Any]
    """What the upsert is given for it."""


async def bring(db: AsyncSession, scope: Scope, rows: Sequence[Row], *, dry_run: bool) -> list[Brought]:
    """Adds or changes the requirements of a file, each recognised by its reference; a dry run tells what it would do.

    A field that reads like what stands is left alone, so the same file again changes nothing, nor does our own CSV.
    Raises NotAllowed without staff rights.
    """
    scope.require_staff()
    if not dry_run:
        await ledger.lock(db, scope.project_id)
    known = await commands.by_reference(db, scope, [row.external_ref for row in rows])
    plans = [_plan(row, known.get(row.external_ref)) for row in rows]
    if dry_run:
        return [plan.told for plan in plans]
    done = iter(await commands.upsert(db, scope, [plan.fields for plan in plans if plan.told.did != "unchanged"]))
    return [
        plan.told if plan.told.did == "unchanged" else replace(plan.told, number=next(done).number) for plan in plans
    ]


def _plan(row: Row, found: Loaded | None) -> _Plan:
    standing = workflow.wording(found.version) if found else workflow.NOTHING
    differs = {name: value for name, value in row.fields.items() if not _reads_like(name, standing, value)}
    after = replace(standing, **differs)
    told = Brought(
        row.sheet, row.row, row.external_ref, found.head.number if found else None,
        did="changed" if differs else "unchanged", version=1, changes=list(differs), withdraws_question=False,
        lacks=workflow.missing(after),
    )  # fmt: skip
    if found is None:
        told = replace(told, did="created")
    else:
        makes_next = bool(differs) and found.version.decision_number is not None
        told = replace(
            told, version=found.head.version + makes_next, withdraws_question=bool(differs) and found.is_open
        )
    return _Plan(told, {"external_ref": row.external_ref} | _as_given(differs, after))


def _reads_like(name: str, standing: workflow.Wording, value: Any) -> bool:
    stands = getattr(standing, name)
    return bool(sheet.as_read(name, "\n".join(stands) if name == "criteria" else stands or "") == value)


def _as_given(differs: dict[str, Any], after: workflow.Wording) -> dict[str, Any]:
    """The fields that differ as commands take them: a measure is given whole."""
    given = {name: value for name, value in differs.items() if name not in workflow.MEASURE}
    if len(given) < len(differs):
        given["measure"] = {part: getattr(after, part) for part in workflow.MEASURE}
    return given
