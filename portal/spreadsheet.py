"""Lists as CSV that a spreadsheet opens rightly and cannot be made to run."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import StringIO

from portal.money import Money

BOM = "\ufeff"
"""Without it, Excel reads UTF-8 as something else."""

DANGEROUS = "=+-@\t\r\n＝＋－＠"
Cell = str | int | Decimal | Money | date | datetime | None


def guarded(cell: Cell) -> str:
    """A cell as text. What a spreadsheet would take for a formula gets a quote in front; numbers stay numbers."""
    if cell is None:
        return ""
    if isinstance(cell, Money):
        return cell.amount
    if isinstance(cell, Decimal):
        return format(cell.normalize(), "f")
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="minutes")
    text = str(cell).replace("\x00", "")
    is_formula = isinstance(cell, str) and text.lstrip(" ")[:1] in tuple(DANGEROUS)
    return f"'{text}" if is_formula else text


def unguarded(text: str) -> str:
    """A cell's text without the quote that `guarded` put in front."""
    return text[1:] if text[:1] == "'" and text[1:].lstrip(" ")[:1] in tuple(DANGEROUS) else text


def rows_as_csv(rows: Iterable[Sequence[Cell]]) -> str:
    """RFC 4180 lines for the rows."""
    out = StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([guarded(cell) for cell in row] for row in rows)
    return out.getvalue()
