"""Rules about quantities, prices, discounts and sums. Each yields (field, message, value, rule)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from portal import money
from portal.billing import totals as arithmetic
from portal.billing.document import Adjustment, InvoiceDocument, Kind, Line
from portal.billing.stored import plain_decimal
from portal.billing.words import UNITS
from portal.errors import Invalid

RATE_OF_EXCHANGE_PLACES = 8
MOST_ADJUSTMENTS = 20
MOST_NAME = 500


def numbers(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    """Whether each number is within its bounds and has no more places than it may have."""
    seen: set[str] = set()
    for at, line in enumerate(document.lines):
        yield from _line(line, f"lines[{at}]", document.currency)
        if line.number in seen:
            yield f"lines[{at}].number", "two lines have this number", line.number, "BR-21"
        seen.add(line.number)
    yield from _adjustments(document.adjustments, "adjustments", document.currency)
    yield from _amount(document.prepaid, "prepaid", document.currency)
    yield from _accounting(document)


def sums(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    """Whether what a document comes to can be asked for. For a document whose parts are sound."""
    try:
        made = arithmetic.totals(document)
    except Invalid as fault:
        yield fault.field, fault.message.rstrip("."), fault.value
        return
    if made.gross.minor < 0:
        right = "it comes to less than nothing: money that goes back is a credit note"
        if document.kind is Kind.CREDIT_NOTE:
            right = "a credit note's amounts are positive: this one would ask for money"
        yield "lines", right, made.gross.amount
    elif made.payable.minor < 0:
        right = f"more was paid before than the document comes to ({made.gross.amount})"
        yield "prepaid", right, made.prepaid.amount, "BR-CO-16"
    asks = document.kind is Kind.INVOICE and made.payable.minor > 0
    if asks and not document.due_on and not document.payment_terms:
        yield "due_on", "something is to be paid: say by when, or the terms of payment", None, "BR-CO-25"


def _line(line: Line, at: str, currency: str) -> Iterator[tuple[Any, ...]]:
    if not line.number or len(line.number) > 20:
        yield f"{at}.number", "a line needs a number", line.number[:40], "BR-21"
    if not line.name or len(line.name) > MOST_NAME:
        yield f"{at}.name", f"a line needs a name of at most {MOST_NAME} characters", line.name[:40], "BR-25"
    if line.unit not in UNITS:
        yield f"{at}.unit", f"the unit is one of {', '.join(sorted(UNITS))} (UN/ECE Rec 20)", line.unit[:40], "BR-23"
    yield from _bounded(
        line.quantity, f"{at}.quantity", money.QUANTITY_PLACES, -money.MOST_QUANTITY, money.MOST_QUANTITY
    )
    if line.quantity == 0:
        yield f"{at}.quantity", "a line of nothing says nothing: leave it out", "0", "BR-22"
    if line.unit_price.is_finite() and line.unit_price < 0:
        right = "a price is not negative: take something away by a negative quantity"
        yield f"{at}.unit_price", right, plain_decimal(line.unit_price), "BR-27"
    else:
        # Of a plan's part, whose price is that of many lines of the contract, more than any price there may be.
        yield from _bounded(line.unit_price, f"{at}.unit_price", money.PRICE_PLACES, Decimal(0), _most(currency))
    yield from _adjustments(line.adjustments, f"{at}.adjustments", currency)
    for place, one in enumerate(line.adjustments):
        if one.category is not None or one.rate is not None:
            right = "a line's discount or charge is taxed as its line: name no category and no rate"
            yield f"{at}.adjustments[{place}].category", right, one.category


def _adjustments(given: tuple[Adjustment, ...], at: str, currency: str) -> Iterator[tuple[Any, ...]]:
    if len(given) > MOST_ADJUSTMENTS:
        yield at, f"at most {MOST_ADJUSTMENTS} discounts and charges", len(given)
    for place, one in enumerate(given):
        yield from _adjustment(one, f"{at}[{place}]", currency)


def _adjustment(one: Adjustment, at: str, currency: str) -> Iterator[tuple[Any, ...]]:
    if not one.reason:
        yield f"{at}.reason", "a discount or charge needs its reason", None, "BR-33"
    found = list(_amount(one.amount, f"{at}.amount", currency))
    if (one.percent is None) != (one.base is None):
        yield f"{at}.percent", "a share names both its percent and what it is a share of", None, "PEPPOL-R041"
    elif one.percent is not None and one.base is not None:
        found += _bounded(one.percent, f"{at}.percent", money.RATE_PLACES, Decimal(0), Decimal(1000))
        found += _amount(one.base, f"{at}.base", currency)
        if not found and arithmetic.share(one.percent, one.base, currency) != arithmetic.exact(one.amount, currency):
            right = arithmetic.share(one.percent, one.base, currency).amount
            yield f"{at}.amount", f"the share comes to {right}", plain_decimal(one.amount), "PEPPOL-R040"
    yield from found


def _amount(value: Decimal, at: str, currency: str) -> Iterator[tuple[Any, ...]]:
    if currency in money.CURRENCIES:
        yield from _bounded(value, at, money.places_of(currency), Decimal(0), _most(currency))


def _most(currency: str) -> Decimal:
    return Decimal(money.MOST_MINOR).scaleb(-money.places_of(currency))


def _bounded(value: Decimal, at: str, places: int, least: Decimal, most: Decimal) -> Iterator[tuple[Any, ...]]:
    if not value.is_finite():
        return  # said of every number in one place
    if not least <= value <= most:
        yield at, f"it must be between {least:f} and {most:f}", f"{value:.40}"
    elif value != round(value, places):
        yield at, f"it has at most {places} decimal places", plain_decimal(value)[:40]


def _accounting(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    """The currency of the seller's books, and the rate to it, go together (BR-53)."""
    code, rate = document.accounting_currency, document.exchange_rate
    if code and code not in money.CURRENCIES:
        yield "accounting_currency", "it must be an ISO 4217 code such as EUR", code[:40], "BR-CL-05"
    if code and code == document.currency:
        yield "accounting_currency", "it is the document's own currency: leave it out", code, "BR-53"
    if bool(code) != (rate is not None):
        yield "exchange_rate", "the currency of the books and the rate to it go together", None, "BR-53"
    if rate is not None:
        yield from _bounded(rate, "exchange_rate", RATE_OF_EXCHANGE_PLACES, Decimal(0), Decimal(10**6))
        if rate == 0:
            yield "exchange_rate", "a rate of exchange is more than nothing", "0", "BR-53"
