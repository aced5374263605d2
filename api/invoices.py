"""Invoices: drafted from the payment plan, from hours or by hand, issued, paid, taken back, and answered for.

To those of staff who may not see money, none of it is there.
"""

from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from api.billing_shapes import AnswerNew, DraftNew, DraftPatch, PaymentNew, PlannedNew, Reason, plain_given
from api.bodies import body_of, json_body
from api.conditional import IfMatch, editable
from api.deps import (
    EditScope,
    ProjectKey,
    ReadScope,
    ReadSession,
    UnitOfWork,
    Viewing,
    WriteScope,
    database_of,
)
from api.doors import router as door
from api.files import store_of
from api.invoice_shapes import (
    InvoiceOut,
    InvoicePage,
    PaymentList,
    PaymentOut,
    WordList,
    WordOut,
    payment,
    short,
    whole,
    word,
)
from api.openapi import answers
from api.paging import Paged
from api.problems import Refused
from api.shapes import PathNumber
from portal.billing import disputes, drafts, foreseen, invoice_view, issuing, payments, queries
from portal.billing.files import Ready
from portal.billing.models import InvoiceState
from portal.billing.seals import Seals
from portal.errors import PortalError

router = door("billing", "/projects/{key}/invoices")
DRAFTED = answers(InvoiceOut, "The draft.", status=201, headers=("ETag", "Location"))


async def _shown(db: ReadSession, scope: ReadScope, number: int) -> dict[str, Any]:
    return whole(await invoice_view.invoice_view(db, scope, number), scope.today)


def _seals_of(request: Request) -> Seals:
    seals: Seals = request.app.state.seals
    return seals


async def _made(db: UnitOfWork, scope: WriteScope, number: int) -> Response:
    location = f"/api/v1/projects/{scope.key}/invoices/{number}"
    return editable(await _shown(db, scope, number), status_code=201, location=location)


@router.get("", responses=answers(InvoicePage, "A page of invoices, the newest first.", headers=("Link",)))
async def list_invoices(
    scope: ReadScope, db: ReadSession, paged: Paged, state: Annotated[InvoiceState | None, Query()] = None
) -> Response:
    """The invoices, the newest first, drafts as well."""
    after = paged.after()
    before = after[0] if after else None
    rows = await queries.invoices(db, scope, state=state, before=before, limit=paged.limit + 1)
    return paged.page(rows, lambda row: (row.number,), lambda row: short(row, scope.today))


@router.post("", status_code=201, responses=DRAFTED)
async def draft_invoice(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[DraftNew, json_body(DraftNew)]
) -> Response:
    """Drafts an invoice of lines written by hand. Every rule of EN 16931 that it breaks is named."""
    given = plain_given(wanted)
    row = await drafts.draft_lines(db, scope, given.pop("title"), given)
    return await _made(db, scope, row.number)


@router.post("/planned", status_code=201, responses=DRAFTED)
async def draft_planned(
    scope: WriteScope, db: UnitOfWork, wanted: Annotated[PlannedNew, json_body(PlannedNew)]
) -> Response:
    """Drafts an invoice of parts of the payment plan, each a line that says why it is there."""
    reason = wanted.given().get("unaccepted_reason", "")
    row = await drafts.draft_plan(db, scope, wanted.parts, unaccepted_reason=reason)
    return await _made(db, scope, row.number)


@router.get("/{number}", responses=answers(InvoiceOut, "The invoice.", headers=("ETag",)))
async def read_invoice(scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """One invoice with every line, its sums and its files."""
    return editable(await _shown(db, scope, number))


@router.patch("/{number}", responses=answers(InvoiceOut, "The draft as it is now.", headers=("ETag",)))
async def change_draft(
    scope: EditScope,
    db: UnitOfWork,
    match: IfMatch,
    number: PathNumber,
    wanted: Annotated[DraftPatch, json_body(DraftPatch)],
) -> Response:
    """Changes a draft; `lines` replaces all of them. An issued invoice never changes."""
    match.require(await _shown(db, scope, number))
    await drafts.change_draft(db, scope, number, plain_given(wanted))
    return editable(await _shown(db, scope, number))


@router.delete("/{number}", status_code=204, responses={204: {"description": "The draft is gone."}})
async def discard_draft(scope: EditScope, db: UnitOfWork, match: IfMatch, number: PathNumber) -> Response:
    """Throws a draft away; its parts of the plan and its hours can be billed anew."""
    match.require(await _shown(db, scope, number))
    await drafts.discard_draft(db, scope, number)
    return Response(status_code=204)


async def _issue_ready(request: Request, key: ProjectKey, viewer: Viewing, number: PathNumber) -> Ready | None:
    """The files, made before the transaction begins."""
    return await foreseen.of_draft(database_of(request), viewer, key, number, _seals_of(request))


@router.post("/{number}/issue", responses=answers(InvoiceOut, "The invoice, issued.", headers=("ETag",)))
async def issue_invoice(
    request: Request,
    ready: Annotated[Ready | None, Depends(_issue_ready)],  # first: what comes behind it holds the project's lock
    scope: WriteScope,
    db: UnitOfWork,
    number: PathNumber,
) -> Response:
    """Issues a draft today: it takes the next number of its series, and never changes again by a byte. Its PDF is
    signed where the administrator named a certificate for the issuer (409 while that is not valid)."""
    await issuing.issue(db, scope, store_of(request), number, _seals_of(request), ready)
    return editable(await _shown(db, scope, number))


async def _credit_ready(request: Request, key: ProjectKey, viewer: Viewing, number: PathNumber) -> Ready | None:
    """The files of the credit note, made before the transaction begins; a body that is refused, it refuses."""
    try:
        wanted = await body_of(request, Reason)
    except (PortalError, Refused, RequestValidationError):
        return None
    return await foreseen.of_credit(database_of(request), viewer, key, number, wanted.reason, _seals_of(request))


@router.post("/{number}/credit", status_code=201, responses=answers(InvoiceOut, "The credit note.", status=201,
                                                                    headers=("ETag", "Location")))  # fmt: skip
async def credit_invoice(
    request: Request,
    ready: Annotated[Ready | None, Depends(_credit_ready)],
    scope: WriteScope,
    db: UnitOfWork,
    number: PathNumber,
    wanted: Annotated[Reason, json_body(Reason)],
) -> Response:
    """Takes an issued invoice back whole, by a credit note that is issued at once."""
    note = await issuing.credit(db, scope, store_of(request), number, wanted.reason, _seals_of(request), ready)
    return await _made(db, scope, note.number)


@router.get("/{number}/payments", responses=answers(PaymentList, "The payments of an invoice."))
async def list_payments(scope: ReadScope, db: ReadSession, number: PathNumber) -> PaymentList:
    """The payments of an invoice, in their order."""
    await queries.invoice(db, scope, number)
    return PaymentList(items=[payment(row) for row in await payments.payments(db, scope, number)])


@router.post("/{number}/payments", status_code=201, responses=answers(PaymentOut, "The payment.", status=201))
async def record_payment(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[PaymentNew, json_body(PaymentNew)]
) -> PaymentOut:
    """Records money for an invoice in its currency; a negative amount was paid back."""
    given = wanted.given()
    row = await payments.record_payment(db, scope, number, given.pop("amount"), given.pop("paid_on"), **given)
    return payment(row)


@router.get("/{number}/words", responses=answers(WordList, "All that was said about an invoice."))
async def list_words(scope: ReadScope, db: ReadSession, number: PathNumber) -> WordList:
    """Questions, disputes and answers, in their order."""
    return WordList(items=[word(row) for row in await disputes.words(db, scope, number)])


@router.post("/{number}/answers", status_code=201, responses=answers(WordOut, "The answer.", status=201))
async def answer_client(
    scope: WriteScope, db: UnitOfWork, number: PathNumber, wanted: Annotated[AnswerNew, json_body(AnswerNew)]
) -> WordOut:
    """Answers the client about an invoice, or says that a dispute is settled."""
    settles = bool(wanted.given().get("settles"))
    return word(await disputes.answer(db, scope, number, wanted.text, settles=settles))
