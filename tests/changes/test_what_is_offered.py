"""What an offer holds, what of it is put to the client and what to whoever sees no money (docs/changes.md)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal.changes import offering
from portal.changes.models import ChangeRequest, Contract, Period
from portal.changes.offering import Alternative
from portal.changes.queries import Option, Price
from portal.errors import Invalid
from portal.money import Money
from tests.support.changes import LATER, NOW, line

MARCH = date(2027, 3, 20)


def made(**more: Any) -> Alternative:
    """An alternative that holds no more than a title and this."""
    (one,) = offering.alternatives([{"title": "All of it"} | more], "EUR")
    return one


def test_alternatives_are_kept_as_they_were_written():
    now, later = offering.alternatives([NOW, LATER], "EUR")
    assert (now.key, now.title, now.free, now.days, now.quality) == (
        "A", "All of it now", False, Decimal(12), "One more round of tests.",
    )  # fmt: skip
    assert (now.sums.net, now.sums.gross) == (Money(125_000, "EUR"), Money(148_750, "EUR"))
    assert now.milestones == {1: MARCH}
    assert now.items_added == ({"title": "A railing", "points": "5", "milestone": 1},)
    assert now.items_changed == ({"number": 1, "fields": {"points": "8"}, "removed": False},)
    assert (later.key, later.sums.net, later.items_added, later.items_changed, later.milestones) == (
        "B", Money(40_000, "EUR"), (), (), {},
    )  # fmt: skip


def test_an_item_is_changed_or_removed():
    kept = made(items_changed=[{"number": 2, "removed": True}, {"number": 3, "title": " Rails ", "points": None}])
    assert kept.items_changed == (
        {"number": 2, "fields": {}, "removed": True},
        {"number": 3, "fields": {"title": "Rails", "points": None}, "removed": False},
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"items_changed": [{"number": 2}]},
        {"items_changed": [{"number": 2, "removed": False}]},
        {"items_changed": [{"number": 2, "removed": True, "title": "Gone"}]},
        {"items_changed": [{"number": 2, "title": "A"}, {"number": 2, "title": "B"}]},
        {"items_changed": [{"number": 2, "audience": "internal"}]},
        {"items_added": [{"points": "5"}]},
        {"items_added": [{"title": "A railing", "assignee_id": 1}]},
        {"items_added": [{"title": "A railing", "points": "0.0001"}]},
        {"items_added": [{"title": "A railing", "points": "100001"}]},
        {"items_added": [{"title": "A railing", "hours": 5.5}]},
        {"items_added": [{"title": "x"}] * 51},
        {"items_changed": [{"number": at, "title": "x"} for at in range(51)]},
        {"free": True, "lines": [line()]},
        {"quality": "x" * 20_001},
    ],
)
def test_what_an_offer_cannot_do_is_refused_with_its_place(wrong):
    with pytest.raises(Invalid) as refused:
        made(**wrong)
    assert refused.value.field.startswith("alternatives[0].")


def test_fifty_items_are_added_and_fifty_changed():
    most = made(items_added=[{"title": "x"}] * 50, items_changed=[{"number": at, "title": "x"} for at in range(50)])
    assert (len(most.items_added), len(most.items_changed)) == (50, 50)


def option(given: Alternative, *, shows_money: bool = True) -> Option:
    """An alternative as it is read: milestone 1 is called Opening."""
    price = Price(given.free, given.lines, given.sums) if shows_money else None
    moved = [(number, "Opening", day) for number, day in given.milestones.items()]
    return Option(
        given.key, given.title, given.days, given.quality, moved, given.items_added, given.items_changed, price,
        {1: "Opening"},
    )  # fmt: skip


ALL = [option(one) for one in offering.alternatives([NOW, LATER | {"lines": [], "free": True}], "EUR")]
SIGNED = Contract(currency="EUR", period=None)
REQUEST = ChangeRequest(number=7, title="Rails", wanted="Rails, please", reason="It is steep", files=[{"number": 3}])


def test_the_client_decides_on_each_alternative_with_its_price_to_the_cent():
    asked = offering.content(REQUEST, ALL, date(2026, 6, 1), SIGNED)
    assert {name: asked[name] for name in asked if name != "alternatives"} == {
        "number": 7, "title": "Rails", "description": "Rails, please", "reason": "It is steep",
        "files": [{"number": 3}], "valid_until": "2026-06-01", "currency": "EUR",
    }  # fmt: skip
    now, later = asked["alternatives"]
    assert (now["free"], now["net"], now["gross"]) == (False, "1250.00", "1487.50")
    assert now["taxes"] == [{"category": "S", "rate": "19", "net": "1250.00", "tax": "237.50"}]
    assert [one["net"] for one in now["lines"]] == ["1000.00", "250.00"]
    assert now["lines"][1] == {
        "text": "Test it", "quantity": "2.5", "unit": "HUR", "unit_price": "100", "tax_category": "S",
        "tax_rate": "19", "net": "250.00",
    }  # fmt: skip
    assert (later["free"], later["net"], later["gross"], later["lines"], later["taxes"]) == (
        True, "0.00", "0.00", [], [],
    )  # fmt: skip


def test_of_a_retainer_it_is_said_what_each_period_costs():
    monthly = offering.content(REQUEST, ALL, date(2026, 6, 1), Contract(currency="EUR", period=Period.MONTH))
    assert monthly == offering.content(REQUEST, ALL, date(2026, 6, 1), SIGNED) | {"period": "month"}


def test_what_follows_is_said_with_the_names_of_milestones():
    now = offering.impact(ALL)[0]
    assert now == {
        "key": "A", "title": "All of it now", "days": "12", "quality": "One more round of tests.",
        "milestones": [{"number": 1, "name": "Opening", "on": "2027-03-20"}],
        "items_added": [{"title": "A railing", "points": "5", "milestone": 1, "milestone_name": "Opening"}],
        "items_changed": [{"number": 1, "fields": {"points": "8"}, "removed": False}],
    }  # fmt: skip


def test_who_sees_no_money_reads_the_same_without_a_trace_of_a_price():
    unpriced = [replace(one, price=None) for one in ALL]
    assert offering.impact(unpriced) == offering.impact(ALL)
    asked = offering.content(REQUEST, ALL, date(2026, 6, 1), SIGNED)["alternatives"]
    assert [set(whole) - set(seen) for whole, seen in zip(asked, offering.impact(ALL), strict=True)] == [
        {"free", "lines", "net", "gross", "taxes"}
    ] * 2


@pytest.mark.parametrize(
    ("given", "is_unpriced"),
    [({}, True), ({"lines": [line()]}, False), ({"free": True}, False)],
)
def test_an_alternative_is_priced_by_lines_or_by_being_free(given, is_unpriced):
    assert offering.is_unpriced(option(made(**given))) is is_unpriced
    assert offering.is_unpriced(option(made(**given), shows_money=False))
