"""Tables whose header may stand below other rows: which column is which field, and the rows by field."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from portal.spreadsheet import unguarded
from portal.tables.plain import LONGEST, line, text
from portal.tables.sheets import Sheet, readings

HEADER_WITHIN = 20
"""A header is looked for in so many first rows: people write instructions above it."""

Names = Mapping[str, Sequence[str]]
"""Our fields → the names of their columns, in small letters; where a name stands twice, the later field has it."""


@dataclass(frozen=True, slots=True)
class Headed:
    """A sheet of which one row names the columns. Rows are counted from 1, as a spreadsheet shows them."""

    sheet: Sheet
    header: int
    fields: Mapping[int, str]
    """Place of a column → our field. Of two columns that mean the same, the first."""

    @property
    def name(self) -> str:
        """The sheet's name, empty for a CSV."""
        return self.sheet.name

    def column_of(self, field: str) -> str:
        """What the file calls the column of a field that it has."""
        return next(self._called(at) for at, known in self.fields.items() if known == field)

    @property
    def unread(self) -> list[str]:
        """The columns that no field is taken from, as the file calls them."""
        named = range(len(self.sheet.rows[self.header - 1]))
        return [called for at in named if at not in self.fields and (called := self._called(at))]

    def rows(self, longest: int = LONGEST) -> Iterator[tuple[int, dict[str, str]]]:
        """The rows below the header that say something, each with its number and the text of its cells."""
        for number, row in enumerate(self.sheet.rows[self.header :], start=self.header + 1):
            cells = {field: cell_text(row[at], longest) for at, field in self.fields.items() if at < len(row)}
            if any(cells.values()):
                yield number, cells

    def _called(self, at: int) -> str:
        return line(self.sheet.rows[self.header - 1][at], 100)


def cell_text(value: object, longest: int = LONGEST) -> str:
    """What a cell says; the quote is gone by which our own lists keep formulas from running."""
    return text(unguarded(str(value or "")), longest)


def headed(
    content: bytes, names: Names, is_header: Callable[[Collection[str]], bool]
) -> tuple[list[Headed], list[Sheet]]:
    """The sheets of a CSV or XLSX file that have a header, and those that have none.

    `is_header` says of the fields that a row names whether they are enough. Raises as `readings`.
    """
    fields = {name: field for field, every in names.items() for name in every}
    found: list[Headed] = []
    without: list[Sheet] = []
    for sheets in readings(content):
        tables = [_headed(sheet, fields, is_header) for sheet in sheets]
        found = [table for table in tables if table is not None]
        without = [sheet for sheet, table in zip(sheets, tables, strict=True) if table is None]
        if found:
            break
    return found, without


def _headed(sheet: Sheet, known: Mapping[str, str], is_header: Callable[[Collection[str]], bool]) -> Headed | None:
    for number, row in enumerate(sheet.rows[:HEADER_WITHIN], start=1):
        fields: dict[int, str] = {}
        for at, cell in enumerate(row):
            field = known.get(line(cell).casefold().replace("_", " ").rstrip(":* "))
            if field and field not in fields.values():
                fields[at] = field
        if is_header(fields.values()):
            return Headed(sheet, number, fields)
    return None
