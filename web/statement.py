"""The statement of account to take along: for a spreadsheet, for a program, for paper. For who may see money."""

import asyncio
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal import clock
from portal.billing import statement
from portal.billing.statement import StatementLine
from portal.decisions.wording import Gettext
from portal.documents.typesetting import Attached, typeset
from portal.money import Money
from portal.spreadsheet import BOM, rows_as_csv
from web import formats
from web.catalogues import catalogue
from web.deps import ProjectScope, ReadSession, database_of
from web.invoices import require_money
from web.locale_choice import locale_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LANGUAGES = {"en": ("en", "GB"), "zh_CN": ("zh", "CN"), "ru": ("ru", "RU")}

router = APIRouter(include_in_schema=False)


@router.get("/projects/{key}/statement.csv", name="statement_csv")
async def statement_csv(scope: ProjectScope, db: ReadSession) -> Response:
    """The statement as CSV, with the column names that the documentation gives."""
    require_money(scope)
    return _saved(_csv(await statement.lines(db, scope)).encode(), "text/csv; charset=utf-8", f"{scope.key}.csv")


@router.get("/projects/{key}/statement.xlsx", name="statement_xlsx")
async def statement_xlsx(request: Request, scope: ProjectScope, db: ReadSession) -> Response:
    """The statement as a workbook in the reader's language."""
    require_money(scope)
    lines = await statement.lines(db, scope)
    _ = catalogue(locale_of(request, scope.viewer.locale)).gettext
    title = f"{_('Statement of account')} – {scope.project.name}"
    made = await asyncio.to_thread(statement.workbook, lines, _heads(_), _kinds(_), title, clock.now())
    return _saved(made, XLSX, f"{scope.key}.xlsx")


@router.get("/projects/{key}/statement.pdf", name="statement_pdf")
async def statement_pdf(request: Request, scope: ProjectScope) -> Response:
    """The statement as PDF/A in the reader's language, with the CSV inside."""
    require_money(scope)
    async with database_of(request).read(scope.project_id) as db:
        lines = await statement.lines(db, scope)
    locale = locale_of(request, scope.viewer.locale)
    _ = catalogue(locale).gettext
    settings = request.app.state.settings
    lang, region = LANGUAGES[locale]
    today = formats.day(scope.today, locale, "long")
    data = {
        "lang": lang, "region": region, "colour": settings.agency_colour, "agency": settings.agency_name,
        "title": _("Statement of account"), "subtitle": f"{scope.project.name}, {scope.project.company_name}, {today}",
        "footer": f"{scope.key} · {today}", "balance": _("Balance"), "heads": _pdf_heads(_),
        "parts": _parts(lines, _kinds(_), locale),
    }  # fmt: skip
    attached = Attached(f"{scope.key}.csv", _csv(lines).encode(), "text/csv", _("The same as a table"), "data")
    return _saved(await typeset("statement", data, attached, clock.now()), "application/pdf", f"{scope.key}.pdf")


def _saved(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="statement-{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)


def _csv(lines: Sequence[StatementLine]) -> str:
    return BOM + rows_as_csv([statement.COLUMNS, *(line.cells() for line in lines)])


def _heads(_: Gettext) -> list[str]:
    return [_("Day"), _("What"), _("Number"), _("Text"), _("Due"), _("Charged"), _("Received"), _("Balance"),
            _("Currency")]  # fmt: skip


def _pdf_heads(_: Gettext) -> list[str]:
    return [_("Day"), _("What"), _("Number"), _("Due"), _("Charged"), _("Received"), _("Balance")]


def _kinds(_: Gettext) -> dict[str, str]:
    return {
        statement.INVOICE: _("Invoice"), statement.CREDIT_NOTE: _("Credit note"), statement.PAYMENT: _("Payment"),
        statement.PAID_BACK: _("Paid back"),
    }  # fmt: skip


def _parts(lines: Sequence[StatementLine], kinds: dict[str, str], locale: str) -> list[dict[str, Any]]:
    def amount(value: Money) -> str:
        return formats.money(value.minor, value.currency, locale)

    def row(line: StatementLine) -> list[str]:
        moved = [amount(one) if one.minor else "" for one in (line.charged, line.received)]
        due = formats.day(line.due_on, locale) if line.due_on else ""
        about = f"{line.reference}\n{line.text}" if line.text else line.reference
        return [formats.day(line.on, locale), kinds[line.kind], about, due, *moved, amount(line.balance)]

    parts = []
    for code, found in groupby(lines, lambda line: line.balance.currency):
        of_code = list(found)
        parts.append({"title": code, "rows": [row(one) for one in of_code], "balance": amount(of_code[-1].balance)})
    return parts
