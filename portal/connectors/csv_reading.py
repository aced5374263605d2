"""CSV files with a header, in which a column may come several times. Pure."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from portal.connectors.losses import Losses
from portal.errors import Invalid

MOST_COLUMNS = 2_000
MOST_CELL = 4_000_000
DELIMITERS = ",;\t"


class Row(NamedTuple):
    """A row: on which line of the file it begins, and the cells of each column by its name."""

    line: int
    cells: dict[str, list[str]]

    def all(self, name: str) -> list[str]:
        """The cells of all columns of this name that are not empty."""
        return [cell for cell in self.cells.get(name, ()) if cell.strip()]

    def first(self, *names: str) -> str:
        """The first cell of these columns that is not empty, without blanks around it."""
        return next((cell.strip() for name in names for cell in self.all(name)), "")


class Table:
    """A CSV text: its header, and its rows as they are read."""

    def __init__(self, text: str, losses: Losses, *, required: Sequence[str]) -> None:
        """Raises Invalid when the header is missing or lacks a required column (names are compared without case)."""
        self._text = text
        self._losses = losses
        if nuls := text.count("\x00"):
            losses.changed("control characters", "the file", "removed from a text", count=nuls)
        csv.field_size_limit(MOST_CELL)
        head = text.partition("\n")[0]
        self.delimiter = max(DELIMITERS, key=head.count)
        self.columns = [" ".join(name.split()) for name in next(self._records(), (0, []))[1]]
        if len(self.columns) > MOST_COLUMNS:
            raise Invalid(f"A CSV file may have {MOST_COLUMNS:,} columns.", field="header", value=len(self.columns))
        found = {name.casefold() for name in self.columns}
        if missing := [name for name in required if name.casefold() not in found]:
            raise Invalid(
                f"The first line must name the columns, and lacks: {', '.join(missing)}. "
                f"It reads: {', '.join(self.columns)[:200]}",
                field="header", value=missing[0],
            )  # fmt: skip

    def rows(self) -> Iterator[Row]:
        """The rows after the header. Raises Invalid with the line where the file breaks or was cut."""
        names = [name.casefold() for name in self.columns]
        records = self._records()
        next(records)
        for line, cells in records:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(names):
                self._losses.not_understood("cells", f"line {line}", "more cells than the header has columns: left out")
            if len(cells) < len(names):
                self._check_not_cut(line, cells)
            row: dict[str, list[str]] = {}
            for name, cell in zip(names, cells, strict=False):
                row.setdefault(name, []).append(cell)
            yield Row(line, row)

    def _check_not_cut(self, line: int, cells: list[str]) -> None:
        last = self._text.count("\n") + 1
        ends_here = line + sum(cell.count("\n") for cell in cells) >= last
        if ends_here and not self._text.endswith(("\n", "\r")):
            raise Invalid(
                f"The file ends in the middle of the row on line {line}, after {len(cells)} of {len(self.columns)} "
                "cells: it was cut.",
                field="file", value=f"line {line}",
            )  # fmt: skip
        self._losses.changed("short rows", f"line {line}", "fewer cells than the header has columns: the rest is empty")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(
            io.StringIO(self._text.replace("\x00", ""), newline=""), delimiter=self.delimiter, strict=True
        )
        line = 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise self._broken(line, error) from error
            yield line, cells
            line = reader.line_num + 1

    def _broken(self, line: int, error: csv.Error) -> Invalid:
        cut = "unexpected end" in str(error)
        told = "the file ends inside quotation marks: it was cut" if cut else str(error)
        return Invalid(
            f"The CSV breaks in the row that begins on line {line:,}: {told}.", field="file", value=f"line {line}"
        )
