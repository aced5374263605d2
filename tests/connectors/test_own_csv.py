"""Our own CSV: one row an item, or several that tell its history."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portal.backlog.models import Category
from portal.connectors.losses import Loss
from portal.connectors.model import EMPTY, Field, SourceIteration, SourceMilestone, SourcePerson
from portal.errors import Invalid
from tests.connectors.conftest import by_key, losses, read, told

SIMPLE = """ref,title,status,points,created,done,iteration,labels,assignee,audience,parent
A-1,Pay by card,Done,3,2024-01-08T09:00Z,2024-01-15T12:00Z,Sprint 1,pay;web,Bo Lind,client,
A-2,Refund,In progress,5,2024-01-09T09:00Z,,Sprint 1,,,,A-1
A-3,Rotate the keys,To do,,2024-01-10T09:00Z,,,,,internal,
"""
HISTORY = """ref,at,title,status,points,iteration,by,removed
A-1,2024-01-10,,In progress,,Sprint 1,Bo Lind,
A-1,2024-01-08,Pay by card,To do,3,,Ana Ruiz,
A-1,2024-01-12,,Done,5,,Bo Lind,
A-1,2024-01-20,,,-,-,Ana Ruiz,yes
"""


WHOLE = (
    "Ref,title,type,status,points,hours,iteration,milestone,priority,assignee,labels,description,acceptance_criteria,"
    "blocked,parent,url,created,by,audience,removed\n"
    "A-0,Shop,,,,,,,,,,,,,,,2024-01-01T00:00Z,,,\n"
    'A-1, Pay by  card ,Story,Doing,3,"1,5",Sprint 1,Launch,High,Bo Lind,web; pay;web,"One\nTwo",It works,'
    "Waits for a key,A-0,https://shop.example/1,2024-01-08T09:00Z,Ana Ruiz,Internal,YES\n"
)


def test_each_column_becomes_what_it_says():
    project = read("csv", WHOLE)
    item = by_key(project)["A-1"]
    assert item.current() == {
        Field.TITLE: "Pay by card", Field.TYPE: "Story", Field.STATUS: "csv-status:doing", Field.POINTS: Decimal(3),
        Field.HOURS: Decimal("1.5"), Field.ITERATION: "csv-iteration:sprint 1",
        Field.MILESTONE: "csv-milestone:launch", Field.PRIORITY: "High", Field.ASSIGNEE: "csv-user:bo lind",
        Field.LABELS: ("pay", "web"), Field.DESCRIPTION: "One\nTwo", Field.CRITERIA: "It works",
        Field.BLOCKED: "Waits for a key", Field.DELETED: True, Field.RESTRICTED: True,
    }  # fmt: skip
    created = datetime(2024, 1, 8, 9, tzinfo=UTC)
    assert (item.external_url, item.author, item.parent) == ("https://shop.example/1", "csv-user:ana ruiz", "csv:A-0")
    assert (item.created_at, item.born_at, item.updated_at, item.changes) == (created, created, created, ())
    assert project.iterations == (SourceIteration("csv-iteration:sprint 1", "Sprint 1"),)
    assert project.milestones == (SourceMilestone("csv-milestone:launch", "Launch"),)
    assert set(project.people) == {
        SourcePerson("csv-user:bo lind", "Bo Lind"),
        SourcePerson("csv-user:ana ruiz", "Ana Ruiz"),
    }
    assert (project.held, project.counts) == (2, {"rows": 2, "items": 2})
    assert project.notes == ("dates: day first (their months have names), in Europe/Berlin where they carry no zone",)
    assert losses(project) == {}


def test_what_a_row_leaves_open_is_empty_and_still_to_do():
    item = by_key(read("csv", WHOLE))["A-0"]
    assert item.current() == {**EMPTY, Field.TITLE: "Shop", Field.STATUS: "csv-status:to do"}
    assert (item.author, item.parent, item.external_url) == (None, None, None)


def test_items_stand_in_the_order_of_the_file_with_room_between_them():
    assert [item.position for item in read("csv", SIMPLE).items] == [1024, 2048, 3072]


@pytest.mark.parametrize(("cell", "removed"), [("yes", True), ("True", True), ("1", True), ("no", False), ("0", False)])
def test_removed_says_yes_or_it_is_not(cell, removed):
    (item,) = read("csv", f"ref,title,created,removed\nA,B,2024-01-01,{cell}\n").items
    assert item.current()[Field.DELETED] is removed


def test_one_status_in_two_spellings_is_one():
    project = read("csv", "ref,title,created,status\nA,B,2024-01-01,In Progress\nC,D,2024-01-01,IN PROGRESS\n")
    assert [(one.ref, one.name, one.category) for one in project.statuses] == [
        ("csv-status:in progress", "In Progress", Category.DOING)
    ]


def test_one_row_is_an_item():
    item = by_key(read("csv", SIMPLE))["A-2"]
    now = item.current()
    assert (item.external_ref, item.parent, now[Field.TITLE], now[Field.POINTS]) == (
        "csv:A-2",
        "csv:A-1",
        "Refund",
        Decimal(5),
    )


def test_a_done_row_was_to_do_until_its_day():
    project = read("csv", SIMPLE)
    item = by_key(project)["A-1"]
    assert told(project, item, Field.STATUS) == ["To do", "Done"]
    assert item.changes[0].at == datetime(2024, 1, 15, 12, tzinfo=UTC)


def test_what_was_done_in_a_file_without_any_other_status_was_to_do_before():
    project = read("csv", "ref,title,created,status,done\nA,B,2024-01-01,Shipped,2024-01-15\n")
    assert told(project, project.items[0], Field.STATUS) == ["To do", "Shipped"]


def test_the_day_of_being_done_counts_only_for_what_is_done():
    project = read("csv", "ref,title,created,status,done\nA,B,2024-01-01T00:00Z,Doing,2024-01-15T00:00Z\n")
    assert told(project, project.items[0], Field.STATUS) == ["Doing"]
    why = "its status 'Doing' is not done: the date was left out"
    assert project.losses.all() == (Loss("done", "not_understood", why, 1, ("line 2",)),)


def test_where_rows_tell_the_history_they_alone_say_when_it_was_done():
    rows = "A,2024-01-08T09:00Z,Pay,To do,\nA,2024-01-12T09:00Z,,Done,2024-01-20T09:00Z\n"
    project = read("csv", "ref,at,title,status,done\n" + rows)
    (item,) = project.items
    assert [change.at.day for change in item.changes] == [12]
    assert item.updated_at == item.changes[0].at
    why = "the rows of its history say when the item was done"
    assert project.losses.all() == (Loss("done", "lost", why, 1, ("line 3",)),)


def test_a_parent_that_is_not_in_the_file_is_told_as_lost():
    project = read("csv", f"ref,title,created,parent\nA,B,2024-01-01T00:00Z,{'Z' * 60}\n")
    assert project.items[0].parent is None
    why = f"{'Z' * 40} is not in the file"
    assert project.losses.all() == (Loss("parent", "lost", why, 1, ("line 2",)),)


def test_a_row_without_a_moment_tells_how_its_item_began():
    rows = "A,2024-01-12,,Done,\nA,,Pay,To do,2024-01-08\n"
    project = read("csv", "ref,at,title,status,created\n" + rows)
    (item,) = project.items
    assert (item.created_at.day, told(project, item, Field.STATUS)) == (8, ["To do", "Done"])


def test_internal_is_internal_and_an_unknown_audience_too():
    assert by_key(read("csv", SIMPLE))["A-3"].current()[Field.RESTRICTED]
    project = read("csv", SIMPLE.replace("internal,", "Kunde,"))
    assert by_key(project)["A-3"].current()[Field.RESTRICTED]
    why = "'Kunde' is neither client nor internal: internal"
    assert project.losses.all() == (Loss("audience", "not_understood", why, 1, ("line 4",)),)
    assert not by_key(read("csv", SIMPLE.replace("internal,", "CLIENT,")))["A-3"].current()[Field.RESTRICTED]


def test_rows_of_one_item_tell_its_history_whatever_their_order():
    project = read("csv", HISTORY)
    (item,) = project.items
    assert told(project, item, Field.STATUS) == ["To do", "In progress", "Done"]
    assert told(project, item, Field.POINTS) == [Decimal(3), Decimal(5), None]
    assert told(project, item, Field.ITERATION) == [None, "csv-iteration:sprint 1", None]
    assert told(project, item, Field.DELETED) == [False, True]
    assert item.changes[0].author == "csv-user:bo lind"


def test_days_without_a_zone_begin_in_the_projects():
    (item,) = read("csv", HISTORY).items
    assert item.created_at == datetime(2024, 1, 7, 23, tzinfo=UTC)


def test_two_rows_for_one_moment_are_told_and_the_later_counts():
    twice = SIMPLE + "A-3,Rotate all keys,To do,,2024-01-10T09:00Z,,,,,internal,\n"
    project = read("csv", twice)
    assert by_key(project)["A-3"].current()[Field.TITLE] == "Rotate all keys"
    why = "the same item and moment twice: the later row was taken"
    assert project.losses.all() == (Loss("rows", "changed", why, 1, ("line 5",)),)


def test_an_unknown_column_is_named_with_the_rows_that_lose_it():
    project = read("csv", "ref,title,created,colour\nA,B,2024-01-01T00:00Z,red\nC,D,2024-01-01T00:00Z,blue\n")
    why = "not a column of this format: left out"
    assert project.losses.all() == (Loss("column 'colour'", "not_understood", why, 2, ("line 1",)),)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("ref,title,created\nA-1,,2024-01-01\n", "line 2"),
        ("ref,title,created\n,Pay,2024-01-01\n", "line 2"),
        ("ref,title\nA-1,Pay\n", "line 2, created"),
        ("ref,title,created\nA-1,Pay,next week\n", "line 2, created"),
        ("title,created\nPay,2024-01-01\n", "header"),
        ("ref,title,created\n", "file"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_by_its_line(text, where):
    with pytest.raises(Invalid) as refused:
        read("csv", text)
    assert refused.value.field == where
