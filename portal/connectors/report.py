"""What an import did: source against target, what was guessed, and what was lost. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.connectors.losses import Loss, as_json
from portal.connectors.mapping import Guess


@dataclass(frozen=True, slots=True)
class Tally:
    """One kind of thing: how many the source has, and what became of them here."""

    source: int
    created: int
    changed: int
    unchanged: int

    @property
    def left_out(self) -> int:
        """How many of the source are not here; why is among the losses."""
        return self.source - self.target

    @property
    def target(self) -> int:
        """How many are here."""
        return self.created + self.changed + self.unchanged


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an import."""

    system: str
    source: str
    """The name of the source's project or board."""
    counts: Mapping[str, int]
    """What the file holds, in the source's words."""
    tallies: Mapping[str, Tally]
    events: int
    """How many were appended to the ledger."""
    notes: Sequence[str]
    guesses: Sequence[Guess]
    losses: Sequence[Loss]

    def lines(self) -> list[str]:
        """The report as lines of text."""
        held = ", ".join(f"{count:,} {what}" for what, count in self.counts.items())
        told = [f"{self.system}: {self.source or 'file'} holds {held}."]
        told += [
            f"{what}: {tally.source:,} in the source, {tally.target:,} here "
            f"({tally.created:,} new, {tally.changed:,} changed, {tally.unchanged:,} unchanged, "
            f"{tally.left_out:,} left out)."
            for what, tally in self.tallies.items()
        ]
        told.append(f"{self.events:,} events were appended.")
        return [*told, *self.notes, *(loss.line() for loss in self.losses)]

    def as_json(self) -> dict[str, Any]:
        """The report as the API shows it."""
        return {
            "system": self.system,
            "source": self.source,
            "counts": dict(self.counts),
            "tallies": {
                what: {
                    "source": t.source,
                    "created": t.created,
                    "changed": t.changed,
                    "unchanged": t.unchanged,
                    "left_out": t.left_out,
                }
                for what, t in self.tallies.items()
            },
            "events": self.events,
            "notes": list(self.notes),
            "guesses": [guess._asdict() for guess in self.guesses],
            "losses": as_json(self.losses),
        }
