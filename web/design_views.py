"""What the pages of the designs show: how each stands, and a version with its pictures, remarks and decisions."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from portal.access import Scope
from portal.decisions.models import Decision, DecisionState
from portal.decisions.subjects import STANDING, Newest, Settled
from portal.designs import queries
from portal.designs.carrying import TEN_THOUSAND, Place
from portal.designs.models import Design, DesignVersion
from portal.designs.queries import DesignLine, DesignWithVersions, PartLine, PinLine, VersionLine
from portal.errors import Invalid, NotFound
from portal.files.kinds import PDF
from portal.files.pages import pages_of
from portal.projects.models import ProjectStatus
from portal.traceability import Link, links_from
from web.filters import number_of

AIM_WIDTH = 280
"""Pixels: how wide the picture is in the form that asks for a place without scripts. It fits the smallest screen, and
what a browser then tells are pixels of this very width."""
HOWS = ("side", "slider", "difference")


@dataclass(frozen=True, slots=True)
class DesignRow:
    """A design in the list and how it stands: a state of `STATES` in designs/state.html, and of which version."""

    design: Design
    cover: str
    state: str
    version: int | None
    has_draft: bool


@dataclass(frozen=True, slots=True)
class DesignsPage:
    """The context of designs/list.html."""

    rows: Sequence[DesignRow]
    next: str


@dataclass(frozen=True, slots=True)
class PictureView:
    """A picture of a version, one page of it: where it is shown from, and how large it is in its own points.

    `src` is empty for a page that could not be drawn. Of a document's pages so many can be looked through, so many of
    those were `drawn`, `of` so many in all; None where nobody counted them.
    """

    position: int
    name: str
    file: int
    src: str
    width: int
    height: int
    url: str
    is_document: bool
    page: int
    pages: int
    drawn: int
    of: int | None


@dataclass(frozen=True, slots=True)
class PinView:
    """A remark on the version that is looked at. `place` is None where it has none any more.

    `page` is told where it says something: of a document with several pages.
    """

    line: PinLine
    place: Place | None
    here: bool
    page: int | None


@dataclass(frozen=True, slots=True)
class CompareView:
    """Two versions of one picture; either may lack it."""

    how: str
    old: DesignVersion
    old_picture: PictureView | None


@dataclass(frozen=True, slots=True)
class DesignPage:
    """The context of designs/design.html. `chosen` is the place of a remark that is about to be written."""

    design: Design
    address: str
    versions: Sequence[DesignVersion]
    version: DesignVersion | None
    is_newest: bool
    links: Sequence[PartLine]
    pictures: Sequence[PictureView]
    picture: PictureView | None
    pins: Sequence[PinView]
    aim: tuple[int, int]
    chosen: Place | None
    compare: CompareView | None
    open: Settled | None
    story: Sequence[Settled]
    outcomes: Mapping[int, Decision]
    state: str
    state_version: int | None
    may_write: bool
    may_pin: bool
    traced: Sequence[Link]


def row_of(scope: Scope, line: DesignLine) -> DesignRow:
    row = line.design
    cover = _preview(scope, line.cover.number) if line.cover and line.cover.preview else ""
    version = line.newest.decision.subject_version if line.newest else row.shown_version
    has_draft = scope.is_staff and row.last_version > (row.shown_version or 0)
    return DesignRow(row, cover, state_of(row, line.newest), version, has_draft)


def state_of(design: Design, newest: Newest | None) -> str:
    """How a design stands: `draft`, `shown`, `mine` (the viewer can answer), `asked`, or what was decided."""
    if design.shown_version is None:
        return "draft"
    if newest is None:
        return "shown"
    decision = newest.decision
    if decision.state is DecisionState.ASKED:
        return "mine" if newest.is_mine else "asked"
    return decision.outcome.value if decision.outcome else "shown"


def _preview(scope: Scope, number: int, page: int = 1) -> str:
    return f"/projects/{scope.key}/files/{number}/preview" + (f"?page={page}" if page > 1 else "")


def page_of(
    asked: Mapping[str, str],
    scope: Scope,
    found: DesignWithVersions,
    line: VersionLine | None,
    remarks: Sequence[PinLine],
    story: Sequence[Settled],
) -> DesignPage:
    pictures = _pictures(scope, line)
    picture = _picture(scope, line, pictures, asked)
    number = line.version.version if line else 0
    places = queries.places(found, remarks, number) if line else {}
    several = {one.position for one in pictures if one.pages > 1}
    is_drawn = picture is not None and picture.src != ""
    aim = (AIM_WIDTH, max(1, round(AIM_WIDTH * picture.height / picture.width))) if picture and is_drawn else (0, 0)
    may_write = picture is not None and not scope.preview and scope.project.status != ProjectStatus.ARCHIVED
    newest = next((one for one in story if one.decision.state in STANDING), None)
    return DesignPage(
        design=found.design, address=f"/projects/{scope.key}/designs/{found.design.number}",
        versions=[one.version for one in reversed(found.versions)], version=line.version if line else None,
        is_newest=line is found.newest, links=[one for one in line.parts if one.part.url] if line else (),
        pictures=pictures, picture=picture,
        pins=[_pin(one, places[one.pin.number], picture, several) for one in remarks if one.pin.number in places],
        aim=aim, chosen=_chosen(asked, picture, aim) if picture and is_drawn else None,
        compare=_compare(asked, scope, found, number, picture) if picture else None,
        open=next((one for one in story if one.decision.state is DecisionState.ASKED), None), story=story,
        outcomes=_outcomes(story),
        state=state_of(found.design, Newest(newest.decision, newest.is_mine) if newest else None),
        state_version=newest.decision.subject_version if newest else found.design.shown_version,
        may_write=may_write, may_pin=may_write and is_drawn,
        traced=links_from(found.also),
    )  # fmt: skip


def _pin(line: PinLine, place: Place | None, picture: PictureView | None, several: Set[int]) -> PinView:
    is_here = place is not None and picture is not None and _is_on(place, picture)
    page = place.page if place else line.pin.page
    is_told = page > 1 or (place is not None and place.position in several)
    return PinView(line, place, is_here, page if is_told else None)


def _is_on(place: Place, picture: PictureView) -> bool:
    return (place.position, place.page) == (picture.position, picture.page)


def _outcomes(story: Sequence[Settled]) -> dict[int, Decision]:
    """What was decided of each version, if it was: the newest decision counts."""
    decided = [one.decision for one in reversed(story) if one.decision.outcome is not None]
    return {one.subject_version: one for one in decided}


def _pictures(scope: Scope, line: VersionLine | None) -> list[PictureView]:
    """The first page of each picture of a version."""
    views = (_view(scope, one, 1) for one in (line.parts if line else ()))
    return [view for view in views if view is not None]


def _view(scope: Scope, line: PartLine, number: int) -> PictureView | None:
    """One page of a part; None where it is not shown."""
    file = line.file
    pages = pages_of(file) if file is not None else ()
    if file is None or not 1 <= number <= len(pages):
        return None
    page = pages[number - 1]
    src = _preview(scope, file.number, number) if page.is_drawn else ""
    return PictureView(
        line.part.position, file.name, file.number, src, page.width, page.height, line.part.url or "",
        file.media_type == PDF, number, len(pages), sum(one.is_drawn for one in pages), file.page_count,
    )  # fmt: skip


def _picture(
    scope: Scope, line: VersionLine | None, pictures: Sequence[PictureView], asked: Mapping[str, str]
) -> PictureView | None:
    """The page that is asked for of the picture at a position; the first of the first, if none is. Raises NotFound."""
    position, number = number_of(asked, "file"), number_of(asked, "page")
    if not pictures and position is None:
        return None
    found = _at(scope, line, pictures[0].position if position is None else position, 1 if number is None else number)
    if found is None:
        raise NotFound("There is no such picture in this version.")
    return found


def _at(scope: Scope, line: VersionLine | None, position: int, number: int) -> PictureView | None:
    """A page of the part at a position of a version, if it is shown."""
    part = next((one for one in line.parts if one.part.position == position), None) if line else None
    return _view(scope, part, number) if part else None


def _chosen(asked: Mapping[str, str], picture: PictureView, aim: tuple[int, int]) -> Place | None:
    """The place that was clicked in the form without scripts: pixels of the small picture. Raises Invalid."""
    pixels = [_pixel(asked, name) for name in ("at.x", "at.y")]
    if None in pixels:
        return None
    x, y = (min(TEN_THOUSAND, (at or 0) * TEN_THOUSAND // side) for at, side in zip(pixels, aim, strict=True))
    return Place(picture.position, x, y, picture.page)


def _pixel(asked: Mapping[str, str], name: str) -> int | None:
    text = asked.get(name, "")
    return number_of(asked, name) if text != "0" else 0


def _compare(
    asked: Mapping[str, str], scope: Scope, found: DesignWithVersions, version: int, picture: PictureView
) -> CompareView | None:
    other = number_of(asked, "with")
    if other is None:
        return None
    how = asked.get("how", "side")
    if how not in HOWS or other == version:
        right = f"how is one of {', '.join(HOWS)}, and with another version than the one that is shown."
        raise Invalid(right, field="how", value=how[:40])
    line = found.of(other)
    return CompareView(how, line.version, _at(scope, line, picture.position, picture.page))
