"""What Trello's lists mean, by the name that each had at the time. Pure."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from portal.backlog.models import Category
from portal.connectors.losses import Losses
from portal.connectors.mapping import ListRule, guess_by_name
from portal.connectors.mapping import Mapping as Wanted
from portal.connectors.model import SourceMilestone, SourceStatus
from portal.connectors.moments import Zoned, iso_day
from portal.connectors.reading import one_line, reference

DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
NOT_WORK = re.compile(
    r"meeting|\bnotes?\b|\bfiles?\b|resources?|\blinks?\b|\binfo|documents?\b|templates?\b|checklist|feedback|how.?to|guidelines?"
    r"|\bteam\b|contacts?\b|reference|\brules\b|welcome|project (management|mgt|mgmt)|standup|stand-up|retro"
    r"|заметк|встреч|会议|文档|资料",
    re.IGNORECASE,
)
RELEASES_THAT_MAKE_A_CUSTOM = 3
RELEASED = "Done"
ARCHIVED = SourceStatus(
    "trello-status:archived", "Archived", Category.DROPPED, "an archived card that was not done will not be"
)


class Moment(NamedTuple):
    """How a list was from a moment on."""

    at: datetime | None
    name: str
    closed: bool
    author: str | None = None


@dataclass(slots=True)
class TrelloList:
    """A list with its names and whether it was archived, over time."""

    id: str
    moments: list[Moment]
    """The first holds from the beginning."""

    @property
    def name(self) -> str:
        """Its name now."""
        return self.moments[-1].name

    def at(self, moment: datetime) -> Moment:
        """How it was at a moment."""
        later = self.moments[1:]
        return self.moments[bisect_right(later, moment, key=lambda one: one.at or moment)]


class Place(NamedTuple):
    """What it means to be in a list."""

    status: SourceStatus
    milestone: str | None


@dataclass(slots=True)
class Board:
    """The lists of a board and what they mean."""

    lists: dict[str, TrelloList]
    wanted: Wanted
    losses: Losses
    statuses: dict[str, SourceStatus] = field(default_factory=dict)
    milestones: dict[str, SourceMilestone] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)
    dated: bool = False
    """Whether this board has one list for each release."""

    def __post_init__(self) -> None:
        names = [moment.name for one in self.lists.values() for moment in one.moments]
        done = {n for n in names if DATE.search(n) and guess_by_name(DATE.sub("", n)).category is Category.DONE}
        self.dated = len(done) >= RELEASES_THAT_MAKE_A_CUSTOM

    def list_of(self, ref: str) -> TrelloList:
        """A list, also one that only the actions name."""
        if ref not in self.lists:
            self.losses.not_understood(
                "lists", ref, "neither in the board nor in its actions: taken as still to be done"
            )
            self.lists[ref] = TrelloList(ref, [Moment(None, "Unknown list", False)])
        return self.lists[ref]

    def why_not_work(self, ref: str) -> str | None:
        """Why a list is no work at all, for its whole life; None when it is work."""
        one = self.list_of(ref)
        rules = [self.wanted.list_rule(moment.name) for moment in reversed(one.moments)]
        said = next((rule for rule in rules if rule is not None), None)
        if said == "ignore":
            return f"the mapping file says that list {one.name!r} is no work"
        if said is None and (found := NOT_WORK.search(one.name)):
            return f"list {one.name!r} is taken for no work, because of {found.group()!r} in its name"
        return None

    def place(self, ref: str, at: datetime, archived: bool) -> Place:
        """The status, and for a release's list the milestone, of a card in this list at a moment."""
        one = self.list_of(ref)
        then = one.at(at)
        rule = self.wanted.list_rule(then.name)
        found = self._by_rule(one, then.name, rule) if isinstance(rule, ListRule) else self._by_guess(one, then.name)
        if (archived or then.closed) and found.status.category is not Category.DONE:
            self.statuses.setdefault(ARCHIVED.ref, ARCHIVED)
            return Place(ARCHIVED, None)
        return found

    def _by_rule(self, one: TrelloList, name: str, rule: ListRule) -> Place:
        milestone = self._milestone(one) if rule.milestone else None
        return Place(self._status(rule.status or name, Category(rule.category), "the mapping file says so"), milestone)

    def _by_guess(self, one: TrelloList, name: str) -> Place:
        meant = guess_by_name(DATE.sub(" ", name)) if DATE.search(name) else guess_by_name(name)
        bare = self.dated and not re.sub(r"[\W_]", "", DATE.sub("", name))
        if self.dated and DATE.search(name) and (bare or meant.category is Category.DONE):
            why = "this board has one list for each release"
            self._tell_release(one, name)
            return Place(self._status(RELEASED, Category.DONE, why), self._milestone(one))
        return Place(self._status(name, meant.category, meant.why), None)

    def _tell_release(self, one: TrelloList, name: str) -> None:
        if (one.id, name) not in self.told:
            self.told.add((one.id, name))
            how = f"a release of its own: its cards are {RELEASED}, and their milestone is the list"
            self.losses.changed("lists", name, how)

    def _status(self, name: str, category: Category, why: str) -> SourceStatus:
        ref = f"trello-status:{reference(name.casefold())}"
        return self.statuses.setdefault(ref, SourceStatus(ref, name[:100], category, why))

    def _milestone(self, one: TrelloList) -> str:
        found = DATE.search(one.name)
        day = iso_day(found.group()) if found else None
        milestone = SourceMilestone(f"trello-list:{reference(one.id)}", one.name, expected_on=day, done_on=day)
        return self.milestones.setdefault(one.id, milestone).ref


def read_lists(
    board: Mapping[str, Any], actions: Sequence[Mapping[str, Any]], zoned: Zoned, losses: Losses
) -> dict[str, TrelloList]:
    """The lists with their past: what is now, undone action by action from the newest to the oldest."""
    found = {
        str(one["id"]): _now(one, losses) for one in board.get("lists") or () if isinstance(one, dict) and one.get("id")
    }
    for action in reversed(actions):
        data = action.get("data") if isinstance(action.get("data"), dict) else {}
        assert isinstance(data, dict)
        for known in _lists_in(data):
            ref = str(known["id"])
            if ref not in found:
                name = one_line(str(known.get("name") or ""), ref, losses, length=100, otherwise="Unnamed list")
                found[ref] = TrelloList(ref, [Moment(None, name, closed=True)])
        if action.get("type") == "updateList":
            _undo(found, action, data, zoned, losses)
    return found


def _now(one: Mapping[str, Any], losses: Losses) -> TrelloList:
    ref = str(one["id"])
    name = one_line(str(one.get("name") or ""), f"list {ref}", losses, length=100, otherwise="Unnamed list")
    return TrelloList(ref, [Moment(None, name, bool(one.get("closed")))])


def _lists_in(data: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    named = (data.get(name) for name in ("list", "listAfter", "listBefore"))
    return [one for one in named if isinstance(one, dict) and one.get("id")]


def _undo(
    found: dict[str, TrelloList], action: Mapping[str, Any], data: Mapping[str, Any], zoned: Zoned, losses: Losses
) -> None:
    old, about = data.get("old"), data.get("list")
    if not isinstance(old, dict) or not isinstance(about, dict) or not {"name", "closed"} & old.keys():
        return
    moments = found[str(about["id"])].moments
    at = zoned.iso(action.get("date"), f"action {action.get('id')}")
    first = moments[0]
    name = (
        one_line(str(old["name"]), f"list {about['id']}", losses, length=100, otherwise="Unnamed list")
        if "name" in old
        else first.name
    )
    before = Moment(None, name, bool(old["closed"]) if "closed" in old else first.closed)
    moments[0] = first._replace(at=at, author=str(action.get("idMemberCreator") or "") or None)
    moments.insert(0, before)
