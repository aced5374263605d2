"""Jira's REST JSON: the past is today's value walked backwards by ids; what has no place here is counted."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from portal.backlog.models import Category
from portal.connectors.model import Field
from portal.errors import Invalid
from tests.connectors.conftest import DEMO, by_key, issue, losses, read, search, status, told

IN_MARCH = "2023-03-10T10:00:00.000+0000"
IN_APRIL = "2023-04-10T10:00:00.000+0000"
IN_MAY = "2023-05-10T10:00:00.000+0000"
CLOSED = status("6", "Closed", "done")


def test_the_history_is_walked_backwards_from_today():
    project = read(
        "jira",
        search(
            issue(
                histories=[
                    (IN_MARCH, ("status", "1", "Open", "3", "In Progress")),
                    (IN_APRIL, ("status", "3", "In Progress", "6", "Closed"), ("resolution", None, None, "1", "Fixed")),
                ],
                status=CLOSED,
            )
        ),
    )
    (item,) = project.items
    assert told(project, item, Field.STATUS) == ["Open", "In Progress", "Closed"]
    assert [change.at for change in item.changes] == [
        datetime(2023, 3, 10, 10, tzinfo=UTC),
        datetime(2023, 4, 10, 10, tzinfo=UTC),
    ]
    assert {change.author for change in item.changes} == {"jira-user:bo"}
    assert item.author == "jira-user:ana"


@pytest.mark.parametrize(
    ("change", "now", "field", "became"),
    [
        (("description", None, "Old", None, "New"), {"description": "New"}, Field.DESCRIPTION, ["Old", "New"]),
        (("description", None, None, None, "New"), {"description": "New"}, Field.DESCRIPTION, ["", "New"]),
        (("assignee", "ana", "Ana Ruiz", None, None), {}, Field.ASSIGNEE, ["jira-user:ana", None]),
        (("assignee", None, None, "ana", "Ana Ruiz"), {"assignee": {"name": "ana", "displayName": "Ana Ruiz"}},
         Field.ASSIGNEE, [None, "jira-user:ana"]),
        (("labels", None, "web pay", None, "pay"), {"labels": ["pay"]}, Field.LABELS, [("pay", "web"), ("pay",)]),
        (("labels", None, None, None, "pay"), {"labels": ["pay"]}, Field.LABELS, [(), ("pay",)]),
        (("priority", "1", "High", "2", "Low"), {"priority": {"id": "2", "name": "Low"}}, Field.PRIORITY,
         ["High", "Low"]),
        (("timeoriginalestimate", "5400", None, "7200", None), {"timeoriginalestimate": 7200}, Field.HOURS,
         [Decimal("1.5"), Decimal(2)]),
        (("Security Level", "9", "Sensitive", None, None), {"security": None}, Field.RESTRICTED, [True, False]),
        (("Security Level", "9", None, None, None), {"security": None}, Field.RESTRICTED, [True, False]),
        (("status", None, "Open", "6", "Closed"), {"status": CLOSED}, Field.STATUS, ["Open", "Closed"]),
        (("Fix Version", None, None, 4, "1.0"), {"fixVersions": [{"id": "4", "name": "1.0"}]}, Field.MILESTONE,
         [None, "jira-version:4"]),
        (("Fix Version", 4, "1.0", None, None), {}, Field.MILESTONE, ["jira-version:4", None]),
    ],
)  # fmt: skip
def test_each_field_is_walked_back_to_what_it_was(change, now, field, became):
    project = read("jira", search(issue(histories=[(IN_MARCH, change)], **now)))
    assert told(project, project.items[0], field) == became


def test_changes_of_one_entry_are_undone_from_the_last():
    twice = ("status", "1", "Open", "3", "In Progress"), ("status", "3", "In Progress", "6", "Closed")
    project = read("jira", search(issue(histories=[(IN_MARCH, *twice)], status=CLOSED)))
    assert told(project, project.items[0], Field.STATUS) == ["Open", "Closed"]


def test_a_history_that_has_no_place_here_is_told_by_its_field():
    strange = [
        (IN_MARCH, ("Key", None, "QP-7", None, "QP-1")),
        (IN_MARCH, ("Wonder" * 20, None, "a", None, "b")),
        (IN_MARCH, ("project", "1", "Quay", "1", "Quay portal")),
    ]
    found = read("jira", search(issue(histories=strange))).losses.all()
    assert [(loss.what, loss.kind, loss.detail, loss.places) for loss in found if loss.what.startswith("history")] == [
        ("history of key", "lost", "older keys", ("QP-1",)),
        (f"history of {'wonder' * 20}"[:80], "lost", "only its present value counts", ("QP-1",)),
    ]


def test_points_without_history_were_set_at_creation():
    project = read("jira", search(issue(histories=[], customfield_7=5.0), names={"customfield_7": "Story Points"}))
    assert told(project, project.items[0], Field.POINTS) == [Decimal(5)]


def test_the_points_field_is_found_by_what_the_history_last_set():
    points = [(IN_MARCH, ("Story Points", None, "", None, "3")), (IN_APRIL, ("Story Points", None, "3", None, "8"))]
    project = read("jira", search(issue(histories=points, customfield_10023=8.0, customfield_10042=2.0)))
    assert told(project, project.items[0], Field.POINTS) == [None, Decimal(3), Decimal(8)]
    assert "customfield_10023" in project.notes[0]


def test_a_mapping_file_names_the_points_field():
    project = read("jira", search(issue(histories=[], customfield_9=3)), {"fields": {"points": "customfield_9"}})
    assert project.items[0].current()[Field.POINTS] == 3


def test_points_that_were_taken_back_are_no_estimate_and_not_nought():
    project = read(
        "jira",
        search(issue(histories=[(IN_MARCH, ("Story Points", None, "3", None, ""))], customfield_1=None)),
        {"fields": {"points": "customfield_1"}},
    )
    assert told(project, project.items[0], Field.POINTS) == [Decimal(3), None]


def test_versions_are_joined_by_id_however_they_were_called_then():
    renamed = [
        (IN_MARCH, ("Fix Version", None, None, "20", "1.2")),
        (IN_APRIL, ("Fix Version", "20", "1.2", None, None), ("Fix Version", None, None, "21", "1.3")),
        (IN_MAY, ("Fix Version", "21", "1.3", None, None), ("Fix Version", None, None, "20", "1.2")),
    ]
    now = [{"id": "20", "name": "1.3", "released": True, "releaseDate": "2023-06-01"}]
    project = read("jira", search(issue(histories=renamed, fixVersions=now)))
    assert told(project, project.items[0], Field.MILESTONE) == [
        None,
        "jira-version:20",
        "jira-version:21",
        "jira-version:20",
    ]
    assert {one.ref: one.name for one in project.milestones} == {"jira-version:20": "1.3", "jira-version:21": "1.3"}


def test_an_entry_that_moves_between_versions_leaves_no_moment_without_one():
    moved = [(IN_APRIL, ("Fix Version", "1", "1.0", None, None), ("Fix Version", None, None, "2", "2.0"))]
    project = read("jira", search(issue(histories=moved, fixVersions=[{"id": "2", "name": "2.0"}])))
    assert len(project.items[0].changes) == 1


JAVA = (
    "com.atlassian.greenhopper.service.sprint.Sprint@41b017c6[rapidViewId=<null>,state=ACTIVE,"
    "name=Sprint 4, the last=one,"
    "startDate=2013-06-12T13:43:27.425Z,endDate=2013-07-26T13:43:27.425Z,completeDate=<null>,id=3]"
)


def test_a_sprint_may_be_the_text_of_a_java_object():
    sprints = [(IN_MARCH, ("Sprint", "", "", "3", "Sprint 4"))]
    project = read("jira", search(issue(histories=sprints, customfield_10290=[JAVA])))
    (sprint,) = project.iterations
    assert (sprint.name, sprint.closed_at, sprint.ref) == ("Sprint 4, the last=one", None, "jira-sprint:3")
    assert told(project, project.items[0], Field.ITERATION) == [None, "jira-sprint:3"]


def test_the_last_of_several_sprints_counts_and_the_past_ones_are_gone_through():
    closed = {
        "id": 3,
        "name": "Three",
        "state": "closed",
        "startDate": "2023-03-05T00:00:00Z",
        "completeDate": "2023-03-19T00:00:00Z",
    }
    active = {"id": 5, "name": "Five", "state": "active", "startDate": "2023-04-05T00:00:00Z"}
    moves = [(IN_MARCH, ("Sprint", "", "", "3", "Three")), (IN_APRIL, ("Sprint", "3", "Three", "3, 5", "Three, Five"))]
    project = read("jira", search(issue(histories=moves, customfield_1=[active, closed])))
    assert told(project, project.items[0], Field.ITERATION) == [None, "jira-sprint:3", "jira-sprint:5"]


def test_an_issue_with_a_security_level_is_restricted_and_named():
    project = read("jira", search(issue("QP-1"), issue("QP-2", security={"id": "9", "name": "Partners"})))
    items = by_key(project)
    assert not items["QP-1"].current()[Field.RESTRICTED]
    assert items["QP-2"].current()[Field.RESTRICTED]
    (loss,) = [loss for loss in project.losses.all() if loss.what == "restriction"]
    assert (loss.places, "Partners" in loss.detail) == (("QP-2",), True)


def test_a_restriction_holds_from_and_until_its_own_times():
    levels = [
        (IN_MARCH, ("security", None, None, "9", "Sensitive")),
        (IN_APRIL, ("security", "9", "Sensitive", None, None)),
    ]
    project = read("jira", search(issue(histories=levels, security=None)))
    assert told(project, project.items[0], Field.RESTRICTED) == [False, True, False]


def test_a_file_without_the_security_field_does_not_open_what_its_history_closed():
    project = read("jira", search(issue(histories=[(IN_MARCH, ("security", None, None, "9", "Sensitive"))])))
    assert project.items[0].current()[Field.RESTRICTED]


def test_what_was_before_an_issue_came_from_another_project_is_folded_into_its_arrival():
    moved = [
        (IN_MARCH, ("summary", None, "The client's secret", None, "About QP-1")),
        (IN_APRIL, ("Project", "7", "Private", "1", "Quay portal"), ("Key", None, "PRIV-3", None, "QP-1")),
        (IN_MAY, ("status", "1", "Open", "6", "Closed")),
    ]
    project = read("jira", search(issue(histories=moved, status=CLOSED)))
    (item,) = project.items
    assert item.born_at == datetime(2023, 4, 10, 10, tzinfo=UTC)
    assert item.created_at == datetime(2023, 3, 1, 9, tzinfo=UTC)
    assert told(project, item, Field.TITLE) == ["About QP-1"]
    assert [change.field for change in item.changes] == [Field.STATUS]
    assert losses(project)["history before the move"] == 1


def test_only_the_status_says_what_is_done():
    resolved = issue(histories=[], resolution={"name": "Fixed"}, resolutiondate=IN_APRIL)
    project = read("jira", search(resolved))
    assert {one.category for one in project.statuses} == {Category.TODO}
    assert losses(project)["resolutions"] == 1


def test_what_is_left_behind_is_counted_with_its_key():
    project = read(
        "jira",
        search(
            issue(
                histories=[
                    (IN_MARCH, ("Workflow", "1", "jira", "2", "other")),
                    (IN_MARCH, ("Rank", "", "", "", "Ranked higher")),
                ],
                comment={"comments": [{}], "total": 4},
                attachment=[{}, {}],
                components=[{"name": "core"}],
                issuelinks=[{}],
                worklog={"worklogs": [], "total": 2},
                customfield_5="blue",
                reporter={"name": "cai", "displayName": "Cai"},
                duedate="2023-05-05",
                wonders={"x": 1},
            )
        ),
    )
    expected = {
        "comments": 4, "attachments": 2, "components": 1, "links": 1, "worklogs": 2, "custom field customfield_5": 1,
        "reporters": 1, "due dates": 1, "field wonders": 1, "history of workflow": 1, "history of rank": 1,
    }  # fmt: skip
    assert {what: losses(project).get(what) for what in expected} == expected


def test_a_page_of_a_longer_search_says_what_is_missing():
    assert losses(read("jira", search(issue(), total=12)))["issues"] == 11


def test_a_cut_changelog_says_what_is_missing():
    one = issue(histories=[(IN_MARCH, ("status", "1", "Open", "1", "Open"))])
    one["changelog"]["total"] = 150
    assert losses(read("jira", search(one)))["history entries"] == 149


def test_several_pages_in_a_list_are_one_file():
    project = read("jira", [search(issue("QP-1")), search(issue("QP-2"))])
    assert by_key(project).keys() == {"QP-1", "QP-2"}


def test_issues_of_two_projects_are_refused_until_one_is_named():
    both = search(issue("QP-1"), issue("HB-1"), issue("HB-2"))
    with pytest.raises(Invalid, match=r"2 projects: HB \(2\), QP \(1\)") as refused:
        read("jira", both)
    assert refused.value.field == "source_project"
    project = read("jira", both, {"source_project": "HB"})
    assert by_key(project).keys() == {"HB-1", "HB-2"}
    assert losses(project)["issues"] == 1


def test_the_same_issue_twice_is_taken_once_as_it_is_latest():
    older = issue(summary="Old", updated="2023-01-01T00:00:00.000+0000")
    project = read("jira", search(issue(summary="New"), older))
    assert [item.current()[Field.TITLE] for item in project.items] == ["New"]
    assert losses(project)["issues"] == 1


def test_a_document_of_jira_cloud_becomes_markdown():
    document = {
        "type": "doc",
        "content": [
            {"type": "heading", "attrs": {"level": 2}, "content": [{"type": "text", "text": "Steps"}]},
            {"type": "orderedList", "content": [{"type": "listItem", "content": [
                {"type": "paragraph", "content": [{"type": "text", "text": "Open", "marks": [{"type": "strong"}]}]}]}]},
            {"type": "mediaSingle", "content": []},
        ],
    }  # fmt: skip
    project = read("jira", search(issue(description=document)))
    assert project.items[0].current()[Field.DESCRIPTION] == "## Steps\n\n1. **Open**"
    assert losses(project)["description node mediaSingle"] == 1


def test_the_address_of_an_issue_comes_from_the_address_of_its_data():
    one = issue() | {"self": "https://jira.example.com/rest/api/2/issue/1"}
    assert read("jira", search(one)).items[0].external_url == "https://jira.example.com/browse/QP-1"
    evil = issue() | {"self": "javascript:alert(1)/rest/"}
    assert read("jira", search(evil)).items[0].external_url is None


def test_the_order_of_ranks_is_kept_whatever_the_order_in_the_file():
    project = read(
        "jira", search(issue("QP-1", customfield_3="0|i0001b:6bi"), issue("QP-2", customfield_3="0|hzzzzz:"))
    )
    items = by_key(project)
    assert items["QP-2"].position < items["QP-1"].position


@pytest.fixture(scope="module")
def daemon():
    """A real file of the Agile shape: 317 issues, 72 sprints, no history and no points."""
    return read("jira", DEMO / "appcd-daemon-agile-rest.json")


def test_all_of_it_is_there(daemon):
    assert (len(daemon.items), len(daemon.iterations), daemon.key) == (317, 72, "DAEMON")
    assert losses(daemon)["comments"] == 496
    names = {one.ref: one.name for one in daemon.statuses}
    found = [names[item.current()[Field.STATUS]] for item in daemon.items]
    assert {name: found.count(name) for name in set(found)} == {
        "Resolved": 273,
        "Open": 29,
        "Closed": 14,
        "Reopened": 1,
    }


def test_sprints_are_gone_through_by_their_own_dates(daemon):
    several = [item for item in daemon.items if len({*told(daemon, item, Field.ITERATION)} - {None}) > 1]
    without = [item for item in daemon.items if item.current()[Field.ITERATION] is None]
    assert (len(several), len(without)) == (32, 42)


def test_a_sprint_ends_when_it_was_planned_to_and_closes_later(daemon):
    sprint = next(one for one in daemon.iterations if one.ref == "jira-sprint:582")
    assert (sprint.ends_at, sprint.closed_at) == (
        datetime(2016, 2, 27, 1, 31, tzinfo=UTC),
        datetime(2016, 2, 29, 2, 55, 58, 159000, tzinfo=UTC),
    )


def test_both_resolved_and_closed_are_done(daemon):
    done = {one.name for one in daemon.statuses if one.category is Category.DONE}
    assert done == {"Resolved", "Closed"}


def test_done_issues_were_open_until_they_were_resolved(daemon):
    first = by_key(daemon)["DAEMON-1"]
    assert told(daemon, first, Field.STATUS) == ["Open", "Resolved"]
    assert [c.at for c in first.changes if c.field is Field.STATUS] == [datetime(2016, 2, 25, 23, 57, 37, tzinfo=UTC)]


def test_epics_in_the_file_are_parents_and_the_others_are_named(daemon):
    assert sum(item.parent is not None for item in daemon.items) + losses(daemon)["parent"] == 65


@pytest.mark.parametrize("level", [{"name": "Partners"}, {"id": "9"}, {}, "Partners", 0, False, []])
def test_whatever_stands_in_the_security_field_restricts(level):
    assert read("jira", search(issue(security=level))).items[0].current()[Field.RESTRICTED]
