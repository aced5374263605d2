"""Our own CSV: one row an item, or several that tell its history."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portal.connectors.model import Field
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


def test_internal_is_internal_and_an_unknown_audience_too():
    assert by_key(read("csv", SIMPLE))["A-3"].current()[Field.RESTRICTED]
    project = read("csv", SIMPLE.replace("internal,", "Kunde,"))
    assert by_key(project)["A-3"].current()[Field.RESTRICTED]
    assert losses(project)["audience"] == 1


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
    assert losses(project)["rows"] == 1


def test_an_unknown_column_is_named():
    assert losses(read("csv", "ref,title,created,colour\nA,B,2024-01-01,red\n"))["column 'colour'"] == 1


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("ref,title,created\nA-1,,2024-01-01\n", "line 2"),
        ("ref,title,created\n,Pay,2024-01-01\n", "line 2"),
        ("ref,title\nA-1,Pay\n", "line 2, created"),
        ("ref,title,created\nA-1,Pay,next week\n", "line 2, created"),
        ("title,created\nPay,2024-01-01\n", "header"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_by_its_line(text, where):
    with pytest.raises(Invalid) as refused:
        read("csv", text)
    assert refused.value.field == where
