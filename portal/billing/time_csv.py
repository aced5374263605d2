"""Hours as CSV: a head of known columns, one entry a line. Pure."""

import csv
from collections.abc import Mapping
from datetime import date
from io import StringIO
from typing import Any

from portal.errors import Invalid

MOST_BYTES = 5_000_000
NEEDED = ("ref", "day", "hours", "role", "text")
ALLOWED = (*NEEDED, "worker", "item", "billable")
EXAMPLE = "ref,day,hours,role,text\ntt-1042,2026-11-03,2.5,Development,Export as CSV\n"
_YES_NO = {"": True, "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def entries(content: bytes) -> list[dict[str, Any]]:
    """The entries of a CSV in UTF-8, comma or semicolon. Raises Invalid, naming line and column."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Invalid(f"The CSV is not UTF-8: byte {fault.start} does not fit.", field="file") from None
    if "\x00" in text:
        raise Invalid("The CSV has a NUL character.", field="file")
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = list(reader)
    except csv.Error as fault:
        raise Invalid(f"Line {reader.line_num} is no CSV: {fault}.", field="file") from None
    head = [name.strip().lower() for name in rows[0]] if rows else []
    _check_head(head)
    return [_entry(head, row, at) for at, row in enumerate(rows[1:], start=2) if any(cell.strip() for cell in row)]


def _check_head(head: list[str]) -> None:
    for name in head:
        if name not in ALLOWED or head.count(name) > 1:
            raise Invalid(f"The columns are {', '.join(ALLOWED)}, each once.", field="head", value=name[:40])
    for name in NEEDED:
        if name not in head:
            raise Invalid(f"The column {name} is missing.", field="head", value=",".join(head)[:200])


def _entry(head: list[str], row: list[str], line: int) -> dict[str, Any]:
    if len(row) != len(head):
        raise Invalid(f"Line {line} has {len(row)} cells, not {len(head)}.", field=f"line {line}", value=len(row))
    found: dict[str, Any] = dict(zip(head, (cell.strip() for cell in row), strict=True))
    found["day"] = _day(found, line)
    if "item" in found:
        found["item"] = _item(found, line)
    if "billable" in found:
        said = str(found["billable"]).lower()
        if said not in _YES_NO:
            raise Invalid("billable is yes or no.", field=f"line {line}.billable", value=said[:40])
        found["billable"] = _YES_NO[said]
    return found


def _day(found: Mapping[str, str], line: int) -> date:
    try:
        return date.fromisoformat(found["day"])
    except ValueError:
        raise Invalid("A day is written 2026-11-26.", field=f"line {line}.day", value=found["day"][:40]) from None


def _item(found: Mapping[str, str], line: int) -> int | None:
    text = found["item"].removeprefix("#")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10):
        raise Invalid("An item is its number.", field=f"line {line}.item", value=text[:40])
    return int(text)
