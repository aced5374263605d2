"""When a requirement is complete, where a version stands, and how two versions differ."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.errors import Invalid
from portal.requirements import rules, workflow
from portal.requirements.models import Priority, RequirementKind, State
from portal.requirements.workflow import NOTHING, Piece, Wording

WHOLE = Wording(
    RequirementKind.FUNCTIONAL,
    "Search by product",
    "A visitor types a word.",
    Priority.MUST,
    ["It finds it."],
    "",
    "",
    "",
)
MEASURED = replace(WHOLE, kind=RequirementKind.NON_FUNCTIONAL, metric="Time", target="1 s", how_measured="A test")


@pytest.mark.parametrize(
    ("version", "lacks"),
    [
        (WHOLE, []),
        (MEASURED, []),
        (replace(WHOLE, title=""), ["title"]),
        (replace(WHOLE, description=" \n"), ["description"]),
        (replace(WHOLE, priority=None), ["priority"]),
        (replace(WHOLE, criteria=[]), ["criteria"]),
        (replace(MEASURED, metric=""), ["metric"]),
        (replace(MEASURED, target="  "), ["target"]),
        (replace(MEASURED, how_measured=""), ["how_measured"]),
        (replace(WHOLE, kind=RequirementKind.NON_FUNCTIONAL), ["metric", "target", "how_measured"]),
        (replace(WHOLE, metric="Time"), []),
        (NOTHING, ["title", "description", "priority", "criteria"]),
    ],
)
def test_what_is_missing_before_the_client_can_be_asked(version, lacks):
    assert workflow.missing(version) == lacks


def test_each_field_that_can_be_missing_has_words():
    assert set(workflow.missing(replace(NOTHING, kind=RequirementKind.NON_FUNCTIONAL))) == set(workflow.LACKS)


@pytest.mark.parametrize(
    ("outcome", "was_asked", "is_open", "state"),
    [
        (None, False, False, State.DRAFT),
        (None, True, True, State.OFFERED),
        (None, True, False, State.WITHDRAWN),
        (State.CONFIRMED, True, False, State.CONFIRMED),
        (State.CHANGES_WANTED, True, False, State.CHANGES_WANTED),
        (State.DECLINED, True, False, State.DECLINED),
    ],
)
def test_where_a_version_stands(outcome, was_asked, is_open, state):
    assert workflow.state_of(outcome, was_asked=was_asked, is_open=is_open) is state


@pytest.mark.parametrize(
    ("state", "can_be_asked"),
    [
        (State.DRAFT, True),
        (State.WITHDRAWN, True),
        (State.OFFERED, False),
        (State.CONFIRMED, False),
        (State.CHANGES_WANTED, False),
        (State.DECLINED, False),
    ],
)
def test_only_a_version_without_an_answer_can_be_offered(state, can_be_asked):
    assert (workflow.why_not_asked(state) == "") is can_be_asked


def test_only_what_differs_is_a_change():
    assert workflow.changed(WHOLE, {"title": WHOLE.title, "criteria": ["It finds it."]}) == {}
    assert workflow.changed(WHOLE, {"title": "Another", "priority": Priority.MUST}) == {"title": "Another"}


def pieces(before, after, field="description"):
    (found,) = workflow.diff(replace(WHOLE, **{field: before}), replace(WHOLE, **{field: after}))
    assert found.field == field
    return [(piece.mark, piece.text) for piece in found.pieces]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("One two six.", "One four six.", [("same", "One "), ("gone", "two "), ("new", "four "), ("same", "six.")]),
        ("a\nb\nc\n", "a\nc\n", [("same", "a\n"), ("gone", "b\n"), ("same", "c\n")]),
        ("", "New text", [("new", "New text")]),
        ("Old text", "", [("gone", "Old text")]),
        ("搜索产品", "搜索公司", [("same", "搜索"), ("gone", "产品"), ("new", "公司")]),
    ],
)  # fmt: skip
def test_a_text_is_compared_by_lines_and_words(before, after, shown):
    assert pieces(before, after) == shown


def test_criteria_are_compared_one_by_one():
    assert pieces(["a", "b"], ["a", "c", "b"], "criteria") == [("same", "a\n"), ("new", "c\n"), ("same", "b\n")]


def test_a_choice_is_shown_as_what_it_was_and_is():
    assert pieces(Priority.MUST, Priority.WONT, "priority") == [("gone", "must"), ("new", "wont")]
    assert pieces(None, Priority.COULD, "priority") == [("new", "could")]


def test_two_equal_versions_do_not_differ():
    assert workflow.diff(WHOLE, WHOLE) == []


TEXTS = st.text(alphabet="ab \n.中ё", max_size=60)


@given(TEXTS, TEXTS)
def test_a_comparison_loses_nothing_and_invents_nothing(before, after):
    found = workflow.diff(replace(WHOLE, description=before), replace(WHOLE, description=after))
    shown = found[0].pieces if found else (Piece("same", before),)
    assert "".join(piece.text for piece in shown if piece.mark != "new") == before
    assert "".join(piece.text for piece in shown if piece.mark != "gone") == after


@pytest.mark.parametrize(
    ("before", "after"), [("word " * 4_000, "other word " * 1_800), ("\n" * 20_000, "x\n" * 9_000 + "\n" * 1_000)]
)
def test_a_hostile_text_is_not_compared_part_by_part(before, after):
    assert pieces(before, after) == [("gone", before), ("new", after)]


def test_one_word_of_a_long_text_is_found():
    text = "".join(f"Line {at} speaks of the part {at % 7} of the whole.\n" for at in range(400))
    assert pieces(text, text.replace("Line 200 speaks", "Line 200 sings")) == [
        ("same", text[: (at := text.index("speaks", text.index("Line 200")))]),
        ("gone", "speaks "), ("new", "sings "), ("same", text[at + 7 :]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"title": "  "}, "title"),
        ({"title": "x" * 161}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"description": "x" * 20_001}, "description"),
        ({"description": "a\0b"}, "description"),
        ({"priority": "urgent"}, "priority"),
        ({"kind": "magic"}, "kind"),
        ({"audience": "billing"}, "audience"),
        ({"criteria": ["fine", "  "]}, "criteria[1]"),
        ({"criteria": ["x"] * 51}, "criteria"),
        ({"criteria": ["x" * 2_001]}, "criteria[0]"),
        ({"measure": {"metric": "a\nb"}}, "measure.metric"),
        ({"measure": {"unit": "s"}}, "measure.unit"),
        ({"state": "confirmed"}, "state"),
        ({"version": 3}, "version"),
    ],
)
def test_a_wrong_field_is_named(fields, at):
    with pytest.raises(Invalid) as refused:
        rules.check_fields(fields)
    assert refused.value.field == at


def test_a_measure_becomes_its_parts_and_none_empties_them():
    assert rules.check_fields({"measure": {"metric": " Time ", "target": "1 s"}}) == {
        "metric": "Time", "target": "1 s", "how_measured": ""
    }  # fmt: skip
    assert rules.check_fields({"measure": None}) == {"metric": "", "target": "", "how_measured": ""}
