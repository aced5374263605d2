"""Reading bank statements: ISO 20022 camt.053, every version, from a hostile file.

Only booked entries are read. Names are taken by their local part, so that the version in the namespace does not matter;
what is needed has been called the same since camt.053.001.02.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from portal import money, xml_input
from portal.errors import Invalid, TooLarge
from portal.money import Money

MOST_BYTES = 20 * 1024 * 1024
MOST_ENTRIES = 20_000
LONGEST = 500
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:T[0-9:.]+)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One booked line of a statement. `reference` makes it the same when its statement comes twice, and `also` is the
    other name under which it may be known. `is_batch`: its amount is the sum of several payments, of which each may
    name what it is for. `is_cut`: its remittance is longer than what is kept of it."""

    account: str
    reference: str
    booked_on: date
    amount: Money
    counterparty: str
    remittance: str
    is_batch: bool = False
    is_cut: bool = False
    also: str = ""


def entries(content: bytes) -> list[Entry]:
    """The booked entries of all statements in a file.

    Raises TooLarge; Invalid for what is no camt.053, has a document type, or an entry whose amount, currency or day
    is wrong, naming the entry (`entries[3].amount`).
    """
    if len(content) > MOST_BYTES:
        raise TooLarge(f"A statement may have {MOST_BYTES // 1024 // 1024} MB.", field="file", value=len(content))
    root = xml_input.root(content)
    found = [entry for statement in _all(root, "Stmt") for entry in _statement(statement)]
    if not list(_all(root, "Stmt")):
        raise Invalid("This is no bank statement of ISO 20022 (camt.053).", field="file")
    return found


def _statement(statement: Any) -> Iterator[Entry]:
    account = _text(statement, "Acct", "Id", "IBAN") or _text(statement, "Acct", "Id", "Othr", "Id")
    if not account:
        raise Invalid("A statement names its account.", field="Acct")
    found = []
    for at, entry in enumerate(_children(statement, "Ntry")):
        if at >= MOST_ENTRIES:
            raise TooLarge(f"A statement may have {MOST_ENTRIES:,} entries.", field="entries", value=at)
        status = _text(entry, "Sts", "Cd") or _text(entry, "Sts")
        if status in ("", "BOOK"):
            said = _entry(entry, account.replace(" ", "").upper(), f"entries[{at}]")
            found.append((said, _fingerprint(entry)))
    yield from _told_apart(found)


def _told_apart(found: Sequence[tuple[Entry, str]]) -> Iterator[Entry]:
    """The entries, each with a reference of its own: the bank's, where that names one entry of the statement alone;
    else a digest of what it says, with its place among those that say the same. The other of the two is its `also`.
    (NtryRef is no reference: banks number their entries by it, or write the account of a batch there.)"""
    said = defaultdict(set)
    for entry, digest in found:
        said[entry.reference].add(digest)
    alike: Counter[str] = Counter()
    for entry, digest in found:
        alike[digest] += 1
        mine = digest if alike[digest] == 1 else f"{digest}#{alike[digest]}"
        if entry.reference and len(said[entry.reference]) == 1:
            yield replace(entry, also=mine)
        else:
            yield replace(entry, reference=mine, also=entry.reference)


def _entry(entry: Any, account: str, place: str) -> Entry:
    amount = _amount(entry, place)
    booked = _day(_text(entry, "BookgDt", "Dt") or _text(entry, "BookgDt", "DtTm"), f"{place}.BookgDt")
    payments = list(_all(entry, "TxDtls"))
    details = payments[0] if payments else entry
    party = "Dbtr" if amount.minor > 0 else "Cdtr"
    name = _text(details, "RltdPties", party, "Nm") or _text(details, "RltdPties", party, "Pty", "Nm")
    words = [_clean(one.text) for tag in ("Ustrd", "Ref", "EndToEndId") for one in _all(entry, tag)]
    said = " ".join(dict.fromkeys(one for one in words if one and one != "NOTPROVIDED"))
    reference = _text(entry, "AcctSvcrRef")[:100]
    about = (name[:LONGEST], said[:LONGEST])
    return Entry(account, reference, booked, amount, *about, is_batch=len(payments) > 1, is_cut=len(said) > LONGEST)


def _amount(entry: Any, place: str) -> Money:
    node = next(_children(entry, "Amt"), None)
    if node is None:
        raise Invalid("An entry has an amount.", field=f"{place}.Amt")
    currency = money.check_currency(node.get("Ccy"), f"{place}.Ccy")
    text = _plain(_clean(node.text), money.places_of(currency))
    amount = money.parse(text, currency, f"{place}.Amt")
    if amount.minor < 0:
        raise Invalid("An amount has no sign: CRDT or DBIT says its way.", field=f"{place}.Amt", value=text[:40])
    match _text(entry, "CdtDbtInd"):
        case "CRDT":
            return amount
        case "DBIT":
            return -amount
    raise Invalid("An entry says CRDT or DBIT.", field=f"{place}.CdtDbtInd", value=_text(entry, "CdtDbtInd"))


def _plain(text: str, places: int) -> str:
    """Banks write noughts beyond a currency's places; they are dropped, other digits stay and are refused."""
    whole, dot, part = text.partition(".")
    kept = part[:places] + part[places:].rstrip("0")
    return f"{whole}.{kept}" if dot and kept else whole


def _day(text: str, place: str) -> date:
    """A day as it is written; the zone, or the time, that may stand behind it (ISODate, ISODateTime) makes no other."""
    written = _DAY.fullmatch(text)
    try:
        return date.fromisoformat(written[1] if written else "")
    except ValueError:
        raise Invalid("A booking date is a day of ISO 8601.", field=place, value=text[:40]) from None


def _fingerprint(entry: Any) -> str:
    """What an entry is told by whose bank gives it no reference: all that it says."""
    said = "\0".join(_clean(one) for one in entry.itertext())
    return "sha256:" + hashlib.sha256(said.encode()).hexdigest()[:40]


def _all(node: Any, tag: str) -> Iterator[Any]:
    yield from node.iter(f"{{*}}{tag}")


def _children(node: Any, tag: str) -> Iterator[Any]:
    yield from node.iterchildren(f"{{*}}{tag}")


def _text(node: Any, *path: str) -> str:
    for tag in path:
        node = next(_children(node, tag), None)
        if node is None:
            return ""
    return _clean(node.text)


def _clean(text: str | None) -> str:
    printable = "".join(sign if sign.isprintable() else " " for sign in text or "")
    return " ".join(printable.split())
