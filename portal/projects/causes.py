"""What is behind a change that the portal makes itself: facts, which a page puts into its reader's language."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AcceptedChange:
    """The change request that was accepted and thereby moves milestones and changes items."""

    number: int
    title: str

    def told(self) -> dict[str, Any]:
        """How an event names it."""
        return {"change_request": self.number, "change_request_title": self.title}
