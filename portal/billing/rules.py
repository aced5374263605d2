"""What must be right before a document is issued: the business rules of EN 16931 and our own, said in plain words.

Each problem names the field, what stands there and what would be right, with the rule's number where the standard has
one. All are found at once, so that nobody mends an invoice one refusal at a time.
"""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from portal import money
from portal.billing import amounts, identifiers, parties, taxes
from portal.billing.document import InvoiceDocument, Kind
from portal.billing.logo import logo_svg
from portal.billing.words import LANGUAGES
from portal.errors import Invalid

MOST_LINES = 1000
MOST_TEXT = 5000
MOST_LOGO = 300_000
LONGEST_TERM = timedelta(days=730)
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_NUMBER = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z./_-]{0,38}[0-9A-Za-z])?", re.ASCII)
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What XML 1.0 cannot hold, and control characters that no reader shows."""


class Problem(NamedTuple):
    """One fault: where, in words, what stands there, and the rule's number."""

    field: str
    message: str
    value: Any
    rule: str = ""


def check(document: InvoiceDocument) -> None:
    """Raises Invalid, with all problems, for a document that must not be issued."""
    found = problems(document)
    if found:
        said = tuple((one.field, _worded(one), one.value) for one in found)
        raise Invalid(said[0][1], field=said[0][0], value=said[0][2], problems=said)


def problems(document: InvoiceDocument) -> list[Problem]:
    """All that is wrong with a document; nothing for one that can be issued.

    Sums are only looked at when what they are made of is sound.
    """
    found = [Problem(*one) for one in _parts(document)]
    return found or [Problem(*one) for one in amounts.sums(document)]


def _parts(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    yield from _texts(document, "")
    yield from _head(document)
    yield from _days(document)
    yield from _preceding(document)
    yield from parties.party(document.seller, "seller")
    yield from parties.party(document.buyer, "buyer")
    yield from parties.seller(document)
    yield from parties.payment(document)
    yield from amounts.numbers(document)
    yield from taxes.categories(document)


def _worded(one: Problem) -> str:
    return f"{one.message[0].upper()}{one.message[1:]}{f' ({one.rule})' if one.rule else ''}."


def _head(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    if not _NUMBER.fullmatch(document.number):
        right = "a document needs a number of letters, digits, dots, dashes and slashes, 40 at most"
        yield "number", right, document.number[:60], "BR-02"
    if document.currency not in money.CURRENCIES:
        yield "currency", "the currency must be an ISO 4217 code such as EUR", document.currency, "BR-05"
    if not document.lines:
        yield "lines", "a document needs at least one line", 0, "BR-16"
    if len(document.lines) > MOST_LINES:
        yield "lines", f"a document has at most {MOST_LINES} lines", len(document.lines)
    if document.language not in LANGUAGES:
        yield "language", f"the page's language is one of {', '.join(LANGUAGES)}", document.language
    if not _COLOUR.fullmatch(document.look.colour):
        yield "look.colour", "a colour is written like #3451b2", document.look.colour
    if document.look.logo is not None and len(document.look.logo) > MOST_LOGO:
        yield "look.logo", f"a logo has at most {MOST_LOGO // 1000} kB", len(document.look.logo)
    elif document.look.logo is not None and not logo_svg(document.look.logo):
        right = "a logo is a PNG, JPEG or SVG picture of at most 4 million dots, which refers to nothing outside itself"
        yield "look.logo", right, repr(document.look.logo[:20])
    for at, note in enumerate(document.notes):
        if not note:
            yield f"notes[{at}]", "a note says something, or is left out", "", "PEPPOL-R008"
    if document.deliver_to_country and document.deliver_to_country not in identifiers.COUNTRIES:
        right = "the country of delivery is an ISO 3166-1 code such as DE"
        yield "deliver_to_country", right, document.deliver_to_country, "BR-57"


def _days(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    if document.due_on and document.due_on < document.issued_on:
        yield "due_on", f"it is due before it is issued ({document.issued_on})", document.due_on.isoformat()
    if document.due_on and document.due_on > document.issued_on + LONGEST_TERM:
        yield "due_on", f"it is due more than two years after it is issued ({document.issued_on})", str(document.due_on)
    yield from _period("", document.starts_on, document.ends_on, "BR-29")
    for at, line in enumerate(document.lines):
        place = f"lines[{at}]."
        yield from _period(place, line.starts_on, line.ends_on, "BR-30")
        for name, day in (("starts_on", line.starts_on), ("ends_on", line.ends_on)):
            if day and not (document.starts_on or day) <= day <= (document.ends_on or day):
                yield f"{place}{name}", "the day is outside the document's own period", day.isoformat(), "PEPPOL-R110"


def _period(place: str, starts_on: date | None, ends_on: date | None, rule: str) -> Iterator[tuple[Any, ...]]:
    if starts_on and ends_on and ends_on < starts_on:
        yield f"{place}ends_on", f"the period ends before it starts ({starts_on})", ends_on.isoformat(), rule


def _preceding(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    before = document.preceding
    if document.kind is Kind.CREDIT_NOTE and before is None:
        yield "preceding", "a credit note names the invoice that it takes back", None, "BR-55"
    if before and not _NUMBER.fullmatch(before.number):
        yield "preceding.number", "the preceding invoice needs its number", before.number[:60], "BR-55"
    if before and before.issued_on > document.issued_on:
        yield "preceding.issued_on", f"it is later than this document ({document.issued_on})", str(before.issued_on)
    if before and before.number == document.number:
        yield "preceding.number", "a document cannot take back itself", before.number


def _texts(value: Any, path: str) -> Iterator[tuple[Any, ...]]:
    """Every text in a document: bounded, and made of what XML, a page and a reader can show."""
    if isinstance(value, str):
        if len(value) > MOST_TEXT:
            yield path, f"a text has at most {MOST_TEXT} characters", value[:40]
        if sign := _NO_TEXT.search(value):
            yield path, f"U+{ord(sign[0]):04X} cannot stand in a document", ascii(value[:60])
        if value != value.strip():
            yield path, "a text neither begins nor ends with a blank", value[:60]
    elif isinstance(value, tuple):
        for at, one in enumerate(value):
            yield from _texts(one, f"{path}[{at}]")
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from _texts(getattr(value, one.name), f"{path}.{one.name}".lstrip("."))
    elif isinstance(value, float) or (isinstance(value, Decimal) and not value.is_finite()):
        yield path, "a number is an exact, finite decimal", str(value)
