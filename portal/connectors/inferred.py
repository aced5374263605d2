"""A life for items whose source keeps no history: only when they were created, resolved and last changed. Pure."""

from collections.abc import Sequence
from datetime import datetime

from portal.backlog.models import Category
from portal.connectors.losses import Losses
from portal.connectors.model import Field, SourceChange, SourceIteration, SourceStatus, State

NO_HISTORY = "the file has no history: inferred from when it was created and resolved"
BEGINNING = SourceStatus("before", "To do", Category.TODO, "where items began whose source keeps no history")


def beginning(statuses: Sequence[SourceStatus]) -> SourceStatus:
    """Where items are taken to have begun: its first status for things to do that is no re-opening, else ours."""
    fresh = (one for one in statuses if one.category is Category.TODO and "open" not in one.name.casefold()[1:])
    return next(fresh, BEGINNING)


def status_changes(
    current: State, status: SourceStatus, first: SourceStatus, resolved: datetime | None, updated: datetime | None,
    where: str, losses: Losses,
) -> tuple[State, list[SourceChange]]:  # fmt: skip
    """How an item was born and when it came to its status.

    A done item was to do until it was resolved (without that, until its last change); an item that is in work and has a
    resolution came there when it was resolved; any other has been where it is.
    """
    done = status.category in (Category.DONE, Category.DROPPED)
    at = resolved if resolved and (done or status.category is Category.DOING) else updated if done else None
    if at is None or status.ref == first.ref:
        return current, []
    how = NO_HISTORY if resolved else "done without a resolution date: taken as done at its last change"
    losses.changed("status history", where, how)
    if resolved and not done:
        told = f"has a resolution, but the source calls its status {status.name!r} not done: it counts as not done"
        losses.changed("resolved, not done", where, told)
    return {**current, Field.STATUS: first.ref}, [SourceChange(at, None, Field.STATUS, first.ref, status.ref)]


def sprint_changes(
    sprints: Sequence[SourceIteration], created: datetime, where: str, losses: Losses
) -> tuple[str | None, list[SourceChange]]:
    """In which sprint an item was at first, and how it went through the others, by the sprints' own dates.

    The sprints come in order of time. One without dates holds the item from its creation.
    """
    if not sprints:
        return None, []
    losses.changed("sprint history", where, "the file has no history: inferred from the dates of the sprints")
    changes: list[SourceChange] = []
    first: str | None = None
    before: str | None = None
    for sprint in sprints:
        at = max(created, sprint.starts_at or created, changes[-1].at if changes else created)
        if at <= created and not changes:
            first = before = sprint.ref
            continue
        changes.append(SourceChange(at, None, Field.ITERATION, before, sprint.ref))
        before = sprint.ref
    return first, changes
