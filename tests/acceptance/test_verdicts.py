"""What results add up to, which cases a round asks, what criteria lack: rules by a table, and their laws."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.acceptance import asking, cases, deeming, verdicts
from portal.acceptance.asking import Mended, Stood
from portal.acceptance.decided import Reservation, reservations_in
from portal.acceptance.models import Outcome, Severity, VerdictRule, Why
from portal.acceptance.verdicts import Criterion, Found, What
from portal.errors import Invalid

P, F, B, N = Outcome.PASSED, Outcome.FAILED, Outcome.BLOCKED, Outcome.NOT_APPLICABLE
WORST, LATEST, MOST = VerdictRule.WORST_OF_LATEST, VerdictRule.LATEST, VerdictRule.MAJORITY_OF_LATEST
THEN = datetime(2026, 11, 3, 9, tzinfo=UTC)
LATER, EARLIER = THEN + timedelta(days=1), THEN - timedelta(days=1)
OUTCOMES = st.lists(st.sampled_from(Outcome), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("rule", "said", "verdict"),
    [
        (WORST, [], None),
        (LATEST, [], None),
        (WORST, [P, F, P], F),
        (WORST, [P, B], B),
        (WORST, [N, P], N),
        (WORST, [B, F], F),
        (LATEST, [F, P], P),
        (MOST, [F, P, P], P),
        (MOST, [F, P], F),
        (MOST, [B, B, F], B),
    ],
)
def test_the_verdict_is_by_the_rule(rule, said, verdict):
    assert verdicts.verdict(rule, said) is verdict


@given(OUTCOMES)
def test_the_worst_does_not_depend_on_the_order_and_one_failure_is_enough(said):
    worst = verdicts.verdict(WORST, said)
    assert worst is verdicts.verdict(WORST, said[::-1])
    assert (worst is F) == (F in said)


@given(st.sampled_from(VerdictRule), OUTCOMES)
def test_every_rule_takes_what_somebody_said(rule, said):
    assert verdicts.verdict(rule, said) in said


def test_criteria_say_what_is_met_and_what_is_missing():
    criteria = verdicts.check_criteria({"all_run": True, "most_failed": {"2": 3, "1": 0}})
    counts = {(1, P): 4, (1, F): 1, (2, F): 3, (2, None): 2, (3, B): 1, (3, F): 9}
    assert verdicts.judge(criteria, counts) == [
        Criterion(What.ALL_RUN, None, 0, 3),
        Criterion(What.MOST_FAILED, 1, 0, 1),
        Criterion(What.MOST_FAILED, 2, 3, 3),
    ]
    assert [one.is_met for one in verdicts.judge(criteria, counts)] == [False, False, True]
    assert verdicts.judge({}, counts) == []


def test_criteria_are_kept_as_they_were_said():
    assert verdicts.check_criteria({}) == {"all_run": False, "most_failed": {}}
    most = {"all_run": True, "most_failed": {"3": 100_000, "1": 0}}
    assert verdicts.check_criteria(most) == most


@pytest.mark.parametrize(
    ("counts", "met"),
    [
        ({(1, P): 1, (2, F): 5}, [True, True]),
        ({(1, F): 1}, [True, False]),
        ({(3, None): 1}, [False, True]),
    ],
)
def test_unless_said_otherwise_all_cases_were_run_and_none_of_the_first_priority_failed(counts, met):
    assert [one.is_met for one in verdicts.judge(verdicts.DEFAULT_CRITERIA, counts)] == met


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"some": 1}, "criteria.some"),
        ({"all_run": 1}, "criteria.all_run"),
        ({"most_failed": []}, "criteria.most_failed"),
        ({"most_failed": {"4": 0}}, "criteria.most_failed.4"),
        ({"most_failed": {"1": True}}, "criteria.most_failed.1"),
        ({"most_failed": {"1": -1}}, "criteria.most_failed.1"),
        ({"most_failed": {"1": "0"}}, "criteria.most_failed.1"),
        ({"most_failed": {"1": 1.5}}, "criteria.most_failed.1"),
        ({"most_failed": {"1": 100_001}}, "criteria.most_failed.1"),
    ],
)
def test_wrong_criteria_are_refused_by_their_field(wrong, field):
    with pytest.raises(Invalid) as refusal:
        verdicts.check_criteria(wrong)
    assert refusal.value.field == field


def stood(verdict, *, is_same=True, covers_changed=False):
    return Stood(verdict, is_same, THEN if verdict else None, covers_changed)


@pytest.mark.parametrize(
    ("before", "defects", "why"),
    [
        (stood(None), [], Why.NEW),
        (stood(P, is_same=False), [], Why.NEW),
        (stood(P), [], None),
        (stood(N), [], None),
        (stood(F), [], Why.NOT_PASSED),
        (stood(B), [], Why.NOT_PASSED),
        (stood(F), [Mended(True, None)], None),
        (stood(F), [Mended(False, LATER)], Why.DEFECT_DONE),
        (stood(F), [Mended(False, LATER), Mended(True, None)], None),
        (stood(F), [Mended(False, EARLIER)], Why.NOT_PASSED),
        (stood(F), [Mended(False, None)], Why.NOT_PASSED),
        (stood(P), [Mended(False, LATER)], Why.DEFECT_DONE),
        (stood(P), [Mended(True, None)], None),
        (stood(P, covers_changed=True), [], Why.COVERS_CHANGED),
        (stood(P, covers_changed=True), [Mended(True, None)], Why.COVERS_CHANGED),
        (stood(P), [Mended(False, THEN)], None),
        (Stood(None, True, THEN, False), [], Why.NEW),  # its only result was taken back
    ],
)
def test_a_round_asks_what_is_not_passed_or_changed_since(before, defects, why):
    assert asking.why(before, defects) is why


def test_the_end_phase_is_told_by_severity_over_the_rounds():
    rounds = [(1, THEN), (2, None)]
    defects = [
        Found(1, Severity.BLOCKER, LATER), Found(1, Severity.MINOR, None), Found(1, Severity.MINOR, EARLIER),
        Found(2, Severity.MAJOR, None),
    ]  # fmt: skip
    first, second = verdicts.severity_over_rounds(rounds, defects)
    assert first.found == {Severity.BLOCKER: 1, Severity.MAJOR: 0, Severity.MINOR: 2}
    assert first.open == {Severity.BLOCKER: 1, Severity.MAJOR: 0, Severity.MINOR: 1}
    assert second.found == {Severity.BLOCKER: 0, Severity.MAJOR: 1, Severity.MINOR: 0}
    assert second.open == {Severity.BLOCKER: 0, Severity.MAJOR: 1, Severity.MINOR: 1}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("  \n ", []),
        ("It is fast.", ["It is fast."]),
        ("- One\n- Two", ["One", "Two"]),
        ("Given:\n\n1. One\n2) Two\n* Three\n+ Four", ["One", "Two", "Three", "Four"]),
        ("- [ ] Not done\n- [x] Done", ["Not done", "Done"]),
        ("- One\n  goes on\n- Two", ["One goes on", "Two"]),
        ("- One\n goes on\n\n\tand on\nAnd this is none", ["One goes on and on"]),
        ("- Outer\n    - Inner", ["Outer", "Inner"]),
        ("-no list", ["-no list"]),
        ("- " + " " * 90_000 + "\nNothing behind a dash", ["- Nothing behind a dash"]),  # at once, not in a minute
    ],
)
def test_each_entry_of_a_list_is_a_criterion(text, found):
    assert cases.criteria_in(text) == found


@given(st.text())
def test_any_text_has_criteria_that_make_cases(text):
    for criterion in cases.criteria_in(text):
        made = cases.from_criterion(criterion)
        assert 0 < len(made["title"]) <= cases.TITLE_LENGTH
        assert "\n" not in made["title"]


@pytest.mark.parametrize("words", ["x" * 50_000, "word " * 10_000, "x" * 19_999 + " y"])
def test_a_criterion_as_long_as_an_item_can_have_makes_a_case_that_is_known_again(words):
    (criterion,) = cases.criteria_in(words)
    made = cases.check_case(cases.from_criterion(criterion))
    assert made["criterion"] == cases.kept_criterion(criterion)
    assert words.startswith(made["criterion"])


def test_a_case_is_another_one_when_what_is_tested_changes_alone():
    whole = dict(cases.EMPTY) | {"title": "One pays"}
    same = cases.digest(whole | {"priority": 1, "section": "Pay", "external_ref": "T1"})
    assert cases.digest(whole) == same
    others = [whole | {field: "else"} for field in ("title", "precondition", "expected", "criterion")]
    others.append(whole | {"steps": [{"action": "Pay", "expected": "Paid"}]})
    assert len({cases.digest(one) for one in (whole, *others)}) == 6


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("title", " One pays ", "One pays"),
        ("title", "x" * 300, "x" * 300),
        ("section", "", ""),
        ("section", "x" * 200, "x" * 200),
        ("external_ref", "", None),
        ("external_ref", "T1", "T1"),
        ("expected", " Paid\n", "Paid"),
        ("precondition", "x" * 20_000, "x" * 20_000),
        ("steps", [{"action": " Pay "}, {"expected": "Paid"}],
         [{"action": "Pay", "expected": ""}, {"action": "", "expected": "Paid"}]),
        ("steps", [{"action": "Pay"}] * 100, [{"action": "Pay", "expected": ""}] * 100),
        ("priority", 1, 1),
        ("priority", 3, 3),
        ("item_number", None, None),
        ("item_number", 1, 1),
        ("requirement_number", 2**31 - 1, 2**31 - 1),
        ("is_automatic", True, True),
    ],
)  # fmt: skip
def test_a_cases_field_is_kept_as_the_table_has_it(field, value, kept):
    assert cases.check_field(field, value) == kept


def test_a_case_that_says_no_more_than_its_title_is_for_people_and_of_middling_priority():
    assert (cases.EMPTY["priority"], cases.EMPTY["is_automatic"]) == (2, False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""), ("title", "two\nlines"), ("priority", 4), ("priority", True), ("steps", [{"do": "x"}]),
        ("steps", [{"action": " "}]), ("item_number", 0), ("nonsense", 1), ("expected", "\x00"),
        ("title", "x" * 301), ("section", "x" * 201), ("external_ref", "x" * 201), ("criterion", "x" * 20_001),
        ("steps", [{"action": "Pay"}] * 101), ("steps", [{"expected": "x" * 20_001}]), ("priority", 0),
        ("priority", "1"), ("requirement_number", 2**31), ("item_number", "7"),
    ],
)  # fmt: skip
def test_a_wrong_case_is_refused_by_its_field(field, value):
    with pytest.raises(Invalid) as refusal:
        cases.check_field(field, value)
    assert (refusal.value.field or "").startswith(field)


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("All good but the footer.", [Reservation("All good but the footer.", None)]),
        ("- The footer — 2026-12-10", [Reservation("The footer", date(2026, 12, 10))]),
        ("- The footer, 2026-12-10.", [Reservation("The footer", date(2026, 12, 10))]),
        ("- The footer until 2026-12-10", [Reservation("The footer until 2026-12-10", date(2026, 12, 10))]),
        ("- The footer (by 2026-12-10)", [Reservation("The footer (by 2026-12-10)", date(2026, 12, 10))]),
        ("- The footer (2026-12-10)", [Reservation("The footer", date(2026, 12, 10))]),
        ("We accept.\n- One\n  and more\n* Two", [Reservation("One and more", None), Reservation("Two", None)]),
        ("First line\nsecond line", [Reservation("First line second line", None)]),
    ],
)
def test_reservations_are_the_lines_of_a_comment(comment, found):
    assert reservations_in(comment) == found


@given(st.text(max_size=300).filter(str.strip))
def test_every_comment_that_says_something_has_a_reservation(comment):
    assert reservations_in(comment)


def test_a_day_that_is_none_is_refused():
    with pytest.raises(Invalid) as refusal:
        reservations_in("- The footer — 2026-13-40")
    assert refusal.value.field == "comment"


DAY = date(2026, 12, 10)


@pytest.mark.parametrize(
    ("today", "announced", "announced_on", "act"),
    [
        (date(2026, 12, 2), 0, None, None),
        (date(2026, 12, 3), 0, None, "announce"),
        (date(2026, 12, 3), 1, date(2026, 12, 3), None),
        (date(2026, 12, 7), 1, date(2026, 12, 3), None),
        (date(2026, 12, 8), 1, date(2026, 12, 3), "announce"),
        (date(2026, 12, 10), 2, date(2026, 12, 8), None),
        (date(2026, 12, 11), 2, date(2026, 12, 8), "deem"),
        (date(2026, 12, 20), 0, None, "announce"),
        (date(2026, 12, 20), 1, date(2026, 12, 20), None),
        (date(2026, 12, 21), 1, date(2026, 12, 20), "announce"),
        (date(2026, 12, 21), 2, date(2026, 12, 21), None),
        (date(2026, 12, 22), 2, date(2026, 12, 21), "deem"),
    ],
)
def test_nothing_is_deemed_before_it_was_announced_on_two_days(today, announced, announced_on, act):
    assert deeming.due_act(today, DAY, announced, announced_on) == act
