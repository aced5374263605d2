"""A Trello card's past: what it is now, undone action by action. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from portal.connectors.losses import Losses
from portal.connectors.moments import Zoned

BIRTHS = frozenset(
    {"createCard", "copyCard", "moveCardToBoard", "convertToCardFromCheckItem", "emailCard", "createCardFromEmail"}
)
GONE = frozenset({"deleteCard", "moveCardFromBoard"})


@dataclass(frozen=True, slots=True)
class Card:
    """A card at a moment, in Trello's own terms."""

    name: str
    desc: str
    list_id: str
    closed: bool
    members: tuple[str, ...]
    labels: tuple[str, ...]
    points: Any
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """How a card became another."""

    at: datetime
    author: str | None
    after: Card


@dataclass(frozen=True, slots=True)
class Life:
    """A card from its creation on."""

    id: str
    number: str
    created_at: datetime
    author: str | None
    first: Card
    steps: tuple[Step, ...]


def life(
    ref: str,
    number: str,
    now: Card,
    actions: Sequence[Mapping[str, Any]],
    points_field: str | None,
    zoned: Zoned,
    losses: Losses,
) -> Life:
    """A card's life. `actions` are its own, the oldest first.

    Without the action that created it (Trello leaves out the oldest) it is as old as its id says.
    """
    where = f"card #{number}"
    steps: list[Step] = []
    card, created, author = now, None, None
    for action in reversed(actions):
        at = zoned.iso(action.get("date"), f"action {action.get('id')}")
        who = str(action.get("idMemberCreator") or "") or None
        if action.get("type") in BIRTHS:
            created, author = at, who
            _check_first_list(card, action, where, losses)
            break
        before = _undone(card, action, points_field)
        if before != card:
            steps.append(Step(at, who, card))
            card = before
    if created is None:
        created = born(ref)
        told = (
            "its creation is not among the actions: its age comes from its id, its first list from what is known later"
        )
        losses.changed("card history", where, told)
    return Life(ref, number, created, author, card, tuple(reversed(steps)))


def born(ref: str) -> datetime:
    """When a thing of Trello was made: its id begins with the seconds since 1970, in hexadecimal digits."""
    try:
        return datetime.fromtimestamp(int(ref[:8], 16), UTC)
    except (ValueError, OverflowError):
        return datetime(2011, 9, 13, tzinfo=UTC)  # the day on which Trello opened: no card is older


def _check_first_list(card: Card, action: Mapping[str, Any], where: str, losses: Losses) -> None:
    known = action["data"].get("list") if isinstance(action.get("data"), dict) else None
    if isinstance(known, dict) and known.get("id") and str(known["id"]) != card.list_id:
        losses.changed("card history", where, "a move is missing among the actions: it counts from the creation")


def _undone(card: Card, action: Mapping[str, Any], points_field: str | None) -> Card:
    data = action.get("data")
    if not isinstance(data, dict):
        return card
    match action.get("type"):
        case "updateCard":
            return _unedited(card, data.get("old"))
        case "deleteCard" | "moveCardFromBoard":
            return replace(card, gone=False)
        case "addMemberToCard" | "removeMemberFromCard":
            who = str(data.get("idMember") or (data.get("member") or {}).get("id") or "")
            return replace(card, members=_toggled(card.members, who, added=action["type"] == "addMemberToCard"))
        case "addLabelToCard" | "removeLabelFromCard":
            about = data.get("label")
            label = label_name(about if isinstance(about, dict) else data)
            return replace(card, labels=_toggled(card.labels, label, added=action["type"] == "addLabelToCard"))
        case "updateCustomFieldItem":
            return _unestimated(card, data, points_field)
    return card


def _unedited(card: Card, old: Any) -> Card:
    if not isinstance(old, dict):
        return card
    return replace(
        card,
        name=str(old["name"]) if "name" in old else card.name,
        desc=str(old["desc"] or "") if "desc" in old else card.desc,
        list_id=str(old["idList"]) if "idList" in old else card.list_id,
        closed=bool(old["closed"]) if "closed" in old else card.closed,
    )


def _toggled(kept: tuple[str, ...], one: str, *, added: bool) -> tuple[str, ...]:
    without = tuple(other for other in kept if other != one)
    return without if added or not one else (*without, one)


def _unestimated(card: Card, data: Mapping[str, Any], points_field: str | None) -> Card:
    field, old = data.get("customField"), data.get("old")
    if not isinstance(field, dict) or field.get("id") != points_field or not isinstance(old, dict):
        return card
    return replace(card, points=custom_value(old.get("value")))


def custom_value(value: Any) -> str | Decimal | None:
    """The number or text in a custom field."""
    if isinstance(value, dict):
        return value.get("number") or value.get("text")
    return None


def label_name(label: Mapping[str, Any]) -> str:
    """What a label is called; one without a name by its colour."""
    return str(label.get("name") or label.get("text") or label.get("color") or label.get("value") or "")
