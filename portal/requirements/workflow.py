"""What makes a requirement complete, when a change makes a new version, and how two versions differ. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any, Protocol

from portal.requirements.models import Priority, RequirementKind, State

CONTENT = ("kind", "title", "description", "priority", "criteria", "metric", "target", "how_measured")
"""The fields of a version that the client decides on."""
MEASURE = ("metric", "target", "how_measured")
MOST_PAIRS = 30_000
"""Equal parts of two texts, each with each, up to which these are compared: a page must not wait for a hostile text."""


class Content(Protocol):
    """A version as far as these rules go: the fields of `CONTENT`."""

    @property
    def kind(self) -> RequirementKind: ...

    @property
    def title(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def priority(self) -> Priority | None: ...

    @property
    def criteria(self) -> list[str]: ...

    @property
    def metric(self) -> str: ...

    @property
    def target(self) -> str: ...

    @property
    def how_measured(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Wording:
    """The content of a version, apart from its row."""

    kind: RequirementKind
    title: str
    description: str
    priority: Priority | None
    criteria: list[str]
    metric: str
    target: str
    how_measured: str


NOTHING = Wording(RequirementKind.FUNCTIONAL, "", "", None, [], "", "", "")


def wording(version: Content) -> Wording:
    """The content of a version."""
    return Wording(**{field: getattr(version, field) for field in CONTENT})


LACKS = {
    "title": "a title",
    "description": "a description",
    "priority": "a priority (must, should, could or wont)",
    "criteria": "at least one acceptance criterion",
    "metric": "what is measured (measure.metric)",
    "target": "the target of the measure (measure.target)",
    "how_measured": "how it is measured (measure.how_measured)",
}


def missing(version: Content) -> list[str]:
    """The fields that must be filled before the client can be asked, in their order. None: it is complete."""
    needed = ["title", "description", "priority", "criteria"]
    if version.kind is RequirementKind.NON_FUNCTIONAL:
        needed += MEASURE
    return [field for field in needed if _is_empty(getattr(version, field))]


def _is_empty(value: Any) -> bool:
    return not value or (isinstance(value, str) and not value.strip())


def state_of(outcome: State | None, *, was_asked: bool, is_open: bool) -> State:
    """Where a version stands: what was answered, else whether the client is being asked, or was."""
    if outcome is not None:
        return outcome
    if is_open:
        return State.OFFERED
    return State.WITHDRAWN if was_asked else State.DRAFT


def why_not_asked(state: State) -> str:
    """Why the client cannot be asked about a version in this state; empty when they can."""
    return {
        State.OFFERED: "the client is being asked about this version already",
        State.CONFIRMED: "this version is confirmed already",
        State.CHANGES_WANTED: "the client wants changes: change it first",
        State.DECLINED: "the client declined this version: change it first",
    }.get(state, "")


def changed(version: Content, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `wanted` that differ from the version."""
    return {field: value for field, value in wanted.items() if getattr(version, field) != value}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: `same`, `gone` or `new`."""

    mark: str
    text: str

    def called(self, text: str) -> "Piece":
        """The same piece in other words."""
        return Piece(self.mark, text)


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """How one field of a requirement differs between two versions."""

    field: str
    pieces: tuple[Piece, ...]


def diff(before: Content, after: Content) -> list[FieldDiff]:
    """The fields in which two versions differ, in their order, each with what went and what came."""
    old, new = asdict(wording(before)), asdict(wording(after))
    return [FieldDiff(field, _compare(field, old[field], new[field])) for field in CONTENT if old[field] != new[field]]


def _compare(field: str, before: Any, after: Any) -> tuple[Piece, ...]:
    if field == "criteria":
        return _pieces([f"{one}\n" for one in before], [f"{one}\n" for one in after])
    if field in ("kind", "priority"):
        return tuple(Piece(mark, value.value) for mark, value in (("gone", before), ("new", after)) if value)
    return _by_words(before.splitlines(keepends=True), after.splitlines(keepends=True))


def _by_words(before: Sequence[str], after: Sequence[str]) -> tuple[Piece, ...]:
    """Lines first; then the words of lines that took each other's place, unless those are too many."""
    steps = list(_steps(before, after))
    words = [(_words("".join(gone)), _words("".join(new))) for what, gone, new in steps if what == "replace"]
    closely = sum(_pairs(*both) for both in words) <= MOST_PAIRS
    found: list[Piece] = []
    for what, gone, new in steps:
        if what == "replace" and closely:
            found += _pieces(_words("".join(gone)), _words("".join(new)))
        else:
            found += _step(what, gone, new)
    return tuple(_joined(found))


def _joined(pieces: list[Piece]) -> Iterator[Piece]:
    for mark, group in groupby(pieces, key=lambda piece: piece.mark):
        yield Piece(mark, "".join(piece.text for piece in group))


def _pairs(before: Sequence[str], after: Sequence[str]) -> int:
    """How often a part of one text stands in the other: what comparing them costs grows with it."""
    left, right = Counter(before), Counter(after)
    return sum(count * right[part] for part, count in left.items())


def _words(text: str) -> list[str]:
    """A text cut before each word, so that the parts put together are the text again."""
    parts: list[str] = []
    for sign in text:
        begins = _is_ideograph(sign) or (sign.isalnum() and not (parts and _is_within(parts[-1][-1])))
        if begins or not parts:
            parts.append(sign)
        else:
            parts[-1] += sign
    return parts


def _is_within(sign: str) -> bool:
    """Whether a letter after this sign goes on with the same word."""
    return sign.isalnum() or sign in "'’-"


def _is_ideograph(sign: str) -> bool:
    """Whether a sign is a word of its own, as in Chinese."""
    return "\u3040" <= sign <= "\u9fff"


def _pieces(before: Sequence[str], after: Sequence[str]) -> tuple[Piece, ...]:
    return tuple(piece for step in _steps(before, after) for piece in _step(*step))


def _steps(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """What leads from one text to the other, as (difflib's word, what was there, what is there)."""
    if _pairs(before, after) > MOST_PAIRS:
        yield "delete", before, after
        return
    for what, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        yield what, before[a:b], after[c:d]


def _step(what: str, gone: Sequence[str], new: Sequence[str]) -> list[Piece]:
    if what == "equal":
        return [Piece("same", "".join(gone))]
    return [Piece(mark, "".join(parts)) for mark, parts in (("gone", gone), ("new", new)) if parts]
