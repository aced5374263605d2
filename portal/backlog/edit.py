"""What a command does to items: their events, and all that derives from them, collected and then written at once."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal import clock
from portal.access import Scope
from portal.backlog import plan as plans
from portal.backlog import rules, spans, store
from portal.backlog.models import Category, Item
from portal.backlog.plan import Plan
from portal.diff import apply_changes
from portal.ledger import commands as ledger
from portal.ledger.models import Audience
from portal.projects.causes import AcceptedChange


class Edit:
    """One command's edits of items: collects events and what derives from them, and writes all at once."""

    def __init__(
        self,
        scope: Scope,
        plan: Plan,
        *,
        lives: Mapping[int, list[spans.Span]] | None = None,
        behind: AcceptedChange | None = None,
    ) -> None:
        """`lives` are the present spans of the items that will change; `behind` is the change request why they do."""
        self.scope = scope
        self.plan = plan
        self.at = clock.now()
        self.lives = dict(lives or {})
        self.behind = behind
        self.changes = store.Changes(scope.project_id, scope.zone, behind.number if behind else None)
        self.new: list[Item] = []
        self.events: list[ledger.NewEvent] = []
        self.told: list[Item] = []

    def added(self, item: Item) -> None:
        """A new item."""
        self.new.append(item)
        self.changes.count(item, 1)
        self._relive(item)
        self._retext(item)
        self._tell(item, "item.added", plans.told_to(item.audience, plans.snapshot(item, self.plan)))

    def changed(self, item: Item, wanted: Mapping[str, Any], *, reason: str = "") -> bool:
        """Sets the fields of an item; returns whether any differed."""
        before, audience, old_text = plans.snapshot(item, self.plan), item.audience, _search_text(item)
        self.changes.count(item, -1)
        apply_changes(item, wanted)
        rules.check_block(item)
        self._follow(item, before)
        self.changes.count(item, 1)
        difference = plans.difference(before, plans.snapshot(item, self.plan))
        if not difference:
            return False
        self._relive(item)
        if _search_text(item) != old_text or "labels" in difference:
            self._retext(item)
        self._tell_change(item, audience, difference, reason)
        return True

    def removed_or_restored(self, item: Item, *, deleted: bool, reason: str) -> None:
        """Takes an item out of the backlog or brings it back."""
        self.changes.count(item, -1)
        item.deleted, item.updated_at = deleted, self.at
        self.changes.count(item, 1)
        self._relive(item)
        self._retext(item)
        self._tell(item, "item.removed" if deleted else "item.restored", {"reason": reason})

    def _follow(self, item: Item, before: Mapping[str, Any]) -> None:
        item.updated_at = self.at
        category = self.plan.statuses[item.status_id].category
        if before["category"] != category.value:
            item.done_at = self.at if category is Category.DONE else None
        if bool(before["blocked_on"]) != bool(item.blocked_on):
            item.blocked_since = self.at if item.blocked_on else None

    def _relive(self, item: Item) -> None:
        before = self.lives.get(item.number, [])
        facts = store.facts_of(item, self.plan.statuses[item.status_id].category)
        after = spans.record(before, facts, self.at)
        if after != before:
            self.lives[item.number] = after
            self.changes.relive(item.number, before, after)

    def _retext(self, item: Item) -> None:
        self.changes.labelled[item.number] = [] if item.deleted else item.labels
        if item not in self.changes.texts:
            self.changes.texts.append(item)

    def _tell_change(self, item: Item, audience: Audience, difference: dict[str, Any], reason: str) -> None:
        """An item that is opened to the client is told whole, without what it was; one that is closed, not at all."""
        told = plans.told_to(item.audience, difference) if item.audience is audience else {}
        among_staff = {field: values for field, values in difference.items() if field not in told}
        if among_staff:
            self._tell(item, "item.changed", {"changes": among_staff, "reason": reason}, audience=Audience.INTERNAL)
        if told:
            self._tell(item, "item.changed", {"changes": told, "reason": reason})
        if item.audience is audience:
            return
        if item.audience is Audience.CLIENT:
            self._tell(item, "item.opened", plans.told_to(Audience.CLIENT, plans.snapshot(item, self.plan)))
        else:
            self._tell(item, "item.closed", {}, audience=Audience.CLIENT)

    def _tell(self, item: Item, kind: str, body: dict[str, Any], *, audience: Audience | None = None) -> None:
        self.told.append(item)
        if self.behind is not None:
            body = body | self.behind.told()
        self.events.append(
            ledger.NewEvent(
                kind=kind,
                subject_kind="item",
                subject_number=item.number,
                audience=audience or item.audience,
                body=body,
                actor=self.scope.viewer.actor,
                at=self.at,
            )
        )

    async def write(self, db: AsyncSession) -> None:
        """Appends the events and writes items, spans, burndown, counters, labels and search."""
        if not self.events:
            return
        last = await ledger.append(db, self.scope.project_id, self.events)
        for seq, item in enumerate(self.told, start=last - len(self.told) + 1):
            item.seq = seq
        db.add_all(self.new)
        await db.flush()
        await store.write(db, self.changes)


def _search_text(item: Item) -> tuple[Any, ...]:
    return (item.title, item.description, item.acceptance_criteria, item.external_key)
