"""Rows out of CSV and XLSX files whose header may stand below other rows and whose cells may be merged."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portal.acceptance.imports import workbook
from portal.acceptance.imports.plain import line
from portal.errors import Invalid, TooLarge

MOST_BYTES = 20 * 1024 * 1024
MOST_ROWS = 50_000
MOST_COLUMNS = 200
HEADER_WITHIN = 20
"""A header is looked for in so many first rows: people write instructions above it."""
ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its name (empty for a CSV) and its rows of cells."""

    name: str
    rows: Sequence[Sequence[object]]


def sheets(content: bytes) -> list[Sheet]:
    """The tables of a CSV or XLSX file. Raises TooLarge, Invalid for a file that is neither."""
    if len(content) > MOST_BYTES:
        raise TooLarge(f"A file may have {MOST_BYTES // 1024 // 1024} MB.", field="file", value=len(content))
    return list(_workbook(content)) if content.startswith(ZIP) else [Sheet("", list(_csv(content)))]


def _workbook(content: bytes) -> Iterator[Sheet]:
    for name, rows in workbook.tables(content, MOST_ROWS):
        _check_size(len(rows), max(map(len, rows), default=0))
        yield Sheet(line(name), rows)


def _csv(content: bytes) -> Iterator[list[object]]:
    given = _decoded(content)
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


def _decoded(content: bytes) -> str:
    has_mark = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if has_mark else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid("The text is in an encoding that is not known: save it as UTF-8.", field="file")


def _check_size(rows: int, columns: int) -> None:
    if rows > MOST_ROWS or columns > MOST_COLUMNS:
        raise TooLarge(f"A table may have {MOST_ROWS:,} rows and {MOST_COLUMNS} columns.", field="file")
