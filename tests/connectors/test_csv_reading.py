"""CSV with a header: what separates its columns, which line a row is on, and what is wrong with it, by its line."""

import pytest

from portal.connectors.csv_reading import Table
from portal.connectors.losses import Loss, Losses
from portal.errors import Invalid


def table(text, *required):
    losses = Losses()
    return Table(text, losses, required=required), losses


def rows(text):
    return [(row.line, row.cells) for row in table(text)[0].rows()]


@pytest.mark.parametrize(("sign", "cell"), [(",", "1;;;"), (";", "1,,,"), ("\t", "1,,,;;;")])
def test_the_first_line_alone_says_what_separates_columns(sign, cell):
    assert rows(f"a{sign}b\n{cell}{sign}2\n") == [(2, {"a": [cell], "b": ["2"]})]


def test_columns_are_known_without_case_and_whatever_their_blanks_and_may_come_twice():
    found, _ = table(" Issue   Key ,Sprint,sprint\nA,1,\n", "issue key")
    assert found.columns == ["Issue Key", "Sprint", "sprint"]
    assert [row.cells for row in found.rows()] == [{"issue key": ["A"], "sprint": ["1", ""]}]


def test_of_several_columns_of_one_name_the_first_that_is_filled_counts():
    (row,) = table("a,a,a,b\n , x ,y,z\n")[0].rows()
    assert (row.all("a"), row.first("a"), row.first("c", "b", "a"), row.first("c")) == ([" x ", "y"], "x", "z", "")


def test_a_column_that_is_missing_is_named_with_those_that_are_there():
    with pytest.raises(Invalid) as refused:
        table(f"a,{'x' * 300}\n", "A", "title", "ref")
    assert (refused.value.field, refused.value.value) == ("header", "title")
    assert refused.value.message.partition("lacks: ")[2] == f"title, ref. It reads: a, {'x' * 197}"


@pytest.mark.parametrize("text", ["", "\na,b\n1,2\n"])
def test_the_first_line_is_the_header(text):
    with pytest.raises(Invalid, match="lacks: a"):
        table(text, "a")


def test_a_file_has_so_many_columns():
    assert len(table(",".join(["a"] * 2000))[0].columns) == 2000
    with pytest.raises(Invalid, match="2,000 columns") as refused:
        table(",".join(["a"] * 2001))
    assert (refused.value.field, refused.value.value) == ("header", 2001)


def test_a_row_is_on_the_line_on_which_it_begins_and_keeps_its_own_lines():
    assert rows('a,b\n1,"x\r\ny\nz"\n\n , \n2,3\n') == [
        (2, {"a": ["1"], "b": ["x\r\ny\nz"]}),
        (7, {"a": ["2"], "b": ["3"]}),
    ]


def test_a_cell_is_longer_than_the_library_would_have_it():
    assert rows(f"a\n{'x' * 140_000}\n") == [(2, {"a": ["x" * 140_000]})]


def test_what_is_too_much_or_too_little_in_a_row_is_told():
    found, losses = table("a,b\n1,2,3\n1\n1,2")
    assert [row.line for row in found.rows()] == [2, 3, 4]
    assert losses.all() == (
        Loss("cells", "not_understood", "more cells than the header has columns: left out", 1, ("line 2",)),
        Loss("short rows", "changed", "fewer cells than the header has columns: the rest is empty", 1, ("line 3",)),
    )


def test_nul_characters_are_counted_and_no_part_of_a_cell():
    found, losses = table("a\n1\x00\x002\n")
    assert [row.cells for row in found.rows()] == [{"a": ["12"]}]
    assert losses.all() == (Loss("control characters", "changed", "removed from a text", 2, ("the file",)),)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_short_last_row_that_ends_its_line_is_whole(end):
    assert rows(f"a,b\n1{end}") == [(2, {"a": ["1"]})]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('a,"b\n', "line 1", "breaks in the row that begins on line 1: the file ends inside quotation marks"),
        ("a,b\n1,2\n1", "line 3", "ends in the middle of the row on line 3, after 1 of 2 cells: it was cut"),
        ('a,b,c\n1,"x\ny"', "line 2", "ends in the middle of the row on line 2, after 2 of 3 cells: it was cut"),
        ('a,b\n1,2\n1,"x\n', "line 3", "breaks in the row that begins on line 3: the file ends inside quotation marks"),
        ('a,b\n"1"2,3\n', "line 2", "breaks in the row that begins on line 2: ',' expected after '\"'"),
    ],
)
def test_where_a_file_breaks_its_line_is_named(text, line, why):
    with pytest.raises(Invalid) as refused:
        rows(text)
    assert (refused.value.field, refused.value.value) == ("file", line)
    assert why in refused.value.message
