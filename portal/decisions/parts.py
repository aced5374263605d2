"""What was decided, in parts that a page can show. Every field of a content is shown, the known ones under their names:

its form is the affair of the room that asked, and nothing of what was decided may stay unseen.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from babel.numbers import format_decimal

from portal.decisions import tested
from portal.decisions.wording import Gettext

MOST_TEXT = 20_000
"""Characters of one part that a page shows; the receipt itself holds all of it."""
MOST_ROWS = 200
SHORT = 80
NOTHING = "–"
EMPTY: tuple[Any, ...] = (None, "", [], {})
CHOSEN = ("Kind", "Priority")
"""Facts that are chosen from our words; others are written by people."""
FIRST = ("description", "note", "reason", "criteria", "facts", "files", "links")
IN_HEADING = ("title", "version", "number")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of what was decided.

    A text, a list, terms with values, files as (name, size, SHA-256, pages that were shown if not all), or prices as
    (work, how it is made up, amount), where sums have nothing in the middle.
    """

    label: str
    kind: Literal["text", "list", "facts", "files", "prices"]
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    is_cut: bool = False


def parts_of(content: Mapping[str, Any], _: Gettext, locale: str) -> Iterator[Part]:
    """The parts of a content in the order in which they are read; what is empty is left out."""
    labels = _labels(_)
    given = {name: value for name, value in content.items() if name not in IN_HEADING and value not in EMPTY}
    short = [name for name, value in given.items() if name not in FIRST and _is_short(value)]
    for name in (*(name for name in FIRST if name in given), *(name for name in given if name not in FIRST)):
        value = given[name]
        if name in short:
            continue
        if name == "alternatives" and _is_list_of(value, _is_offer):
            for offer in value:
                yield from map(_cut, _offered(offer, str(content.get("currency", "")), _))
        else:
            yield _cut(_part(labels.get(name) or named(name), value, _, locale))
    if short:
        rows = tuple((labels.get(name) or named(name), _term(name, given[name], _)) for name in short)
        yield Part(_("Terms"), "facts", rows=rows)


def _term(name: str, value: Any, _: Gettext) -> str:
    """A short value; how often a retainer is paid in the reader's language."""
    periods = {"month": _("each month"), "quarter": _("each quarter"), "year": _("each year")}
    return periods.get(value, value) if name == "period" and isinstance(value, str) else _text(value)


def _is_short(value: Any) -> bool:
    """Whether a value needs no heading of its own."""
    return _is_plain(value) and len(text := _text(value)) <= SHORT and "\n" not in text


def _labels(_: Gettext) -> dict[str, str]:
    return {
        "description": _("Description"), "note": _("What changed"), "criteria": _("Acceptance criteria"),
        "facts": _("Facts"), "files": _("Files"), "links": _("Links"), "reason": _("Reason"),
        "alternatives": _("Alternatives"), "priority": _("Priority"), "measure": _("Measure"),
        "results": _("Results"), "protocol_sha256": _("Digest of the protocol (SHA-256)"),
        "is_last_part": _("The last part"),
        "deemed_after_days": _("Days after which it counts as accepted without an answer"),
        "valid_until": _("Valid until"), "currency": _("Currency"), "period": _("Prices are due"),
    }  # fmt: skip


def _part(label: str, value: Any, _: Gettext, locale: str) -> Part:
    if _is_list_of(value, lambda one: isinstance(one, dict) and isinstance(one.get("sha256"), str)):
        return Part(label, "files", rows=tuple(_file(one, _, locale) for one in value))
    if _is_list_of(value, lambda one: isinstance(one, list) and len(one) == 2 and all(map(_is_plain, one))):
        return Part(label, "facts", rows=tuple(_fact(_text(term), _text(said), _) for term, said in value))
    if _is_list_of(value, tested.is_criterion):
        return Part(label, "facts", rows=tuple(tested.criterion(one, _) for one in value))
    if _is_list_of(value, tested.is_result):
        return Part(label, "facts", rows=tuple(tested.result(one, _, locale) for one in value))
    if _is_list_of(value, _is_plain):
        return Part(label, "list", rows=tuple((_text(one),) for one in value))
    if _is_list_of(value, lambda one: isinstance(one, dict) and all(map(_is_plain, one.values()))):
        return Part(label, "facts", rows=tuple(_entry(place, one) for place, one in enumerate(value, start=1)))
    if _is_plain(value):
        return Part(label, "text", text=_text(value))
    return Part(label, "facts", rows=tuple(_flat(value, ())))


def _fact(term: str, said: str, _: Gettext) -> tuple[str, str]:
    """A fact in the reader's language; what people wrote stays as they wrote it, even where it is a word of ours."""
    return _(term) if term else "", _(said) if term in CHOSEN and said else said


def _is_offer(value: Any) -> bool:
    wanted = {"key": str, "title": str, "lines": list, "net": str, "gross": str, "taxes": list}
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in wanted.items())


def _offered(offer: Mapping[str, Any], currency: str, _: Gettext) -> Iterator[Part]:
    """An alternative of an offer: its price line by line to the sums, then everything else about it."""
    label = f"{offer['key']}: {offer['title']}"
    rows = [_priced(line, currency, _) for line in offer["lines"] if isinstance(line, dict)]
    if offer.get("free"):
        rows.append((_("Without charge"), "", ""))
    rows.append((_("Net"), "", f"{offer['net']} {currency}"))
    for tax in offer["taxes"]:
        rows.append((_tax(tax.get("category"), tax.get("rate"), _), "", _text(tax.get("tax"))))
    rows.append((_("With tax"), "", f"{offer['gross']} {currency}"))
    yield Part(label, "prices", rows=tuple(rows))
    known = {"key", "title", "lines", "net", "gross", "taxes", "free"}
    rest = {name: value for name, value in offer.items() if name not in known and value not in (*EMPTY, "0")}
    if rest:
        yield Part(_("What follows from %s") % offer["key"], "facts", rows=tuple(_followed(rest, _)))


def _followed(rest: Mapping[str, Any], _: Gettext) -> Iterator[tuple[str, str]]:
    names = {
        "days": _("Days of work"), "milestones": _("Milestones"), "items_added": _("new:"),
        "items_changed": _("changed:"), "quality": _("What it does to quality"),
    }  # fmt: skip
    for name, value in rest.items():
        label = names.get(name) or named(name)
        for one in value if isinstance(value, list) else [value]:
            yield (
                label,
                _text(one) if _is_plain(one) else " · ".join(f"{term}: {said}" for term, said in _flat(one, ())),
            )


def _priced(line: Mapping[str, Any], currency: str, _: Gettext) -> tuple[str, ...]:
    units = {
        "HUR": _("h"), "MIN": _("min"), "DAY": _("days"), "WEE": _("weeks"), "MON": _("months"), "QAN": _("quarters"),
        "ANN": _("years"), "C62": _("pieces"), "EA": _("pieces"), "LS": _("lump sum"), "E48": _("services"),
        "KMT": _("km"),
    }  # fmt: skip
    unit = units.get(line.get("unit", ""), line.get("unit", ""))
    made = f"{line.get('quantity')} {unit} × {line.get('unit_price')} {currency}"
    tax = _tax(line.get("tax_category"), line.get("tax_rate"), _)
    return _text(line.get("text")), f"{made} · {tax}", _text(line.get("net"))


def _tax(category: Any, rate: Any, _: Gettext) -> str:
    names = {
        "E": _("Exempt from tax"), "AE": _("Reverse charge"), "K": _("Supply within the Union"), "G": _("Export"),
        "O": _("Outside the scope of tax"), "L": _("IGIC"), "M": _("IPSI"),
    }  # fmt: skip
    name = names.get(str(category), _("Tax"))
    return f"{name} {rate} %"


def _is_list_of(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(holds(one) for one in value)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, (dict, list)) or _is_money(value)


def _is_money(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"amount", "currency"} and all(map(_is_plain, value.values()))


def _file(file: Mapping[str, Any], _: Gettext, locale: str) -> tuple[str, ...]:
    size = file.get("size")
    told = f"{format_decimal(size, locale=locale)} B" if type(size) is int else ""
    return str(file.get("name") or file.get("number") or NOTHING), told, str(file["sha256"]), _pages(file, _)


def _pages(file: Mapping[str, Any], _: Gettext) -> str:
    """How many pages of a document were shown, where that were not all."""
    pages, shown, broken = file.get("pages"), file.get("shown"), file.get("broken", [])
    if type(pages) is not int or type(shown) is not int or not isinstance(broken, list):
        return ""
    seen = shown - len(broken)
    return "" if seen == pages else _("Pages shown: %(shown)s of %(pages)s") % {"shown": seen, "pages": pages}


def _entry(place: int, entry: Mapping[str, Any]) -> tuple[str, str]:
    """One of several like things: its name, and everything else about it."""
    name = next((one for one in ("text", "title", "name", "key") if isinstance(entry.get(one), str)), None)
    rest = (f"{named(key)}: {_text(value)}" for key, value in entry.items() if key != name)
    return f"{place}. {entry[name]}" if name else f"{place}.", " · ".join(rest)


def _flat(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every value of a nested document with the way to it."""
    if _is_plain(value):
        yield " · ".join(path), _text(value)
        return
    members: Iterable[tuple[str, Any]] = (
        ((named(name), one) for name, one in value.items())
        if isinstance(value, dict)
        else ((str(place), one) for place, one in enumerate(value, start=1))
    )
    for step, one in members:
        yield from _flat(one, (*path, step))


def named(name: str) -> str:
    """A field's name as a heading."""
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
