"""What may be asked of the client, who may answer it and in whose name (docs/design.md, "Decisions"). No database."""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from uuid import UUID

import pytest
import time_machine

from portal.access import Role, StaffRole
from portal.decisions import delegations, rules, waiting
from portal.decisions.models import Decision, DecisionAnswer, DecisionKind, Side
from portal.decisions.rules import Question
from portal.errors import Conflict, Invalid, NotAllowed, TooLarge
from portal.ledger.models import Audience
from tests.support.scopes import ADA, ADA_ID, agency, client, looking_as, staff

APPROVER, BILLING, VIEWER = Role.APPROVER, Role.BILLING, Role.VIEWER
TODAY = date(2026, 5, 4)
BEN_ID, CEM_ID = UUID(int=0xBE), UUID(int=0xCE)
PEOPLE = tuple(UUID(int=at) for at in range(1, 30))
QUESTION = Question(DecisionKind.DESIGN, 1, 1, "The front page", {})


@pytest.mark.parametrize(
    ("people", "needed", "comes_to"),
    [(0, None, 1), (1, None, 1), (3, None, 3), (3, 2, 2), (0, 2, 2)],
)
def test_without_a_number_all_who_are_named_must_approve_or_any_one_with_the_role(people, needed, comes_to):
    assert rules.needed_of(replace(QUESTION, people=PEOPLE[:people], needed=needed)) == comes_to


@pytest.mark.parametrize(("people", "needed"), [(0, 1), (0, 20), (3, 1), (3, 3), (20, 20), (20, None)])
def test_so_many_can_be_needed_as_are_asked(people, needed):
    question = replace(QUESTION, people=PEOPLE[:people], needed=needed)
    assert rules.checked(question, TODAY) == question


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "Two\nlines"}, "title"),
        ({"holds_up": "x" * 501}, "holds_up"),
        ({"audience": Audience.INTERNAL}, "audience"),
        ({"due_on": date(2026, 5, 3)}, "due_on"),
        ({"people": (BEN_ID, BEN_ID)}, "people"),
        ({"people": PEOPLE[:21]}, "people"),
        ({"needed": 0}, "needed"),
        ({"needed": 21}, "needed"),
        ({"people": PEOPLE[:3], "needed": 4}, "needed"),
        ({"people": PEOPLE[:3], "needed": 0}, "needed"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_field(wrong, field):
    with pytest.raises(Invalid) as refused:
        rules.checked(replace(QUESTION, **wrong), TODAY)
    assert refused.value.field == field


def test_a_question_may_be_due_today():
    assert rules.checked(replace(QUESTION, due_on=TODAY, holds_up="x" * 500), TODAY).due_on == TODAY


def test_what_is_asked_has_two_million_bytes_whatever_the_script():
    assert rules.check_size("é" * 1_000_000) == "é" * 1_000_000
    with pytest.raises(TooLarge):
        rules.check_size("é" * 1_000_000 + "x")


def decision(*, audience: Audience = Audience.CLIENT, is_named: bool = False) -> Decision:
    """A question to the client; only what the rule of who answers asks of it."""
    return Decision(audience=audience, is_named=is_named)


NOBODY: frozenset[UUID] = frozenset()
OF_BEN = frozenset({BEN_ID})


@pytest.mark.parametrize(
    ("roles", "audience", "named", "principals", "expected"),
    [
        ({APPROVER}, Audience.CLIENT, None, NOBODY, [ADA_ID]),
        ({APPROVER}, Audience.CLIENT, None, OF_BEN, [ADA_ID, BEN_ID]),
        ({VIEWER}, Audience.CLIENT, None, OF_BEN, [BEN_ID]),
        ({APPROVER}, Audience.CLIENT, {ADA_ID}, OF_BEN, [ADA_ID]),
        ({APPROVER}, Audience.CLIENT, {BEN_ID}, OF_BEN, [BEN_ID]),
        ({APPROVER, BILLING}, Audience.BILLING, None, NOBODY, [ADA_ID]),
        ({BILLING}, Audience.BILLING, None, OF_BEN, [BEN_ID]),
        ({APPROVER}, Audience.CLIENT, None, frozenset({CEM_ID, BEN_ID}), [ADA_ID, BEN_ID, CEM_ID]),
    ],
)
def test_one_answers_for_oneself_first_then_for_those_who_delegated(roles, audience, named, principals, expected):
    asked = decision(audience=audience, is_named=named is not None)
    assert rules.may_answer(client(*roles), asked, frozenset(named or ()), principals) == expected


@pytest.mark.parametrize(
    ("scope", "audience", "named", "principals"),
    [
        (client(VIEWER), Audience.CLIENT, None, NOBODY),
        (client(Role.TESTER), Audience.CLIENT, None, NOBODY),
        (client(APPROVER), Audience.CLIENT, {BEN_ID}, NOBODY),
        (client(APPROVER), Audience.CLIENT, {CEM_ID}, OF_BEN),
        (client(BILLING), Audience.BILLING, None, NOBODY),
        (client(APPROVER), Audience.BILLING, None, NOBODY),
        (client(APPROVER), Audience.BILLING, None, OF_BEN),  # a delegation shows nobody a price
        (staff(StaffRole.ADMIN), Audience.CLIENT, None, OF_BEN),
        (looking_as(agency(StaffRole.ADMIN), APPROVER, BILLING), Audience.CLIENT, None, OF_BEN),
    ],
)
def test_who_is_not_asked_does_not_answer_and_staff_never(scope, audience, named, principals):
    asked = decision(audience=audience, is_named=named is not None)
    with pytest.raises(NotAllowed):
        rules.may_answer(scope, asked, frozenset(named or ()), principals)


def test_in_an_archived_project_nobody_answers():
    with pytest.raises(Conflict):
        rules.may_answer(client(APPROVER, status="archived"), decision(), NOBODY, NOBODY)


def test_a_robot_with_a_clients_role_decides_nothing():
    scope = replace(client(APPROVER), viewer=replace(ADA, kind="robot", person_id=None))
    with pytest.raises(NotAllowed):
        rules.may_answer(scope, decision(), NOBODY, NOBODY)


def answers(*given: tuple[UUID, UUID]) -> list[DecisionAnswer]:
    """Answers as (by whom, in whose name)."""
    return [DecisionAnswer(person_id=by, principal_id=principal) for by, principal in given]


@pytest.mark.parametrize(
    ("can", "left", "given", "said", "whose"),
    [
        ([ADA_ID, BEN_ID], [ADA_ID, BEN_ID], [], None, ADA_ID),
        ([ADA_ID, BEN_ID], [ADA_ID, BEN_ID], [], BEN_ID, BEN_ID),
        ([ADA_ID, BEN_ID], [BEN_ID], [(ADA_ID, ADA_ID)], None, BEN_ID),
        ([ADA_ID, BEN_ID], [], [(ADA_ID, BEN_ID)], None, BEN_ID),  # a double click meets the answer that was given
        ([ADA_ID, BEN_ID], [], [(BEN_ID, BEN_ID), (ADA_ID, ADA_ID)], None, ADA_ID),
        ([BEN_ID], [], [(CEM_ID, BEN_ID)], None, BEN_ID),
        ([BEN_ID], [], [(ADA_ID, CEM_ID)], None, BEN_ID),  # the delegation of Cem has ended since
    ],
)
def test_an_answer_is_in_the_name_that_was_said_or_in_the_first_that_is_missing(can, left, given, said, whose):
    standing = delegations.Standing(can, left)
    assert delegations.principal_of(client(APPROVER), standing, answers(*given), said) == whose


def test_nobody_answers_in_a_name_that_was_not_lent_to_them():
    with pytest.raises(Invalid) as refused:
        delegations.principal_of(client(APPROVER), delegations.Standing([ADA_ID], [ADA_ID]), [], BEN_ID)
    assert refused.value.field == "principal"


def row(number: int, **more: object) -> SimpleNamespace:
    """An open decision as the statement reads it: in Berlin, nobody's in particular, without a due day."""
    given = {
        "key": "BRIDGE", "name": "The bridge", "company": "Acme", "number": number, "kind": DecisionKind.DESIGN,
        "title": "The front page", "turn": Side.CLIENT, "from_at": datetime(2026, 5, 1, tzinfo=UTC), "due_on": None,
        "holds_up": "", "outcome": None, "is_mine": False, "time_zone": "Europe/Berlin",
    }  # fmt: skip
    return SimpleNamespace(**(given | more))


def test_what_one_can_answer_comes_first_then_what_is_due_first_then_what_waits_longest():
    listed = waiting.in_order([
        row(1),
        row(2, from_at=datetime(2026, 4, 1, tzinfo=UTC)),
        row(3, due_on=date(2026, 6, 1)),
        row(4, due_on=date(2026, 5, 20)),
        row(5, is_mine=True),
        row(6, is_mine=True, due_on=date(2026, 9, 1)),
    ])  # fmt: skip
    assert [one.number for one in listed] == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(("zone", "is_overdue"), [("Europe/Berlin", False), ("Pacific/Kiritimati", True)])
def test_a_decision_is_overdue_when_its_due_day_has_passed_in_the_project(zone, is_overdue):
    """At noon UTC of the day it is still that day in Berlin, and the next in Kiritimati."""
    with time_machine.travel(datetime(2026, 5, 4, 12, tzinfo=UTC), tick=False):
        (one,) = waiting.in_order([row(1, due_on=date(2026, 5, 4), time_zone=zone)])
        assert one.is_overdue is is_overdue
        (never,) = waiting.in_order([row(1, time_zone=zone)])
        assert not never.is_overdue


def test_each_side_is_told_of_what_it_has_to_do():
    found = waiting.in_order([row(1, turn=Side.CLIENT), row(2, turn=Side.AGENCY)])
    assert [one.number for one in waiting.for_viewer(found, ADA)] == [1]
    assert [one.number for one in waiting.for_viewer(found, agency(StaffRole.MEMBER))] == [2]
