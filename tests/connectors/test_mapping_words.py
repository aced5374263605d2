"""Mapping files are strict; what they leave open is guessed, and each guess says why."""

import json

import pytest

from portal.backlog.models import Category, ItemType
from portal.connectors import mapping
from portal.connectors.mapping import ListRule, Mapping, StatusRule
from portal.errors import Invalid
from tests.connectors.conftest import issue, losses, read, search

TOML = b"""
source_project = "QP"
audience = "internal"
time_zone = "Asia/Shanghai"
day_first = true
[statuses]
"Deploy" = "done"
"Ready" = { category = "todo", name = "To do" }
[types]
"New Feature" = "story"
[fields]
points = "customfield_10023"
[lists]
"Meeting Time" = "ignore"
"""


def test_a_mapping_file_is_toml():
    found = mapping.load(TOML)
    assert found.status_rule("deploy") == StatusRule(category="done")
    assert found.status_rule("READY") == StatusRule(category="todo", name="To do")
    assert found.list_rule("meeting  time") == "ignore"


def test_or_json():
    assert mapping.load(b'\n {"statuses": {"Deploy": "done"}}').statuses == {"Deploy": "done"}


@pytest.mark.parametrize(
    ("rule", "becomes"),
    [("ignore", "ignore"), ("done", ListRule(category="done")),
     ({"category": "todo", "milestone": True}, ListRule(category="todo", milestone=True))],
)  # fmt: skip
def test_a_list_is_a_state_a_milestone_or_nothing(rule, becomes):
    found = mapping.load(json.dumps({"lists": {"Launch": rule}}).encode())
    assert (found.list_rule("LAUNCH"), found.list_rule("Other")) == (becomes, None)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b'{"colour": "red"}', "mapping.colour"),
        (b'{"audience": "everybody"}', "mapping.audience"),
        (b'{"audience": "billing"}', "mapping.audience"),
        (b'{"time_zone": "Mars/Olympus"}', "mapping.time_zone"),
        (b'{"day_first": "yes"}', "mapping.day_first"),
        (b'{"types": {"Epic": "epic"}}', "mapping.types.Epic"),
        (b'{"fields": {"title": "x"}}', "mapping.fields.title"),
        (b'{"versions": "iterations"}', "mapping"),
        (b"not = [toml", "mapping"),
        (b"[" * 100_000, "mapping"),
    ],
)
def test_what_is_unknown_or_wrong_in_it_is_refused_by_name(data, field):
    with pytest.raises(Invalid) as refused:
        mapping.load(data)
    assert refused.value.field == field


def test_of_many_mistakes_all_are_named_ten_in_words_and_each_shortened():
    with pytest.raises(Invalid) as refused:
        mapping.load(json.dumps({"types": {f"T{at:02}": "x" * 200 for at in range(12)}}).encode())
    assert [field for field, _, _ in refused.value.problems] == [f"mapping.types.T{at:02}" for at in range(12)]
    assert {shown for _, _, shown in refused.value.problems} == {"x" * 100}
    assert refused.value.message.count("mapping.types.T") == 10


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("To Do", "todo"), ("Reopened", "todo"), ("Selected for Development", "todo"), ("Not started", "todo"),
        ("Backlog", "todo"), ("In Progress", "doing"), ("Code Review", "doing"), ("Ready for QA", "doing"),
        ("Waiting for client", "doing"), ("Done", "done"), ("Not done", "doing"), ("Resolved", "done"),
        ("Released", "done"),
        ("Won't Do", "dropped"), ("Cancelled", "dropped"), ("Duplicate", "dropped"), ("В работе", "doing"),
        ("Готово", "done"), ("Отменено", "dropped"), ("待办", "todo"), ("进行中", "doing"), ("已完成", "done"),
        ("Flumph", "todo"),
    ],
)  # fmt: skip
def test_a_status_is_guessed_by_its_name_in_our_languages(name, category):
    assert mapping.guess_by_name(name).category is Category(category)


def test_the_sources_own_category_is_better_than_a_name_and_the_mapping_file_better_than_both():
    assert mapping.meaning("Deploy", Mapping(), "done").category is Category.DONE
    assert mapping.meaning("Done", Mapping(), "indeterminate").category is Category.DOING
    assert mapping.meaning("Done", Mapping(), "In Progress").category is Category.DOING
    assert mapping.meaning("Done", Mapping(statuses={"done": "dropped"}), "done").category is Category.DROPPED


def test_the_mapping_file_may_give_a_status_another_name():
    wanted = Mapping(statuses={"Ready": StatusRule(category="doing", name="In work"), "Deploy": "done"})
    assert mapping.meaning("READY", wanted) == ("In work", Category.DOING, "the mapping file says so")
    assert mapping.meaning("deploy", wanted) == ("deploy", Category.DONE, "the mapping file says so")


def test_what_a_source_calls_done_may_be_dropped_by_its_name():
    assert mapping.meaning("Won't fix", Mapping(), "done").category is Category.DROPPED
    assert mapping.meaning("Won't fix", Mapping(), "new").category is Category.TODO


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Bug", "bug"),
        ("New Feature", "story"),
        ("Improvement", "story"),
        ("Sub-task", "task"),
        ("Epic", "other"),
        ("", "story"),
    ],
)
def test_types_are_guessed_by_their_names(name, kind):
    assert mapping.item_type(name, Mapping())[0] is ItemType(kind)


def test_the_mapping_file_decides_what_a_type_becomes():
    assert mapping.item_type("EPIC", Mapping(types={"Epic": "bug"})) == (ItemType.BUG, "the mapping file says so")


def test_a_guess_is_told_in_one_line():
    assert mapping.Guess("status", "Deploy", "done", "its name").line() == "status 'Deploy' → done (its name)"


def test_a_word_of_the_mapping_file_that_the_source_lacks_is_named():
    project = read("jira", search(issue()), {"statuses": {"Opne": "todo", "Open": "doing"}, "types": {"Sory": "story"}})
    assert losses(project)["mapping"] == 2


def test_versions_may_be_iterations():
    one = issue(fixVersions=[{"id": "4", "name": "1.0", "releaseDate": "2023-05-01", "released": True}])
    project = read("jira", search(one), {"versions": "iterations", "sprints": "ignore"})
    assert [iteration.name for iteration in project.iterations] == ["1.0"]
    assert project.milestones == ()
