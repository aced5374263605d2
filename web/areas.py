"""The areas of a project and the pages in each, as its navigation names them to a viewer."""

from dataclasses import dataclass
from functools import lru_cache

from web.catalogues import catalogue


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a project: the tab that its handler names, its address below the project's, and its name."""

    tab: str
    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Area:
    """Pages that belong together; the area's link leads to the first."""

    name: str
    places: tuple[Place, ...]
    tabs: frozenset[str]


@lru_cache(32)
def areas(locale: str, *, tests_alone: bool, is_staff: bool, sees_money: bool) -> tuple[Area, ...]:
    """What a viewer with these rights may open, area by area, in one language."""
    _, pgettext = catalogue(locale).gettext, catalogue(locale).pgettext
    tests = (_("Tests"), [Place("tests", "/tests", _("Tests"))])
    overview = [Place("overview", "", _("Overview")), Place("activity", "/activity", _("Activity"))]
    if is_staff:
        overview.append(Place("visibility", "/visibility", _("What the client sees")))
    scope = [
        Place("requirements", "/requirements", _("Requirements")), Place("designs", "/designs", _("Designs")),
        Place("changes", "/changes", _("Changes")),
    ]  # fmt: skip
    work = [
        Place("backlog", "/backlog", _("Backlog")), Place("board", "/board", _("Board")),
        Place("burndown", "/burndown", _("Burndown")), Place("milestones", "/milestones", _("Milestones")),
    ]  # fmt: skip
    money = [Place("contract", "/contract", _("Contract")), Place("invoices", "/invoices", _("Invoices"))]
    found = [
        (_("Overview"), overview),
        (_("Decisions"), [Place("decisions", "/decisions", _("Decisions"))]),
        (pgettext("area of a project", "Scope"), scope),
        (pgettext("area of a project", "Work"), work),
        tests,
        *([(pgettext("area of a project", "Money"), money)] if sees_money else []),
    ]
    return tuple(
        Area(name, tuple(places), frozenset(place.tab for place in places))
        for name, places in ([tests] if tests_alone else found)
    )
