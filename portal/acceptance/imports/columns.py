"""Which column means what: the names that spreadsheets (in English, German, Russian, Chinese), TestRail, Xray and
Zephyr give them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from portal.acceptance.cases import TITLE_LENGTH
from portal.acceptance.imports.model import ImportedCase, Read, Step
from portal.acceptance.imports.xml_files import priority_of
from portal.errors import Invalid
from portal.tables.headed import Headed, headed
from portal.tables.plain import MOST_READ, line

NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "summary", "name", "test case", "test case name", "test summary", "test name", "scenario",
              "test case description", "test script", "test case title", "titel", "bezeichnung", "testfall", "название",
              "наименование", "заголовок", "тест-кейс", "标题", "名称", "用例名称", "用例标题", "测试用例"),
    "external_ref": ("id", "case id", "issue key", "key", "test key", "test case id", "tcid", "issue id",
                     "external id", "external ref", "test case #", "test #", "no.", "nr", "nr.", "kennung",
                     "testfall-id", "№", "номер", "ид", "ключ", "编号", "用例编号", "序号"),
    "section": ("section", "folder", "suite", "section hierarchy", "component", "test repository path", "area",
                "module", "labels", "abschnitt", "bereich", "modul", "ordner", "раздел", "модуль", "папка", "模块",
                "所属模块", "章节", "目录"),
    "precondition": ("precondition", "preconditions", "pre-condition", "prerequisites", "pre-conditions",
                     "vorbedingung", "vorbedingungen", "voraussetzung", "voraussetzungen", "предусловие", "предусловия",
                     "前置条件", "前提条件", "前提"),
    "action": ("steps", "step", "action", "test step", "test steps", "steps (step)", "steps separated (step)",
               "step description", "manual test steps", "test script (step-by-step) - step", "step action",
               "steps step", "test script (plain text)", "instructions", "schritt", "schritte", "testschritte",
               "aktion", "шаг", "шаги", "действие", "действия", "步骤", "测试步骤", "操作步骤", "用例步骤"),
    "description": ("description", "beschreibung", "описание", "描述"),
    "step_expected": ("steps (expected result)", "steps separated (expected result)", "step result",
                      "test script (step-by-step) - expected result", "step expected result", "steps expected result"),
    "expected": ("expected result", "expected results", "expected", "result expected", "expected outcome",
                 "erwartetes ergebnis", "erwartet", "sollergebnis", "ожидаемый результат", "ожидание", "预期结果",
                 "期望结果", "预期"),
    "priority": ("priority", "priorität", "приоритет", "优先级", "优先级别"),
    "criterion": ("acceptance criterion", "acceptance criteria", "requirement", "references", "user story",
                  "coverage (issues)", "objective", "abnahmekriterium", "akzeptanzkriterium", "anforderung",
                  "критерий приёмки", "критерий приемки", "требование", "验收标准", "需求"),
}  # fmt: skip


def read_table(content: bytes) -> Read:
    """The cases of every table of a CSV or XLSX that has a header with a title. Raises Invalid when none has."""
    tables, without = headed(content, NAMES, _is_header)
    losses = [
        f"Sheet “{sheet.name}” has no row that names a title and steps: left out." for sheet in without if sheet.name
    ]
    losses += [_left_out(table) for table in tables if table.unread]
    cases = [one for table in tables for one in _cases(table, losses)]
    if not cases:
        right = "a column with the title and one with steps or the expected result"
        raise Invalid(f"No table of test cases was found: its first rows must name {right}.", field="file")
    return Read("table", cases=cases, losses=losses)


def _is_header(fields: Collection[str]) -> bool:
    return "title" in fields and len(fields) > 1


def _left_out(table: Headed) -> str:
    where = f"Of the sheet “{table.name}” these" if table.name else "These"
    return f"{where} columns were left out: {', '.join(f'“{one}”' for one in table.unread)}."


def _cases(table: Headed, losses: list[str]) -> Iterator[ImportedCase]:
    """A row with a title begins a case; rows without one, or with its title and reference again, add steps to it, as
    merged cells and step lists do. A description is its steps where no column has them, and else what one reads before
    them."""
    steps = "action" if "action" in table.fields.values() else "description"
    before = ("description", "precondition") if steps == "action" else ("precondition",)
    group: list[dict[str, str]] = []
    section = ""
    for number, cells in table.rows(MOST_READ):
        section = cells.get("section") or section
        if cells.get("title") and not (group and _is_again(cells, group[0])):
            if group:
                yield _case(group, table.name, steps, before)
            if len(line(cells["title"], MOST_READ)) > TITLE_LENGTH:
                losses.append(f"The title in row {number} was cut to {TITLE_LENGTH} characters.")
            group = [cells | {"section": section}]
        elif group:
            group.append(cells)
        else:
            losses.append(f"Row {number} stands above the first case: left out.")
    if group:
        yield _case(group, table.name, steps, before)


def _is_again(cells: Mapping[str, str], first: Mapping[str, str]) -> bool:
    ref = cells.get("external_ref")
    return bool(ref) and (ref, cells["title"]) == (first.get("external_ref"), first["title"])


def _case(group: Sequence[Mapping[str, str]], sheet: str, action: str, before: Sequence[str]) -> ImportedCase:
    """One case of its rows. Of several rows, what is expected is each step's, unless a column of its own says that."""
    first = group[0]
    is_of_steps = len(group) > 1 and not _all(group, "step_expected")
    result = "expected" if is_of_steps else "step_expected"
    steps = [Step(row.get(action, ""), row.get(result, "")) for row in group if row.get(action) or row.get(result)]
    return ImportedCase(
        title=line(first["title"], TITLE_LENGTH), section=line(first.get("section") or sheet), steps=tuple(steps),
        precondition=_all(group, *before), external_ref=line(first.get("external_ref", ""), 200),
        expected="" if is_of_steps else _all(group, "expected"),
        priority=priority_of(first.get("priority", "")), criterion=" ".join(_all(group, "criterion").split()),
    )  # fmt: skip


def _all(group: Sequence[Mapping[str, str]], *fields: str) -> str:
    """What the rows of a case say in these columns, each once."""
    return "\n\n".join(dict.fromkeys(text for field in fields for row in group if (text := row.get(field))))
