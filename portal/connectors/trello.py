"""Trello's board JSON with its actions (at most 1,000, the newest). Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from portal.connectors.json_reading import JsonText
from portal.connectors.losses import Losses
from portal.connectors.mapping import Mapping as Wanted
from portal.connectors.model import SourceItem, SourcePerson, SourceProject, System
from portal.connectors.moments import Zoned
from portal.connectors.reading import one_line, reference
from portal.connectors.trello_cards import BIRTHS, GONE, Card, Life, custom_value, label_name, life
from portal.connectors.trello_item import ItemReader, points_in_titles
from portal.connectors.trello_lists import Board, read_lists
from portal.errors import Invalid

MOST_ACTIONS = 1_000
READ = (
    BIRTHS | GONE | {"updateCard", "updateList", "createList", "createBoard", "addMemberToCard", "removeMemberFromCard",
                     "addLabelToCard", "removeLabelFromCard", "updateCustomFieldItem", "commentCard"}
)  # fmt: skip
"""The actions that are read; comments are counted with their cards."""
POINTS = ("points", "story points", "estimate", "size", "effort")


def read(text: str, wanted: Wanted, zone: ZoneInfo, losses: Losses) -> SourceProject:
    """Reads a board. Raises Invalid saying where the file breaks, or that it is no board."""
    board = dict(JsonText(text, losses).members())
    if not isinstance(board.get("cards"), list) or not isinstance(board.get("lists"), list):
        raise Invalid("This is no Trello board: it should be an object with cards, lists and actions.", field="file")
    zoned = Zoned(zone, losses)
    actions = _actions(board, zoned, losses)
    lists = Board(read_lists(board, actions, zoned, losses), wanted, losses)
    points_field = _points_field(board, wanted)
    lives = _lives(board, actions, points_field, zoned, losses)
    titles = points_in_titles(
        [one.steps[-1].after.name if one.steps else one.first.name for one in lives], wanted.title_points
    )
    reader = ItemReader(board, lists, titles, losses)
    items = [item for one in lives if (item := reader.read(one)) is not None]
    _note_lost(board, points_field, losses)
    key = str(board.get("shortLink") or board.get("id") or "")[:40]
    return SourceProject(
        system=System.TRELLO,
        key=key,
        name=one_line(str(board.get("name") or ""), "board", losses, length=200, otherwise=key or "Board"),
        iterations=(),
        milestones=tuple(lists.milestones.values()),
        statuses=tuple(lists.statuses.values()),
        people=_people(board, actions, items, losses),
        held=len(lives),
        items=tuple(items),
        losses=losses,
        counts={
            "cards": len(board["cards"]),
            "cards that were deleted": len(lives) - len(board["cards"]),
            "lists": len(board["lists"]),
            "actions": len(actions),
        },
        notes=(f"points: {titles.told}" if points_field is None else f"points: custom field {points_field}",),
    )


def _actions(board: Mapping[str, Any], zoned: Zoned, losses: Losses) -> list[Mapping[str, Any]]:
    """The actions, the oldest first."""
    raw = board.get("actions")
    found = [one for one in raw if isinstance(one, dict)] if isinstance(raw, list) else []
    if not found:
        losses.lost("actions", "actions", "the file has none: every card has been where it is since it was created")
    if len(found) >= MOST_ACTIONS:
        oldest = min(str(one.get("date")) for one in found)
        told = f"a board's export holds at most {MOST_ACTIONS:,}: what happened before {oldest} is missing"
        losses.lost("actions", "actions", told)
    return sorted(found, key=lambda one: (zoned.iso(one.get("date"), f"action {one.get('id')}"), str(one.get("id"))))


def _lives(
    board: Mapping[str, Any],
    actions: Sequence[Mapping[str, Any]],
    points_field: str | None,
    zoned: Zoned,
    losses: Losses,
) -> list[Life]:
    mine: dict[str, list[Mapping[str, Any]]] = {}
    for action in actions:
        card = action["data"].get("card") if isinstance(action.get("data"), dict) else None
        if isinstance(card, dict) and card.get("id"):
            mine.setdefault(str(card["id"]), []).append(action)
    cards: dict[str, tuple[str, Card]] = {}
    for place, card in enumerate(board["cards"]):
        if not isinstance(card, dict) or not card.get("id") or not card.get("idList"):
            raise Invalid(f"cards[{place}] is no Trello card: it needs id and idList.", field=f"cards[{place}]")
        if str(card["id"]) in cards:
            losses.changed("cards", f"cards[{place}]", "the same card twice: the last was taken")
        cards[str(card["id"])] = (str(card.get("idShort") or card["id"]), _now(card, points_field))
    for ref, own in mine.items():
        if ref not in cards and any(action.get("type") in GONE for action in own):
            cards[ref] = _deleted(ref, own, losses)
    return [
        life(ref, number, now, mine.get(ref, []), points_field, zoned, losses) for ref, (number, now) in cards.items()
    ]


def _now(card: Mapping[str, Any], points_field: str | None) -> Card:
    custom = {
        str(one.get("idCustomField")): custom_value(one.get("value"))
        for one in card.get("customFieldItems") or () if isinstance(one, dict)
    }  # fmt: skip
    return Card(
        name=str(card.get("name") or ""),
        desc=str(card.get("desc") or ""),
        list_id=str(card["idList"]),
        closed=bool(card.get("closed")),
        members=tuple(map(str, card.get("idMembers") or ())),
        labels=tuple(label_name(one) for one in card.get("labels") or () if isinstance(one, dict)),
        points=custom.get(points_field or ""),
    )


def _deleted(ref: str, actions: Sequence[Mapping[str, Any]], losses: Losses) -> tuple[str, Card]:
    """A card that is no longer on the board, as far as its actions know it."""
    number, name, list_id = ref, "", ""
    for action in actions:
        data = action["data"]
        number = str(data["card"].get("idShort") or number)
        name = str(data["card"].get("name") or name)
        for place in ("list", "listAfter"):
            if isinstance(data.get(place), dict) and data[place].get("id"):
                list_id = str(data[place]["id"])
    if not name:
        losses.changed("deleted cards", f"card #{number}", "its title is not in the file")
    return number, Card(name or f"Deleted card {number}", "", list_id, False, (), (), None, gone=True)


def _points_field(board: Mapping[str, Any], wanted: Wanted) -> str | None:
    fields = [one for one in board.get("customFields") or () if isinstance(one, dict)]
    names = [wanted.fields.points.casefold()] if wanted.fields.points else list(POINTS)
    for name in names:
        for one in fields:
            if str(one.get("name", "")).strip().casefold() == name or one.get("id") == wanted.fields.points:
                return str(one.get("id"))
    return None


def _people(
    board: Mapping[str, Any], actions: Sequence[Mapping[str, Any]], items: Sequence[SourceItem], losses: Losses
) -> tuple[SourcePerson, ...]:
    members = [one for one in board.get("members") or () if isinstance(one, dict)]
    members += [
        one
        for action in actions
        for one in (action.get("memberCreator"), action.get("member"))
        if isinstance(one, dict)
    ]
    found: dict[str, SourcePerson] = {}
    for one in members:
        ref = f"trello-user:{reference(one.get('id'))}"
        name = str(one.get("fullName") or one.get("username") or "")
        if one.get("id") and ref not in found:
            found[ref] = SourcePerson(ref, one_line(name, ref, losses, length=200, otherwise="?"))
    return tuple(found.values())


def _edits(board: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What each edit of a card replaced."""
    edits = [one for one in board.get("actions") or () if isinstance(one, dict) and one.get("type") == "updateCard"]
    data = [one["data"].get("old") for one in edits if isinstance(one.get("data"), dict)]
    return [old for old in data if isinstance(old, dict)]


def _note_lost(board: Mapping[str, Any], points_field: str | None, losses: Losses) -> None:
    for kind, count in Counter(
        str(one.get("type")) for one in board.get("actions") or () if isinstance(one, dict)
    ).items():
        if kind not in READ:
            losses.lost(f"actions {kind}"[:80], "actions", "not about what the items are", count=count)
    for one in _edits(board):
        if unread := [name for name in one if name not in ("name", "desc", "idList", "closed")]:
            losses.lost(f"history of {unread[0]}"[:80], "actions", "only its present value counts")
    for one in board.get("customFields") or ():
        if isinstance(one, dict) and str(one.get("id")) != points_field:
            losses.lost("custom fields", str(one.get("name"))[:60], "have no place here: see them in the source")
    if board.get("pluginData"):
        losses.lost("power-up data", "board", "belongs to power-ups", count=len(board["pluginData"]))
