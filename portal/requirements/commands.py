"""Writes of the requirements: adding, changing, publishing, many at once. Asking is in asking.py. The caller owns the
transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.decisions import commands as decisions
from portal.decisions.models import DecisionKind
from portal.diff import apply_changes, plain
from portal.errors import Conflict, Invalid
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects.rules import check_text
from portal.requirements import rules, workflow
from portal.requirements.models import Requirement, RequirementVersion
from portal.requirements.store import Loaded, Telling, load, load_where

LONGEST_REASON = 1_500
BEING_CHANGED = "The requirement is being changed: its next version will be offered anew."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an upsert did with one row."""

    number: int
    did: Literal["created", "changed", "unchanged"]


async def add(db: AsyncSession, scope: Scope, fields: Mapping[str, Any]) -> Requirement:
    """Adds a requirement and returns it: internal unless `audience` says otherwise. Needs a title.

    `fields`: kind, title, description, priority, criteria, measure, audience, external_ref.
    Raises Invalid, Conflict for a reference in use, NotAllowed without staff rights.
    """
    scope.require_staff()
    checked = rules.check_fields(fields)
    await ledger.lock(db, scope.project_id)
    await _check_reference(db, scope, checked.get("external_ref"), None)
    (added,) = await _add(db, scope, [checked])
    return added.head


async def _add(db: AsyncSession, scope: Scope, rows: Sequence[Mapping[str, Any]]) -> list[Loaded]:
    """Adds requirements in their order, whatever their number by as many statements; each has its event."""
    if any(not checked.get("title") for checked in rows):
        raise Invalid("A requirement needs a title.", field="title", value=None)
    last = await db.scalar(select(func.max(Requirement.number)).where(Requirement.project_id == scope.project_id))
    added = [_new(scope, number, checked) for number, checked in enumerate(rows, start=(last or 0) + 1)]
    telling = Telling(scope)
    for one in added:
        telling.say("requirement.added", one.head, _snapshot(one.version), version=one.version)
    await telling.append(db)
    db.add_all([one.head for one in added])
    await db.flush()
    db.add_all([one.version for one in added])
    await db.flush()
    return added


def _new(scope: Scope, number: int, checked: Mapping[str, Any]) -> Loaded:
    content = {field: checked.get(field, getattr(workflow.NOTHING, field)) for field in workflow.CONTENT}
    version, now = _new_version(scope, number, 1, content), clock.now()
    head = Requirement(
        project_id=scope.project_id, number=number, version=1, confirmed_version=None,
        audience=checked.get("audience", Audience.INTERNAL), external_ref=checked.get("external_ref"),
        words=_words(version), created_at=now, updated_at=now, seq=0,
    )  # fmt: skip
    return Loaded(head, version, is_open=False)


def _new_version(scope: Scope, number: int, version: int, content: Mapping[str, Any]) -> RequirementVersion:
    return RequirementVersion(
        project_id=scope.project_id, requirement_number=number, version=version, created_at=clock.now(),
        decision_number=None, outcome=None, settled_at=None, seq=0, **content,
    )  # fmt: skip


def _words(version: RequirementVersion) -> str:
    return f"{version.title}\n{version.description}".casefold()


def _snapshot(version: RequirementVersion) -> dict[str, Any]:
    content = {field: plain(getattr(version, field)) for field in workflow.CONTENT}
    return {"version": version.version, **_told(content)}


def _told(content: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as events name them: criteria by the same word as those of items."""
    return {("acceptance_criteria" if field == "criteria" else field): value for field, value in content.items()}


async def change(
    db: AsyncSession, scope: Scope, number: int, wanted: Mapping[str, Any], *, reason: str = ""
) -> Requirement:
    """Changes a requirement and returns it; `wanted` as in `add`.

    A version that the client was ever asked about stays as it is, and the change makes the next one, unconfirmed; a
    question that is still open is withdrawn, with the reason. Raises Invalid, NotFound, NotAllowed, Conflict.
    """
    scope.require_staff()
    checked = rules.check_fields(wanted)
    why = check_text(reason.strip(), "reason", length=LONGEST_REASON)
    await ledger.lock(db, scope.project_id)
    found = await load(db, scope, number)
    await _check_reference(db, scope, checked.get("external_ref"), number)
    telling = Telling(scope)
    await _change(db, telling, found, checked, why)
    await telling.append(db)
    return found.head


async def _change(db: AsyncSession, telling: Telling, found: Loaded, checked: Mapping[str, Any], why: str) -> bool:
    """Returns whether anything differed. Published last: what it said before is not for the client."""
    done = [_refer(telling, found, checked), await _reword(db, telling, found, checked, why)]
    if (audience := checked.get("audience", found.head.audience)) is not found.head.audience:
        _publish(telling, found, audience)
        done.append(True)
    return any(done)


def _refer(telling: Telling, found: Loaded, checked: Mapping[str, Any]) -> bool:
    if "external_ref" not in checked:
        return False
    changes = apply_changes(found.head, {"external_ref": checked["external_ref"]})
    if changes:
        body = {"version": found.head.version, "title": found.version.title, "changes": changes, "reason": ""}
        telling.say("requirement.changed", found.head, body, audience=Audience.INTERNAL)
    return bool(changes)


async def _reword(db: AsyncSession, telling: Telling, found: Loaded, checked: Mapping[str, Any], why: str) -> bool:
    content = {field: value for field, value in checked.items() if field in workflow.CONTENT}
    differs = workflow.changed(found.version, content)
    if not differs:
        return False
    if found.version.decision_number is not None:
        await _revise(db, telling, found, differs, why)
    else:
        changes = apply_changes(found.version, differs)
        body = {"version": found.head.version, "title": found.version.title, "changes": _told(changes), "reason": why}
        telling.say("requirement.changed", found.head, body, version=found.version)
    found.head.words, found.head.updated_at = _words(found.version), clock.now()
    return True


async def _revise(db: AsyncSession, telling: Telling, found: Loaded, differs: Mapping[str, Any], why: str) -> None:
    """The next version, from the one that stands and what differs."""
    head, before, scope = found.head, found.version, telling.scope
    if found.is_open:
        told = f"{BEING_CHANGED} {why}".strip()
        await decisions.withdraw_of_subject(db, scope, DecisionKind.REQUIREMENT, head.number, told)
    content = {field: getattr(before, field) for field in workflow.CONTENT} | dict(differs)
    head.version += 1
    found.version, found.is_open = _new_version(scope, head.number, head.version, content), False
    changes = {field: [plain(getattr(before, field)), plain(value)] for field, value in differs.items()}
    body = {"version": head.version, "title": found.version.title, "changes": _told(changes), "reason": why}
    telling.say("requirement.revised", head, body, version=found.version)
    db.add(found.version)


async def publish(db: AsyncSession, scope: Scope, number: int) -> Requirement:
    """Shows a requirement to the client, from now on with every later version; twice is once. Raises NotFound."""
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    found = await load(db, scope, number)
    if found.head.audience is Audience.INTERNAL:
        telling = Telling(scope)
        _publish(telling, found, Audience.CLIENT)
        await telling.append(db)
    return found.head


def _publish(telling: Telling, found: Loaded, audience: Audience) -> None:
    head = found.head
    if audience is Audience.INTERNAL:
        raise Conflict("The client has seen this requirement: it cannot become internal.", field="audience")
    head.audience, head.updated_at = audience, clock.now()
    telling.say("requirement.published", head, _snapshot(found.version))


async def upsert(db: AsyncSession, scope: Scope, rows: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Adds or changes many requirements at once, each recognised by its `external_ref`; all of them or none.

    Raises Invalid with a problem for every row at fault (`requirements[3].priority`), Conflict as `change` does.
    """
    scope.require_staff()
    checked = _check_rows(rows)
    await ledger.lock(db, scope.project_id)
    known = await by_reference(db, scope, [row["external_ref"] for row in checked])
    lacking = [at for at, row in enumerate(checked) if row["external_ref"] not in known and not row.get("title")]
    if lacking:
        told = "A new requirement needs a title."
        raise Invalid(told, problems=tuple((f"requirements[{at}].title", told, None) for at in lacking))
    added = iter(await _add(db, scope, [row for row in checked if row["external_ref"] not in known]))
    telling = Telling(scope)
    outcomes: list[Outcome] = []
    for row in checked:
        if found := known.get(row["external_ref"]):
            did = await _change(db, telling, found, row, "")
            outcomes.append(Outcome(found.head.number, "changed" if did else "unchanged"))
        else:
            outcomes.append(Outcome(next(added).head.number, "created"))
    await telling.append(db)
    return outcomes


def _check_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    checked: list[dict[str, Any]] = []
    problems: list[tuple[str, str, Any]] = []
    seen: set[str] = set()
    for at, row in enumerate(rows):
        try:
            checked.append(rules.check_fields(row))
            reference = checked[-1].get("external_ref")
            if not reference or reference in seen:
                told = "Every requirement needs an external_ref of its own."
                raise Invalid(told, field="external_ref", value=reference)
            seen.add(reference)
        except Invalid as fault:
            problems.append((f"requirements[{at}].{fault.field or ''}".rstrip("."), fault.message, fault.value))
    if problems:
        told = f"{len(problems)} of {len(rows)} requirements are wrong; nothing was changed."
        raise Invalid(told, problems=tuple(problems))
    return checked


async def by_reference(db: AsyncSession, scope: Scope, references: Sequence[str]) -> dict[str, Loaded]:
    """The requirements that have one of these references, by it."""
    found = await load_where(db, scope, Requirement.external_ref.in_(references))
    return {one.head.external_ref: one for one in found if one.head.external_ref}


async def _check_reference(db: AsyncSession, scope: Scope, reference: str | None, number: int | None) -> None:
    """Raises Conflict when another requirement has this reference."""
    if not reference:
        return
    mine = (Requirement.project_id == scope.project_id, Requirement.external_ref == reference)
    found = await db.scalar(select(Requirement.number).where(*mine))
    if found not in (None, number):
        raise Conflict(f"Requirement {found} has this reference already.", field="external_ref", value=reference)
