"""CSV that a spreadsheet cannot be made to run."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest

from portal.spreadsheet import Cell, guarded, rows_as_csv


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("=1+1", "'=1+1"),
        ("+7 900", "'+7 900"),
        ("-2", "'-2"),
        ("@sum(1)", "'@sum(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ("＝1+1", "'＝1+1"),
        ("plain = text", "plain = text"),
        (None, ""),
        (-3, "-3"),
        (Decimal("-2.50"), "-2.5"),
        (Decimal("1E+3"), "1000"),
        (datetime(2026, 5, 3, 7, 8, tzinfo=UTC), "2026-05-03 07:08+00:00"),
    ],
)
def test_formulas_get_a_quote_and_numbers_stay_numbers(cell: Cell, text: str) -> None:
    assert guarded(cell) == text


def test_what_is_written_is_read_back_as_it_was() -> None:
    rows = [["a,b", 'say "hi"', "two\nlines", "я 中"]]
    assert list(csv.reader(StringIO(rows_as_csv(rows), newline=""))) == rows
