"""Who may see and do what: the only place that decides.

A `Viewer` is somebody who was recognised; a `Scope` is what that viewer is in one project. Every query takes a Scope
and filters by its project and audiences; every command asks it before it changes anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from portal import clock
from portal.errors import Conflict, NotAllowed, NotFound
from portal.ledger.models import Audience


class Role(StrEnum):
    """What a person of the client company may do in a project; combined freely.

    Whoever has one of the others is a viewer too; who is a tester alone sees the tests and nothing else.
    """

    VIEWER = "viewer"
    APPROVER = "approver"
    BILLING = "billing"
    TESTER = "tester"


class StaffRole(StrEnum):
    """What somebody of the agency may do in all projects; each includes `member`, and `admin` all of them."""

    MEMBER = "member"
    MANAGER = "manager"
    FINANCE = "finance"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who was recognised: a person by a session or token, a robot by its token, or the portal itself.

    `actor` is how the ledger names them: `person:<uuid>`, `robot:<client id>` or `system`.
    """

    kind: Literal["person", "robot", "system"]
    actor: str
    person_id: UUID | None = None
    name: str = ""
    email: str = ""
    locale: str = "en"
    staff: frozenset[StaffRole] = frozenset()

    @property
    def is_staff(self) -> bool:
        """Whether this is the agency's side."""
        return bool(self.staff)

    def require_staff(self, *wanted: StaffRole) -> None:
        """Raises NotAllowed unless the viewer has one of the staff roles (any, when none is named)."""
        any_will_do = not wanted or StaffRole.MEMBER in wanted  # each role includes `member`
        if not self.staff or not (any_will_do or self.staff & {*wanted, StaffRole.ADMIN}):
            raise NotAllowed("This needs " + (" or ".join(wanted) + " rights" if wanted else "staff rights") + ".")


SYSTEM = Viewer("system", "system", name="Portal", staff=frozenset(StaffRole))


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What every page says of its project, read in the same statement as the scope."""

    id: UUID
    key: str
    name: str
    company_id: UUID
    company_name: str
    status: str
    time_zone: str
    currency: str
    languages: tuple[str, ...]
    working_days: int
    holidays: str | None
    days_off: tuple[str, ...]
    work_starts: int
    work_ends: int
    show_staff: str
    unit: str
    version: int
    client_version: int
    billing_version: int

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the project's days begin and end."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a viewer is in one project. Made by `open_scope` alone.

    `preview` is staff looking with a client's eyes: they see what those roles see and may write nothing.
    """

    viewer: Viewer
    project: ProjectFacts
    roles: frozenset[Role]
    is_staff: bool
    preview: bool = False

    @property
    def project_id(self) -> UUID:
        """The ledger's id, which every query filters by."""
        return self.project.id

    @property
    def key(self) -> str:
        """The project's name in addresses."""
        return self.project.key

    @property
    def zone(self) -> ZoneInfo:
        """The project's time zone."""
        return self.project.zone

    @property
    def today(self) -> date:
        """The current day in the project's zone."""
        return clock.day_of(clock.now(), self.zone)

    @property
    def is_tester_alone(self) -> bool:
        """Whether this viewer sees the tests of the project and nothing else of it."""
        return not self.is_staff and Role.VIEWER not in self.roles

    @property
    def audiences(self) -> tuple[Audience, ...]:
        """Which events and rows this viewer may see."""
        if self.is_staff:
            return _staff_audiences(self.viewer)
        return (Audience.CLIENT, Audience.BILLING) if Role.BILLING in self.roles else (Audience.CLIENT,)

    @property
    def version(self) -> int:
        """The seq of the last event that this viewer may see; it stands still for all others."""
        project = self.project
        of = {Audience.INTERNAL: project.version, Audience.CLIENT: project.client_version,
              Audience.BILLING: project.billing_version}  # fmt: skip
        return max(of[audience] for audience in self.audiences)

    @property
    def sees_money(self) -> bool:
        """Whether amounts may be shown at all."""
        return Audience.BILLING in self.audiences

    def require_writable(self) -> None:
        """Raises NotAllowed while looking as the client, Conflict when the project is archived."""
        if self.preview:
            raise NotAllowed("You are looking as the client: nothing can be changed until you stop.")
        if self.project.status == "archived":
            raise Conflict("This project is archived: it can be read, not changed.")

    def require(self, role: Role) -> None:
        """Raises NotAllowed unless the viewer is a client person with this role: staff never act for the client."""
        self.require_writable()
        if self.is_staff or role not in self.roles:
            raise NotAllowed(f"This needs the role {role} in this project.")

    def require_staff(self, *wanted: StaffRole) -> None:
        """Raises NotAllowed unless the viewer is staff with one of these roles (any, when none is named)."""
        self.require_writable()
        if not self.is_staff:
            raise NotAllowed("Only the agency's staff may do this.")
        self.viewer.require_staff(*wanted)

    def require_doorkeeper(self) -> None:
        """Raises NotAllowed unless the viewer may end who comes in: also to an archived project, which is read on."""
        if not self.is_staff:
            raise NotAllowed("Only the agency's staff may do this.")
        self.viewer.require_staff(StaffRole.MANAGER)


def _staff_audiences(viewer: Viewer) -> tuple[Audience, ...]:
    if viewer.staff & {StaffRole.FINANCE, StaffRole.MANAGER, StaffRole.ADMIN}:
        return (Audience.INTERNAL, Audience.CLIENT, Audience.BILLING)
    return (Audience.INTERNAL, Audience.CLIENT)


def open_scope(
    viewer: Viewer,
    project: ProjectFacts | None,
    roles: Iterable[Role],
    *,
    view_as: tuple[str, frozenset[Role]] | None = None,
) -> Scope:
    """The scope of a viewer in a project, given that project's facts and the viewer's membership roles, if any.

    `view_as` is (key, roles) while staff look as the client. Raises NotFound in the same words for a project that does
    not exist and for one that the viewer does not belong to.
    """
    granted = frozenset(roles)
    if project is None or not (viewer.is_staff or granted):
        raise NotFound("There is no such project.")
    if viewer.is_staff and view_as and view_as[0] == project.key:
        # A client's eyes may see less than one's own, never more: who may not see money does not borrow the right.
        barred = frozenset() if Audience.BILLING in _staff_audiences(viewer) else frozenset({Role.BILLING})
        return Scope(viewer, project, with_looking(view_as[1] - barred), is_staff=False, preview=True)
    if viewer.is_staff:
        return Scope(viewer, project, frozenset(), is_staff=True)
    return Scope(viewer, project, with_looking(granted), is_staff=False)


def with_looking(roles: frozenset[Role]) -> frozenset[Role]:
    """The roles with the right to look, which all bring but the tester's."""
    return roles if roles == {Role.TESTER} else roles | {Role.VIEWER}
