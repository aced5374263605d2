"""What a document comes to, by the arithmetic of EN 16931-1, 6.4.3: exact, each rounding written where it happens.

Three things are rounded, half up and away from zero, to the currency's smallest unit, and nothing else: a line's
quantity times price, the tax of each category and rate on the sum of its nets, and the tax total in the accounting
currency. All the rest are sums of what was rounded, so they reconcile by construction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from portal import money
from portal.billing.document import Adjustment, InvoiceDocument, Line, TaxCategory
from portal.money import Money


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """One row of the tax breakdown [BG-23]: net, tax, and why there is none where there is none."""

    category: TaxCategory
    rate: Decimal
    net: Money
    tax: Money
    reason: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a document comes to [BG-22]. `lines` are the lines' nets [BT-131] in their order."""

    lines: tuple[Money, ...]
    line_total: Money
    allowances: Money
    charges: Money
    net: Money
    groups: tuple[TaxGroup, ...]
    tax: Money
    gross: Money
    prepaid: Money
    payable: Money
    tax_accounted: Money | None = None


def totals(document: InvoiceDocument) -> Totals:
    """All sums of a document whose currencies and numbers are sound. Raises Invalid for sums too large to be kept."""
    currency = document.currency
    lines = tuple(line_net(line, currency, f"lines[{at}].quantity") for at, line in enumerate(document.lines))
    line_total = money.total(lines, currency)  # BR-CO-10
    allowances = adjusted(document.adjustments, currency, charges=False)  # BR-CO-11
    charges = adjusted(document.adjustments, currency, charges=True)  # BR-CO-12
    net = line_total - allowances + charges  # BR-CO-13
    groups = _groups(document, lines)
    tax = money.total((group.tax for group in groups), currency)  # BR-CO-14
    gross = net + tax  # BR-CO-15
    prepaid = exact(document.prepaid, currency)
    for one, field in ((line_total, "lines"), (gross, "lines"), (gross - prepaid, "prepaid")):
        money.check_most(one, field)
    return Totals(
        lines, line_total, allowances, charges, net, groups, tax, gross, prepaid,
        payable=gross - prepaid,  # BR-CO-16
        tax_accounted=_accounted(document, tax),
    )  # fmt: skip


def line_net(line: Line, currency: str, field: str = "quantity") -> Money:
    """A line's net [BT-131]: quantity times price, rounded once, less its discounts and with its charges."""
    product = money.line_net(line.quantity, line.unit_price, currency, field)
    without = product - adjusted(line.adjustments, currency, charges=False)
    return without + adjusted(line.adjustments, currency, charges=True)


def adjusted(adjustments: Iterable[Adjustment], currency: str, *, charges: bool) -> Money:
    """The sum of the charges among adjustments, or of the discounts."""
    return money.total((exact(one.amount, currency) for one in adjustments if one.is_charge == charges), currency)


def share(percent: Decimal, base: Decimal, currency: str) -> Money:
    """What `percent` of an amount comes to, rounded half up: the amount that a discount or charge by percent states."""
    return money.line_net(percent.scaleb(-2), base, currency, "percent")


def exact(value: Decimal, currency: str) -> Money:
    """An amount that has no more places than its currency; the rules have seen to that."""
    minor = value.scaleb(money.places_of(currency))
    if minor != minor.to_integral_value():
        raise ValueError(f"{value} has more places than {currency} has")
    return Money(int(minor), currency)


def _groups(document: InvoiceDocument, lines: tuple[Money, ...]) -> tuple[TaxGroup, ...]:
    """The nets summed for each category and rate, then taxed once each (BR-CO-17)."""
    nets: dict[tuple[TaxCategory, Decimal], Money] = {}

    def add(category: TaxCategory, rate: Decimal, amount: Money) -> None:
        nets[category, rate] = nets.get((category, rate), Money(0, document.currency)) + amount

    for line, net in zip(document.lines, lines, strict=True):
        add(line.category, line.rate, net)
    for one in document.adjustments:
        assert one.category is not None  # the rules refuse a discount on the whole without one
        assert one.rate is not None  # and without the other
        amount = exact(one.amount, document.currency)
        add(one.category, one.rate, amount if one.is_charge else -amount)
    return tuple(_taxed(document, *key, nets[key]) for key in sorted(nets, key=lambda key: (key[0].value, -key[1])))


def _taxed(document: InvoiceDocument, category: TaxCategory, rate: Decimal, net: Money) -> TaxGroup:
    why = next((one for one in document.exemptions if one.category is category), None)
    tax = money.tax_on(net, rate)
    return TaxGroup(category, rate, net, tax, why.reason if why else "", why.code if why else "")


def _accounted(document: InvoiceDocument, tax: Money) -> Money | None:
    """The tax total in the currency of the seller's books [BT-111]."""
    if not document.accounting_currency or document.exchange_rate is None:
        return None
    amount = Decimal(tax.minor).scaleb(-money.places_of(tax.currency))
    return money.line_net(document.exchange_rate, amount, document.accounting_currency, "exchange_rate")
