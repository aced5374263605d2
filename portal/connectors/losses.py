"""What did not come over as it was: nothing is dropped silently, and no report grows without bound. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["lost", "changed", "not_understood"]

MOST_PLACES = 200
"""Places that a group names; further ones are counted."""
MOST_GROUPS = 400


@dataclass(frozen=True, slots=True)
class Loss:
    """One sort of loss: how often, where (an item's key, a line or a path), and why."""

    what: str
    kind: Kind
    detail: str
    count: int
    places: tuple[str, ...]

    def line(self) -> str:
        """The loss in one line of text."""
        named = ", ".join(self.places[:5])
        more = f", … ({len(self.places) - 5} more named in the report)" if len(self.places) > 5 else ""
        return f"{self.kind.replace('_', ' ')}: {self.count:,} × {self.what}: {self.detail} [{named}{more}]"


@dataclass(slots=True)
class _Group:
    count: int = 0
    places: dict[str, None] = field(default_factory=dict)


class Losses:
    """Collects losses while a file is read; groups of the same sort are counted together."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, Kind, str], _Group] = {}

    def add(self, what: str, kind: Kind, where: str, detail: str, *, count: int = 1) -> None:
        """Notes that `what` at `where` was lost, changed or not understood. One sort has one `detail`."""
        sort = (what, kind, detail)
        if sort not in self._groups and len(self._groups) >= MOST_GROUPS:
            sort = ("further sorts of loss", kind, "more sorts than a report can name")
        group = self._groups.setdefault(sort, _Group())
        group.count += count
        if len(group.places) < MOST_PLACES:
            group.places[where] = None

    def lost(self, what: str, where: str, detail: str, *, count: int = 1) -> None:
        """What is in the source and not here."""
        self.add(what, "lost", where, detail, count=count)

    def changed(self, what: str, where: str, detail: str, *, count: int = 1) -> None:
        """What is here, but not as it was in the source."""
        self.add(what, "changed", where, detail, count=count)

    def not_understood(self, what: str, where: str, detail: str, *, count: int = 1) -> None:
        """What could not be read, and so was left out."""
        self.add(what, "not_understood", where, detail, count=count)

    def all(self) -> tuple[Loss, ...]:
        """The groups: what was not understood first, then what was lost, then what was changed."""
        order = ("not_understood", "lost", "changed")
        groups = sorted(self._groups.items(), key=lambda pair: (order.index(pair[0][1]), pair[0]))
        return tuple(
            Loss(what, kind, detail, group.count, tuple(group.places)) for (what, kind, detail), group in groups
        )


def as_json(losses: Iterable[Loss]) -> list[dict[str, object]]:
    """Losses as the API shows them."""
    return [
        {"what": loss.what, "kind": loss.kind, "detail": loss.detail, "count": loss.count, "places": list(loss.places)}
        for loss in losses
    ]
