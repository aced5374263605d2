"""The statement of account: every invoice, credit note and payment in its order, and the balance after each.

As a CSV, a workbook or a PDF. Currencies are kept apart: each has a balance of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.billing.models import Invoice, InvoiceKind, InvoiceState, Payment
from portal.billing.queries import visible
from portal.money import Money, places_of

MOST_ROWS = 20_000
INVOICE, CREDIT_NOTE, PAYMENT, PAID_BACK = "invoice", "credit_note", "payment", "paid_back"
COLUMNS = ("date", "kind", "reference", "text", "due", "charged", "received", "balance", "currency")


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What happened on a day: `charged` is what the client owes by it (less for a credit note), `received` what came
    in (less for what was paid back), `balance` what is owed from then on in this currency."""

    on: date
    kind: str
    reference: str
    text: str
    due_on: date | None
    charged: Money
    received: Money
    balance: Money

    def cells(self) -> tuple[Any, ...]:
        """The line as `COLUMNS`; where nothing was charged or received the cell is empty."""
        charged, received = (one if one.minor else None for one in (self.charged, self.received))
        return (
            self.on, self.kind, self.reference, self.text, self.due_on, charged, received, self.balance,
            self.balance.currency,
        )  # fmt: skip


async def lines(db: AsyncSession, scope: Scope) -> list[StatementLine]:
    """The whole statement by currency and day, in two statements. Raises NotFound for whoever may not see money."""
    issued = (
        select(
            Invoice.number, Invoice.issued_on, Invoice.kind, Invoice.reference, Invoice.title, Invoice.due_on,
            Invoice.payable_minor, Invoice.currency,
        ).where(*visible(scope), Invoice.state != InvoiceState.DRAFT)
        .order_by(Invoice.issued_on, Invoice.number)
        .limit(MOST_ROWS)
    )  # fmt: skip
    invoices = (await db.execute(issued)).all()
    names = {row.number: row.reference for row in invoices}
    paid = select(Payment.invoice_number, Payment.paid_on, Payment.minor, Payment.currency, Payment.text)
    paid = paid.where(Payment.project_id == scope.project_id).order_by(Payment.paid_on, Payment.number).limit(MOST_ROWS)
    moves = [_of_invoice(row) for row in invoices]
    moves += [_of_payment(row, names.get(row.invoice_number, "")) for row in await db.execute(paid)]
    return list(_running(sorted(moves, key=lambda one: (one.charged.currency, one.on, one.received.minor != 0))))


def _of_invoice(row: Any) -> StatementLine:
    is_credit = row.kind is InvoiceKind.CREDIT_NOTE
    charged = Money(-row.payable_minor if is_credit else row.payable_minor, row.currency)
    nothing = Money(0, row.currency)
    kind = CREDIT_NOTE if is_credit else INVOICE
    return StatementLine(row.issued_on, kind, row.reference, row.title, row.due_on, charged, nothing, nothing)


def _of_payment(row: Any, reference: str) -> StatementLine:
    nothing, received = Money(0, row.currency), Money(row.minor, row.currency)
    kind = PAID_BACK if row.minor < 0 else PAYMENT
    return StatementLine(row.paid_on, kind, reference, row.text, None, nothing, received, nothing)


def _running(moves: Sequence[StatementLine]) -> Iterator[StatementLine]:
    balances: dict[str, Money] = {}
    for one in moves:
        code = one.charged.currency
        balances[code] = balances.get(code, Money(0, code)) + one.charged - one.received
        yield StatementLine(
            one.on, one.kind, one.reference, one.text, one.due_on, one.charged, one.received, balances[code]
        )


def workbook(
    lines: Sequence[StatementLine], heads: Sequence[str], kinds: Mapping[str, str], title: str, at: datetime
) -> bytes:
    """The statement as an XLSX of one sheet: amounts are numbers, texts are texts whatever they begin with."""
    import xlsxwriter  # type: ignore[import-untyped]

    target = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(target, options) as book:
        book.set_properties({"title": title, "created": at})
        sheet = book.add_worksheet("Statement")
        head, day = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "yyyy-mm-dd"})
        amounts = {
            code: book.add_format({"num_format": "#,##0" + ("." + "0" * places_of(code) if places_of(code) else "")})
            for code in {one.balance.currency for one in lines}
        }
        sheet.freeze_panes(1, 0)
        for at_column, width in enumerate((11, 14, 18, 48, 11, 14, 14, 14, 9)):
            sheet.set_column(at_column, at_column, width)
        sheet.write_row(0, 0, heads, head)
        for at_row, line in enumerate(lines, start=1):
            _write(sheet, at_row, line, kinds, day, amounts[line.balance.currency])
    return target.getvalue()


def _write(
    sheet: Any, at_row: int, line: StatementLine, kinds: Mapping[str, str], day: Any, amount: Any
) -> None:  # fmt: skip
    for column, cell in enumerate(line.cells()):
        if column == 1:
            sheet.write_string(at_row, column, kinds[line.kind])
        elif isinstance(cell, date):
            sheet.write_datetime(at_row, column, cell, day)
        elif isinstance(cell, Money):
            sheet.write_number(at_row, column, float(cell.amount), amount)  # a workbook keeps no other number
        elif cell is not None:
            sheet.write_string(at_row, column, str(cell))
