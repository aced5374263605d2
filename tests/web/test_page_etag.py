"""When a page counts as unchanged."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from portal.access import ProjectFacts, Role, Scope, StaffRole, Viewer
from web.etag import matches, page_etag


def facts(**more: Any) -> ProjectFacts:
    """A project's facts with these differences."""
    given: dict[str, Any] = dict.fromkeys(ProjectFacts.__dataclass_fields__)
    given |= {
        "id": UUID(int=1), "key": "BRIDGE", "name": "The bridge", "company_name": "Acme", "status": "active",
        "time_zone": "Europe/Berlin", "show_staff": "name", "version": 9, "client_version": 7, "billing_version": 8,
    }  # fmt: skip
    return ProjectFacts(**(given | more))


ADA = Viewer("person", "person:ada", name="Ada", email="ada@example.com")
WEI = Viewer("person", "staff:wei", name="Wei", staff=frozenset({StaffRole.MEMBER}))
CLIENT = Scope(ADA, facts(), frozenset({Role.VIEWER}), is_staff=False)


def etag(scope: Scope, locale: str = "en", release: str = "r1", *extra: str) -> str:
    """Its ETag."""
    return page_etag(scope, locale, release, *extra)


@pytest.mark.parametrize(
    "other",
    [
        etag(replace(CLIENT, viewer=replace(ADA, actor="person:eve"))),
        etag(replace(CLIENT, viewer=replace(ADA, name="Ada B."))),
        etag(replace(CLIENT, viewer=replace(ADA, email="new@example.com"))),
        etag(replace(CLIENT, roles=frozenset({Role.VIEWER, Role.BILLING}))),
        etag(replace(CLIENT, preview=True)),
        etag(replace(CLIENT, viewer=WEI, is_staff=True)),
        etag(replace(CLIENT, project=facts(client_version=8))),
        etag(replace(CLIENT, project=facts(name="Another"))),
        etag(replace(CLIENT, project=facts(show_staff="hidden"))),
        etag(replace(CLIENT, project=facts(id=UUID(int=2)))),
        etag(CLIENT, "ru"),
        etag(CLIENT, "en", "r2"),
        etag(CLIENT, "en", "r1", "/projects/BRIDGE/board"),
    ],
)
def test_everything_that_a_page_depends_on_makes_another_etag(other: str) -> None:
    assert other != etag(CLIENT)


def test_events_that_the_viewer_may_not_see_do_not_move_it() -> None:
    later = replace(CLIENT, project=facts(version=20, billing_version=19))
    assert etag(later) == etag(CLIENT)


def test_billing_events_move_it_for_whoever_sees_money_alone() -> None:
    payer = replace(CLIENT, roles=frozenset({Role.VIEWER, Role.BILLING}))
    assert etag(replace(payer, project=facts(billing_version=9))) != etag(payer)


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        (None, False),
        ("", False),
        ('W/"a"', True),
        ('"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        ('W/"ab"', False),
    ],
)
def test_if_none_match_is_compared_weakly(header: str | None, holds: bool) -> None:
    assert matches(header, 'W/"a"') is holds
