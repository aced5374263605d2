"""What a receipt says, in words: for its page, for the page that verifies it, and for the command line.

Everything comes from the receipt itself, so that each shows the same; what its content is made of is the rooms' affair,
so every field of it is shown, the known ones under their names.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from babel.dates import format_datetime
from babel.numbers import format_decimal

from portal.decisions.models import Verdict
from portal.ledger.receipts import Proved

Gettext = Callable[[str], str]

MOST_TEXT = 20_000
"""Characters of one part that a page shows; the receipt itself holds all of it."""
MOST_ROWS = 200
FIRST = ("description", "note", "criteria", "facts", "files", "links")
IN_HEADING = ("title", "version", "number")
PATTERNS = {"zh_CN": "y年M月d日 HH:mm:ss 'UTC'"}
PATTERN = "d MMMM y, HH:mm:ss 'UTC'"
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of what was decided: a text, a list, terms with values, or files as (name, size, SHA-256)."""

    label: str
    kind: Literal["text", "list", "facts", "files"]
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Readable:
    """One answer in words of one language. `facts` say who answered, when and how; `proof` where it stands."""

    title: str
    subject: str
    verdict: str
    is_approval: bool
    comment: str
    who: str
    when: str
    at: datetime
    facts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    proof: tuple[tuple[str, str], ...]


def readable(proved: Proved, gettext: Gettext, locale: str) -> Readable:
    """What a proved answer says, in a language; `gettext` are that language's words."""
    _ = gettext
    body, content, evidence = proved.event["body"], *(_document(proved, name) for name in ("content", "evidence"))
    at = datetime.fromisoformat(proved.event["at"])
    verdict = str(body.get("verdict", ""))
    return Readable(
        title=str(body.get("title") or content.get("title") or proved.event["kind"]),
        subject=_subject(body, _),
        verdict=_verdicts(_).get(verdict, verdict),
        is_approval=verdict in (Verdict.APPROVED, Verdict.APPROVED_WITH_REMARKS),
        comment=str(body.get("comment") or ""),
        who=str(evidence.get("name") or evidence.get("email") or NOTHING),
        when=moment(at, locale),
        at=at,
        facts=tuple(_facts(proved, evidence, at, _, locale)),
        parts=tuple(_parts(content, _, locale)),
        proof=tuple(_proof(proved, _, locale)),
    )


def moment(at: datetime, locale: str) -> str:
    """A moment to the second, in UTC: a receipt is read in every zone."""
    return format_datetime(at, PATTERNS.get(locale, PATTERN), locale=locale)


def _document(proved: Proved, name: str) -> Mapping[str, Any]:
    found = proved.disclosed.get(name)
    return found if isinstance(found, dict) else {}


def _verdicts(_: Gettext) -> dict[str, str]:
    return {
        "approved": _("Approved"), "approved_with_remarks": _("Approved with remarks"),
        "changes_wanted": _("Changes wanted"), "declined": _("Declined"),
    }  # fmt: skip


def _subject(body: Mapping[str, Any], _: Gettext) -> str:
    kinds = {"design": _("Design"), "requirement": _("Requirement"), "change_request": _("Change request")}
    kind = str(body.get("of", ""))
    version = _("version %s") % body["version"] if body.get("version") is not None else ""
    return ", ".join(part for part in (f"{kinds.get(kind, kind)} {body.get('number', '')}".strip(), version) if part)


def _facts(
    proved: Proved, evidence: Mapping[str, Any], at: datetime, _: Gettext, locale: str
) -> Iterator[tuple[str, str]]:
    body = proved.event["body"]
    if body.get("choice"):
        yield _("Chosen"), str(body["choice"])
    yield _("Answered by"), ", ".join(str(evidence[name]) for name in ("name", "company") if evidence.get(name))
    if evidence.get("email"):
        yield _("E-mail"), str(evidence["email"])
    if body.get("for"):
        yield _("In the name of"), _("somebody who had delegated (%s)") % body["for"]
    yield _("When"), moment(at, locale)
    yield _("Signed in through"), str(evidence.get("issuer") or NOTHING)
    yield _("Account there"), str(evidence.get("sub") or NOTHING)
    yield _("How"), _how(evidence, _, locale)
    if outcome := body.get("outcome"):
        yield _("The decision is settled"), _verdicts(_).get(outcome, str(outcome))
    else:
        yield _("The decision is settled"), _("not by this answer alone")


def _how(evidence: Mapping[str, Any], _: Gettext, locale: str) -> str:
    """The ways in which the person proved themselves (RFC 8176), their class, and when."""
    known = {
        "pwd": _("password"), "mfa": _("second factor"), "otp": _("one-time code"), "hwk": _("hardware key"),
        "swk": _("software key"), "fpt": _("fingerprint"), "face": _("face"), "sms": _("text message"),
        "pin": _("PIN"),
    }  # fmt: skip
    ways = evidence.get("amr")
    words = [known.get(str(way), str(way)) for way in ways] if isinstance(ways, list) else []
    if evidence.get("acr"):
        words.append(f"acr {evidence['acr']}")
    if evidence.get("auth_time"):
        words.append(_moment_of(str(evidence["auth_time"]), locale))
    return ", ".join(words) or NOTHING


def _moment_of(text: str, locale: str) -> str:
    try:
        return moment(datetime.fromisoformat(text), locale)
    except ValueError:
        return text


def _proof(proved: Proved, _: Gettext, locale: str) -> Iterator[tuple[str, str]]:
    yield _("Portal"), proved.portal
    yield _("Project"), f"{proved.project_key} ({proved.project_id})"
    place = _("event %(seq)s of %(size)s in the project's record")
    yield _("Place"), place % {"seq": proved.event["seq"], "size": proved.size}
    yield _("Head of the record (SHA-256)"), proved.root.hex()
    yield _("Signing key"), proved.kid
    for name, label in (("content", _("Digest of the content")), ("evidence", _("Digest of the evidence"))):
        if digest := proved.event["body"].get(f"{name}_digest"):
            yield label, str(digest)


def _labels(_: Gettext) -> dict[str, str]:
    return {
        "description": _("Description"), "note": _("What changed"), "criteria": _("Acceptance criteria"),
        "facts": _("Facts"), "files": _("Files"), "links": _("Links"), "lines": _("Lines"), "total": _("Total"),
        "reason": _("Reason"), "impact": _("Impact"), "alternatives": _("Alternatives"), "priority": _("Priority"),
        "measure": _("Measure"), "valid_until": _("Valid until"), "days": _("Days"), "milestones": _("Milestones"),
    }  # fmt: skip


def _parts(content: Mapping[str, Any], _: Gettext, locale: str) -> Iterator[Part]:
    labels = _labels(_)
    order = [*(name for name in FIRST if name in content), *(name for name in content if name not in FIRST)]
    for name in order:
        value = content[name]
        if name not in IN_HEADING and value not in (None, "", [], {}):
            yield _part(labels.get(name) or _named(name), value, locale)


def _part(label: str, value: Any, locale: str) -> Part:
    if _is_list_of(value, lambda one: isinstance(one, dict) and isinstance(one.get("sha256"), str)):
        return _cut(Part(label, "files", rows=tuple(_file(one, locale) for one in value)))
    if _is_list_of(value, lambda one: isinstance(one, list) and len(one) == 2 and all(map(_is_plain, one))):
        return _cut(Part(label, "facts", rows=tuple((_text(term), _text(said)) for term, said in value)))
    if _is_list_of(value, _is_plain):
        return _cut(Part(label, "list", rows=tuple((_text(one),) for one in value)))
    if _is_list_of(value, lambda one: isinstance(one, dict) and all(map(_is_plain, one.values()))):
        return _cut(Part(label, "facts", rows=tuple(_entry(place, one) for place, one in enumerate(value, start=1))))
    if _is_plain(value):
        return _cut(Part(label, "text", text=_text(value)))
    return _cut(Part(label, "facts", rows=tuple(_flat(value, ()))))


def _is_list_of(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(holds(one) for one in value)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, (dict, list)) or _is_money(value)


def _is_money(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"amount", "currency"} and all(map(_is_plain, value.values()))


def _file(file: Mapping[str, Any], locale: str) -> tuple[str, ...]:
    size = file.get("size")
    told = f"{format_decimal(size, locale=locale)} B" if type(size) is int else ""
    return str(file.get("name") or file.get("number") or NOTHING), told, str(file["sha256"])


def _entry(place: int, entry: Mapping[str, Any]) -> tuple[str, str]:
    """One of several like things, such as a line of an offer: its name, and everything else about it."""
    name = next((one for one in ("text", "title", "name", "key") if isinstance(entry.get(one), str)), None)
    rest = (f"{_named(key)}: {_text(value)}" for key, value in entry.items() if key != name)
    return f"{place}. {entry[name]}" if name else f"{place}.", " · ".join(rest)


def _flat(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every value of a nested document with the way to it: nothing that was decided stays unseen."""
    if _is_plain(value):
        yield " · ".join(path), _text(value)
        return
    members: Iterable[tuple[str, Any]] = (
        ((_named(name), one) for name, one in value.items())
        if isinstance(value, dict)
        else ((str(place), one) for place, one in enumerate(value, start=1))
    )
    for step, one in members:
        yield from _flat(one, (*path, step))


def _named(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _text(value: Any) -> str:
    if _is_money(value):
        return f"{value['amount']} {value['currency']}"
    return NOTHING if value is None else {True: "✓", False: NOTHING}[value] if isinstance(value, bool) else str(value)


def _cut(part: Part) -> Part:
    """The part within what a page shows of it."""
    left, rows = MOST_TEXT, []
    for row in part.rows[:MOST_ROWS]:
        rows.append(tuple(cell[: max(left, 0)] for cell in row))
        left -= sum(map(len, row))
        if left <= 0:
            break
    shown = Part(part.label, part.kind, part.text[:MOST_TEXT], tuple(rows))
    return shown if (shown.text, shown.rows) == (part.text, part.rows) else replace(shown, is_cut=True)
