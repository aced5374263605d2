"""Numbers by which companies and accounts are known, each checked by its own scheme: check digits, length, spelling.

`problem_*` answer what is wrong in plain words, or "" where nothing is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


def codes(text: str) -> frozenset[str]:
    """The codes of a list, written with blanks between them."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a number is called, how it is checked (a module of python-stdnum or a pattern), and its ISO 6523 code."""

    name: str
    module: str = ""
    pattern: str = ""
    icd: str = ""
    right: str = ""


SCHEMES: Mapping[str, Scheme] = {
    "INN": Scheme("ИНН", "stdnum.ru.inn", r"\d{10}|\d{12}", right="10 or 12 digits with their check digits"),
    "KPP": Scheme("КПП", pattern=r"\d{4}[\dA-Z]{2}\d{3}", right="9 characters such as 773601001"),
    "OGRN": Scheme("ОГРН", "stdnum.ru.ogrn", r"\d{13}|\d{15}", right="13 or 15 digits with a check digit"),
    "USCC": Scheme("统一社会信用代码", "stdnum.cn.uscc", r"[0-9A-Z]{18}", right="18 characters with a check character"),
    "HRB": Scheme("Handelsregister", pattern=r"HR[AB] ?\d{1,6}( ?[A-Z]{1,3})?( .{2,60})?", right="such as HRB 12345 B"),
    "SIREN": Scheme("SIREN", "stdnum.fr.siren", r"\d{9}", "0002", "9 digits with a check digit"),
    "SIRET": Scheme("SIRET", "stdnum.fr.siret", r"\d{14}", "0009", "14 digits with a check digit"),
    "KVK": Scheme("KVK", pattern=r"\d{8}", icd="0106", right="8 digits"),
    "CVR": Scheme("CVR", "stdnum.dk.cvr", r"\d{8}", "0184", "8 digits with a check digit"),
    "ORGNR": Scheme("Org.nr", "stdnum.se.orgnr", r"\d{10}", "0007", "10 digits with a check digit"),
    "NO-ORGNR": Scheme("Org.nr", "stdnum.no.orgnr", r"\d{9}", "0192", "9 digits with a check digit"),
    "DUNS": Scheme("D-U-N-S", pattern=r"\d{9}", icd="0060", right="9 digits"),
    "GLN": Scheme("GLN", "stdnum.ean", r"\d{13}", "0088", "13 digits with a check digit"),
    "LEI": Scheme("LEI", "stdnum.lei", r"[0-9A-Z]{20}", "0199", "20 characters with check digits"),
    "EIN": Scheme("EIN", "stdnum.us.ein", r"\d{2}-?\d{7}", right="9 digits such as 12-3456789"),
    "REGISTER": Scheme("Reg. no.", pattern=r".{2,60}", right="2 to 60 characters"),
}
"""The schemes of a party's identifiers. A scheme without an ISO 6523 code travels in an e-invoice as words."""

ELECTRONIC = codes(
    """0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0147 0151 0154 0158 0170 0177 0183 0184 0188 0190
    0191 0192 0193 0194 0195 0196 0198 0199 0200 0201 0202 0203 0204 0205 0208 0209 0210 0211 0212 0213 0215 0216 0217
    0218 0219 0220 0221 0225 0230 0235 0240 0242 0244 0245 0246 0248 9910 9913 9914 9915 9918 9919 9920 9922 9923 9924
    9925 9926 9927 9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 9940 9941 9942 9943 9944 9945 9946 9947
    9948 9949 9950 9951 9952 9953 9957 9959 AN AQ AS AU EM"""
)
"""Schemes of electronic addresses (CEF EAS code list): `EM` is e-mail, `0204` a Leitweg-ID, `0088` a GLN."""

OFF_PEPPOL = codes(
    "0037 0147 0154 0170 0177 0193 0194 0202 0203 0205 0212 0213 0215 0217 0219 0220 AN AQ AS AU EM"
)  # fmt: skip
"""Those of them at which Peppol delivers nothing (PEPPOL-EN16931-CL008)."""

COUNTRIES = codes(
    """AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB
    GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG
    KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB
    SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US
    UY UZ VA VC VE VG VI VN VU WF WS XI YE YT ZA ZM ZW"""
)
"""ISO 3166-1, and XI for Northern Ireland."""

_EU = codes("AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI")
_VAT = re.compile(r"[A-Z]{2}[0-9A-Z+*.\-]{2,18}", re.ASCII)
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", re.ASCII)
_ACCOUNT = re.compile(r"[0-9A-Z](?:[0-9A-Z ./-]{0,32}[0-9A-Z])?", re.ASCII)
_MAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}\.[^\s@.]{2,60}")
_ADDRESS = re.compile(r"[\x21-\x7e]{2,120}")


def problem_of(scheme: str, value: str) -> str:
    """What is wrong with a party's identifier."""
    known = SCHEMES.get(scheme)
    if known is None:
        return f"{scheme[:20]} is not a scheme that is known: take one of {', '.join(SCHEMES)}"
    if not re.fullmatch(known.pattern, value, re.ASCII) or not _valid(known.module, value):
        return f"this is not a valid {scheme}: it would be {known.right}"
    return ""


def problem_of_vat_id(value: str) -> str:
    """What is wrong with a VAT number: it begins with its country's letters (BR-CO-09) and has right check digits."""
    if not _VAT.fullmatch(value):
        return "a VAT number begins with the two letters of its country, without blanks, such as DE136695976"
    prefix = value[:2]
    if prefix in _EU:
        return "" if _valid("stdnum.eu.vat", value) else f"this is no VAT number of {prefix}: a digit is wrong"
    if prefix not in COUNTRIES or prefix == "GR":
        return f"{prefix} is no country's prefix of VAT numbers" + (" (Greece has EL)" if prefix == "GR" else "")
    return "" if _valid_elsewhere(prefix, value) else f"this is no VAT number of {prefix}: a digit is wrong"


def problem_of_iban(value: str) -> str:
    """What is wrong with an IBAN, written without blanks."""
    if value == value.upper() and " " not in value and _valid("stdnum.iban", value):
        return ""
    return "this is no IBAN: it is written without blanks, and its length and check digits must be right"


def problem_of_bic(value: str) -> str:
    """What is wrong with a bank's code (ISO 9362)."""
    return "" if _BIC.fullmatch(value) else "a BIC has 8 or 11 letters and digits, such as COBADEFFXXX"


def problem_of_account(value: str) -> str:
    """What is wrong with an account that has no IBAN."""
    return (
        "" if _ACCOUNT.fullmatch(value) else "an account number has up to 34 letters, digits, blanks, dots and dashes"
    )


def problem_of_electronic(scheme: str, value: str) -> str:
    """What is wrong with an electronic address [BT-34, BT-49]."""
    if scheme not in ELECTRONIC:
        return f"{scheme[:20]} is not in the list of electronic address schemes: EM for e-mail, 0204 for a Leitweg-ID"
    if scheme == "EM":
        return "" if _MAIL.fullmatch(value) else "with scheme EM it is an e-mail address"
    if scheme == "0088" and not _valid("stdnum.ean", value):
        return "with scheme 0088 it is a GLN of 13 digits with a check digit"
    return "" if _ADDRESS.fullmatch(value) else "it has 2 to 120 letters, digits and signs, without blanks"


def _valid(module: str, value: str) -> bool:
    return not module or bool(_module(module).is_valid(value))


def _valid_elsewhere(prefix: str, value: str) -> bool:
    from stdnum import get_cc_module

    if prefix == "CH":
        return _valid("stdnum.ch.vat", value)
    module = get_cc_module(prefix.lower(), "vat")
    return module is None or bool(module.is_valid(value[2:]))


def _module(name: str) -> Any:
    return import_module(name)
