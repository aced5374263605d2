"""Which column means what: the names that spreadsheets, TestRail, Xray and Zephyr give them."""

from collections.abc import Iterator, Mapping, Sequence

from portal.acceptance.imports.model import ImportedCase, Read, Step
from portal.acceptance.imports.plain import line, text
from portal.acceptance.imports.tables import HEADER_WITHIN, Sheet
from portal.acceptance.imports.xml_files import priority_of
from portal.errors import Invalid

NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "summary", "name", "test case", "test case name", "test summary", "test name", "scenario",
              "test case description", "test script", "test case title"),
    "external_ref": ("id", "case id", "issue key", "key", "test key", "test case id", "tcid", "issue id",
                     "external id", "test case #", "test #", "no."),
    "section": ("section", "folder", "suite", "section hierarchy", "component", "test repository path", "area",
                "module", "labels"),
    "precondition": ("precondition", "preconditions", "pre-condition", "prerequisites", "pre-conditions"),
    "action": ("steps", "step", "action", "test step", "test steps", "steps (step)", "steps separated (step)",
               "step description", "manual test steps", "test script (step-by-step) - step", "step action",
               "steps step", "description", "test script (plain text)", "instructions"),
    "step_expected": ("steps (expected result)", "steps separated (expected result)", "step result",
                      "test script (step-by-step) - expected result", "step expected result", "steps expected result"),
    "expected": ("expected result", "expected results", "expected", "result expected", "expected outcome"),
    "priority": ("priority",),
    "criterion": ("acceptance criterion", "acceptance criteria", "requirement", "references", "user story",
                  "coverage (issues)", "objective"),
}  # fmt: skip
"""Our fields → the names of their columns, compared without case and needless blanks; earlier fields choose first."""
_FIELD = {name: field for field, names in NAMES.items() for name in names}


def read_table(found: Sequence[Sheet]) -> Read:
    """The cases of every table that has a header with a title. Raises Invalid when none has."""
    cases: list[ImportedCase] = []
    losses: list[str] = []
    for sheet in found:
        header = _header(sheet)
        if header is None:
            if sheet.name:
                losses.append(f"Sheet “{sheet.name}” has no row that names a title and steps: left out.")
            continue
        at, fields = header
        cases += _cases(sheet, at, fields, losses)
    if not cases:
        right = "a column with the title and one with steps or the expected result"
        raise Invalid(f"No table of test cases was found: its first rows must name {right}.", field="file")
    return Read("table", cases=cases, losses=losses)


def _header(sheet: Sheet) -> tuple[int, dict[int, str]] | None:
    """The row that names the columns, and which column is which field."""
    for at, row in enumerate(sheet.rows[:HEADER_WITHIN]):
        fields: dict[int, str] = {}
        for column, cell in enumerate(row):
            field = _FIELD.get(line(cell).casefold().rstrip(":*"))
            if field and field not in fields.values():
                fields[column] = field
        if "title" in fields.values() and fields.keys() - {c for c, f in fields.items() if f == "title"}:
            return at, fields
    return None


def _cases(sheet: Sheet, header: int, fields: Mapping[int, str], losses: list[str]) -> Iterator[ImportedCase]:
    """A row with a title begins a case; rows without one add steps to it, as merged cells and step lists do."""
    group: list[dict[str, str]] = []
    section = ""
    for number, row in enumerate(sheet.rows[header + 1 :], start=header + 2):
        cells = {field: text(row[column]) for column, field in fields.items() if column < len(row)}
        if not any(cells.values()):
            continue
        section = cells.get("section") or section
        if cells.get("title"):
            if group:
                yield _case(group, sheet.name)
            group = [cells | {"section": section}]
        elif group:
            group.append(cells)
        else:
            losses.append(f"Row {number} stands above the first case: left out.")
    if group:
        yield _case(group, sheet.name)


def _case(group: Sequence[Mapping[str, str]], sheet: str) -> ImportedCase:
    first = group[0]
    has_steps_of_their_own = len(group) > 1 or any(row.get("step_expected") for row in group)
    steps = [
        Step(row.get("action", ""), row.get("step_expected") or (row.get("expected", "") if len(group) > 1 else ""))
        for row in group
        if row.get("action") or row.get("step_expected")
    ]
    return ImportedCase(
        title=line(first["title"]), section=line(first.get("section") or sheet), steps=tuple(steps),
        precondition=first.get("precondition", ""), external_ref=line(first.get("external_ref", ""), 200),
        expected="" if has_steps_of_their_own and len(group) > 1 else first.get("expected", ""),
        priority=priority_of(first.get("priority", "")), criterion=line(first.get("criterion", "")),
    )  # fmt: skip
