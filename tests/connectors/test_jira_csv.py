"""Jira's CSV export: repeated columns, dates without a zone, no history but when an issue was created and resolved."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portal.backlog.models import Category
from portal.connectors.model import Field
from portal.errors import Invalid
from tests.connectors.conftest import BERLIN, DATA, by_key, losses, read, told

EXPORT = DATA / "jira" / "cloud-export.csv"
HEAD = "Summary,Issue key,Issue id,Status,Created,Updated,Resolved,Status Category"


def rows(*lines, head=HEAD):
    return "\n".join([head, *lines, ""])


@pytest.fixture(scope="module")
def project():
    """An export of the shape that Jira Cloud writes."""
    return read("jira", EXPORT)


def test_every_row_is_an_issue_with_its_key_and_id(project):
    assert {key: item.external_ref for key, item in by_key(project).items()} == {
        "QP-1": "jira:10001", "QP-2": "jira:10002", "QP-3": "jira:10003", "QP-4": "jira:10004",
    }  # fmt: skip


def test_times_without_a_zone_are_read_in_the_projects_and_that_is_said(project):
    assert by_key(project)["QP-4"].created_at == datetime(2023, 7, 20, 13, 25, tzinfo=UTC)
    assert losses(project)["time without a zone"] == 10


def test_a_mapping_file_says_another_zone():
    project = read("jira", EXPORT, {"time_zone": "America/New_York"})
    assert by_key(project)["QP-4"].created_at == datetime(2023, 7, 20, 19, 25, tzinfo=UTC)


def test_midnight_is_the_beginning_of_the_day(project):
    assert by_key(project)["QP-2"].created_at == datetime(2023, 6, 30, 22, 30, tzinfo=UTC)


def test_the_last_sprint_counts_and_the_earlier_ones_are_counted(project):
    items = by_key(project)
    assert items["QP-4"].current()[Field.ITERATION] == "jira-sprint-name:QP Sprint 2"
    assert items["QP-3"].current()[Field.ITERATION] == "jira-sprint-name:QP Sprint 1"
    assert losses(project)["earlier sprints"] == 1


def test_a_parent_is_found_by_its_number(project):
    assert by_key(project)["QP-4"].parent == "jira:10002"


def test_repeated_label_columns_are_one_list(project):
    assert by_key(project)["QP-4"].current()[Field.LABELS] == ("pilot", "ui")


def test_a_done_issue_was_to_do_until_it_was_resolved(project):
    item = by_key(project)["QP-4"]
    assert told(project, item, Field.STATUS) == ["To Do", "Done"]
    assert item.changes[0].at == datetime(2023, 8, 17, 8, 48, tzinfo=UTC)


def test_an_issue_with_a_resolution_in_a_status_that_is_not_done_is_not_done_and_named(project):
    item = by_key(project)["QP-3"]
    categories = {one.ref: one.category for one in project.statuses}
    assert categories[item.current()[Field.STATUS]] is Category.DOING
    assert losses(project)["resolved, not done"] == 1


def test_a_mapping_file_may_call_that_status_done():
    project = read("jira", EXPORT, {"statuses": {"deploy": "done"}})
    assert {one.name: one.category for one in project.statuses}["Deploy"] is Category.DONE
    assert "resolved, not done" not in losses(project)


def test_an_issue_with_a_security_level_is_restricted(project):
    items = by_key(project)
    assert [items[key].current()[Field.RESTRICTED] for key in ("QP-1", "QP-2")] == [True, False]


def test_empty_points_columns_are_no_estimate(project):
    assert {item.current()[Field.POINTS] for item in project.items} == {None}


def test_packed_comments_watchers_and_further_columns_are_counted(project):
    counted = losses(project)
    assert (counted["column 'comment'"], counted["column 'watchers'"], counted["column 'attachment'"]) == (2, 2, 1)
    assert counted["column 'custom field (development end date)'"] == 2
    assert counted["column 'reporter'"] == 1


def test_markup_becomes_markdown(project):
    assert by_key(project)["QP-4"].current()[Field.DESCRIPTION] == (
        "**Steps:**\n\n1. Open the form\n1. Tap `Send`\n\n(image: shot.png)"
    )


def test_ranks_give_the_order(project):
    assert sorted(by_key(project), key=lambda key: by_key(project)[key].position) == ["QP-1", "QP-2", "QP-3", "QP-4"]


@pytest.mark.parametrize(
    ("first", "second", "created"),
    [
        ("03/04/2023", "25/04/2023", datetime(2023, 4, 3, tzinfo=BERLIN)),
        ("03/04/2023", "04/25/2023", datetime(2023, 3, 4, tzinfo=BERLIN)),
        ("03/04/2023", "05/06/2023", datetime(2023, 4, 3, tzinfo=BERLIN)),
        ("03.04.23 15:25", "05.06.23 09:00", datetime(2023, 4, 3, 15, 25, tzinfo=BERLIN)),
        ("2023-04-03 15:25", "2023-04-05", datetime(2023, 4, 3, 15, 25, tzinfo=BERLIN)),
        ("3/апр./23 3:25 PM", "5/июня/23 9:00 AM", datetime(2023, 4, 3, 15, 25, tzinfo=BERLIN)),
        ("03/Dez/23 12:05 AM", "05/Dez/23", datetime(2023, 12, 3, 0, 5, tzinfo=BERLIN)),
    ],
)
def test_the_order_of_day_and_month_is_decided_over_the_whole_column(first, second, created):
    project = read("jira", rows(f"A,QP-1,1,Open,{first},,,", f"B,QP-2,2,Open,{second},,,"))
    assert by_key(project)["QP-1"].created_at == created


def test_how_the_dates_were_read_is_said():
    assert read("jira", rows("A,QP-1,1,Open,03/04/2023,,,")).notes[0] == (
        "dates: day first (a guess: no date decides it), in Europe/Berlin"
    )


def test_a_mapping_file_decides_what_no_date_decides():
    project = read("jira", rows("A,QP-1,1,Open,03/04/2023,,,"), {"day_first": False})
    assert project.items[0].created_at.month == 3


def test_dates_that_contradict_each_other_are_refused():
    with pytest.raises(Invalid, match="contradict"):
        read("jira", rows("A,QP-1,1,Open,25/04/2023,,,", "B,QP-2,2,Open,04/25/2023,,,"))


def test_a_semicolon_may_separate_the_columns():
    project = read("jira", rows("A;QP-1;1;Open;2023-04-03;;;", head=HEAD.replace(",", ";")))
    assert by_key(project).keys() == {"QP-1"}


def test_points_and_estimates_are_numbers():
    head = HEAD + ",Custom field (Story Points),Original estimate"
    item = read("jira", rows("A,QP-1,1,Open,2023-04-03,,,,2.5,5400", head=head)).items[0].current()
    assert (item[Field.POINTS], item[Field.HOURS]) == (Decimal("2.5"), Decimal("1.5"))
