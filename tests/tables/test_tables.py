"""Tables out of files that spreadsheets saved: their encodings, their headers, their cells as text."""

import pytest

from portal.acceptance.imports.reading import read
from portal.errors import Invalid
from portal.tables.headed import headed
from portal.tables.plain import LONGEST, text
from portal.tables.sheets import readings
from tests.support.workbooks import words, workbook_of

NAMES = {"ref": ("id", "номер", "编号"), "title": ("title", "название", "标题")}


def table(content: bytes):
    (found,), _ = headed(content, NAMES, lambda fields: len(fields) == 2)
    return found


@pytest.mark.parametrize(
    ("content", "encoding", "title"),
    [
        ("номер;название\n1;Поиск\n", "cp1251", "Поиск"),
        ("编号,标题\n1,搜索\n", "gb18030", "搜索"),
        ("id,title\n1,Änderung\n", "cp1252", "Änderung"),
        ("номер,название\n1,Поиск\n", "utf-16", "Поиск"),
    ],
)
def test_a_header_tells_which_encoding_was_meant(content, encoding, title):
    found = table(content.encode(encoding))
    assert [cells["title"] for _, cells in found.rows()] == [title]
    assert found.sheet.encoding == ("Unicode" if encoding == "utf-16" else encoding)


def test_rows_are_counted_as_a_spreadsheet_shows_them():
    found = table(b"Please fill in.\n\nID*,Other,title:\n1,x,One\n,,\n2,x,Two\n")
    assert (found.header, found.unread, found.column_of("ref")) == (3, ["Other"], "ID*")
    assert [(number, cells["ref"]) for number, cells in found.rows()] == [(4, "1"), (6, "2")]


def test_a_whole_number_of_a_workbook_stays_whole():
    cells = '<c r="A1"><v>7</v></c><c r="B1"><v>3.5</v></c>'
    (sheet,) = next(readings(workbook_of(f'<row r="1">{cells}{words("C1", "a")}</row>')))
    assert list(sheet.rows) == [["7", "3.5", "a"]]


@pytest.mark.parametrize(
    "given", ["Enter <user name>", "List<String> and Map<K, V>", "See <https://example.org/a>", "a < b and c > d"]
)
def test_what_only_looks_like_html_stays_as_it_was_written(given):
    assert text(given) == given
    assert text(f"<b>{given}</b>") == given


@pytest.mark.parametrize(
    "hostile",
    [
        "<a ",
        "<br ",
        "<li ",
        "<b>",
        "<div>",
        "<p><div>",
        "<script>",
        "<!--",
        "<scr<b>ipt>",
        "< ",
        "&#60;",
        "\n",
        "&lt;p&gt;",
    ],
)
def test_a_hostile_cell_comes_to_an_end(hostile):
    """What grew with the square of its length would take hours here."""
    assert len(text(hostile * 50_000 + "<b>end</b>")) <= LONGEST


@pytest.mark.parametrize("content", [b"", b" \n", b"PK\x03\x04 no workbook", b"\xff\xfe\x00"])
def test_what_is_no_table_is_refused_with_a_sentence(content):
    with pytest.raises(Invalid) as refused:
        list(readings(content))
    assert refused.value.field == "file"


@pytest.mark.parametrize(
    "content",
    [
        "Kennung;Titel;Abschnitt;Vorbedingung;Schritte;Erwartetes Ergebnis;Priorität\n"
        "T1;Zahlen;Kasse;Ware;Tippen;Beleg;hoch\n",
        "№;Название;Раздел;Предусловие;Шаги;Ожидаемый результат;Приоритет\nT1;Zahlen;Kasse;Ware;Tippen;Beleg;Высокий\n",
        "编号,标题,模块,前置条件,步骤,预期结果,优先级\nT1,Zahlen,Kasse,Ware,Tippen,Beleg,高\n",
    ],
    ids=["de", "ru", "zh"],
)
def test_test_cases_with_headers_in_other_languages(content):
    (one,) = read(content.encode()).cases
    assert (one.external_ref, one.title, one.section, one.precondition) == ("T1", "Zahlen", "Kasse", "Ware")
    assert (one.steps[0].action, one.expected, one.priority) == ("Tippen", "Beleg", 1)
