"""Invoices for tests: one of every kind that can be issued, and as many random ones as wanted, each sound."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from portal import money
from portal.billing import totals as arithmetic
from portal.billing.document import (
    Adjustment,
    Contact,
    Exemption,
    Identifier,
    InvoiceDocument,
    Kind,
    Line,
    Look,
    Party,
    PaymentMeans,
    TaxCategory,
    credit_of,
)
from portal.billing.taxes import EXPLAINED
from portal.billing.words import LANGUAGES, UNITS

ISSUED = date(2026, 11, 26)
AGENCY = Party(
    name="Bright Harbour Studio GmbH", country="DE", address=("Speicherstraße 12",), city="Hamburg", postcode="20457",
    vat_id="DE136695976", tax_number="48/123/45678", identifiers=(Identifier("HRB", "HRB 123456 Hamburg"),),
    electronic=Identifier("9930", "DE136695976"),
    contact=Contact("Ada Lovelace", "+49 40 123456", "ada@bright-harbour.example"),
)  # fmt: skip
ACME = Party(
    name="Acme Logistics SE", country="DE", address=("Hafenallee 1", "Gate 4"), city="Bremen", postcode="28195",
    vat_id="DE115235681", electronic=Identifier("0204", "04011000-12345-03"), contact=Contact("Accounts payable"),
)  # fmt: skip
MORNING = Party(
    name="晨光科技有限公司", country="CN", address=("浦东新区世纪大道100号",), city="上海", postcode="200120",
    identifiers=(Identifier("USCC", "91110000600037341L"),), bank="中国工商银行上海分行 6222 0212 0200 1234 567",
)  # fmt: skip
BRIDGE = Party(
    name="ООО «Мост»", country="RU", address=("ул. Тверская, д. 7",), city="Москва", postcode="125009",
    identifiers=(Identifier("INN", "7707083893"), Identifier("KPP", "773601001")),
)  # fmt: skip
TO = PaymentMeans(
    iban="DE89370400440532013000", bic="COBADEFFXXX", holder="Bright Harbour Studio GmbH", bank="Commerzbank",
    reference="RE-2026-0042",
)  # fmt: skip
MILESTONE = Line(
    "1", "Checkout, version 2", Decimal(1), "LS", Decimal("12500"), TaxCategory.STANDARD, Decimal(19),
    description="Design, build and launch of the new checkout", why="Milestone 3 accepted on 20 November 2026",
)  # fmt: skip
HOURS = Line(
    "2", "Consulting", Decimal("37.75"), "HUR", Decimal("118.50"), TaxCategory.STANDARD, Decimal(19),
    why="Change request 2, approved on 3 November 2026", starts_on=date(2026, 11, 1), ends_on=date(2026, 11, 20),
)  # fmt: skip
TRAVEL = Line("3", "Travel", Decimal("412.5"), "KMT", Decimal("0.333333"), TaxCategory.STANDARD, Decimal(7))


def sample(**changes: Any) -> InvoiceDocument:
    """A sound invoice in euros, changed as said."""
    return replace(_SAMPLE, **changes)


def with_line(**changes: Any) -> InvoiceDocument:
    """The sound invoice with its first line changed."""
    return sample(lines=(replace(MILESTONE, **changes), HOURS, TRAVEL))


_SAMPLE = InvoiceDocument(
    kind=Kind.INVOICE, number="RE-2026-0042", issued_on=ISSUED, due_on=ISSUED + timedelta(days=30), currency="EUR",
    seller=AGENCY, buyer=ACME, lines=(MILESTONE, HOURS, TRAVEL), starts_on=date(2026, 11, 1), ends_on=ISSUED,
    buyer_reference="04011000-12345-03", order_number="PO-7781", contract_reference="C-2026-9",
    project_reference="ACME-WEB", payment=TO, payment_terms="30 days net", notes=("Thank you for working with us.",),
)  # fmt: skip


def untaxed(category: TaxCategory, **changes: Any) -> InvoiceDocument:
    """A sound invoice in a category in which nothing is charged."""
    rate = Decimal(7) if category is TaxCategory.CANARY_ISLANDS else Decimal(0)
    lines = tuple(replace(line, category=category, rate=rate) for line in (MILESTONE, HOURS))
    reasons = (Exemption(category, "Because the law says so"),) if category in EXPLAINED else ()
    without: dict[str, Any] = {}
    if category is TaxCategory.OUTSIDE_SCOPE:
        without = {"seller": replace(AGENCY, vat_id=""), "buyer": MORNING}
    if category is TaxCategory.INTRA_COMMUNITY:
        french = replace(ACME, country="FR", vat_id="FR40303265045", city="Paris", postcode="75001")
        without = {"buyer": french, "deliver_to_country": "FR", "delivered_on": ISSUED}
    if category is TaxCategory.EXPORT:
        without = {"buyer": BRIDGE}
    return sample(**({"lines": lines, "exemptions": reasons} | without | changes))


def _discounted() -> InvoiceDocument:
    discount = Adjustment(False, Decimal("625"), "Long-standing client", Decimal(5), Decimal(12500))
    lines = (replace(MILESTONE, adjustments=(discount,)), HOURS, TRAVEL)
    whole = (
        Adjustment(False, Decimal("100"), "Early order", category=TaxCategory.STANDARD, rate=Decimal(19)),
        Adjustment(True, Decimal("12.34"), "Courier", category=TaxCategory.STANDARD, rate=Decimal(7)),
    )
    return sample(lines=lines, adjustments=whole)


def _foreign() -> InvoiceDocument:
    return sample(currency="USD", accounting_currency="EUR", exchange_rate=Decimal("0.91837"), payment=None)


def _yen() -> InvoiceDocument:
    lines = tuple(replace(line, unit_price=line.unit_price * 150 // 1) for line in (MILESTONE, HOURS))
    account = PaymentMeans(account="0123456", bic="BOTKJPJT", holder="Bright Harbour KK")
    return sample(currency="JPY", lines=lines, payment=account)


KINDS: dict[str, Callable[[], InvoiceDocument]] = {
    "several rates": sample,
    "discounts and charges": _discounted,
    "prepaid in part": lambda: sample(prepaid=Decimal("5000")),
    "prepaid in full": lambda: sample(prepaid=Decimal(arithmetic.totals(sample()).gross.amount), due_on=None),
    "nothing to pay": lambda: with_line(unit_price=Decimal(0)),
    "something taken away": lambda: with_line(quantity=Decimal("0.25")),
    "a line taken back": lambda: sample(lines=(MILESTONE, replace(HOURS, quantity=Decimal("-3.5")))),
    "foreign currency": _foreign,
    "no minor unit": _yen,
    "credit note": lambda: credit_of(sample(), "GS-2026-0001", ISSUED, "Wrong address"),
    "credit note of a prepaid invoice": lambda: credit_of(sample(prepaid=Decimal(99)), "GS-2", ISSUED, "Agreed"),
    "credit note without an account": lambda: credit_of(sample(payment=None), "GS-3", ISSUED, "Agreed"),
    "Chinese buyer": lambda: untaxed(TaxCategory.OUTSIDE_SCOPE, language="zh_CN", buyer=MORNING),
    "Russian buyer": lambda: untaxed(TaxCategory.EXPORT, language="ru", buyer=BRIDGE),
    "no references": lambda: sample(
        buyer_reference="", order_number="", contract_reference="", project_reference="", notes=(), payment=None
    ),
    "seller without VAT number": lambda: sample(seller=replace(AGENCY, vat_id="")),
} | {f"category {one}": (lambda one=one: untaxed(one)) for one in TaxCategory if one is not TaxCategory.STANDARD}
"""Every kind of document that can be issued, by what is special about it."""

_WORDS = (
    "Checkout",
    "Réunion d'équipe",
    "Workshop <b>&amp;",
    "设计评审",
    "Разработка",
    'Übergabe "final"',
    "a]]>b",
    "ﷺ",
)
_TAXED = (TaxCategory.STANDARD, TaxCategory.ZERO, TaxCategory.EXEMPT, TaxCategory.CANARY_ISLANDS)
_RATES = [Decimal(rate) for rate in ("19", "7", "21", "25.5", "2.1", "5.5", "8.25", "0.5", "99.99")]
_CURRENCIES = ("EUR", "EUR", "EUR", "USD", "CHF", "JPY", "CNY", "RUB", "GBP", "ISK")


def generated(seed: int) -> InvoiceDocument:
    """A random document that can be issued; the same seed gives the same one."""
    at = Random(seed)
    apart = at.random() < 0.35
    category = at.choice([one for one in TaxCategory if one not in _TAXED]) if apart else None
    made = untaxed(category) if category else sample()
    currency = at.choice(_CURRENCIES)
    lines = tuple(_line(at, str(number + 1), currency, category) for number in range(at.randint(1, 4)))
    used = {line.category for line in lines}
    exempt = tuple(
        Exemption(one, _text(at), at.choice(("", EXPLAINED[one]))) for one in sorted(used & EXPLAINED.keys())
    )
    made = replace(
        made, number=f"{at.randint(1, 9999)}/{at.randint(1, 99)}", currency=currency, lines=lines, exemptions=exempt,
        issued_on=ISSUED, due_on=ISSUED + timedelta(days=at.randint(0, 90)), starts_on=None, ends_on=None,
        language=at.choice(list(LANGUAGES)), notes=tuple(_text(at) for _ in range(at.randint(0, 3))),
        payment=at.choice((None, TO, PaymentMeans(account="40702810400000012345", bic="SABRRUMM"))),
        look=Look(f"#{at.randrange(16**6):06x}"), **_maybe(at),
    )  # fmt: skip
    made = replace(made, adjustments=_adjusted(at, made))
    if at.random() < 0.3 and currency != "GBP":
        made = replace(made, accounting_currency="GBP", exchange_rate=Decimal(at.randint(1, 10**6)).scaleb(-4))
    if at.random() < 0.3:
        most = arithmetic.totals(made).gross.minor
        prepaid = Decimal(at.randint(0, max(most, 0))).scaleb(-money.places_of(currency))
        made = replace(made, prepaid=prepaid)
    if at.random() < 0.25:
        return credit_of(made, f"GS-{seed}", ISSUED + timedelta(days=1), _text(at))
    return made


def corpus(count: int) -> Iterator[InvoiceDocument]:
    """So many random documents."""
    return (generated(seed) for seed in range(count))


def _maybe(at: Random) -> dict[str, Any]:
    names = ("buyer_reference", "order_number", "contract_reference", "project_reference", "payment_terms")
    return {name: at.choice(("", _text(at), f"A-{at.randint(1, 99)}")) for name in names}


def _text(at: Random) -> str:
    return " ".join(at.choices(_WORDS, k=at.randint(1, 4)))


def _amount(at: Random, most: int, currency: str) -> Decimal:
    return Decimal(at.randint(1, most)).scaleb(-money.places_of(currency))


def _line(at: Random, number: str, currency: str, category: TaxCategory | None) -> Line:
    taxed = category or at.choice(_TAXED)
    rate = at.choice(_RATES) if taxed in (TaxCategory.STANDARD, TaxCategory.CANARY_ISLANDS) else Decimal(0)
    adjustments = tuple(
        Adjustment(at.random() < 0.5, _amount(at, 500, currency), _text(at)) for _ in range(at.randint(0, 2))
    )
    if at.random() < 0.2:
        base, percent = _amount(at, 10**6, currency), Decimal(at.randint(1, 9999)).scaleb(-2)
        amount = Decimal(arithmetic.share(percent, base, currency).amount)
        adjustments += (Adjustment(True, amount, _text(at), percent, base),)
    return Line(
        number, _text(at), Decimal(at.randint(1, 10**5)).scaleb(-at.randint(0, 4)), at.choice(sorted(UNITS)),
        Decimal(at.randint(0, 10**7)).scaleb(-at.randint(1, 6)), taxed, rate, at.choice(("", _text(at))),
        at.choice(("", _text(at))), adjustments,
    )  # fmt: skip


def _adjusted(at: Random, made: InvoiceDocument) -> tuple[Adjustment, ...]:
    """Charges on the whole, and discounts that leave something of it."""
    groups = sorted({(line.category, line.rate) for line in made.lines})
    chosen = [at.choice(groups) for _ in range(at.randint(0, 2))]
    return tuple(
        Adjustment(at.random() < 0.8, _amount(at, 100, made.currency), _text(at), category=category, rate=rate)
        for category, rate in chosen
    )
