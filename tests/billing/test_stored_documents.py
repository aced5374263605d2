"""A document is kept as canonical JSON and read again as the same document; reading refuses what it does not know."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
import rfc8785

from portal.billing import stored
from portal.billing.document import Look
from portal.errors import Invalid
from tests.support.invoices import KINDS, MILESTONE, corpus, sample


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_comes_back_the_same(name):
    document = KINDS[name]()
    text = stored.to_json(document)
    assert stored.from_json(text) == document
    assert stored.to_json(stored.from_json(text)) == text


def test_random_ones_come_back_the_same_and_canonical():
    for document in corpus(60):
        text = stored.to_json(document)
        assert stored.from_json(text) == document
        assert rfc8785.dumps(json.loads(text)).decode() == text


def test_it_holds_no_number_with_a_fraction():
    def numbers(value):
        if isinstance(value, dict):
            return [found for one in value.values() for found in numbers(one)]
        if isinstance(value, list):
            return [found for one in value for found in numbers(one)]
        return [value] if isinstance(value, float) else []

    assert numbers(json.loads(stored.to_json(sample()))) == []


def test_the_same_amount_written_otherwise_is_the_same_text():
    one, other = (replace(MILESTONE, unit_price=Decimal(text)) for text in ("12500", "12500.00"))
    assert stored.to_json(sample(lines=(one,))) == stored.to_json(sample(lines=(other,)))


@pytest.mark.parametrize(
    ("value", "text"), [("1.50", "1.5"), ("0", "0"), ("-0.0", "0"), ("1E+2", "100"), ("1E-6", "0.000001"), ("10", "10")]
)
def test_a_decimal_has_one_spelling(value, text):
    assert stored.plain_decimal(Decimal(value)) == text


def test_a_logo_comes_back_to_the_byte():
    document = sample(look=Look("#123456", bytes(range(256))))
    assert stored.from_json(stored.to_json(document)).look.logo == bytes(range(256))


def plain():
    return json.loads(stored.to_json(sample()))


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["extra"], 1, "extra"),
        (["seller", "extra"], 1, "seller.extra"),
        (["prepaid"], 1.5, "prepaid"),
        (["prepaid"], 1, "prepaid"),
        (["prepaid"], "1e5", "prepaid"),
        (["prepaid"], "NaN", "prepaid"),
        (["prepaid"], "Infinity", "prepaid"),
        (["prepaid"], "1,50", "prepaid"),
        (["prepaid"], " 1", "prepaid"),
        (["prepaid"], "٣", "prepaid"),
        (["prepaid"], "9" * 16, "prepaid"),
        (["lines", 0, "quantity"], "0x10", "lines[0].quantity"),
        (["lines", 0, "quantity"], None, "lines[0].quantity"),
        (["lines", 1, "category"], "X", "lines[1].category"),
        (["lines", 1, "adjustments"], {}, "lines[1].adjustments"),
        (["lines"], "none", "lines"),
        (["kind"], "receipt", "kind"),
        (["issued_on"], "2026-02-30", "issued_on"),
        (["issued_on"], "20261126", "issued_on"),
        (["issued_on"], "2026-11-26T00:00:00", "issued_on"),
        (["issued_on"], "2026-W48-4", "issued_on"),
        (["issued_on"], 20261126, "issued_on"),
        (["number"], 42, "number"),
        (["buyer"], None, "buyer"),
        (["look", "logo"], "***", "look.logo"),
        (["version"], 2, "version"),
    ],
)
def test_what_is_no_document_is_refused_by_its_field(path, value, field):
    data = plain()
    at = data
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    with pytest.raises(Invalid) as refused:
        stored.from_json(json.dumps(data))
    assert refused.value.field == field


@pytest.mark.parametrize("field", ["kind", "number", "issued_on", "currency", "seller", "buyer", "lines"])
def test_what_a_document_cannot_do_without_is_asked_for(field):
    data = plain()
    del data[field], data["version"]
    with pytest.raises(Invalid, match="is missing") as refused:
        stored.read(data)
    assert refused.value.field == field


def test_what_has_a_default_may_be_left_out():
    data = {"kind": "invoice", "number": "1", "issued_on": "2026-11-26", "currency": "EUR", "lines": []}
    data |= {"seller": {"name": "A", "country": "DE"}, "buyer": {"name": "B", "country": "DE"}}
    document = stored.read(data)
    assert document.prepaid == 0
    assert document.payment is None


def test_blanks_around_a_text_and_the_line_ends_of_forms_are_put_right():
    data = plain()
    del data["version"]
    data["notes"] = ["  One\r\ntwo \n"]
    assert stored.read(data).notes == ("One\ntwo",)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", '"x"', "{}", "\x00", '{"version": 1}', "[" * 100_000])
def test_what_is_no_json_of_ours_is_refused(text):
    with pytest.raises(Invalid):
        stored.from_json(text)


def test_a_document_too_large_is_refused_unread():
    with pytest.raises(Invalid, match="too large"):
        stored.from_json(" " * (stored.MOST_TEXT + 1))
