"""What an item may say of itself, field by field. No database."""

from decimal import Decimal

import pytest

from portal.backlog import rules
from portal.backlog.models import Item
from portal.errors import Invalid
from portal.ledger.models import Audience


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("title", "  Pay by card ", "Pay by card"),
        ("title", "x" * 500, "x" * 500),
        ("description", "Two\nlines, and \t a tab", "Two\nlines, and \t a tab"),
        ("acceptance_criteria", "", ""),
        ("priority", " high ", "high"),
        ("priority", "", ""),
        ("blocked_reason", None, None),
        ("external_url", "u" * 2000, "u" * 2000),
        ("external_ref", "r" * 200, "r" * 200),
        ("external_key", "k" * 100, "k" * 100),
        ("priority", "p" * 60, "p" * 60),
        ("acceptance_criteria", "x" * 100_000, "x" * 100_000),
        ("points", None, None),
        ("points", Decimal(0), Decimal(0)),
        ("points", Decimal(100_000), Decimal(100_000)),
        ("points", Decimal("0.001"), Decimal("0.001")),
        ("hours", Decimal("0.25"), Decimal("0.25")),
        ("audience", "client", Audience.CLIENT),
        ("blocked_on", None, None),
        ("labels", ["b", " a ", "b"], ["a", "b"]),
        ("labels", [str(at) for at in range(50)], sorted(str(at) for at in range(50))),
        ("milestone_id", 3, 3),
    ],
)
def test_a_field_is_kept_as_the_table_has_it(field, value, kept):
    assert rules.check_item({field: value}) == {field: kept}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", " "),
        ("title", "x" * 501),
        ("title", "Two\nlines"),
        ("description", "x" * 100_001),
        ("acceptance_criteria", "x" * 100_001),
        ("acceptance_criteria", "x\x00"),
        ("description", "half \ud800 a pair"),
        ("priority", "x" * 61),
        ("external_key", "x" * 101),
        ("external_ref", "x" * 201),
        ("external_url", "x" * 2001),
        ("blocked_reason", "Two\nlines"),
        ("points", Decimal("-0.001")),
        ("points", Decimal("100000.001")),
        ("points", Decimal("Infinity")),
        ("points", Decimal("NaN")),
        ("points", Decimal("0.0001")),
        ("hours", Decimal("0.0001")),
        ("type", "wish"),
        ("audience", "billing"),
        ("audience", "everybody"),
        ("blocked_on", "weather"),
        ("labels", [""]),
        ("labels", ["x" * 101]),
        ("labels", [str(at) for at in range(51)]),
        ("created_by", "me"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(field, value):
    with pytest.raises(Invalid) as refused:
        rules.check_item({"type": "story", "priority": "high"} | {field: value})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("reason", "on", "fits"),
    [(None, None, True), ("The texts are missing", "client", True), ("Why", None, False), (None, "client", False)],
)
def test_a_blocked_item_says_why_and_on_whom_it_waits(reason, on, fits):
    item = Item(blocked_reason=reason, blocked_on=on)
    if fits:
        rules.check_block(item)
        return
    with pytest.raises(Invalid):
        rules.check_block(item)
