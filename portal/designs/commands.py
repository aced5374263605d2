"""Writes of the designs: a design, its versions, showing one to the client and asking to approve it.

The caller owns the transaction. Pins are in pins.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.decisions import commands as decisions
from portal.decisions import queries as asked
from portal.decisions.models import Decision, DecisionKind, DecisionState
from portal.decisions.rules import Question
from portal.designs import queries, rules
from portal.designs.models import Design, DesignPart, DesignVersion
from portal.designs.rules import Asking, Link
from portal.diff import apply_changes
from portal.errors import Conflict
from portal.files import opening
from portal.files.queries import files_by_numbers
from portal.ledger import commands as ledger
from portal.ledger.models import Audience


async def add_design(db: AsyncSession, scope: Scope, *, title: str, description: str = "") -> Design:
    """Adds a design without any version: internal until one is published. Raises Invalid, NotAllowed."""
    scope.require_staff()
    checked = rules.check_design({"title": title, "description": description})
    await ledger.lock(db, scope.project_id)
    last = await db.scalar(select(func.max(Design.number)).where(Design.project_id == scope.project_id))
    design = Design(
        project_id=scope.project_id, number=(last or 0) + 1, audience=Audience.INTERNAL, shown_version=None,
        last_version=0, last_pin=0, created_at=clock.now(), created_by=scope.viewer.actor, seq=0, **checked,
    )  # fmt: skip
    design.seq = await tell(db, scope, design, "design.added", checked)
    db.add(design)
    await db.flush()
    return design


async def change_design(db: AsyncSession, scope: Scope, number: int, wanted: Mapping[str, Any]) -> Design:
    """Changes title or description. What was decided keeps the words that were shown; what is being decided keeps
    still. Raises Conflict while a question is open, Invalid, NotFound.
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    design = await queries.design(db, scope, number)
    checked = rules.check_design(wanted)
    last = await _last_asked(db, scope, number)
    if last is not None and last.state is DecisionState.ASKED:
        raise Conflict("The client is deciding on these words: withdraw the question first.")
    if changes := apply_changes(design, checked):
        design.seq = await tell(db, scope, design, "design.changed", {"changes": changes}, design.audience)
    return design


async def add_version(
    db: AsyncSession,
    scope: Scope,
    number: int,
    *,
    note: str = "",
    files: Sequence[int] = (),
    links: Sequence[Link] = (),
) -> DesignVersion:
    """Adds a version of these files, in their order, and of prototypes. A draft: the client hears nothing of it.

    Raises Invalid for what a version cannot be made of, NotFound, NotAllowed.
    """
    scope.require_staff()
    rules.check_parts(files, links)
    await ledger.lock(db, scope.project_id)
    design = await queries.design(db, scope, number)
    if design.last_version >= rules.MOST_VERSIONS:
        raise Conflict(f"A design has at most {rules.MOST_VERSIONS} versions: begin another one.")
    await _check_files(db, scope, files, links)
    design.last_version += 1
    version = DesignVersion(
        project_id=scope.project_id, design_number=number, version=design.last_version, note=rules.check_note(note),
        audience=Audience.INTERNAL, created_at=clock.now(), created_by=scope.viewer.actor, published_at=None, seq=0,
    )  # fmt: skip
    told = {
        "version": version.version, "note": version.note, "files": [*files],
        "links": [{"url": link.url, "snapshot": link.snapshot} for link in links],
    }  # fmt: skip
    version.seq = design.seq = await tell(db, scope, design, "design.version_added", told)
    db.add(version)
    await db.flush()
    db.add_all(_parts(version, files, links))
    await db.flush()
    return version


async def _check_files(db: AsyncSession, scope: Scope, files: Sequence[int], links: Sequence[Link]) -> None:
    named = [(f"files[{at}]", number) for at, number in enumerate(files)]
    named += [(f"links[{at}].snapshot", link.snapshot) for at, link in enumerate(links) if link.snapshot is not None]
    found = await files_by_numbers(db, scope, (number for _, number in named))
    for field, number in named:
        rules.check_file(field, number, found.get(number))


def _parts(version: DesignVersion, files: Sequence[int], links: Sequence[Link]) -> list[DesignPart]:
    made: list[tuple[int | None, str | None]] = [(number, None) for number in files]
    made += [(link.snapshot, link.url) for link in links]
    return [
        DesignPart(
            project_id=version.project_id, design_number=version.design_number, version=version.version,
            position=position, file_number=file, url=url,
        )
        for position, (file, url) in enumerate(made, start=1)
    ]  # fmt: skip


async def publish(
    db: AsyncSession, scope: Scope, number: int, version: int, again: Asking | None = None
) -> Decision | None:
    """Shows a version, with its files, to the client. A design that was asked about before is asked about anew.

    The same people are asked as before, or as `again` says. An approval of an older version stands; a question that
    was open is superseded. Published already: nothing happens. Returns the new question, if there is one.
    Raises Conflict for one that is older than what the client sees, and as `ask` does (then it is not published):
    Invalid when somebody who was asked before cannot answer any more.
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    design = await queries.design(db, scope, number)
    row = await queries.version(db, scope, number, version)
    if row.published_at is not None:
        return None
    if design.shown_version is not None and version < design.shown_version:
        raise Conflict("The client sees a newer version already.")
    parts = await queries.parts(db, scope, number, version)
    await opening.show_to_client(db, scope, (part.file_number for part in parts if part.file_number is not None))
    row.audience, row.published_at = Audience.CLIENT, clock.now()
    design.audience, design.shown_version = Audience.CLIENT, version
    told = {"version": version, "note": row.note}
    row.seq = design.seq = await tell(db, scope, design, "design.published", told, Audience.CLIENT)
    await db.flush()
    wanted = again or await _asked_before(db, scope, number)
    return await _ask(db, scope, design, row, wanted) if wanted else None


async def ask(db: AsyncSession, scope: Scope, number: int, wanted: Asking) -> Decision:
    """Asks the client to approve the newest version that they see; an open question about the design is superseded.

    Raises Conflict when the client sees no version or has approved this one, Invalid for a link without its snapshot
    and for people who could not answer, NotFound, NotAllowed.
    """
    scope.require_staff()
    await ledger.lock(db, scope.project_id)
    design = await queries.design(db, scope, number)
    if design.shown_version is None:
        raise Conflict("The client sees no version of this design: publish one first.")
    last = await _last_asked(db, scope, number)
    if last and last.outcome and last.outcome.is_approval and last.subject_version == design.shown_version:
        raise Conflict("This version was approved already.")
    version = await queries.version(db, scope, number, design.shown_version)
    return await _ask(db, scope, design, version, wanted)


async def _ask(db: AsyncSession, scope: Scope, design: Design, version: DesignVersion, wanted: Asking) -> Decision:
    parts = await queries.parts(db, scope, design.number, version.version)
    rules.check_askable(parts)
    files = await files_by_numbers(db, scope, (part.file_number for part in parts if part.file_number is not None))
    question = Question(
        kind=DecisionKind.DESIGN, subject_number=design.number, subject_version=version.version,
        title=design.title, content=rules.content_of(design, version, parts, files),
        people=wanted.people, needed=wanted.needed, due_on=wanted.due_on, holds_up=wanted.holds_up,
    )  # fmt: skip
    return await decisions.ask(db, scope, question)


async def _last_asked(db: AsyncSession, scope: Scope, number: int) -> Decision | None:
    return next(iter(await asked.of_subject(db, scope, DecisionKind.DESIGN, number)), None)


async def _asked_before(db: AsyncSession, scope: Scope, number: int) -> Asking | None:
    """What the last question was asked with; None when there was none, or the team took it back."""
    last = await _last_asked(db, scope, number)
    if last is None or last.state is DecisionState.WITHDRAWN:
        return None
    people, _ = await asked.people_and_answers(db, scope, last.number)
    due_on = last.due_on if last.due_on and last.due_on >= scope.today else None
    return Asking(tuple(sorted(people)), last.needed, due_on, last.holds_up)


async def tell(
    db: AsyncSession,
    scope: Scope,
    design: Design,
    kind: str,
    body: Mapping[str, Any],
    audience: Audience = Audience.INTERNAL,
) -> int:
    """Appends an event about a design, which it names by its title; its seq."""
    whole = {"title": design.title} | dict(body)
    event = ledger.NewEvent(kind, "design", design.number, audience, whole, scope.viewer.actor, clock.now())
    return await ledger.append(db, scope.project_id, [event])
