"""Requirements out of a CSV or XLSX: which table, which columns, which rows, or everything that is wrong. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.errors import Invalid, TooLarge
from portal.requirements import columns, rules, workflow
from portal.tables.headed import HEADER_WITHIN, Headed, cell_text, headed
from portal.tables.plain import MOST_READ, line
from portal.tables.sheets import Sheet

MOST_REQUIREMENTS = 2_000
"""Requirements of one file: they are written in one transaction, for which the project's other writers wait."""
MOST_PROBLEMS = 100
LONGEST_CELL = MOST_READ
"""Longer than anything that is taken, so that what is too long is refused and not cut."""
_MARK = re.compile(r"(?:[-*•–—▪◦·]|\[[ xX]?\]|\(?\d{1,2}[.)]|[a-z]\))\s+")


@dataclass(frozen=True, slots=True)
class Taken:
    """How a table was understood: where its header stands, and which column is which field."""

    sheet: str
    encoding: str
    header: int
    columns: Mapping[str, str]
    """The file's name of a column → our field."""
    unread: Sequence[str]
    requirements: int


@dataclass(frozen=True, slots=True)
class Row:
    """A requirement as a file has it; `fields` are those of which it has a column, the measure by its parts."""

    sheet: str
    row: int
    external_ref: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """The requirements of a file, how it was understood, and the sheets that are none of requirements."""

    tables: Sequence[Taken]
    left_out: Sequence[str]
    rows: Sequence[Row]


@dataclass(slots=True)
class _Group:
    """A requirement's row in its table, with the criteria that stand on rows of their own below it."""

    table: Headed
    row: int
    cells: dict[str, str]

    def fault(self, field: str, message: str) -> tuple[str, str, Any]:
        """What is wrong with a cell, as a problem that names its row, its column and what it says."""
        called, sheet = self.table.column_of(field), self.table.name
        row = f"Sheet “{sheet}”, row {self.row}" if sheet else f"Row {self.row}"
        parts = (*(("sheets", sheet) if sheet else ()), "rows", str(self.row), called)
        place = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
        return place, f"{row}, column “{called}”: {message}", self.cells.get(field, "")


def read(content: bytes) -> Read:
    """The requirements of a file. What the file is, its content says, never its name.

    Raises TooLarge, and Invalid with a problem for each cell that is wrong, or for a file without a table of them.
    """
    tables, without = headed(content, columns.NAMES, _is_header)
    if not tables:
        raise Invalid(
            f"No table of requirements was found: one of the first {HEADER_WITHIN} rows must name a column with a "
            "reference of each requirement (such as ID) and one with its title.",
            field="file", value=_first_line(without),
        )  # fmt: skip
    groups = [group for table in tables for group in _groups(table)]
    if len(groups) > MOST_REQUIREMENTS:
        raise TooLarge(f"A file may have {MOST_REQUIREMENTS:,} requirements.", field="file", value=len(groups))
    problems: list[tuple[str, str, Any]] = []
    rows = [_row(group, problems) for group in groups]
    _check_references(groups, rows, problems)
    _refuse(problems)
    taken = [_taken(table, sum(group.table is table for group in groups)) for table in tables]
    return Read(taken, [sheet.name for sheet in without], rows)


def _refuse(problems: Sequence[tuple[str, str, Any]]) -> None:
    """Raises Invalid when anything is wrong; of very many problems, the first."""
    if problems:
        counted = "A cell is wrong" if len(problems) == 1 else f"{len(problems):,} cells are wrong"
        shown = "" if len(problems) <= MOST_PROBLEMS else f" The first {MOST_PROBLEMS} are named."
        raise Invalid(f"{counted}; nothing was changed.{shown}", problems=tuple(problems[:MOST_PROBLEMS]))


def _first_line(sheets: Sequence[Sheet]) -> str:
    first = next((sheet.rows[0] for sheet in sheets if sheet.rows), ())
    return " | ".join(line(cell) for cell in first)


def _is_header(fields: Collection[str]) -> bool:
    return {"external_ref", "title"} <= set(fields)


def _taken(table: Headed, requirements: int) -> Taken:
    fields = {table.column_of(field): field for field in table.fields.values()}
    unread = [name for name in table.unread if name not in columns.OURS]
    return Taken(table.name, table.sheet.encoding, table.header, fields, unread, requirements)


def _groups(table: Headed) -> Iterator[_Group]:
    """A row with a reference or a title begins a requirement; one with nothing but criteria adds them to it."""
    group: _Group | None = None
    criteria: list[str] = []
    for row, cells in table.rows(LONGEST_CELL):
        if group and not any(text for field, text in cells.items() if field != "criteria"):
            criteria.append(cells["criteria"])
            continue
        if group:
            yield _with(group, criteria)
        group, criteria = _Group(table, row, cells), [cells.get("criteria", "")]
    if group:
        yield _with(group, criteria)


def _with(group: _Group, criteria: Sequence[str]) -> _Group:
    if any(criteria):
        group.cells["criteria"] = "\n".join(criteria)
    return group


def _row(group: _Group, problems: list[tuple[str, str, Any]]) -> Row:
    fields: dict[str, Any] = {}
    for name, value in _values(group, problems):
        try:
            fields |= _checked(name, value)
        except Invalid as fault:
            column = name if name in group.table.fields.values() else "metric"
            problems.append(group.fault(column, fault.message))
    return Row(group.table.name, group.row, fields.pop("external_ref", ""), fields)


def _values(group: _Group, problems: list[tuple[str, str, Any]]) -> Iterator[tuple[str, Any]]:
    known = set(group.table.fields.values())
    for name in group.table.fields.values():
        try:
            value = as_read(name, group.cells.get(name, ""))
        except Invalid as fault:
            problems.append(group.fault(name, fault.message))
            continue
        if name == "metric":
            yield from _measure(value, is_whole=not known & {"target", "how_measured"})
        else:
            yield name, value


def _measure(text: str, *, is_whole: bool) -> Iterator[tuple[str, str]]:
    """A cell's measure: where the table has no other column for it, its lines are what, how much, and how measured."""
    first, _, rest = text.partition("\n")
    if not is_whole or not rest:
        yield "metric", line(text, LONGEST_CELL)
        return
    target, _, how = rest.strip().partition("\n")
    yield from (("metric", first), ("target", target), ("how_measured", how.strip()))


def _checked(name: str, value: Any) -> dict[str, Any]:
    if name == "external_ref" and not value:
        raise Invalid("every requirement needs a reference of its own, such as REQ-7.")
    if name == "title" and not value:
        raise Invalid("a requirement needs a title.")
    if name in workflow.MEASURE:
        return {name: rules.check_fields({"measure": {name: value}})[name]}
    return {} if name == "kind" and value is None else rules.check_fields({name: value})


def _check_references(groups: Sequence[_Group], rows: Sequence[Row], problems: list[tuple[str, str, Any]]) -> None:
    seen: dict[str, Row] = {}
    for group, row in zip(groups, rows, strict=True):
        first = seen.setdefault(row.external_ref, row) if row.external_ref else row
        if first is not row:
            of_sheet = f" of sheet “{first.sheet}”" if first.sheet else ""
            problems.append(group.fault("external_ref", f"row {first.row}{of_sheet} has this reference already."))


def as_read(name: str, cell: str) -> Any:
    """A field's value as a cell says it; None for a kind or a priority that is not said.

    Raises Invalid for a word that is neither.
    """
    text = cell_text(cell, LONGEST_CELL)
    match name:
        case "criteria":
            return criteria_of(text)
        case "priority":
            return columns.priority_of(line(text))
        case "kind":
            return columns.kind_of(line(text)) if text else None
        case "external_ref" | "title" | "target":
            return line(text, LONGEST_CELL)
    return text


def criteria_of(text: str) -> list[str]:
    """The criteria of a cell: one a line, without the marks of a list. In a list, a line without a mark goes on."""
    lines = [one for one in text.split("\n") if one]
    is_list = bool(lines) and bool(_MARK.match(lines[0]))
    found: list[str] = []
    for one in lines:
        mark = _MARK.match(one)
        if found and is_list and not mark:
            found[-1] += f"\n{one}"
        else:
            found.append(one[mark.end() :] if mark else one)
    return found
