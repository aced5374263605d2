"""One Trello card as an item with its history. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from portal.connectors.losses import Losses
from portal.connectors.mapping import TYPES
from portal.connectors.model import EMPTY, Field, SourceChange, SourceItem, State, Value
from portal.connectors.reading import clean, estimate, labels, one_line, reference, web_address
from portal.connectors.trello_cards import Card, Life
from portal.connectors.trello_lists import Board

PREFIX = re.compile(r"^\s*\((\d{1,5}(?:[.,]\d{1,3})?|\?)\)\s*")
SUFFIX = re.compile(r"\s*\[(\d{1,5}(?:[.,]\d{1,3})?)\]\s*$")
CARDS_THAT_MAKE_A_CUSTOM = 2
MOST_POSITION = 2**53 - 1


class Titles(NamedTuple):
    """Where in the titles of this board the points are."""

    pattern: re.Pattern[str] | None
    told: str


def points_in_titles(titles: Sequence[str], wanted: bool | None) -> Titles:
    """Whether this board writes points as "(3) title" (then "[2]" at the end is what was used up) or "title [3]"."""
    before, after = (sum(bool(pattern.search(title)) for title in titles) for pattern in (PREFIX, SUFFIX))
    least = 1 if wanted else CARDS_THAT_MAKE_A_CUSTOM
    if wanted is False or max(before, after) < least:
        return Titles(None, "neither a custom field nor titles with (points)")
    if before >= least:
        return Titles(PREFIX, f"{before} titles begin with (points)")
    return Titles(SUFFIX, f"{after} titles end with [points]")


class ItemReader:
    """Reads the cards of one board."""

    def __init__(self, board: Mapping[str, Any], lists: Board, titles: Titles, losses: Losses) -> None:
        self.lists = lists
        self.titles = titles
        self.losses = losses
        self.cards = {str(one.get("id")): one for one in board["cards"] if isinstance(one, dict)}
        self.checklists: dict[str, list[Mapping[str, Any]]] = {}
        for one in board.get("checklists") or ():
            if isinstance(one, dict):
                self.checklists.setdefault(str(one.get("idCard")), []).append(one)

    def read(self, life: Life) -> SourceItem | None:
        """The card's life in this project; None for what never was work, which is counted."""
        where = f"card #{life.number}"
        raw = self.cards.get(life.id, {})
        if why := self._why_never_work(life, raw):
            self.losses.lost("cards", f"{where} {life.first.name[:60]}".strip(), why)
            return None
        moments = self._moments(life)
        states = [self._state(card, at, where, life.id) for at, _, card in moments]
        start = next(place for place, state in enumerate(states) if not state[Field.DELETED])
        if start:
            self.losses.changed("card history", where, "before it came into a list of work: folded into how it arrived")
        changes = _changes(moments[start:], states[start:])
        self._note_lost(raw, where)
        return SourceItem(
            external_ref=f"trello:{reference(life.id)}", external_key=f"#{reference(life.number)}"[:100],
            external_url=web_address(raw.get("shortUrl") or raw.get("url")), created_at=life.created_at,
            born_at=moments[start][0], author=_user(moments[start][1]), position=_position(raw.get("pos")),
            initial=states[start], changes=tuple(changes), updated_at=changes[-1].at if changes else life.created_at,
        )  # fmt: skip

    def _why_never_work(self, life: Life, raw: Mapping[str, Any]) -> str | None:
        cards = [life.first, *(step.after for step in life.steps)]
        if raw.get("isTemplate"):
            return "a template of cards"
        if not any(sign.isalnum() for sign in cards[-1].name):
            return "a title without letters is taken for a line between cards"
        reasons = [self.lists.why_not_work(card.list_id) for card in cards]
        return reasons[-1] if all(reasons) else None

    def _moments(self, life: Life) -> list[tuple[datetime, str | None, Card]]:
        """The card at its creation and after each change of its own or of the list that it was in at the time."""
        own = [(life.created_at, life.author, life.first), *((s.at, s.author, s.after) for s in life.steps)]
        moments = []
        for place, (at, author, card) in enumerate(own):
            until = own[place + 1][0] if place + 1 < len(own) else None
            moments.append((at, author, card))
            moments += [
                (one.at, one.author, card)
                for one in self.lists.list_of(card.list_id).moments
                if one.at and one.at > at and (until is None or one.at < until)
            ]
        return moments

    def _state(self, card: Card, at: datetime, where: str, ref: str) -> State:
        work = self.lists.why_not_work(card.list_id) is None
        status, milestone = self.lists.place(card.list_id, at, card.closed) if work else (None, None)
        title, points = self._title(card, where)
        return {
            **EMPTY,
            Field.TITLE: title,
            Field.DESCRIPTION: clean(card.desc, where, self.losses),
            Field.CRITERIA: self._checks(ref, where),
            Field.TYPE: next((name for name in card.labels if _is_type(name)), ""),
            Field.STATUS: status.ref if status else None,
            Field.MILESTONE: milestone,
            Field.POINTS: points,
            Field.ASSIGNEE: _user(card.members[0]) if card.members else None,
            Field.LABELS: labels(list(card.labels), where, self.losses),
            Field.DELETED: card.gone or not work,
        }

    def _title(self, card: Card, where: str) -> tuple[str, Decimal | None]:
        title, points = card.name, card.points
        found = self.titles.pattern.search(title) if self.titles.pattern else None
        if found:
            title, points = title.replace(found.group(), "", 1), points if points is not None else found[1]
        if self.titles.pattern is PREFIX and (used := SUFFIX.search(title)):
            self.losses.lost("used points", where, "a number in [brackets] at the end of a title: what was used up")
            title = title[: used.start()]
        return one_line(title, where, self.losses, otherwise=where), estimate(points, "points", where, self.losses)

    def _checks(self, ref: str, where: str) -> str:
        """A card's checklists, as lists to be ticked, in its acceptance criteria."""
        texts = []
        for one in self.checklists.get(ref, ()):
            lines = [f"**{one_line(str(one.get('name') or ''), where, self.losses, otherwise='Checklist')}**"]
            for check in sorted(one.get("checkItems") or (), key=lambda check: float(check.get("pos") or 0)):
                mark = "x" if check.get("state") == "complete" else " "
                lines.append(f"- [{mark}] {one_line(str(check.get('name') or ''), where, self.losses, otherwise='?')}")
            texts.append("\n".join(lines))
        return "\n\n".join(texts)

    def _note_lost(self, raw: Mapping[str, Any], where: str) -> None:
        badges = raw.get("badges") if isinstance(raw.get("badges"), dict) else {}
        assert isinstance(badges, dict)
        counted = {
            "comments": badges.get("comments"),
            "votes": badges.get("votes"),
            "attachments": len(raw.get("attachments") or ()),
        }
        for what, count in counted.items():
            if isinstance(count, int) and count:
                self.losses.lost(what, where, "have no place here: see them in the source", count=count)
        if len(raw.get("idMembers") or ()) > 1:
            self.losses.lost("members", where, "an item has one assignee: the first", count=len(raw["idMembers"]) - 1)
        if raw.get("due"):
            self.losses.lost("due dates", where, "have no place here: see them in the source")
        for one in self.checklists.get(str(raw.get("id")), ()):
            told = "kept as text in the acceptance criteria; when each item was ticked is not"
            self.losses.changed("checklists", f"{where}: {str(one.get('name'))[:60]}", told)


def _changes(moments: Sequence[tuple[datetime, str | None, Card]], states: Sequence[State]) -> list[SourceChange]:
    """What differs from one moment to the next. Without work a card keeps the status that it last had."""
    changes: list[SourceChange] = []
    last: dict[Field, Value] = dict(states[0])
    for (at, author, _), state in zip(moments[1:], states[1:], strict=True):
        for field, value in state.items():
            if value != last[field] and not (field is Field.STATUS and value is None):
                changes.append(SourceChange(at, _user(author), field, last[field], value))
                last[field] = value
    return changes


def _is_type(name: str) -> bool:
    return any(re.fullmatch(rf"(?:{words})s?", name.strip(), re.IGNORECASE) for _, words in TYPES)


def _user(ref: str | None) -> str | None:
    return f"trello-user:{reference(ref)}" if ref else None


def _position(value: Any) -> int:
    return min(max(int(Decimal(value) * 1024), 0), MOST_POSITION) if isinstance(value, int | Decimal) else 0
