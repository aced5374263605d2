"""Files that are wrong, hostile or merely odd end well: refused with the place, or read with what was done to them."""

import codecs
import json
import time
from decimal import Decimal
from pathlib import Path

import pytest

from portal.connectors import mapping, reading, sources
from portal.connectors.json_reading import JsonText
from portal.connectors.losses import MOST_GROUPS, MOST_PLACES, Losses
from portal.connectors.model import Field, System
from portal.errors import Invalid, TooLarge
from tests.connectors.conftest import BERLIN, DATA, DEMO, by_key, issue, losses, read, search


def attempt(system, source, mapping=None):
    """The project that a source gives, or else which part of it was refused."""
    try:
        return read(system, source, mapping), ""
    except Invalid as refused:
        return None, refused.field or ""


CSV = (DATA / "jira" / "cloud-export.csv").read_text()
JIRA = json.dumps(search(issue(histories=[]), issue("QP-2", histories=[])), indent=1)
ONE_ROW = "ref,title,created,points\nA-1,{title},2024-01-01,{points}\n"


@pytest.mark.parametrize("cut", [1, 40, 200, len(JIRA) // 2, len(JIRA) - 1])
def test_json_that_was_cut_is_refused_with_line_and_byte(cut):
    with pytest.raises(Invalid, match=r"breaks at line \d+, column \d+ \(byte [\d,]+\).*it was cut"):
        read("jira", JIRA[:cut])


@pytest.mark.parametrize("cut", range(60, len(CSV) - 60, 97))
def test_a_csv_that_was_cut_is_refused_or_ends_with_a_whole_row(cut):
    project, where = attempt("jira", CSV[:cut])
    if project is None:
        assert where.startswith(("file", "header", "line"))
    else:
        assert CSV[:cut].endswith("\n")


@pytest.mark.parametrize(
    "text",
    [
        '{"issues": [{"id": "1",, }]}',
        '{"issues": [] } trailing',
        '{"issues": {}}',
        '{"issues": [5]}',
        '{"issues": [{"id": "1", "key": "QP-1"}]}',
        '{"issues": [{"id": "../../etc", "key": "QP-1", "fields": {}}]}',
        '{"cards": 5}',
        "[]",
        "{}",
        '{"issues": ' + "[" * 100_000,
        '{"issues": [' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "]}",
        '{"issues": [' + "9" * 5_000 + "]}",
    ],
)
def test_json_that_is_no_export_is_refused(text):
    for system in ("jira", "trello"):
        with pytest.raises(Invalid):
            read(system, text)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, b""])
def test_a_byte_order_mark_is_no_part_of_the_first_column(mark):
    assert len(read("jira", mark + CSV.encode()).items) == 4


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF16_LE + CSV.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + CSV.encode("utf-16-be"),
        CSV.encode("utf-16-le"),
        CSV.encode("utf-16-be"),
    ],
)
def test_utf_16_is_read(data):
    assert len(read("jira", data).items) == 4


def test_windows_1252_is_read_and_said():
    project = read("csv", ONE_ROW.format(title="Café – now", points="").encode("cp1252"))
    assert project.items[0].current()[Field.TITLE] == "Café – now"
    assert losses(project)["encoding"] == 1


def test_bytes_that_are_no_text_are_refused_with_the_first():
    with pytest.raises(Invalid, match="byte 30"):
        read("csv", b"ref,title,created,points\nA-1,C\xff\x81 on,2024-01-01,3\n" * 2)


def test_a_file_that_ends_within_a_character_was_cut():
    with pytest.raises(Invalid, match="it was cut"):
        read("jira", '{"issues": ["é'.encode()[:-1])


def test_a_file_over_the_limit_is_refused_before_it_is_read(tmp_path: Path):
    path = tmp_path / "large"
    path.write_bytes(b" " * 1025)
    with pytest.raises(TooLarge, match="1,024 bytes"):
        sources.read_file(System.CSV, path, mapping.Mapping(), BERLIN, limit=1024)
    assert reading.MAX_BYTES == 100 * 1024 * 1024


@pytest.mark.parametrize("data", [b"", b"  \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(data):
    with pytest.raises(Invalid):
        read("jira", data)


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(Invalid, match="cannot be read"):
        reading.read_bytes(tmp_path / "nowhere")


@pytest.mark.parametrize("header", ["", "a,b,c", "Summary;Key", CSV.partition("\n")[2]])
def test_a_csv_without_its_header_is_refused_with_the_columns_that_it_lacks(header):
    with pytest.raises(Invalid, match=r"lacks: .*Issue key|file is empty"):
        read("jira", header + "\nx,y,z\n" if header else "")


def test_a_header_without_rows_is_refused():
    with pytest.raises(Invalid, match="no rows"):
        read("jira", CSV.partition("\n")[0] + "\n")


@pytest.mark.parametrize(
    ("points", "became"),
    [
        ("?", None), ("-3", None), ("1e30", None), ("100001", None), ("NaN", None), ("Infinity", None),
        ("5 points", None),
        ("0", Decimal(0)), ("0.5", Decimal("0.5")), ('"1,5"', Decimal("1.5")), ("100000", Decimal(100_000)),
    ],
)  # fmt: skip
def test_estimates_are_numbers_or_left_out_by_name(points, became):
    project = read("csv", ONE_ROW.format(title="Pay", points=points))
    assert project.items[0].current()[Field.POINTS] == became
    assert losses(project).get("points", 0) == (became is None)


def test_further_decimals_are_rounded_and_said():
    project = read("csv", ONE_ROW.format(title="Pay", points="0.33333"))
    assert project.items[0].current()[Field.POINTS] == Decimal("0.333")
    assert losses(project)["points"] == 1


@pytest.mark.parametrize("formula", ["=HYPERLINK(1)", "+1+cmd", "@SUM(A1)", "-2+3"])
def test_a_formula_is_text(formula):
    assert read("csv", ONE_ROW.format(title=formula, points="")).items[0].current()[Field.TITLE] == formula


def test_control_characters_are_removed_and_counted():
    project = read(
        "jira", search(issue(histories=[], summary="Pay\u0000 by\u0007 card", description="half \ud83d of it"))
    )
    now = project.items[0].current()
    assert (now[Field.TITLE], now[Field.DESCRIPTION]) == ("Pay by card", "half  of it")
    assert losses(project)["control characters"] == 3


def test_nul_bytes_in_a_csv_are_removed():
    project = read("csv", ONE_ROW.format(title="Pay\x00now", points=""))
    assert project.items[0].current()[Field.TITLE] == "Paynow"
    assert losses(project)["control characters"] == 1


def test_a_long_title_is_cut_and_said():
    project = read("csv", ONE_ROW.format(title="x" * 3_000, points=""))
    assert len(str(project.items[0].current()[Field.TITLE])) == 500
    assert losses(project)["long line"] == 1


def test_repeated_json_keys_are_said():
    assert (
        losses(read("jira", JIRA.replace('"total": 2', '"total": 2, "names": {"a": "1", "a": "2"}')))[
            "repeated JSON key"
        ]
        == 1
    )


def test_circles_of_parents_are_opened_at_one_place_each():
    project = read(
        "jira",
        search(
            issue("QP-1", parent={"id": "QP02"}), issue("QP-2", parent={"id": "QP03"}),
            issue("QP-3", parent={"id": "QP01"}),
            issue("QP-4", parent={"id": "QP04"}), issue("QP-5", parent={"id": "QP01"}),
        ),
    )  # fmt: skip
    parents = {key: item.parent for key, item in by_key(project).items()}
    assert sum(parent is None for parent in parents.values()) == 2
    assert (parents["QP-4"], parents["QP-5"]) == (None, "jira:QP01")
    assert losses(project)["parent"] == 2


@pytest.mark.parametrize("created", [None, "", "yesterday", 5, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_that_is_none_is_refused_with_its_issue(created):
    with pytest.raises(Invalid, match="QP-1, created"):
        read("jira", search(issue(created=created)))


def test_an_unknown_status_is_still_to_be_done_and_the_guess_says_why():
    odd = issue(status={"id": "77", "name": "Flumph"})
    project = read("jira", search(odd))
    guess = sources.guesses(project, mapping.Mapping())[0]
    assert (guess.source, guess.became) == ("Flumph", "todo")
    assert "its name says nothing" in guess.why


def test_a_wrong_shape_of_any_field_never_breaks_the_reader():
    strange = [None, 5, "x", [], {}, [None], [5], {"x": 1}, True]
    names = ("status", "issuetype", "priority", "assignee", "creator", "labels", "fixVersions", "components", "comment",
             "closedSprints", "sprint", "epic", "parent", "subtasks", "votes", "security", "description", "summary",
             "timeoriginalestimate", "project", "resolution", "customfield_1")  # fmt: skip
    for name in names:
        for value in strange:
            one = issue(histories=[], **{name: value})
            project, where = attempt("jira", search(one), {"fields": {"points": "customfield_1"}})
            assert where if project is None else len(project.items) == 1, (name, value)


def test_the_report_of_losses_is_bounded_and_still_counts():
    found = Losses()
    for number in range(1_000):
        found.lost("comments", f"QP-{number}", "no place")
        found.lost(f"sort {number}", "QP-1", "no place")
    groups = found.all()
    assert len(groups) <= MOST_GROUPS + 1
    assert sum(group.count for group in groups) == 2_000
    comments = next(group for group in groups if group.what == "comments")
    assert (comments.count, len(comments.places)) == (1_000, MOST_PLACES)


def test_a_board_is_not_taken_for_an_export_of_jira():
    with pytest.raises(Invalid, match="no Jira issues"):
        read("jira", DEMO / "fda-food-recalls.json")
    with pytest.raises(Invalid, match="no Trello board"):
        read("trello", DEMO / "appcd-daemon-agile-rest.json")
    with pytest.raises(Invalid, match="our own format is CSV"):
        read("csv", DEMO / "fda-food-recalls.json")


def test_a_wrong_shape_of_any_part_of_a_board_never_breaks_the_reader():
    for part in ("cards", "lists", "actions", "members", "checklists", "customFields", "labels", "pluginData"):
        for value in (None, 5, "x", {}, [None], [5], [{}], [{"id": 5}], [{"id": "a", "type": "updateCard", "data": 5}]):
            board = {"cards": [], "lists": [], "actions": [], part: value}
            project, where = attempt("trello", board)
            assert where if project is None else project.items == (), (part, value)


def test_a_repeated_key_among_very_many_is_found_in_one_pass():
    """Counting each name over again took minutes for one object of a hostile file."""
    names = ",".join(f'"k{at}":1' for at in range(60_000))
    began = time.process_time()
    told = Losses()
    members = list(JsonText(f'[{{{names},"k59999":2}}]', told).members())
    assert members[0][1]["k59999"] == 2
    assert [loss.what for loss in told.all()] == ["repeated JSON key"]
    assert time.process_time() - began < 5
