"""What the pages of the designs show: how each stands, and a version with its pictures, remarks and decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.access import Scope
from portal.decisions.models import Decision, DecisionState
from portal.decisions.subjects import Newest, Settled
from portal.designs import queries
from portal.designs.carrying import TEN_THOUSAND, Place
from portal.designs.models import Design, DesignVersion
from portal.designs.queries import DesignLine, DesignWithVersions, PartLine, PinLine, VersionLine
from portal.errors import Invalid, NotFound
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
    """A picture of a version: where it is shown from, and how large it is in its own points."""

    position: int
    name: str
    file: int
    src: str
    width: int
    height: int
    url: str
    is_document: bool


@dataclass(frozen=True, slots=True)
class PinView:
    """A remark on the version that is looked at. `place` is None where it has none any more."""

    line: PinLine
    place: Place | None
    here: bool


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


def _preview(scope: Scope, number: int) -> str:
    return f"/projects/{scope.key}/files/{number}/preview"


def page_of(
    asked: Mapping[str, str],
    scope: Scope,
    found: DesignWithVersions,
    line: VersionLine | None,
    remarks: Sequence[PinLine],
    story: Sequence[Settled],
) -> DesignPage:
    pictures = _pictures(scope, line)
    picture = _picture(pictures, number_of(asked, "file"))
    number = line.version.version if line else 0
    places = queries.places(found, remarks, number) if line else {}
    here = picture.position if picture else 0
    aim = (AIM_WIDTH, max(1, round(AIM_WIDTH * picture.height / picture.width))) if picture else (0, 0)
    newest = next((one for one in story if one.decision.state is not DecisionState.WITHDRAWN), None)
    return DesignPage(
        design=found.design, address=f"/projects/{scope.key}/designs/{found.design.number}",
        versions=[one.version for one in reversed(found.versions)], version=line.version if line else None,
        is_newest=line is found.newest, links=[one for one in line.parts if one.part.url] if line else (),
        pictures=pictures, picture=picture,
        pins=[_pin(one, places[one.pin.number], here) for one in remarks if one.pin.number in places],
        aim=aim, chosen=_chosen(asked, here, aim) if picture else None,
        compare=_compare(asked, scope, found, number, here),
        open=next((one for one in story if one.decision.state is DecisionState.ASKED), None), story=story,
        outcomes=_outcomes(story),
        state=state_of(found.design, Newest(newest.decision, newest.is_mine) if newest else None),
        state_version=newest.decision.subject_version if newest else found.design.shown_version,
        may_write=picture is not None and not scope.preview and scope.project.status != ProjectStatus.ARCHIVED,
        traced=links_from(found.also),
    )  # fmt: skip


def _pin(line: PinLine, place: Place | None, here: int) -> PinView:
    return PinView(line, place, place is not None and place.position == here)


def _outcomes(story: Sequence[Settled]) -> dict[int, Decision]:
    """What was decided of each version, if it was: the newest decision counts."""
    decided = [one.decision for one in reversed(story) if one.decision.outcome is not None]
    return {one.subject_version: one for one in decided}


def _pictures(scope: Scope, line: VersionLine | None) -> list[PictureView]:
    return [
        PictureView(
            one.part.position, one.file.name, one.file.number, _preview(scope, one.file.number), one.file.width or 1,
            one.file.height or 1, one.part.url or "", one.file.media_type == "application/pdf",
        )
        for one in (line.parts if line else ())
        if one.file is not None
    ]  # fmt: skip


def _picture(pictures: Sequence[PictureView], position: int | None) -> PictureView | None:
    """The picture at a position; the first, if none is asked for. Raises NotFound."""
    if position is None:
        return pictures[0] if pictures else None
    found = next((one for one in pictures if one.position == position), None)
    if found is None:
        raise NotFound("There is no such picture in this version.")
    return found


def _chosen(asked: Mapping[str, str], position: int, aim: tuple[int, int]) -> Place | None:
    """The place that was clicked in the form without scripts: pixels of the small picture. Raises Invalid."""
    pixels = [_pixel(asked, name) for name in ("at.x", "at.y")]
    if None in pixels:
        return None
    x, y = (min(TEN_THOUSAND, (at or 0) * TEN_THOUSAND // side) for at, side in zip(pixels, aim, strict=True))
    return Place(position, x, y)


def _pixel(asked: Mapping[str, str], name: str) -> int | None:
    text = asked.get(name, "")
    return number_of(asked, name) if text != "0" else 0


def _compare(
    asked: Mapping[str, str], scope: Scope, found: DesignWithVersions, version: int, position: int
) -> CompareView | None:
    other = number_of(asked, "with")
    if other is None or not position:
        return None
    how = asked.get("how", "side")
    if how not in HOWS or other == version:
        right = f"how is one of {', '.join(HOWS)}, and with another version than the one that is shown."
        raise Invalid(right, field="how", value=how[:40])
    line = found.of(other)
    old = next((one for one in _pictures(scope, line) if one.position == position), None)
    return CompareView(how, line.version, old)
