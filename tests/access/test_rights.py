"""Who may see and do what, right by right (docs/design.md, "Access"; SECURITY.md, "The rule"). No database."""

from datetime import UTC, date, datetime
from itertools import combinations

import pytest
import time_machine

from portal.access import SYSTEM, Role, StaffRole, Viewer, open_scope
from portal.errors import Conflict, NotAllowed, NotFound
from portal.ledger.models import Audience
from tests.support.scopes import ADA, agency, client, facts, looking_as, staff

INTERNAL, CLIENT, BILLING = Audience.INTERNAL, Audience.CLIENT, Audience.BILLING
VIEWER, APPROVER, BILLS, TESTER = Role.VIEWER, Role.APPROVER, Role.BILLING, Role.TESTER
MEMBER, MANAGER, FINANCE, ADMIN = StaffRole.MEMBER, StaffRole.MANAGER, StaffRole.FINANCE, StaffRole.ADMIN
SOME_ROLES = [frozenset(some) for count in range(1, 5) for some in combinations(Role, count)]
NAMES = ["+".join(sorted(some)) for some in SOME_ROLES]


@pytest.mark.parametrize("roles", SOME_ROLES, ids=NAMES)
def test_no_client_sees_anything_internal_and_money_only_with_billing(roles):
    seen = client(*roles)
    assert set(seen.audiences) == ({CLIENT, BILLING} if BILLS in roles else {CLIENT})
    assert seen.sees_money is (BILLS in roles)


@pytest.mark.parametrize(
    ("role", "sees"),
    [
        (MEMBER, {INTERNAL, CLIENT}),
        (MANAGER, {INTERNAL, CLIENT, BILLING}),
        (FINANCE, {INTERNAL, CLIENT, BILLING}),
        (ADMIN, {INTERNAL, CLIENT, BILLING}),
    ],
)
def test_staff_see_what_is_internal_and_all_but_plain_members_the_money(role, sees):
    seen = staff(role)
    assert (set(seen.audiences), seen.sees_money) == (sees, BILLING in sees)


@pytest.mark.parametrize(
    ("scope", "version"),
    [
        (client(VIEWER), 7),
        (client(BILLS), 8),
        (client(BILLS, billing_version=3), 7),
        (staff(MEMBER), 9),
        (staff(MEMBER, version=5), 7),
    ],
)
def test_the_version_is_the_last_event_that_the_viewer_may_see(scope, version):
    assert scope.version == version


@pytest.mark.parametrize("roles", SOME_ROLES, ids=NAMES)
def test_every_role_but_the_testers_lets_one_look(roles):
    """Who tests and has another role sees the project as that role does; who tests alone sees the tests alone."""
    assert client(*roles).is_tester_alone is (roles == {TESTER})


def test_staff_are_never_testers_alone():
    assert not staff(MEMBER).is_tester_alone


def test_a_project_that_is_not_there_and_one_of_somebody_else_answer_in_the_same_words():
    """A key that is unused cannot be told from one that is not one's own."""
    refusals = []
    for project in (None, facts()):
        with pytest.raises(NotFound) as refused:
            open_scope(ADA, project, ())
        refusals.append((refused.value.message, refused.value.args))
    assert refusals[0] == refusals[1]


def test_staff_too_find_no_project_that_is_not_there():
    with pytest.raises(NotFound):
        open_scope(agency(ADMIN), None, ())


def test_roles_of_a_membership_give_staff_nothing():
    """Staff are let in by what they are at the agency: a membership of theirs gives no client's role."""
    found = open_scope(agency(MEMBER), facts(), {BILLS, APPROVER})
    assert (found.is_staff, found.roles, found.sees_money) == (True, frozenset(), False)


@pytest.mark.parametrize("roles", SOME_ROLES, ids=NAMES)
@pytest.mark.parametrize("own", StaffRole)
def test_looking_as_the_client_shows_no_more_than_the_client_sees_nor_than_one_sees_anyway(roles, own):
    viewer = agency(own)
    seen = looking_as(viewer, *roles)
    assert seen.preview
    assert not seen.is_staff
    assert set(seen.audiences) <= set(client(*roles).audiences)
    assert set(seen.audiences) <= set(open_scope(viewer, facts(), ()).audiences)


def test_looking_as_a_tester_shows_the_tests_alone():
    assert looking_as(agency(ADMIN), TESTER).is_tester_alone


def test_a_client_cannot_look_as_anybody():
    found = open_scope(ADA, facts(), {VIEWER}, view_as=("BRIDGE", frozenset({BILLS})))
    assert (found.preview, found.sees_money) == (False, False)


def test_one_looks_as_the_client_in_the_project_that_one_chose_and_nowhere_else():
    elsewhere = open_scope(agency(ADMIN), facts(), (), view_as=("TUNNEL", frozenset({VIEWER})))
    assert (elsewhere.preview, elsewhere.is_staff) == (False, True)


@pytest.mark.parametrize("role", Role)
def test_what_needs_a_clients_role_is_open_to_that_role_alone(role):
    client(role).require(role)
    others = [one for one in Role if one is not role and not (role is VIEWER and one is not TESTER)]
    for other in others:
        with pytest.raises(NotAllowed):
            client(other).require(role)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("own", StaffRole)
def test_staff_never_act_for_the_client(role, own):
    for scope in (staff(own), looking_as(agency(own), *Role), open_scope(SYSTEM, facts(), ())):
        with pytest.raises(NotAllowed):
            scope.require(role)


@pytest.mark.parametrize(
    ("own", "wanted", "may"),
    [
        (MEMBER, (), True),
        (MEMBER, (MEMBER,), True),
        (MEMBER, (MANAGER,), False),
        (MANAGER, (MEMBER,), True),
        (FINANCE, (MEMBER, MANAGER), True),
        (MANAGER, (MANAGER,), True),
        (MANAGER, (FINANCE,), False),
        (MANAGER, (FINANCE, MANAGER), True),
        (FINANCE, (MANAGER,), False),
        (FINANCE, (ADMIN,), False),
        (ADMIN, (FINANCE,), True),
        (ADMIN, (MANAGER, FINANCE), True),
        (ADMIN, (ADMIN,), True),
    ],
)
def test_what_needs_a_right_of_the_agency_is_open_to_who_has_it_and_to_admins(own, wanted, may):
    for ask in (staff(own).require_staff, agency(own).require_staff):
        if may:
            ask(*wanted)
            continue
        with pytest.raises(NotAllowed):
            ask(*wanted)


@pytest.mark.parametrize("wanted", [(), (MEMBER,), (ADMIN,)])
def test_nobody_of_the_client_passes_for_staff(wanted):
    for ask in (client(*Role).require_staff, ADA.require_staff, looking_as(agency(ADMIN), *Role).require_staff):
        with pytest.raises(NotAllowed):
            ask(*wanted)


def test_the_portal_itself_may_do_what_staff_may():
    open_scope(SYSTEM, facts(), ()).require_staff(FINANCE)


def test_who_looks_as_the_client_writes_nothing():
    with pytest.raises(NotAllowed):
        looking_as(agency(ADMIN), *Role).require_writable()


@pytest.mark.parametrize("status", ["active", "paused", "done"])
def test_a_project_is_written_until_it_is_archived(status):
    client(APPROVER, status=status).require(APPROVER)
    staff(MEMBER, status=status).require_staff()


@pytest.mark.parametrize(
    "write",
    [
        lambda: client(APPROVER, status="archived").require(APPROVER),
        lambda: staff(ADMIN, status="archived").require_staff(),
        lambda: staff(ADMIN, status="archived").require_writable(),
    ],
)
def test_nobody_writes_in_an_archived_project(write):
    with pytest.raises(Conflict):
        write()


@pytest.mark.parametrize(("zone", "day"), [("Pacific/Kiritimati", 5), ("Pacific/Pago_Pago", 4)])
def test_today_is_the_projects_own_day(zone, day):
    """At noon UTC it is 2 a.m. of the next day in Kiritimati (UTC+14), and 1 a.m. in Pago Pago (UTC-11)."""
    with time_machine.travel(datetime(2026, 5, 4, 12, tzinfo=UTC), tick=False):
        assert client(VIEWER, time_zone=zone).today == date(2026, 5, day)


def test_somebody_without_a_right_of_the_agency_is_not_of_the_agency():
    assert not Viewer("robot", "robot:1").is_staff
    assert agency(MEMBER).is_staff
