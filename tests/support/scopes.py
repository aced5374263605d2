"""What somebody is in a project, without a database: for tests of rules that ask a scope."""

from typing import Any
from uuid import UUID

from portal.access import ProjectFacts, Role, Scope, StaffRole, Viewer, open_scope

ADA_ID, WEI_ID = UUID(int=0xADA), UUID(int=0x3E1)
ADA = Viewer("person", f"person:{ADA_ID}", ADA_ID, "Ada", "ada@acme.example")
"""A person of the client: their roles are those of their membership."""


def facts(**more: Any) -> ProjectFacts:
    """The facts of BRIDGE, a project in Berlin that is worked on from nine to five, with these differences."""
    given: dict[str, Any] = {
        "id": UUID(int=1), "key": "BRIDGE", "name": "The bridge", "company_id": UUID(int=2), "company_name": "Acme",
        "status": "active", "time_zone": "Europe/Berlin", "currency": "EUR", "languages": ("en",),
        "working_days": 0b0011111, "holidays": None, "days_off": (), "work_starts": 540, "work_ends": 1020,
        "show_staff": "name", "unit": "points", "version": 9, "client_version": 7, "billing_version": 8,
    }  # fmt: skip
    return ProjectFacts(**(given | more))


def client(*roles: Role, **more: Any) -> Scope:
    """Ada with these roles in BRIDGE."""
    return open_scope(ADA, facts(**more), roles)


def agency(*roles: StaffRole) -> Viewer:
    """Wei of the agency with these rights."""
    return Viewer("person", f"staff:{WEI_ID}", WEI_ID, "Wei", "wei@agency.example", staff=frozenset(roles))


def staff(*roles: StaffRole, **more: Any) -> Scope:
    """Wei with these rights in BRIDGE."""
    return open_scope(agency(*roles), facts(**more), ())


def looking_as(viewer: Viewer, *roles: Role) -> Scope:
    """What somebody of the agency is while they look at BRIDGE with the eyes of a client with these roles."""
    return open_scope(viewer, facts(), (), view_as=("BRIDGE", frozenset(roles)))
