"""The QR code of a transfer (EPC069-12, "GiroCode"): a banking app reads it and fills in the form."""

from decimal import Decimal

from portal.billing.document import InvoiceDocument, Kind
from portal.money import Money

CURRENCY = "EUR"
LEAST, MOST = Money(1, CURRENCY), Money(99_999_999_999, CURRENCY)
LONGEST_NAME, LONGEST_TEXT = 70, 140


def transfer(document: InvoiceDocument, payable: Money) -> str:
    """The code as SVG, or "" where the standard has none: other currencies, no IBAN, nothing to pay, a credit note."""
    to = document.payment
    if document.kind is Kind.CREDIT_NOTE or to is None or not to.iban or payable.currency != CURRENCY:
        return ""
    if not LEAST.minor <= payable.minor <= MOST.minor:
        return ""
    from segno.helpers import make_epc_qr

    code = make_epc_qr(
        (to.holder or document.seller.name)[:LONGEST_NAME], to.iban, Decimal(payable.amount),
        text=(to.reference or document.number)[:LONGEST_TEXT], bic=to.bic or None, encoding="utf-8",
    )  # fmt: skip
    return str(code.svg_inline(border=0, scale=4, dark="#000"))
