"""Requirements out of spreadsheets: how a file is understood, and everything that is wrong with it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import Invalid, TooLarge
from portal.requirements import columns, sheet
from portal.requirements.models import Priority, RequirementKind
from portal.requirements.sheet import MOST_REQUIREMENTS, criteria_of
from portal.spreadsheet import guarded
from tests.support.workbooks import words, workbook_of
from web.words import words as words_of

FULL = "ID,Title,Description,Type,Priority,Acceptance criteria,Metric,Target,How measured"


def rows(content: str):
    return sheet.read(content.encode()).rows


def csv_of(*lines: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue()


def problems(content: str | bytes):
    with pytest.raises(Invalid) as refused:
        sheet.read(content if isinstance(content, bytes) else content.encode())
    return [(field, message, value) for field, message, value in refused.value.problems]


def test_a_row_says_all_that_a_requirement_can_have():
    line = ["R1", "Fast", "It opens.", "Non-functional", "Must have", "One\nTwo", "Time", "1 s", "Test"]
    (one,) = rows(csv_of(FULL.split(","), line))
    assert (one.row, one.external_ref) == (2, "R1")
    assert one.fields == {
        "title": "Fast", "description": "It opens.", "kind": RequirementKind.NON_FUNCTIONAL, "priority": Priority.MUST,
        "criteria": ["One", "Two"], "metric": "Time", "target": "1 s", "how_measured": "Test",
    }  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        "Kennung;Titel;Beschreibung;Art;Priorität;Abnahmekriterien;Messgröße;Zielwert;Messverfahren\n"
        "R1;Fast;It;nicht-funktional;muss;One;Time;1 s;Test\n",
        "Номер;Название;Описание;Тип;Приоритет;Критерии приёмки;Показатель;Целевое значение;Способ измерения\n"
        "R1;Fast;It;Нефункциональное;Обязательно;One;Time;1 s;Test\n",
        "编号,标题,描述,类型,优先级,验收标准,指标,目标值,测量方法\nR1,Fast,It,非功能,必须有,One,Time,1 s,Test\n",
    ],
    ids=["de", "ru", "zh"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_headers_and_words_in_other_languages(content, encoding):
    (one,) = sheet.read(content.encode(encoding)).rows
    assert one.fields == {
        "title": "Fast", "description": "It", "kind": RequirementKind.NON_FUNCTIONAL, "priority": Priority.MUST,
        "criteria": ["One"], "metric": "Time", "target": "1 s", "how_measured": "Test",
    }  # fmt: skip


@pytest.mark.parametrize("locale", ["en", "ru", "zh_CN"])
@pytest.mark.parametrize("priority", Priority)
def test_a_priority_in_the_words_of_the_pages_means_what_it_means_there(locale, priority):
    assert columns.priority_of(words_of(locale)["moscow"][priority.value]) is priority


def test_it_is_told_how_a_file_was_understood():
    found = sheet.read(b"Draft 3 of June\n\nReq ID,Name,Owner,MoSCoW,state\nR1,One,Ada,must,draft\n")
    (table,) = found.tables
    assert (table.header, table.encoding, table.requirements) == (3, "Unicode", 1)
    assert table.columns == {"Req ID": "external_ref", "Name": "title", "MoSCoW": "priority"}
    assert table.unread == ["Owner"]


def test_a_column_that_is_not_there_says_nothing_and_an_empty_cell_says_empty():
    one, two = rows("ID,Title,Priority\nR1,One,must\nR2,Two,\n")
    assert (one.fields, two.fields) == (
        {"title": "One", "priority": Priority.MUST}, {"title": "Two", "priority": None},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "criteria"),
    [
        ("", []),
        ("One\n\nTwo", ["One", "Two"]),
        ("- One\n- Two\nwith more\n• Three", ["One", "Two\nwith more", "Three"]),
        ("1. One\n2) Two", ["One", "Two"]),
        ("[ ] One\n[x] Two", ["One", "Two"]),
        ("3 seconds at most", ["3 seconds at most"]),
        ("A user of 1.5 GB", ["A user of 1.5 GB"]),
    ],
)
def test_several_criteria_stand_in_one_cell_by_lines(text, criteria):
    assert criteria_of(text) == criteria


def test_criteria_may_stand_on_rows_of_their_own_under_a_merged_requirement():
    content = "ID,Title,Criteria\nR1,One,First\n,,Second\n,,Third\nR2,Two\n,,Fourth\n"
    assert [one.fields["criteria"] for one in rows(content)] == [["First", "Second", "Third"], ["Fourth"]]


def test_a_measure_may_stand_in_one_cell():
    (one,) = rows(csv_of(["ID", "Title", "Measure"], ["R1", "Fast", "Time\n1 s\nBy a test\nof a week"]))
    assert [one.fields[part] for part in ("metric", "target", "how_measured")] == [
        "Time",
        "1 s",
        "By a test\nof a week",
    ]


def test_a_workbook_with_several_sheets_of_html_numbers_and_formulas():
    head = f'<row r="1">{words("A1", "ID")}{words("B1", "Title")}{words("C1", "Criteria")}</row>'
    items = "&lt;ul&gt;&lt;li&gt;One&lt;/li&gt;&lt;li&gt;Two &lt;b&gt;more&lt;/b&gt;&lt;/li&gt;&lt;/ul&gt;"
    formula = '<c r="B2" t="str"><f>UPPER("x")</f><v>X</v></c>'
    content = workbook_of(f'{head}<row r="2"><c r="A2"><v>7</v></c>{formula}{words("C2", items)}</row>')
    (one,) = sheet.read(content).rows
    assert (one.sheet, one.external_ref, one.fields) == ("S", "7", {"title": "X", "criteria": ["One", "Two more"]})


def test_everything_that_is_wrong_is_named_at_once_with_what_would_be_right():
    content = "ID,Title,Type,Priority\nR1,One,story,high\n,Two,,must\nR3,,,\nR1,Four,,\n"
    assert problems(content) == [
        ("/rows/2/Type",
         "Row 2, column “Type”: This is no kind; right would be functional or non_functional.", "story"),
        ("/rows/2/Priority",
         "Row 2, column “Priority”: This is no priority; right would be must, should, could or wont.", "high"),
        ("/rows/3/ID", "Row 3, column “ID”: every requirement needs a reference of its own, such as REQ-7.", ""),
        ("/rows/4/Title", "Row 4, column “Title”: a requirement needs a title.", ""),
        ("/rows/5/ID", "Row 5, column “ID”: row 2 has this reference already.", "R1"),
    ]  # fmt: skip


def test_what_is_too_long_is_refused_and_not_cut():
    found = problems(f"ID,Title,Description\nR1,{'t' * 161},{'d' * 20_001}\n")
    assert [field for field, _, _ in found] == ["/rows/2/Title", "/rows/2/Description"]


def test_a_place_names_the_sheet_and_is_a_pointer_whatever_the_column_is_called():
    head = f'<row r="1">{words("A1", "ID")}{words("B1", "Title")}{words("C1", "Prio.")}</row>'
    cells = f'<row r="2">{words("A2", "R1")}{words("B2", "One")}{words("C2", "high")}</row>'
    ((field, message, _),) = problems(workbook_of(head + cells))
    assert (field, message[:33]) == ("/sheets/S/rows/2/Prio.", "Sheet “S”, row 2, column “Prio.”:")


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_what_our_own_csv_says_reads_like_what_stands(text):
    for field in ("title", "description", "criteria", "metric"):
        assert sheet.as_read(field, guarded(text)) == sheet.as_read(field, text)


def test_of_very_many_problems_the_first_are_named():
    content = "ID,Title\n" + "".join(f"R{at},\n" for at in range(150))
    with pytest.raises(Invalid) as refused:
        rows(content)
    assert refused.value.message == "150 cells are wrong; nothing was changed. The first 100 are named."
    assert len(refused.value.problems) == 100


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing of the kind", b"Title,Description\nOne,Two\n", b"ID,Priority\n1,must\n", b"PK\x03\x04 no workbook",
     b'ID,Title\n"never closed,x\n', b"<html><body/></html>", b"\xff\xfe\x00"],
)  # fmt: skip
def test_what_is_no_table_of_requirements_is_refused_with_a_sentence(content):
    ((field, _, _),) = problems(content)
    assert field == "file"


def test_a_file_has_a_bound():
    with pytest.raises(TooLarge):
        rows("ID,Title\n" + "".join(f"R{at},One\n" for at in range(MOST_REQUIREMENTS + 1)))
