"""Who can sign in to the demo: two clients' people and the agency's, each with a different set of rights."""

from dataclasses import dataclass
from typing import Literal

from portal.access import Role

FIRST_CLIENT, SECOND_CLIENT = "first", "second"
STAFF_GROUPS: dict[str, Literal["member", "manager", "finance", "admin"]] = {
    "agency-developers": "member",
    "agency-managers": "manager",
    "agency-finance": "finance",
    "agency-admins": "admin",
}
"""Groups of the demo provider → staff roles; the value for `ProviderSettings.staff_groups`."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody of the demo. `client` says whose project they follow (None: the agency's own people)."""

    sub: str
    name: str
    email: str
    says: str
    locale: str = "en"
    client: Literal["first", "second"] | None = None
    roles: frozenset[Role] = frozenset()
    groups: tuple[str, ...] = ()


CAST: tuple[DemoPerson, ...] = (
    DemoPerson(
        "ada", "Ada Brandt", "ada@first-client.example", "approves for the first client",
        client="first", roles=frozenset({Role.VIEWER, Role.APPROVER}),
    ),
    DemoPerson(
        "viktor", "Виктор Орлов", "viktor@first-client.example", "only looks, for the first client",
        locale="ru", client="first", roles=frozenset({Role.VIEWER}),
    ),
    DemoPerson(
        "fatima", "Fatima Noor", "fatima@second-client.example", "sees invoices and contract of the second client",
        client="second", roles=frozenset({Role.VIEWER, Role.BILLING}),
    ),
    DemoPerson(
        "mallory", "Mallory Reyes", "mallory@second-client.example", "approves for the second client, prices too",
        client="second", roles=frozenset({Role.VIEWER, Role.APPROVER, Role.BILLING}),
    ),
    DemoPerson(
        "mei", "陈梅", "mei@agency.example", "manages projects at the agency and administers the portal",
        locale="zh-CN", groups=("agency-managers", "agency-admins"),
    ),
    DemoPerson(
        "david", "David Okafor", "david@agency.example", "develops at the agency",
        groups=("agency-developers",),
    ),
    DemoPerson(
        "nobody", "Nora Niemand", "nora@elsewhere.example", "was never invited",
    ),
)  # fmt: skip

BY_SUB = {person.sub: person for person in CAST}
