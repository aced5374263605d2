"""What answers add up to, how long somebody waited, and how sure it is who decides: pure rules, case by case."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import clock
from portal.decisions import rules, workflow
from portal.decisions.hours import minutes_of_each, working_minutes
from portal.decisions.models import Verdict
from portal.decisions.proof import StepUpNeeded, check
from portal.errors import Conflict, Invalid
from portal.projects.calendar import Calendar
from portal.settings import DecisionLimit
from tests.support.decisions import proof_of

YES, REMARKS, CHANGES, NO = (
    Verdict.APPROVED,
    Verdict.APPROVED_WITH_REMARKS,
    Verdict.CHANGES_WANTED,
    Verdict.DECLINED,
)
A, B, C = (UUID(int=one) for one in range(1, 4))
BERLIN = ZoneInfo("Europe/Berlin")
NINE_TO_FIVE = (9 * 60, 17 * 60)


@pytest.mark.parametrize(
    ("needed", "asked", "verdicts", "expected"),
    [
        (1, None, [], None),
        (1, None, [YES], YES),
        (1, None, [REMARKS], REMARKS),
        (1, None, [NO], NO),
        (1, None, [CHANGES], CHANGES),
        (2, None, [YES], None),
        (2, None, [YES, REMARKS], REMARKS),
        (2, None, [YES, NO], NO),
        (3, 3, [YES, YES], None),
        (3, 3, [YES, YES, YES], YES),
        (3, 3, [YES, CHANGES], CHANGES),
        (2, 3, [NO], None),
        (2, 3, [NO, YES], None),
        (2, 3, [NO, YES, YES], YES),
        (2, 3, [NO, CHANGES], CHANGES),
        (2, 3, [YES, NO, NO], NO),
    ],
)
def test_answers_add_up(needed, asked, verdicts, expected):
    assert workflow.outcome(needed, asked, by_different(verdicts)) == expected


def by_different(verdicts):
    return [(UUID(int=at), verdict) for at, verdict in enumerate(verdicts)]


@pytest.mark.parametrize(
    ("needed", "asked", "counts"),
    [(1, None, False), (2, None, True), (1, 1, False), (1, 3, False), (2, 3, True), (3, 3, False)],
)
def test_people_are_counted_unless_one_is_enough_or_each_is_meant(needed, asked, counts):
    assert workflow.counts_people(needed, asked) is counts


@pytest.mark.parametrize(("needed", "asked", "expected"), [(2, None, None), (2, 3, None), (2, 2, YES)])
def test_one_who_approves_in_two_names_is_two_people_only_where_each_is_meant(needed, asked, expected):
    assert workflow.outcome(needed, asked, [(A, YES), (A, YES)]) == expected


@pytest.mark.parametrize(
    ("can", "given", "needed", "asked", "expected"),
    [
        ([A, B], [], 2, 3, [A]),
        ([A, B], [(A, A)], 2, 3, []),
        ([A, B], [(A, B)], 2, 3, []),
        ([A, B], [(C, A)], 2, 3, [B]),
        ([A, B], [(B, B)], 2, None, [A]),
        ([B, C], [], 2, 3, [B, C]),
        ([B, C], [(A, B)], 2, 3, []),
        ([B, C], [(B, B)], 2, 3, [C]),
        ([A, B], [(A, A)], 2, 2, [B]),
        ([A, B], [], 1, None, [A, B]),
    ],
)
def test_where_people_are_counted_everybody_answers_once_and_first_for_themselves(can, given, needed, asked, expected):
    assert rules.voices(A, can, given, needed, asked) == expected


@given(st.data())
def test_a_rule_that_counts_people_is_met_by_so_many_different_ones(data):
    """Anybody answers as whomever they may, in any order: an approval has as many human beings behind it as needed."""
    people = [UUID(int=at) for at in range(6)]
    named = people[: data.draw(st.integers(3, 5))]
    asked = data.draw(st.sampled_from([None, len(named)]))
    needed = data.draw(st.integers(2, len(named) - 1))
    answers: list[tuple[UUID, UUID]] = []
    said: list[workflow.Given] = []
    for _ in range(data.draw(st.integers(0, 8))):
        person = data.draw(st.sampled_from(people))
        delegated = data.draw(st.sets(st.sampled_from(named)))
        can = [one for one in (person, *sorted(delegated - {person})) if one in named]
        left = rules.voices(person, can, answers, needed, asked)
        if left:
            answers.append((person, data.draw(st.sampled_from(left))))
            said.append((person, data.draw(st.sampled_from(Verdict))))
    approving = {person for person, verdict in said if verdict.is_approval}
    outcome = workflow.outcome(needed, asked, said)
    assert len({person for person, _principal in answers}) == len(answers)
    assert (outcome is not None and outcome.is_approval) == (len(approving) >= needed)


@given(st.integers(1, 5), st.data())
def test_named_people_who_have_all_answered_have_always_decided(asked, data):
    needed = data.draw(st.integers(1, asked))
    verdicts = data.draw(st.lists(st.sampled_from(Verdict), min_size=asked, max_size=asked))
    outcome = workflow.outcome(needed, asked, by_different(verdicts))
    assert outcome is not None
    assert outcome.is_approval == (sum(one.is_approval for one in verdicts) >= needed)


@given(st.integers(1, 5), st.data())
def test_what_is_decided_once_stays_decided_whoever_else_had_answered(asked, data):
    needed = data.draw(st.integers(1, asked))
    verdicts = data.draw(st.lists(st.sampled_from(Verdict), min_size=1, max_size=asked))
    firsts = [workflow.outcome(needed, asked, by_different(verdicts[:count])) for count in range(1, len(verdicts) + 1)]
    settled = [one.is_approval for one in firsts if one is not None]
    assert len(set(settled)) <= 1


@pytest.mark.parametrize("verdict", [REMARKS, CHANGES, NO])
@pytest.mark.parametrize("comment", ["", "  \n "])
def test_every_answer_but_a_plain_yes_says_why(verdict, comment):
    with pytest.raises(Invalid) as refused:
        workflow.check_comment(verdict, comment)
    assert refused.value.field == "comment"


@pytest.mark.parametrize(
    ("verdict", "comment"), [(YES, ""), (YES, "Well done"), (REMARKS, "But"), (CHANGES, "x"), (NO, "No")]
)
def test_who_says_why_is_taken_at_their_word_and_a_plain_yes_needs_none(verdict, comment):
    assert workflow.check_comment(verdict, comment) == comment


def test_a_comment_is_bounded():
    assert workflow.check_comment(YES, " fine ") == "fine"
    assert workflow.check_comment(NO, "x" * 4000) == "x" * 4000
    with pytest.raises(Invalid):
        workflow.check_comment(YES, "x" * 4001)


def test_an_approval_takes_one_of_the_alternatives_and_a_refusal_none():
    assert workflow.check_choice(YES, "B", ["A", "B"], None) == "B"
    assert workflow.check_choice(NO, "B", ["A", "B"], None) is None
    assert workflow.check_choice(YES, None, [], None) is None
    for wrong in (None, "", "C"):
        with pytest.raises(Invalid):
            workflow.check_choice(YES, wrong, ["A", "B"], None)


def test_who_approves_later_takes_what_was_chosen_before():
    assert workflow.check_choice(YES, "A", ["A", "B"], "A") == "A"
    with pytest.raises(Conflict):
        workflow.check_choice(YES, "B", ["A", "B"], "A")


def minutes(start: str, end: str, calendar: Calendar = Calendar()) -> int:  # noqa: B008
    local = [datetime.fromisoformat(one).replace(tzinfo=BERLIN) for one in (start, end)]
    return working_minutes(local[0], local[1], BERLIN, calendar, *NINE_TO_FIVE)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-05-04T10:00", "2026-05-04T11:30", 90),
        ("2026-05-04T06:00", "2026-05-04T09:30", 30),
        ("2026-05-04T16:30", "2026-05-05T09:30", 60),
        ("2026-05-08T16:00", "2026-05-11T10:00", 120),
        ("2026-05-09T10:00", "2026-05-10T16:00", 0),
        ("2026-05-04T18:00", "2026-05-04T23:00", 0),
        ("2026-05-05T10:00", "2026-05-04T10:00", 0),
        ("2026-05-04T00:00", "2026-05-11T00:00", 5 * 480),
    ],
)
def test_waiting_counts_in_the_working_hours_of_the_project(start, end, expected):
    assert minutes(start, end) == expected


def test_a_day_off_is_nobodys_waiting():
    assert minutes("2026-05-04T09:00", "2026-05-05T17:00", Calendar(days_off=frozenset({date(2026, 5, 4)}))) == 480


def test_a_night_shift_over_the_change_of_clocks_counts_what_really_passed():
    everyday = Calendar(weekdays=127)
    start, end = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert working_minutes(start, end, BERLIN, everyday, 0, 24 * 60) == 23 * 60


@given(st.lists(st.integers(0, 60 * 24 * 30), min_size=3, max_size=3).map(sorted))
def test_two_stretches_are_as_long_as_the_whole(moments):
    a, b, c = (datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=one) for one in moments)
    whole, first, second = (
        working_minutes(start, end, BERLIN, Calendar(), *NINE_TO_FIVE) for start, end in ((a, c), (a, b), (b, c))
    )
    assert whole == first + second


@given(st.lists(st.integers(0, 60 * 24 * 30), max_size=9), st.integers(0, 60 * 24 * 30))
def test_many_stretches_are_as_long_as_each_alone(moments, end):
    first, calendar = datetime(2026, 3, 20, tzinfo=UTC), Calendar(days_off=frozenset({date(2026, 4, 1)}))
    starts, until = [first + timedelta(minutes=one) for one in moments], first + timedelta(minutes=end)
    alone = [working_minutes(start, until, BERLIN, calendar, *NINE_TO_FIVE) for start in starts]
    assert minutes_of_each(starts, until, BERLIN, calendar, *NINE_TO_FIVE) == alone


def test_a_sign_in_that_is_too_long_ago_must_be_renewed():
    old = proof_of("ada", auth_time=clock.now() - timedelta(minutes=20))
    for stale in (old, proof_of("ada", auth_time=None)):
        with pytest.raises(StepUpNeeded) as needed:
            check(stale, DecisionLimit(fresh_minutes=15), clock.now())
        assert needed.value.missing == "fresh"
    check(old, DecisionLimit(fresh_minutes=None), clock.now())
    check(old, DecisionLimit(fresh_minutes=21), clock.now())


def test_a_sign_in_that_is_just_as_old_as_the_limit_is_fresh():
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    for seconds, is_fresh in ((0, True), (1, False)):
        proof = proof_of("ada", auth_time=now - timedelta(minutes=15, seconds=seconds))
        if is_fresh:
            check(proof, DecisionLimit(fresh_minutes=15), now)
            continue
        with pytest.raises(StepUpNeeded) as needed:
            check(proof, DecisionLimit(fresh_minutes=15), now)
        assert str(needed.value).startswith("Please confirm that it is you")


def test_the_evidence_says_who_signed_in_where_when_and_how():
    """What a receipt holds of it; how a provider is asked for a second factor is none of it."""
    signed_in = datetime(2026, 5, 4, 9, tzinfo=UTC)
    found = proof_of(
        "ada", auth_time=signed_in, acr="urn:mfa", amr=("pwd", "mfa"), second_factor_acr="urn:mfa"
    ).evidence()
    assert set(found) == {"issuer", "sub", "name", "email", "company", "acr", "amr", "auth_time", "salt"}
    assert (found["acr"], found["amr"], found["auth_time"]) == (
        "urn:mfa",
        ["pwd", "mfa"],
        "2026-05-04T09:00:00.000000Z",
    )
    assert proof_of("ada", auth_time=None).evidence()["auth_time"] is None


def test_the_evidence_is_salted_with_128_bits_so_that_its_digest_tells_nobody():
    salts = [proof_of("ada").evidence()["salt"] for _ in range(2)]
    assert salts[0] != salts[1]
    assert [len(bytes.fromhex(one)) for one in salts] == [16, 16]


@pytest.mark.parametrize(
    ("second_factor", "proof", "enough"),
    [
        ("never", {}, True),
        ("never", {"second_factor_acr": "urn:mfa"}, True),
        ("offered", {}, True),
        ("offered", {"second_factor_acr": "urn:mfa"}, False),
        ("offered", {"second_factor_acr": "urn:mfa", "acr": "urn:password"}, False),
        ("offered", {"second_factor_acr": "urn:mfa", "acr": "urn:mfa"}, True),
        ("offered", {"second_factor_acr": "urn:mfa", "amr": ("pwd", "mfa")}, True),
        ("always", {}, False),
        ("always", {"acr": "urn:mfa"}, False),
        ("always", {"amr": ("mfa",)}, True),
    ],
)
def test_a_second_factor_is_what_the_provider_vouches_for(second_factor, proof, enough):
    limit = DecisionLimit(second_factor=second_factor)
    if enough:
        check(proof_of("ada", **proof), limit, clock.now())
        return
    with pytest.raises(StepUpNeeded) as needed:
        check(proof_of("ada", **proof), limit, clock.now())
    assert needed.value.missing == "factor"
