"""What a verification can find, and how it is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Why(StrEnum):
    """What is wrong, in one word."""

    CHANGED = "changed"
    MISSING = "missing"
    SWAPPED = "swapped"
    CUT = "cut"
    REWRITTEN = "rewritten"
    COUNTER = "counter"
    SIGNATURE = "signature"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong with a project's ledger. `seq` is the first event that is, or may be, concerned."""

    project: str
    seq: int | None
    why: Why
    detail: str

    def __str__(self) -> str:
        where = f"event {self.seq} of {self.project}" if self.seq is not None else self.project
        return f"{where}: {self.why}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Verified:
    """One project's ledger as far as it was found good: how many events, root, how many signed heads and receipts."""

    project: str
    events: int
    root: bytes
    heads: int
    receipts: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome: what was found good, the first fault of every project that has one, and what could not be known."""

    verified: Sequence[Verified] = ()
    faults: Sequence[Fault] = ()
    notes: Sequence[str] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults
