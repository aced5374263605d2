"""Links between things and what lacks them, as the API tells them."""

from typing import Any

from pydantic import ConfigDict

from api.shapes import Incoming, Number, Outgoing, absent
from portal.trace.models import TraceKind
from portal.trace.rules import End
from portal.traceability import Link, Orphans


class TraceEnd(Incoming):
    """One end of a link. `version`: of a design, the published version that is meant; without, the design as it is."""

    kind: TraceKind
    number: Number
    version: Number = absent()

    def end(self) -> End:
        """The same for the room."""
        return End(self.kind, self.number, self.version if "version" in self.model_fields_set else None)


class TraceLinkNew(Incoming):
    """Two things of different kinds to be linked; which is named first makes no difference."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"one": {"kind": "requirement", "number": 1}, "other": {"kind": "item", "number": 1}}]
        }
    )

    one: TraceEnd
    other: TraceEnd


class TraceLink(Outgoing):
    """The far end of a link. `state` is how it stands, in its own room's words; empty where it has none yet. `version`
    is that of a design which was meant, null otherwise.
    """

    kind: TraceKind
    number: int
    title: str
    state: str
    version: int | None = None


class TraceLinks(Outgoing):
    """What something is linked with, by kind and number."""

    items: list[TraceLink]


class TraceOrphans(Outgoing):
    """What lacks links: requirements without design and item; designs, and stories of the backlog, without requirement.

    The first hundred of each kind; `more` names the kinds of which there are others.
    """

    requirements: list[TraceLink]
    designs: list[TraceLink]
    items: list[TraceLink]
    more: list[TraceKind]


def link_out(link: Link) -> TraceLink:
    """A link's far end."""
    return TraceLink.model_validate(link)


def orphans_out(found: Orphans) -> dict[str, Any]:
    """What lacks links, as JSON values."""
    parts = {name: [link_out(one) for one in getattr(found, name)] for name in ("requirements", "designs", "items")}
    return TraceOrphans(**parts, more=sorted(found.more)).shown()
