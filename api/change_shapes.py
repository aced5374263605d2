"""What travels about change requests. What is said of money is null for those of staff who may not see it."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.contract import DateIn
from api.money_shapes import DecimalText, LineIn, LineOut, SumsOut, line_out, sums_out
from api.shapes import Day, DecimalIn, DecimalOut, Incoming, Line, Moment, Number, Outgoing, absent
from portal.access import Scope
from portal.backlog.models import ItemType
from portal.changes.models import ChangeState
from portal.changes.queries import ChangeView, Option

Wish = Annotated[str, Field(min_length=1, max_length=20_000)]
Words = Annotated[str, Field(max_length=20_000)]
Files = Annotated[list[Number], Field(max_length=100)]
LINE: dict[str, Any] = {
    "text": "Development", "quantity": "12.5", "unit": "HUR", "unit_price": "96.00", "tax_category": "S",
    "tax_rate": "19",
}  # fmt: skip
ALTERNATIVE: dict[str, Any] = {
    "title": "Now, for four days", "lines": [LINE], "days": "4", "quality": "Tested like the rest.",
    "milestones": [{"number": 1, "on": "2027-01-15"}], "items_added": [{"title": "Export as CSV", "points": "5"}],
    "items_changed": [{"number": 1, "points": "8"}],
}  # fmt: skip


class ChangeNew(Incoming):
    """A change request that the agency raises."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"title": "Export of lists", "wanted": "Every list as CSV.", "reason": "For bookkeeping."}]
        }
    )

    title: Line
    wanted: Wish
    reason: Words = absent()
    files: Files = absent()


class ChangePatch(Incoming):
    """Corrections of what the agency itself wrote, as long as it is not offered."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "For bookkeeping and for taxes."}]})

    title: Line = absent()
    wanted: Wish = absent()
    reason: Words = absent()
    files: Files = absent()


class ItemFieldsIn(Incoming):
    """What an offer sets of a backlog item; a milestone by its number."""

    type: ItemType = absent()
    points: DecimalIn | None = absent()
    hours: DecimalIn | None = absent()
    description: Annotated[str, Field(max_length=20_000)] = absent()
    milestone: Number | None = absent()


class ItemAdded(ItemFieldsIn):
    """An item that the change adds; the client sees it."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class ItemChanged(ItemFieldsIn):
    """An item that the change alters, or takes out (`removed`). The client must be able to see it."""

    number: Number
    title: Annotated[str, StringConstraints(min_length=1, max_length=500)] = absent()
    removed: bool = absent()


class AlternativeIn(Incoming):
    """One way to do it: without lines it has no price, unless it is `free`. They are called A, B, … in their order."""

    title: Line
    free: bool = absent()
    lines: Annotated[list[LineIn], Field(max_length=100)] = absent()
    days: DecimalText | None = absent()
    quality: Words = absent()
    milestones: Annotated[list[DateIn], Field(max_length=100)] = absent()
    items_added: Annotated[list[ItemAdded], Field(max_length=50)] = absent()
    items_changed: Annotated[list[ItemChanged], Field(max_length=50)] = absent()


class PricingNew(Incoming):
    """The alternatives, in place of those before; a draft until it is offered."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"alternatives": [ALTERNATIVE]}]})

    alternatives: Annotated[list[AlternativeIn], Field(max_length=5)]


class OfferNew(Incoming):
    """On what terms it is put to the client. `people` are asked by name; none: whoever approves and sees prices."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"valid_until": "2099-12-31", "holds_up": "The work on exports"}]}
    )

    valid_until: Day
    people: Annotated[list[UUID], Field(max_length=20)] = absent()
    needed: Annotated[int, Field(ge=1, le=20)] = absent()
    due_on: Day = absent()
    holds_up: Annotated[str, Field(max_length=500)] = absent()


class WithdrawalOfChange(Incoming):
    """Why a change request is taken back; everybody in the project reads it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "It came with the last release."}]})

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class FileNamed(Outgoing):
    """A file, named to the byte; `preview` for whether a picture was drawn of it."""

    number: int
    name: str
    sha256: str
    preview: bool = False


class MilestoneMoved(Outgoing):
    """A milestone's newly agreed date."""

    number: int
    name: str
    on: Day


class PriceOut(Outgoing):
    """What an alternative costs."""

    free: bool
    lines: list[LineOut]
    sums: SumsOut


class AlternativeOut(Outgoing):
    """An alternative; `price` is null for those who may not see money. Beside the number of an item's milestone stands
    `milestone_name`."""

    key: str
    title: str
    days: DecimalOut | None
    quality: str
    milestones: list[MilestoneMoved]
    items_added: list[dict[str, Any]]
    items_changed: list[dict[str, Any]]
    price: PriceOut | None


class ChangeShort(Outgoing):
    """A change request in a list."""

    number: int
    title: str
    state: ChangeState
    by_client: bool
    raised_at: Moment
    settled_at: Moment | None
    valid_until: Day | None
    choice: str | None


class ChangeOut(ChangeShort):
    """A change request. `decision`, `amendment` and `refusal` are null for those who may not see money."""

    wanted: str
    reason: str
    files: list[FileNamed]
    offers: int
    closing: str
    items: list[int]
    alternatives: list[AlternativeOut]
    decision: int | None
    amendment: int | None
    refusal: str | None


class ChangePage(Outgoing):
    """A page of change requests."""

    items: list[ChangeShort]
    next: str | None


def shape(scope: Scope, view: ChangeView) -> dict[str, Any]:
    """A change request as JSON values, for a viewer."""
    row = view.request
    fields = ("wanted", "reason", "offers", "closing", "items", *ChangeShort.model_fields)
    sees = scope.sees_money
    return ChangeOut(
        **{field: getattr(row, field) for field in fields},
        files=[FileNamed(**one) for one in row.files],
        alternatives=[_alternative(option) for option in view.options],
        decision=row.decision_number if sees else None,
        amendment=row.amendment_number if sees else None,
        refusal=row.refusal if sees else None,
    ).shown()


def _alternative(option: Option) -> AlternativeOut:
    price = option.price
    fields = ("key", "title", "days", "quality")
    return AlternativeOut(
        **{field: getattr(option, field) for field in fields},
        items_added=option.shown_added,
        items_changed=option.shown_changed,
        milestones=[MilestoneMoved(number=number, name=name, on=day) for number, name, day in option.milestones],
        price=PriceOut(free=price.free, lines=[line_out(one) for one in price.lines], sums=sums_out(price.sums))
        if price
        else None,
    )
