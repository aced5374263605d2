"""What an address asks of a list: its filter, its cursor, its numbers. Everything in it comes from outside."""

import re
from collections.abc import Mapping
from dataclasses import asdict

from fastapi import Request

from portal.backlog.models import ItemType, Waiting
from portal.backlog.queries import Filter
from portal.errors import Invalid

LONGEST_TEXT = 200
CURSOR = re.compile(r"(-?\d{1,18})\.(\d{1,9})", re.ASCII)


def filter_of(request: Request) -> Filter:
    """What the address asks for. An empty field asks nothing; raises Invalid for one that cannot be right."""
    asked = {name: value.strip() for name, value in request.query_params.items()}
    for name in ("q", "status", "label"):
        _check_text(name, asked.get(name, ""))
    text = asked.get("q", "")
    return Filter(
        status=asked.get("status") or None,
        type=ItemType(_one_of(asked, "type", ItemType)) if asked.get("type") else None,
        iteration=number_of(asked, "iteration"),
        milestone=number_of(asked, "milestone"),
        label=asked.get("label") or None,
        text=text or None,
        waiting_on=_one_of(asked, "waiting_on", Waiting) if asked.get("waiting_on") else None,
    )


def _check_text(name: str, text: str) -> None:
    """Raises Invalid for what no database can be asked for."""
    if len(text) > LONGEST_TEXT or "\x00" in text:
        raise Invalid(f"{name} has at most {LONGEST_TEXT} characters, and no NUL.", field=name, value=text[:40])


def _one_of(asked: dict[str, str], name: str, allowed: type[ItemType] | type[Waiting]) -> str:
    values = [one.value for one in allowed]
    if asked[name] not in values:
        raise Invalid(f"{name} must be one of: {', '.join(values)}.", field=name, value=asked[name])
    return asked[name]


def number_of(asked: Mapping[str, str], name: str) -> int | None:
    """A number that the address asks for; None for nothing. Raises Invalid."""
    text = asked.get(name, "")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Invalid(f"{name} must be a number of this project.", field=name, value=text[:40])
    return int(text)


def cursor_of(request: Request) -> tuple[int, int] | None:
    """Where the page before ended: (position, number). Raises Invalid."""
    text = request.query_params.get("after", "")
    if not text:
        return None
    found = CURSOR.fullmatch(text)
    if not found:
        raise Invalid("after must be what a “Next” link of this list gave.", field="after", value=text[:40])
    return int(found[1]), int(found[2])


def asked_of(wanted: Filter) -> dict[str, str]:
    """The filter as an address has it, without what is not asked."""
    named = {("q" if name == "text" else name): value for name, value in asdict(wanted).items() if value is not None}
    return {name: str(value) for name, value in named.items()}
