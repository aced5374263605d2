"""Rules about who sells, who buys and where to pay. Each yields (field, message, value, rule)."""

from collections.abc import Iterator
from typing import Any

from portal.billing import identifiers
from portal.billing.document import InvoiceDocument, Party

MOST_ADDRESS_LINES = 3
MOST_NAME = 200


def party(one: Party, at: str) -> Iterator[tuple[Any, ...]]:
    """What a party must have and how its numbers must be."""
    is_seller = at == "seller"
    if not one.name or len(one.name) > MOST_NAME:
        yield (
            f"{at}.name",
            f"the {at} needs a name of at most {MOST_NAME} characters",
            one.name[:40],
            ("BR-06" if is_seller else "BR-07"),
        )
    if one.country not in identifiers.COUNTRIES:
        right = f"the {at}'s country is an ISO 3166-1 code such as DE"
        yield f"{at}.country", right, one.country, "BR-09" if is_seller else "BR-11"
    if not (one.address or one.city or one.postcode):
        yield f"{at}.address", f"the {at} needs an address", None, "BR-08" if is_seller else "BR-10"
    if len(one.address) > MOST_ADDRESS_LINES or not all(one.address):
        yield f"{at}.address", "an address has at most three lines, none of them empty", list(one.address)
    yield from _numbers(one, at)
    if one.electronic:
        problem = identifiers.problem_of_electronic(one.electronic.scheme, one.electronic.value)
        if problem:
            yield f"{at}.electronic", problem, one.electronic.value[:60], "BR-62" if is_seller else "BR-63"


def _numbers(one: Party, at: str) -> Iterator[tuple[Any, ...]]:
    if one.vat_id and (problem := identifiers.problem_of_vat_id(one.vat_id)):
        yield f"{at}.vat_id", problem, one.vat_id[:40], "BR-CO-09"
    seen = set()
    for place, number in enumerate(one.identifiers):
        if problem := identifiers.problem_of(number.scheme, number.value):
            yield f"{at}.identifiers[{place}]", problem, f"{number.scheme} {number.value}"[:60]
        if number.scheme in seen:
            yield f"{at}.identifiers[{place}]", f"there are two of scheme {number.scheme}", number.value[:60]
        seen.add(number.scheme)


def seller(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    """A seller can be told apart by at least one number."""
    one = document.seller
    if not (one.vat_id or one.identifiers):
        right = "the seller needs a VAT number or a register number, so that the buyer can tell who sells"
        yield "seller.vat_id", right, None, "BR-CO-26"


def payment(document: InvoiceDocument) -> Iterator[tuple[Any, ...]]:
    """An account to pay to is whole."""
    to = document.payment
    if to is None:
        return
    if bool(to.iban) == bool(to.account):
        yield "payment.iban", "name either an IBAN or an account that has none", to.iban or None, "BR-50"
    if to.iban and (problem := identifiers.problem_of_iban(to.iban)):
        yield "payment.iban", problem, to.iban[:40], "BR-50"
    if to.account and (problem := identifiers.problem_of_account(to.account)):
        yield "payment.account", problem, to.account[:40], "BR-50"
    if to.bic and (problem := identifiers.problem_of_bic(to.bic)):
        yield "payment.bic", problem, to.bic[:40]
    if len(to.reference) > 140:
        yield "payment.reference", "what to write with a payment has at most 140 characters", to.reference[:40]
