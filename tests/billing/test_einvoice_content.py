"""What a document says stands in its e-invoice under its own term, and what it does not say stands nowhere."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from lxml import etree

from portal.billing import xml
from portal.billing.document import Adjustment, Exemption, Identifier, PaymentMeans, TaxCategory
from tests.support.invoices import ACME, AGENCY, HOURS, KINDS, TO, sample, untaxed

BARE = {
    "due_on": None, "payment_terms": "30 days", "order_number": "", "contract_reference": "", "project_reference": "",
    "starts_on": None, "ends_on": None, "payment": None, "notes": (),
}  # fmt: skip


def read(content):
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))


def said(root, path):
    """The names and texts of all that stands in an element, in its order."""
    leaves = [one for found in root.iterfind(path) for one in found.iter() if not len(one)]
    return [(etree.QName(one).localname, one.text) for one in leaves]


def head(root):
    return {etree.QName(one).localname: one.text for one in root if not len(one)}


@pytest.mark.parametrize("make", [xml.cii, xml.ubl])
def test_it_is_a_file_of_utf_8_that_says_so(make):
    content = make(sample())
    assert content.startswith(b"<?xml version='1.0' encoding='UTF-8'?>\n")
    assert "Speicherstraße" in content.decode()


def test_the_head_of_an_invoice():
    assert head(read(xml.ubl(sample()))) == {
        "CustomizationID": xml.Profile.PEPPOL, "ProfileID": xml.PEPPOL_PROCESS, "ID": "RE-2026-0042",
        "IssueDate": "2026-11-26", "DueDate": "2026-12-26", "InvoiceTypeCode": "380", "DocumentCurrencyCode": "EUR",
        "Note": "Thank you for working with us.", "BuyerReference": "04011000-12345-03",
    }  # fmt: skip


def test_what_an_invoice_does_not_say_has_no_place_in_its_head():
    root = read(xml.ubl(sample(**BARE)))
    assert head(root).keys() == {
        "CustomizationID", "ID", "IssueDate", "InvoiceTypeCode", "DocumentCurrencyCode", "BuyerReference",
    }  # fmt: skip
    absent = ("InvoicePeriod", "OrderReference", "ContractDocumentReference", "ProjectReference", "PaymentMeans")
    assert [name for name in absent if root.find(f"{{*}}{name}") is not None] == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("{*}InvoicePeriod", [("StartDate", "2026-11-01"), ("EndDate", "2026-11-26")]),
        ("{*}OrderReference", [("ID", "PO-7781")]),
        ("{*}ContractDocumentReference", [("ID", "C-2026-9")]),
        ("{*}ProjectReference", [("ID", "ACME-WEB")]),
        ("{*}PaymentTerms", [("Note", "30 days net")]),
    ],
)
def test_what_an_invoice_refers_to(path, expected):
    assert said(read(xml.ubl(sample())), path) == expected


def test_a_seller_is_told_whole():
    assert said(read(xml.ubl(sample())), "{*}AccountingSupplierParty") == [
        ("EndpointID", "DE136695976"), ("StreetName", "Speicherstraße 12"),
        ("CityName", "Hamburg"), ("PostalZone", "20457"), ("IdentificationCode", "DE"),
        ("CompanyID", "DE136695976"), ("ID", "VAT"), ("CompanyID", "48/123/45678"), ("ID", "LOC"),
        ("RegistrationName", "Bright Harbour Studio GmbH"), ("CompanyID", "HRB 123456 Hamburg"),
        ("CompanyLegalForm", "Handelsregister HRB 123456 Hamburg"), ("Name", "Ada Lovelace"),
        ("Telephone", "+49 40 123456"), ("ElectronicMail", "ada@bright-harbour.example"),
    ]  # fmt: skip


def test_a_buyers_tax_number_and_bank_have_no_term_and_stand_in_a_note():
    buyer = replace(ACME, region="Bremen", tax_number="71/1", bank="Sparkasse 1")
    root = read(xml.ubl(sample(buyer=buyer, notes=())))
    assert said(root, "{*}AccountingCustomerParty") == [
        ("EndpointID", "04011000-12345-03"), ("StreetName", "Hafenallee 1"), ("AdditionalStreetName", "Gate 4"),
        ("CityName", "Bremen"), ("PostalZone", "28195"), ("CountrySubentity", "Bremen"), ("IdentificationCode", "DE"),
        ("CompanyID", "DE115235681"), ("ID", "VAT"), ("RegistrationName", "Acme Logistics SE"),
        ("Name", "Accounts payable"),
    ]  # fmt: skip
    assert head(root)["Note"] == "Acme Logistics SE: Tax no. 71/1, Sparkasse 1"


def test_a_sellers_bank_stands_beside_its_register():
    legal = said(read(xml.ubl(sample(seller=replace(AGENCY, bank="Sparkasse 1")))), "{*}AccountingSupplierParty")
    assert ("CompanyLegalForm", "Handelsregister HRB 123456 Hamburg, Sparkasse 1") in legal


@pytest.mark.parametrize("make", [xml.ubl, lambda document: xml.cii(document, xml.Profile.XRECHNUNG)])
def test_no_address_of_delivery_is_stated_that_the_document_does_not_say(make):
    """BR-DE-10 and 11, and DE-R-010 and 11 on Peppol: Germany takes no address without its town and postcode."""
    root = read(make(sample()))
    places = [*root.iterfind(".//{*}DeliveryLocation"), *root.iterfind(".//{*}ShipToTradeParty/{*}PostalTradeAddress")]
    assert places == []


def test_the_country_of_delivery_is_stated_where_the_document_says_it():
    abroad = read(xml.ubl(untaxed(TaxCategory.INTRA_COMMUNITY, deliver_to_country="AT")))
    assert ("IdentificationCode", "AT") in said(abroad, "{*}Delivery")


def test_discounts_are_no_charges_and_each_says_what_it_is_taxed_as():
    root = read(xml.ubl(KINDS["discounts and charges"]()))
    tax = [("ID", "S"), ("Percent", "19"), ("ID", "VAT")]
    assert said(root, "{*}AllowanceCharge") == [
        ("ChargeIndicator", "false"), ("AllowanceChargeReason", "Early order"), ("Amount", "100"), *tax,
        ("ChargeIndicator", "true"), ("AllowanceChargeReason", "Courier"), ("Amount", "12.34"),
        ("ID", "S"), ("Percent", "7"), ("ID", "VAT"),
    ]  # fmt: skip
    assert said(root, "{*}InvoiceLine/{*}AllowanceCharge") == [
        ("ChargeIndicator", "false"), ("AllowanceChargeReason", "Long-standing client"),
        ("MultiplierFactorNumeric", "5"), ("Amount", "625"), ("BaseAmount", "12500"),
    ]  # fmt: skip


SUMS = ("LineExtensionAmount", "TaxExclusiveAmount", "TaxInclusiveAmount")


def test_of_sums_those_that_are_nothing_are_left_out():
    assert said(read(xml.ubl(sample())), "{*}LegalMonetaryTotal") == [
        *zip(SUMS, ("17110.88", "17110.88", "20345.45"), strict=True), ("PayableAmount", "20345.45"),
    ]  # fmt: skip
    document = replace(KINDS["discounts and charges"](), prepaid=Decimal(5000))
    assert said(read(xml.ubl(document)), "{*}LegalMonetaryTotal") == [
        *zip(SUMS, ("16485.88", "16398.22", "19495.90"), strict=True), ("AllowanceTotalAmount", "100.00"),
        ("ChargeTotalAmount", "12.34"), ("PrepaidAmount", "5000.00"), ("PayableAmount", "14495.90"),
    ]  # fmt: skip


@pytest.mark.parametrize(("is_charge", "name"), [(False, "AllowanceTotalAmount"), (True, "ChargeTotalAmount")])
def test_the_sum_of_discounts_and_of_charges_is_stated_also_where_it_is_nothing(is_charge, name):
    nothing = Adjustment(is_charge, Decimal(0), "Agreed", category=TaxCategory.STANDARD, rate=Decimal(19))
    stated = said(read(xml.ubl(sample(adjustments=(nothing,)))), "{*}LegalMonetaryTotal")
    assert [one for one in stated if one[1] == "0.00"] == [(name, "0.00")]  # BR-CO-11, BR-CO-12


@pytest.mark.parametrize(
    ("currency", "to", "expected"),
    [
        ("EUR", TO, [("PaymentMeansCode", "58"), ("PaymentID", "RE-2026-0042"), ("ID", TO.iban), ("Name", TO.holder),
                     ("ID", TO.bic)]),
        ("USD", PaymentMeans(iban=TO.iban), [("PaymentMeansCode", "30"), ("PaymentID", "RE-2026-0042"),
                                             ("ID", TO.iban)]),
        ("EUR", PaymentMeans(account="123", reference="Thanks"), [("PaymentMeansCode", "30"), ("PaymentID", "Thanks"),
                                                                  ("ID", "123")]),
    ],
)  # fmt: skip
def test_only_euros_to_an_iban_are_a_sepa_transfer(currency, to, expected):
    document = sample(currency=currency, payment=to)
    assert said(read(xml.ubl(document)), "{*}PaymentMeans") == expected


def test_a_line_is_told_whole():
    line = replace(HOURS, number="7", description="With the team")
    assert said(read(xml.ubl(sample(lines=(line,)))), "{*}InvoiceLine") == [
        ("ID", "7"), ("Note", "Change request 2, approved on 3 November 2026"), ("InvoicedQuantity", "37.75"),
        ("LineExtensionAmount", "4473.38"), ("StartDate", "2026-11-01"), ("EndDate", "2026-11-20"),
        ("Description", "With the team"), ("Name", "Consulting"), ("ID", "S"), ("Percent", "19"), ("ID", "VAT"),
        ("PriceAmount", "118.5"),
    ]  # fmt: skip


def test_a_lines_discount_is_no_charge_and_neither_names_a_tax():
    both = Adjustment(False, Decimal("10"), "Early"), Adjustment(True, Decimal("20"), "Late")
    root = read(xml.ubl(sample(lines=(replace(HOURS, adjustments=both),))))
    assert said(root, "{*}InvoiceLine/{*}AllowanceCharge") == [
        ("ChargeIndicator", "false"), ("AllowanceChargeReason", "Early"), ("Amount", "10"),
        ("ChargeIndicator", "true"), ("AllowanceChargeReason", "Late"), ("Amount", "20"),
    ]  # fmt: skip


def test_the_code_that_a_document_gives_for_no_tax_is_stated():
    given = untaxed(TaxCategory.EXEMPT, exemptions=(Exemption(TaxCategory.EXEMPT, code="VATEX-EU-132-1I"),))
    reasons = said(read(xml.ubl(given)), "{*}TaxTotal/{*}TaxSubtotal/{*}TaxCategory")
    assert reasons == [("ID", "E"), ("Percent", "0"), ("TaxExemptionReasonCode", "VATEX-EU-132-1I"), ("ID", "VAT")]


def test_a_number_of_an_international_scheme_stands_under_its_term_alone():
    numbers = (Identifier("SIREN", "552008443"), Identifier("HRB", "HRB 1"), Identifier("GLN", "4000001123452"))
    root = read(xml.ubl(sample(seller=replace(AGENCY, identifiers=numbers), notes=(),
                               buyer=replace(ACME, identifiers=numbers))))  # fmt: skip
    for side in ("Supplier", "Customer"):
        known = [one.text for one in root.iterfind(f"{{*}}Accounting{side}Party//{{*}}PartyIdentification/{{*}}ID")]
        assert known == ["4000001123452"]
    legal = said(root, "{*}AccountingSupplierParty//{*}PartyLegalEntity")
    assert legal[1:] == [("CompanyID", "552008443"), ("CompanyLegalForm", "Handelsregister HRB 1")]
    assert head(root)["Note"] == "Acme Logistics SE: HRB HRB 1"


def test_a_line_that_says_no_more_than_it_must():
    line = replace(HOURS, why="", starts_on=None, ends_on=None)
    names = [name for name, _text in said(read(xml.ubl(sample(lines=(line,)))), "{*}InvoiceLine")]
    assert names == ["ID", "InvoicedQuantity", "LineExtensionAmount", "Name", "ID", "Percent", "ID", "PriceAmount"]


def test_the_day_of_delivery_is_told_where_there_is_one():
    delivered = sample(delivered_on=date(2026, 11, 20))
    assert ("ActualDeliveryDate", "2026-11-20") in said(read(xml.ubl(delivered)), "{*}Delivery")
    assert "ActualDeliveryDate" not in dict(said(read(xml.ubl(sample())), "{*}Delivery"))
