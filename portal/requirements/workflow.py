"""What makes a requirement complete, when a change makes a new version, and how two versions differ. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any, Protocol

from portal.requirements.models import Priority, RequirementKind, State

CONTENT = ("kind", "title", "description", "priority", "criteria", "metric", "target", "how_measured")
"""The fields of a version that the client decides on."""
MEASURE = ("metric", "target", "how_measured")
MOST_COMPARED = 4_000
"""Words of a text that are compared one by one; longer texts are compared by lines, which takes far less time."""


class Content(Protocol):
    """A version as far as these rules go."""

    kind: RequirementKind
    title: str
    description: str
    priority: Priority | None
    criteria: list[str]
    metric: str
    target: str
    how_measured: str


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
    if max(len(before), len(after)) > MOST_COMPARED * 6:
        return _pieces(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return _by_words(before, after)


def _by_words(before: str, after: str) -> tuple[Piece, ...]:
    """Lines first; the words of lines that took each other's place next."""
    return _pieces(before.splitlines(keepends=True), after.splitlines(keepends=True), within=_words_between)


def _words_between(gone: Sequence[str], new: Sequence[str]) -> tuple[Piece, ...]:
    old, fresh = _words("".join(gone)), _words("".join(new))
    if len(old) + len(fresh) > MOST_COMPARED:
        return _replaced(gone, new)
    return _pieces(old, fresh)


def _words(text: str) -> list[str]:
    """A text cut before each word, so that the parts put together are the text again."""
    parts: list[str] = []
    for sign in text:
        if parts and not (sign.isalnum() and not parts[-1][-1].isalnum()) and not _is_ideograph(sign):
            parts[-1] += sign
        else:
            parts.append(sign)
    return parts


def _is_ideograph(sign: str) -> bool:
    """Whether a sign is a word of its own, as in Chinese."""
    return "\u3040" <= sign <= "\u9fff"


def _pieces(
    before: Sequence[str],
    after: Sequence[str],
    within: Callable[[Sequence[str], Sequence[str]], tuple[Piece, ...]] | None = None,
) -> tuple[Piece, ...]:
    found: list[Piece] = []
    for what, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(Piece("same", "".join(before[a:b])))
        elif what == "replace" and within:
            found += within(before[a:b], after[c:d])
        else:
            found += _replaced(before[a:b], after[c:d])
    return tuple(found)


def _replaced(gone: Sequence[str], new: Sequence[str]) -> tuple[Piece, ...]:
    texts = (("gone", "".join(gone)), ("new", "".join(new)))
    return tuple(Piece(mark, text) for mark, text in texts if text)
