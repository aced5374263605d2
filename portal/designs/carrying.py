"""Where a remark stands on later versions. Pure.

A remark follows its picture: to wherever the same file (or the same prototype) stands in the next version; else to the
new picture that took its position. A position that is gone, or that an old acquaintance moved into, is no place for it.
It stays on its page: a document that has fewer has no place for it either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

TEN_THOUSAND = 10_000
"""A picture's width and height, in the units of a place."""


@dataclass(frozen=True, slots=True)
class Place:
    """A point of a part: its position in the version, ten-thousandths of width and height, and on which page."""

    position: int
    x: int
    y: int
    page: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a version: known by its file's number or its prototype's address, whatever is shown of its pages."""

    known_by: int | str
    pages: int = field(default=1, compare=False)


Made = Sequence[Part]
"""What a version is made of, in order; nothing of it twice."""


def next_position(position: int, before: Made, after: Made) -> int | None:
    """Where the part at a position (from 1) of one version stands in the next; None where nothing continues it."""
    part = before[position - 1]
    if part in after:
        return after.index(part) + 1
    if position <= len(after) and after[position - 1] not in before:
        return position
    return None


def carried(place: Place, versions: Sequence[Made]) -> Place | None:
    """A place on the first of these versions, as it stands on the last; once lost, it does not come back."""
    for before, after in pairwise(versions):
        position = next_position(place.position, before, after)
        if position is None or place.page > after[position - 1].pages:
            return None
        place = replace(place, position=position)
    return place


def shows(made_on: int, resolved_on: int | None, version: int) -> bool:
    """Whether a version shows a remark: from the one it was made on, to the one it was resolved on."""
    return made_on <= version and (resolved_on is None or version <= resolved_on)


def chain(made_on: int, version: int, published: Mapping[int, Made], drafts: Mapping[int, Made]) -> list[Made]:
    """The versions over which a remark goes from one to another: what the client was shown, and the two ends.

    So that a draft that was never shown does not move what the client had pinned.
    """
    return [
        published[number] if number in published else drafts[number]
        for number in sorted(published.keys() | drafts.keys())
        if made_on <= number <= version and (number in published or number in (made_on, version))
    ]
