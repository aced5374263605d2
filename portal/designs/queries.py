"""Reads of the designs: the list, one with its versions, what is pinned to it, and what was decided about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, null, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from portal.access import Scope
from portal.decisions import subjects
from portal.decisions.models import DecisionKind
from portal.decisions.subjects import Newest, Settled
from portal.designs import carrying
from portal.designs.carrying import Made, Part, Place
from portal.designs.models import Design, DesignPart, DesignPin, DesignReply, DesignVersion
from portal.errors import NotFound
from portal.files.models import File
from portal.files.pages import count_of
from portal.people.models import Person
from portal.projects.queries import MOST_NUMBER

MOST_ROWS = 5_000
"""Of one design: its parts, and its remarks with their replies."""


@dataclass(frozen=True, slots=True)
class DesignLine:
    """A design in the list: what it looks like, and how it stands."""

    design: Design
    cover: File | None
    newest: Newest | None
    """The newest question about it that was not taken back, if any."""


@dataclass(frozen=True, slots=True)
class PartLine:
    """A part of a version with its file; a link may be without."""

    part: DesignPart
    file: File | None


@dataclass(slots=True)
class VersionLine:
    """A version with its parts in their order."""

    version: DesignVersion
    parts: list[PartLine] = field(default_factory=list)

    @property
    def made(self) -> Made:
        """What it is made of, as remarks are carried by."""
        return [Part(one.part.url or one.part.file_number or 0, count_of(one.file)) for one in self.parts]


@dataclass(frozen=True, slots=True)
class DesignWithVersions:
    """A design and those of its versions that the viewer may see, the oldest first."""

    design: Design
    versions: Sequence[VersionLine]
    also: Any = None
    """The value of the column that was asked for beside."""

    @property
    def newest(self) -> VersionLine | None:
        """The newest version that the viewer sees."""
        return self.versions[-1] if self.versions else None

    def of(self, version: int) -> VersionLine:
        """One version. Raises NotFound."""
        found = next((one for one in self.versions if one.version.version == version), None)
        if found is None:
            raise NotFound(f"There is no version {version} of this design.")
        return found


@dataclass(frozen=True, slots=True)
class ReplyLine:
    """A reply and who wrote it; None for somebody whose name the project hides."""

    reply: DesignReply
    name: str | None


@dataclass(slots=True)
class PinLine:
    """A remark with its replies and who wrote it."""

    pin: DesignPin
    name: str | None
    replies: list[ReplyLine] = field(default_factory=list)


def _visible(scope: Scope, model: type[Design | DesignVersion | DesignPin]) -> tuple[ColumnElement[bool], ...]:
    return model.project_id == scope.project_id, model.audience.in_(scope.audiences)


async def design(db: AsyncSession, scope: Scope, number: int) -> Design:
    """One design. Raises NotFound, in the same words for what is not there and for what this viewer may not see."""
    statement = select(Design).where(*_visible(scope, Design), Design.number == number)
    found = await db.scalar(statement) if 0 < number <= MOST_NUMBER else None
    if found is None:
        raise NotFound("There is no such design in this project.")
    return found


async def version(db: AsyncSession, scope: Scope, number: int, version: int) -> DesignVersion:
    """One version of a design. Raises NotFound alike for none and for a draft that this viewer may not see."""
    which = (DesignVersion.design_number == number, DesignVersion.version == version)
    statement = select(DesignVersion).where(*_visible(scope, DesignVersion), *which)
    found = await db.scalar(statement) if 0 < version <= MOST_NUMBER else None
    if found is None:
        raise NotFound(f"There is no version {version} of this design.")
    return found


async def parts(db: AsyncSession, scope: Scope, number: int, version: int) -> Sequence[DesignPart]:
    """What a version is made of, in order; the caller has seen that the version is visible."""
    which = (DesignPart.design_number == number, DesignPart.version == version)
    statement = select(DesignPart).where(DesignPart.project_id == scope.project_id, *which)
    return (await db.scalars(statement.order_by(DesignPart.position))).all()


async def pin(db: AsyncSession, scope: Scope, number: int, pin_number: int) -> DesignPin:
    """One remark. Raises NotFound alike for none and for one among staff."""
    which = (DesignPin.design_number == number, DesignPin.number == pin_number)
    statement = select(DesignPin).where(*_visible(scope, DesignPin), *which)
    found = await db.scalar(statement) if 0 < pin_number <= MOST_NUMBER else None
    if found is None:
        raise NotFound("There is no such remark on this design.")
    return found


async def designs(
    db: AsyncSession, scope: Scope, *, before: int | None = None, limit: int = 50
) -> list[DesignLine]:  # fmt: skip
    """The designs that the viewer may see, the newest first, in two statements; the next page is before the last."""
    shown = Design.last_version if scope.is_staff else Design.shown_version
    statement = (
        select(Design, File)
        .outerjoin(DesignPart, and_(_part_of(Design.number, shown), DesignPart.position == 1))
        .outerjoin(File, _file_of())
        .where(*_visible(scope, Design))
        .order_by(Design.number.desc())
        .limit(limit)
    )
    rows = (await db.execute(statement if before is None else statement.where(Design.number < before))).all()
    newest = await subjects.newest(db, scope, DecisionKind.DESIGN, [row.number for row, _ in rows])
    return [DesignLine(row, cover, newest.get(row.number)) for row, cover in rows]


def _part_of(number: Any, version: Any) -> ColumnElement[bool]:
    return and_(
        DesignPart.project_id == Design.project_id, DesignPart.design_number == number, DesignPart.version == version
    )


def _file_of() -> ColumnElement[bool]:
    return and_(File.project_id == DesignPart.project_id, File.number == DesignPart.file_number)


async def is_published(db: AsyncSession, scope: Scope, number: int, version: int) -> bool:
    """Whether the client sees this version of a design, once it sees the design."""
    mine = (DesignVersion.project_id == scope.project_id, DesignVersion.design_number == number)
    statement = select(DesignVersion.published_at).where(*mine, DesignVersion.version == version)
    return 0 < version <= MOST_NUMBER and await db.scalar(statement) is not None


async def with_versions(
    db: AsyncSession, scope: Scope, number: int, also: ColumnElement[Any] | None = None
) -> DesignWithVersions:
    """A design with all its versions that the viewer may see, in one statement. Raises NotFound.

    `also` is a column of its own that the page needs too, such as `traceability.links_column`.
    """
    of_version = and_(
        DesignVersion.project_id == Design.project_id,
        DesignVersion.design_number == Design.number,
        DesignVersion.audience.in_(scope.audiences),
    )
    statement = (
        select(Design, DesignVersion, DesignPart, File, null() if also is None else also)
        .outerjoin(DesignVersion, of_version)
        .outerjoin(DesignPart, _part_of(Design.number, DesignVersion.version))
        .outerjoin(File, _file_of())
        .where(*_visible(scope, Design), Design.number == number)
        .order_by(DesignVersion.version, DesignPart.position)
        .limit(MOST_ROWS)
    )
    rows = (await db.execute(statement)).all() if 0 < number <= MOST_NUMBER else []
    if not rows:
        raise NotFound("There is no such design in this project.")
    lines: dict[int, VersionLine] = {}
    for _, one, part, file, _ in rows:
        if one is not None:
            line = lines.setdefault(one.version, VersionLine(one))
            if part is not None:
                line.parts.append(PartLine(part, file))
    return DesignWithVersions(rows[0][0], list(lines.values()), rows[0][-1])


async def pins(db: AsyncSession, scope: Scope, number: int) -> list[PinLine]:
    """All remarks on a design that the viewer may see, by number, with their replies, in one statement."""
    author, replier = aliased(Person), aliased(Person)
    of_pin = and_(
        DesignReply.project_id == DesignPin.project_id,
        DesignReply.design_number == DesignPin.design_number,
        DesignReply.pin_number == DesignPin.number,
    )
    statement = (
        select(DesignPin, author.name, DesignReply, replier.name)
        .outerjoin(DesignReply, of_pin)
        .outerjoin(author, author.id == DesignPin.person_id)
        .outerjoin(replier, replier.id == DesignReply.person_id)
        .where(*_visible(scope, DesignPin), DesignPin.design_number == number)
        .order_by(DesignPin.number, DesignReply.seq)
        .limit(MOST_ROWS)
    )
    lines: dict[int, PinLine] = {}
    for row, name, reply, by in await db.execute(statement):
        line = lines.setdefault(row.number, PinLine(row, _shown(scope, name, row.by_staff)))
        if reply is not None:
            line.replies.append(ReplyLine(reply, _shown(scope, by, reply.by_staff)))
    return list(lines.values())


def _shown(scope: Scope, name: str | None, by_staff: bool) -> str | None:
    hides = by_staff and not scope.is_staff and scope.project.show_staff != "name"
    return None if hides else name


async def story(db: AsyncSession, scope: Scope, number: int) -> list[Settled]:
    """The decisions about a design that the viewer may see, the newest first, with their answers, in one statement."""
    return await subjects.story(db, scope, DecisionKind.DESIGN, number)


def places(found: DesignWithVersions, pins: Iterable[PinLine], version: int) -> dict[int, Place | None]:
    """Those of the pins that a version shows, by number, each with its place there; None: it has no place there, as its
    picture is gone, or a prototype is without its snapshot.
    """
    made = {one.version.version: one for one in found.versions}
    published: Mapping[int, Made] = {n: one.made for n, one in made.items() if one.version.published_at is not None}
    drafts = {n: one.made for n, one in made.items() if n not in published}
    shown: dict[int, Place | None] = {}
    for line in pins:
        row = line.pin
        if row.version in made and carrying.shows(row.version, row.resolved_version, version):
            way = carrying.chain(row.version, version, published, drafts)
            place = carrying.carried(Place(row.position, row.x, row.y, row.page), way)
            shown[row.number] = place if place and made[version].parts[place.position - 1].file else None
    return shown
