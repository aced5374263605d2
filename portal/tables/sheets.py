"""Rows out of CSV and XLSX files, bounded, whatever wrote them."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portal.errors import Invalid, TooLarge
from portal.tables import workbook
from portal.tables.plain import line

MOST_BYTES = 20 * 1024 * 1024
MOST_ROWS = 50_000
MOST_COLUMNS = 200
ZIP = b"PK\x03\x04"
ENCODINGS = ("cp1252", "cp1251", "gb18030")
"""What spreadsheets of the West, of Russia and of China save a CSV in that is not Unicode; nothing in it says so."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its name (empty for a CSV), its rows of cells, and the encoding that a CSV was taken to be in."""

    name: str
    rows: Sequence[Sequence[object]]
    encoding: str = ""


def readings(content: bytes) -> Iterator[list[Sheet]]:
    """The tables of a CSV or XLSX file, once for each way in which its bytes may be meant, the likeliest first.

    Raises TooLarge, Invalid for a file that is empty, broken or neither.
    """
    if len(content) > MOST_BYTES:
        raise TooLarge(f"A file may have {MOST_BYTES // 1024 // 1024} MB.", field="file", value=len(content))
    if not content.strip():
        raise Invalid("The file is empty.", field="file")
    if content.startswith(ZIP):
        yield list(_workbook(content))
    else:
        yield from ([Sheet("", list(_csv(given)), encoding)] for encoding, given in _decoded(content))


def _workbook(content: bytes) -> Iterator[Sheet]:
    for name, rows in workbook.tables(content, MOST_ROWS):
        _check_size(len(rows), max(map(len, rows), default=0))
        yield Sheet(line(name), rows)


def _csv(given: str) -> Iterator[list[object]]:
    head = given.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    csv.field_size_limit(1_000_000)
    reader = csv.reader(io.StringIO(given.replace("\x00", ""), newline=""), delimiter=delimiter, strict=True)
    try:
        for at, row in enumerate(reader):
            _check_size(at, len(row))
            yield list(row)
    except csv.Error as fault:
        raise Invalid(f"The CSV breaks on line {reader.line_num}: {fault}.", field="file") from None


def _decoded(content: bytes) -> Iterator[tuple[str, str]]:
    """The text in each encoding that it can be in. Unicode says itself that it is that: then there is one alone."""
    has_mark = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    if (given := _read(content, "utf-16" if has_mark else "utf-8-sig")) is not None:
        yield "Unicode", given
        return
    others = () if has_mark else ENCODINGS
    found = [(encoding, given) for encoding in others if (given := _read(content, encoding)) is not None]
    if not found:
        raise Invalid("The text is in an encoding that is not known: save it as UTF-8.", field="file")
    yield from found


def _read(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _check_size(rows: int, columns: int) -> None:
    if rows > MOST_ROWS or columns > MOST_COLUMNS:
        raise TooLarge(f"A table may have {MOST_ROWS:,} rows and {MOST_COLUMNS} columns.", field="file")
