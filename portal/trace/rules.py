"""What may be linked with what, and who may know of it. Pure."""

from dataclasses import dataclass, field

from portal.errors import Invalid
from portal.ledger.models import Audience
from portal.trace.models import TraceKind

MOST_LINKS = 200
"""Links of one thing with all others together: a page shows all of them."""
ORDER = tuple(TraceKind)


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link: the thing, and of a design the version that was meant, if one was."""

    kind: TraceKind
    number: int
    version: int | None = field(default=None, compare=False)


def comes_first(kind: TraceKind, other: TraceKind) -> bool:
    """Whether a link between things of these kinds is kept from the first to the second."""
    return ORDER.index(kind) < ORDER.index(other)


def pair(one: End, other: End) -> tuple[End, End]:
    """The two ends in the order in which a link is kept. Raises Invalid for two things of one kind."""
    if one.kind is other.kind:
        raise Invalid("Two things of one kind are not linked.", field="other.kind", value=other.kind.value)
    return (one, other) if comes_first(one.kind, other.kind) else (other, one)


def version_of(*ends: End) -> int | None:
    """The version of the design that a link between these ends names. Raises Invalid for one of something else."""
    for end in ends:
        if end.version is not None and end.kind is not TraceKind.DESIGN:
            raise Invalid("A link names a version of a design only.", field="version", value=end.version)
    return next((end.version for end in ends if end.version is not None), None)


def audience_of(one: Audience, other: Audience) -> Audience:
    """Who may hear of a link between things for these audiences: whoever may see both of its ends."""
    both = {one, other}
    for closed in (Audience.INTERNAL, Audience.BILLING):
        if closed in both:
            return closed
    return Audience.CLIENT
