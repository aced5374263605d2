"""What is enough to be issued in a category of tax (BR-AE, BR-E, BR-IC, BR-O), and what is said where it is not."""

from dataclasses import replace
from decimal import Decimal

import pytest

from portal.billing import rules, taxes
from portal.billing.document import Exemption, Identifier, TaxCategory
from portal.billing.words import LANGUAGES
from portal.billing.words import untaxed as words
from tests.support.invoices import ACME, AGENCY, HOURS, ISSUED, MILESTONE, TRAVEL, sample, untaxed

S, OUT, AE, K, E, G = (
    TaxCategory.STANDARD, TaxCategory.OUTSIDE_SCOPE, TaxCategory.REVERSE_CHARGE, TaxCategory.INTRA_COMMUNITY,
    TaxCategory.EXEMPT, TaxCategory.EXPORT,
)  # fmt: skip
UNNUMBERED = replace(ACME, vat_id="", identifiers=())
TIMELESS = {"delivered_on": None, "starts_on": None, "ends_on": None}


@pytest.mark.parametrize(
    "document",
    [
        sample(buyer=UNNUMBERED),
        untaxed(AE, buyer=replace(UNNUMBERED, identifiers=(Identifier("HRB", "HRB 12345"),))),
        untaxed(AE, exemptions=(Exemption(AE, code="VATEX-EU-AE"),)),
        untaxed(AE, exemptions=(Exemption(AE, reason="Section 13b"),)),
        untaxed(E, seller=replace(AGENCY, vat_id="")),
        untaxed(OUT, seller=replace(AGENCY, vat_id="", tax_number="")),
        untaxed(K, **(TIMELESS | {"delivered_on": ISSUED})),
        untaxed(K, **(TIMELESS | {"starts_on": HOURS.starts_on})),
        untaxed(K, **(TIMELESS | {"ends_on": ISSUED})),
    ],
    ids=[
        "a buyer whose tax is charged has no number", "reverse charge knows the buyer by a register number",
        "a code alone says why", "words alone say why", "an exempt seller has a tax number alone",
        "outside the scope the seller needs no number of tax", "a day of delivery is enough",
        "the beginning of a period is enough", "the end of a period is enough",
    ],
)  # fmt: skip
def test_it_is_enough_that(document):
    assert rules.problems(document) == []


@pytest.mark.parametrize(
    ("category", "number"), [(E, "VAT number or tax number"), (K, "VAT number"), (G, "VAT number")]
)
def test_the_number_is_named_that_a_seller_needs(category, number):
    document = untaxed(category, seller=replace(AGENCY, vat_id="", tax_number=""))
    (found,) = [one for one in rules.problems(document) if one.rule.endswith("-02")]
    assert (found.field, found.message.partition("needs ")[2]) == ("seller.vat_id", f"the seller's {number}")


@pytest.mark.parametrize("rate", ["NaN", "Infinity", "-Infinity"])
def test_a_rate_that_is_no_number_is_named_once(rate):
    (found,) = rules.problems(sample(lines=(replace(MILESTONE, rate=Decimal(rate)),)))
    assert (found.field, found.message) == ("lines[0].rate", "a number is an exact, finite decimal")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_category_whose_name_is_the_reason_says_it_by_itself_in_the_documents_language(language):
    lines = (
        replace(MILESTONE, category=K, rate=Decimal(0)), replace(HOURS, category=AE, rate=Decimal(0)),
        replace(HOURS, number="3", category=E, rate=Decimal(0)), replace(TRAVEL, number="4"),
    )  # fmt: skip
    assert taxes.usual(sample(lines=lines, language=language)) == (
        Exemption(AE, words(AE, language), "VATEX-EU-AE"),
        Exemption(K, words(K, language), "VATEX-EU-IC"),
    )
