"""One model gives CII and UBL: both valid by schema, with the same figures and the right profile; texts are data."""

from dataclasses import replace
from decimal import Decimal

import pytest
from lxml import etree

from portal.billing import xml
from portal.billing.document import Contact, Identifier, TaxCategory, credit_of
from portal.billing.totals import totals
from tests.support.invoices import ACME, AGENCY, HOURS, ISSUED, KINDS, MILESTONE, TO, corpus, sample, untaxed

MAKERS = {"cii": xml.cii, "ubl": xml.ubl}
CII_SUMS = {
    "line_total": "LineTotalAmount", "net": "TaxBasisTotalAmount", "gross": "GrandTotalAmount",
    "payable": "DuePayableAmount",
}  # fmt: skip
UBL_SUMS = {
    "line_total": "LineExtensionAmount", "net": "TaxExclusiveAmount", "gross": "TaxInclusiveAmount",
    "payable": "PayableAmount",
}  # fmt: skip


def read(content):
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))


def texts(root, path):
    return [one.text for one in root.iterfind(path)]


@pytest.mark.parametrize("name", KINDS)
def test_both_syntaxes_state_the_same_sums(name):
    document = KINDS[name]()
    made = totals(document)
    cii, ubl = read(xml.cii(document)), read(xml.ubl(document))
    header = ".//{*}SpecifiedTradeSettlementHeaderMonetarySummation/{*}"
    for field, element in CII_SUMS.items():
        assert texts(cii, header + element) == [getattr(made, field).amount]
    for field, element in UBL_SUMS.items():
        assert texts(ubl, ".//{*}LegalMonetaryTotal/{*}" + element) == [getattr(made, field).amount]
    assert [Decimal(one) for one in texts(ubl, "{*}TaxTotal/{*}TaxSubtotal/{*}TaxAmount")] == [
        Decimal(group.tax.amount) for group in made.groups
    ]


@pytest.mark.parametrize("syntax", MAKERS)
def test_the_same_document_gives_the_same_bytes(syntax):
    assert MAKERS[syntax](sample()) == MAKERS[syntax](sample())


def test_a_credit_note_is_of_its_own_kind_and_names_its_invoice():
    credit = KINDS["credit note"]()
    ubl = read(xml.ubl(credit))
    assert etree.QName(ubl).localname == "CreditNote"
    assert texts(ubl, ".//{*}InvoiceDocumentReference/{*}ID") == ["RE-2026-0042"]
    cii = read(xml.cii(credit))
    assert texts(cii, "{*}ExchangedDocument/{*}TypeCode") == ["381"]
    assert texts(cii, ".//{*}InvoiceReferencedDocument/{*}IssuerAssignedID") == ["RE-2026-0042"]
    assert texts(read(xml.cii(sample())), "{*}ExchangedDocument/{*}TypeCode") == ["380"]


def test_why_a_line_is_there_travels_with_it():
    assert "Milestone 3 accepted on 20 November 2026" in texts(read(xml.ubl(sample())), ".//{*}InvoiceLine/{*}Note")
    notes = texts(read(xml.cii(sample())), ".//{*}AssociatedDocumentLineDocument/{*}IncludedNote/{*}Content")
    assert notes == [MILESTONE.why, HOURS.why]


def test_the_way_to_pay_travels_with_it():
    root = read(xml.ubl(sample()))
    assert texts(root, "{*}PaymentMeans/{*}PaymentMeansCode") == ["58"]
    assert texts(root, ".//{*}PayeeFinancialAccount/{*}ID") == [TO.iban]
    assert texts(root, "{*}PaymentMeans/{*}PaymentID") == ["RE-2026-0042"]
    yen = read(xml.ubl(KINDS["no minor unit"]()))
    assert texts(yen, "{*}PaymentMeans/{*}PaymentMeansCode") == ["30"]


def test_the_tax_total_in_the_books_currency_is_stated_beside_the_other():
    root = read(xml.ubl(KINDS["foreign currency"]()))
    stated = [(one.get("currencyID"), one.text) for one in root.iterfind("{*}TaxTotal/{*}TaxAmount")]
    assert stated == [("USD", "3234.57"), ("EUR", "2970.53")]


def test_a_reason_known_by_its_category_gets_its_code():
    root = read(xml.ubl(KINDS["category AE"]()))
    assert texts(root, ".//{*}TaxSubtotal//{*}TaxExemptionReasonCode") == ["VATEX-EU-AE"]
    assert texts(root, ".//{*}TaxSubtotal//{*}TaxExemptionReason") == ["Because the law says so"]


def test_what_is_outside_the_scope_states_no_rate():
    for make in MAKERS.values():
        root = read(make(untaxed(TaxCategory.OUTSIDE_SCOPE)))
        assert texts(root, ".//{*}Percent") + texts(root, ".//{*}RateApplicablePercent") == []


def test_a_chinese_and_a_russian_buyer_are_known_by_their_numbers():
    chinese = read(xml.ubl(KINDS["Chinese buyer"]()))
    party = "{*}AccountingCustomerParty//{*}PartyLegalEntity/{*}"
    assert texts(chinese, party + "CompanyID") == ["91110000600037341L"]
    assert any("中国工商银行上海分行" in note for note in texts(chinese, "{*}Note"))
    russian = read(xml.ubl(KINDS["Russian buyer"]()))
    assert texts(russian, party + "CompanyID") == ["7707083893"]
    assert any("KPP 773601001" in note for note in texts(russian, "{*}Note"))


def test_numbers_with_an_international_scheme_carry_its_code():
    buyer = replace(ACME, identifiers=(Identifier("SIREN", "552008443"), Identifier("GLN", "4000001123452")))
    root = read(xml.ubl(sample(buyer=buyer)))
    (legal,) = root.iterfind("{*}AccountingCustomerParty//{*}PartyLegalEntity/{*}CompanyID")
    (other,) = root.iterfind("{*}AccountingCustomerParty//{*}PartyIdentification/{*}ID")
    assert (legal.get("schemeID"), legal.text) == ("0002", "552008443")
    assert (other.get("schemeID"), other.text) == ("0088", "4000001123452")


def profile_of(content):
    root = read(content)
    path = ".//{*}GuidelineSpecifiedDocumentContextParameter/{*}ID"
    return (texts(root, "{*}CustomizationID") or texts(root, path))[0]


def test_peppol_is_stated_where_nothing_is_lacking_for_it():
    assert profile_of(xml.ubl(sample())) == xml.Profile.PEPPOL
    assert texts(read(xml.ubl(sample())), "{*}ProfileID") == [xml.PEPPOL_PROCESS]
    without = sample(buyer=replace(ACME, electronic=None))
    assert xml.lacks(without, xml.Profile.PEPPOL) == ("buyer.electronic",)
    assert profile_of(xml.ubl(without)) == xml.Profile.EN16931
    assert texts(read(xml.ubl(without)), "{*}ProfileID") == []


@pytest.mark.parametrize("side", ["seller", "buyer"])
def test_an_address_of_e_mail_is_none_on_peppol(side):
    """PEPPOL-EN16931-CL008: the network delivers at other addresses only. XRechnung takes it."""
    mailed = replace(getattr(sample(), side), electronic=Identifier("EM", "invoices@acme.example"))
    document = sample(**{side: mailed})
    assert xml.lacks(document, xml.Profile.PEPPOL) == (f"{side}.electronic",)
    assert profile_of(xml.ubl(document)) == xml.Profile.EN16931
    assert xml.lacks(document, xml.Profile.XRECHNUNG) == ()


def test_peppol_takes_one_note_in_which_all_of_them_stand():
    """PEPPOL-EN16931-R002. A credit note has its reason before what its invoice noted."""
    taken_back = credit_of(sample(notes=("Thanks.", "See you.")), "GS-1", ISSUED, "Wrong address")
    assert texts(read(xml.ubl(taken_back)), "{*}Note") == ["Wrong address\nThanks.\nSee you."]
    elsewhere = replace(taken_back, buyer_reference="", order_number="")
    assert texts(read(xml.ubl(elsewhere)), "{*}Note") == ["Wrong address", "Thanks.", "See you."]


@pytest.mark.parametrize(
    ("changes", "peppol", "xrechnung"),
    [
        ({}, (), ()),
        ({"order_number": ""}, (), ()),
        ({"buyer_reference": ""}, (), ("buyer_reference",)),
        ({"buyer_reference": "", "order_number": ""}, ("buyer_reference",), ("buyer_reference",)),
        ({"payment": None}, (), ("payment",)),
        ({"seller": replace(AGENCY, electronic=None)}, ("seller.electronic",), ("seller.electronic",)),
        ({"seller": replace(AGENCY, city="", postcode="")}, (), ("seller.city", "seller.postcode")),
        ({"buyer": replace(ACME, city="", postcode="")}, (), ("buyer.city", "buyer.postcode")),
        ({"seller": replace(AGENCY, contact=Contact("Ada", "1"))}, (), ("seller.contact.email",)),
        ({"seller": replace(AGENCY, contact=Contact("Ada", email="a@b.example"))}, (), ("seller.contact.phone",)),
        ({"seller": replace(AGENCY, contact=Contact("", "1", "a@b.example"))}, (), ("seller.contact.name",)),
    ],
)
def test_a_profile_names_each_field_that_it_lacks(changes, peppol, xrechnung):
    document = sample(**changes)
    assert xml.lacks(document, xml.Profile.EN16931) == ()
    assert xml.lacks(replace(document, buyer=replace(document.buyer, country="FR")), xml.Profile.PEPPOL) == peppol
    assert xml.lacks(document, xml.Profile.XRECHNUNG) == xrechnung


def test_between_germans_peppol_wants_what_xrechnung_wants():
    """DE-R-001 to DE-R-009 and DE-R-015, which Peppol checks where both are German."""
    without = sample(seller=replace(AGENCY, contact=None, city=""), payment=None, buyer_reference="")
    assert xml.lacks(without, xml.Profile.PEPPOL) == xml.lacks(without, xml.Profile.XRECHNUNG)
    assert profile_of(xml.ubl(without)) == xml.Profile.EN16931


def test_xrechnung_is_stated_on_demand_and_says_what_it_lacks():
    assert profile_of(xml.cii(sample())) == xml.Profile.EN16931
    assert profile_of(xml.cii(sample(), xml.Profile.XRECHNUNG)) == xml.Profile.XRECHNUNG
    without = sample(seller=replace(AGENCY, contact=None, city=""), buyer_reference="")
    lacking = xml.lacks(without, xml.Profile.XRECHNUNG)
    assert set(lacking) == {
        "buyer_reference", "seller.city", "seller.contact.name", "seller.contact.phone", "seller.contact.email",
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"seller\.contact\.name"):
        xml.cii(without, xml.Profile.XRECHNUNG)


@pytest.mark.parametrize("syntax", MAKERS)
def test_what_looks_like_the_profile_in_a_text_stays_as_it_is(syntax):
    said = f"<cbc:CustomizationID>{xml.CORE}</cbc:CustomizationID> ]]> &amp; <!DOCTYPE x>"
    content = MAKERS[syntax](sample(notes=(said,)))
    assert b"<!DOCTYPE" not in content
    root = read(content)
    assert said in [one.text for one in root.iter("{*}Note", "{*}Content")]


@pytest.mark.parametrize("currency", ["KWD", "BHD", "TND"])
def test_three_places_are_no_e_invoice_and_it_says_why(currency):
    document = sample(currency=currency, payment=None)
    assert "two decimal places" in xml.obstacle(document)
    with pytest.raises(ValueError, match="two decimal places"):
        xml.cii(document)
    books = sample(accounting_currency=currency, exchange_rate=Decimal(1))
    assert currency in xml.obstacle(books)


def test_every_random_document_is_valid_by_schema_in_both_syntaxes():
    for document in corpus(40):
        assert xml.obstacle(document) == ""
        for make in MAKERS.values():
            make(document)
