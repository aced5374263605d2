"""Receipts in the browser: fetched by those who may see the decision, and verified by anybody who holds one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portal.access import Scope
from portal.decisions import queries
from portal.decisions.readable import Readable, readable
from portal.decisions.receipt_pdf import Agency, file_name, receipt_pdf
from portal.decisions.wording import moment
from portal.errors import Invalid, PortalError, TooLarge
from portal.files import multipart
from portal.ledger import receipt_files, receipts, timestamps
from portal.ledger.models import Receipt
from portal.ledger.receipt_files import ReceiptFile
from portal.ledger.receipts import Proved
from web.auth import settings_of
from web.catalogues import catalogue
from web.catalogues import mark as _
from web.deps import ProjectScope, ReadSession, database_of
from web.locale_choice import locale_of
from web.render import respond
from web.security import streams

FIELD = "receipt"
MOST_BODY = receipt_files.MOST_BYTES + 16 * 1024
"""A receipt, and what a form puts around it."""
PATIENCE_SECONDS = 60
IN_MEMORY_AT_ONCE = asyncio.Semaphore(20)
"""Anybody may send here: so many files are in memory at a time, the others are not read yet."""
AT_ONCE = asyncio.Semaphore(2)
"""Each PDF is taken apart by a process of its own: so many at a time, the others wait."""

router = APIRouter(include_in_schema=False)


FAULTS = {
    "file": _("This file is no receipt: neither a receipt.json nor a PDF that has one attached."),
    "empty": _("Choose a receipt first."),
    "large": _("This file is too large to be a receipt."),
    "late": _("The file took too long to arrive: please send it again."),
    "form": _("This is no receipt, or it was damaged."),
    "header": _("It is not signed in the way receipts of this portal are."),
    "key": _("It was not signed by a key of this portal. Is it a receipt of another one?"),
    "signature": _("Something in it was changed after it was signed."),
    "portal": _("It names another portal than its signed head."),
    "project": _("It speaks of two projects at once."),
    "head": _("The signed head of the project's record in it does not hold."),
    "event": _("The event in it is damaged."),
    "proof": _("The event does not stand in the project's record."),
    "disclosed": _("What it shows as decided is not what the event names."),
    "timestamp": _("The time stamp in it is damaged."),
    "protocol": _("The protocol attached to it is not the one that was signed."),
}
"""Why a receipt does not hold, by the field that the check names."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """The time stamp of a receipt: `holds` is None where this portal knows no authority to check it by."""

    at: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class VerifyPage:
    """The context of receipts/verify.html: before anything was sent, a receipt that holds, or why it does not.
    `has_protocol`: the protocol that was signed is attached.
    """

    said: Readable | None = None
    proved: Proved | None = None
    stamped: Stamped | None = None
    has_protocol: bool = False
    fault: str = ""
    field: str = ""
    accepts: Sequence[str] = (".json", ".pdf", ".jws")


@router.get("/projects/{key}/decisions/{decision}/receipts/{seq}.json", name="receipt_json")
async def receipt_as_json(request: Request, scope: ProjectScope, db: ReadSession, decision: int, seq: int) -> Response:
    """The receipt of an answer, for machines."""
    receipt = await queries.receipt(db, scope, decision, seq)
    content = receipt_files.receipt_json(receipt, settings_of(request).base_url)
    return _saved(content, "application/json", f"receipt-{scope.key}-{seq}.json")


@router.get("/projects/{key}/decisions/{decision}/receipts/{seq}.pdf", name="receipt_pdf")
async def receipt_as_pdf(request: Request, scope: ProjectScope, decision: int, seq: int) -> Response:
    """The receipt of an answer, for people, in the reader's language. Pages wait for the typesetter one by one, and
    while they do nobody else waits for their session.
    """
    async with database_of(request).read(scope.project_id) as db:
        receipt = await queries.receipt(db, scope, decision, seq)
    content, name = await _pdf(request, scope, receipt)
    return _saved(content, "application/pdf", name)


async def _pdf(request: Request, scope: Scope, receipt: Receipt) -> tuple[bytes, str]:
    settings, locale = settings_of(request), locale_of(request, scope.viewer.locale)
    proved = receipts.verify(receipt.token, request.app.state.keys.public)
    agency = Agency(settings.agency_name, settings.agency_colour, settings.base_url)
    made = await receipt_pdf(receipt, proved, agency, catalogue(locale).gettext, locale)
    return made, file_name(proved, "pdf")


def _saved(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-cache"}
    return Response(content, media_type=media_type, headers=headers)


@router.get("/verify", name="verify")
async def verify_page(request: Request) -> Response:
    """Where anybody can have a receipt checked, signed in or not."""
    return respond(request, "receipts/verify.html", VerifyPage())


@router.post("/verify", name="verify_receipt")
async def verify(request: Request) -> Response:
    """Whether a receipt holds, and what it then proves. Nothing is kept, and nothing but the receipt is looked at."""
    locale = locale_of(request)
    try:
        async with IN_MEMORY_AT_ONCE:
            raw = await _received(request)
            page = _checked(request, await _read(raw), locale)
            page = replace(page, has_protocol=await _has_protocol(raw, page.proved))
    except PortalError as refusal:
        page = _refused(refusal, locale)
    return respond(request, "receipts/verify.html", page, status=200 if page.proved else 422)


async def _read(raw: bytes) -> ReceiptFile:
    if not raw:
        raise Invalid("Choose a receipt first.", field="empty")
    async with AT_ONCE:
        return await asyncio.to_thread(receipt_files.read_receipt, raw)


async def _has_protocol(raw: bytes, proved: Proved | None) -> bool:
    """Raises Invalid (field `protocol`) where another one is attached than was signed."""
    assert proved is not None
    async with AT_ONCE:
        is_signed = await asyncio.to_thread(receipt_files.has_signed_protocol, raw, proved)
    if is_signed is False:
        raise Invalid("The protocol attached to it is not the one that was signed.", field="protocol")
    return is_signed is True


def _checked(request: Request, file: ReceiptFile, locale: str) -> VerifyPage:
    proved = receipts.verify(file.token, request.app.state.keys.public)
    said = readable(proved, catalogue(locale).gettext, locale)
    return VerifyPage(said, proved, _stamped(request, file, locale))


def _stamped(request: Request, file: ReceiptFile, locale: str) -> Stamped | None:
    if file.timestamp is None:
        return None
    path = settings_of(request).timestamp_certificates
    try:
        if path is None:
            return Stamped(moment(timestamps.claimed(file.timestamp, file.token), locale), None)
        return Stamped(moment(timestamps.check(file.timestamp, file.token, timestamps.read_roots(path)), locale), True)
    except Invalid:
        return Stamped("", False)


def _refused(refusal: PortalError, locale: str) -> VerifyPage:
    field = "large" if isinstance(refusal, TooLarge) else refusal.field or "file"
    return VerifyPage(fault=catalogue(locale).gettext(FAULTS.get(field, FAULTS["file"])), field=field)


async def _received(request: Request) -> bytes:
    """The file of the form, whole. Raises TooLarge before more than a receipt was read, Invalid for another form."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > len(str(MOST_BODY)) or int(length) > MOST_BODY):
        raise TooLarge("This is too large to be a receipt.", field="large")
    streams(request)
    content = bytearray()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            kind = request.headers.get("content-type", "")
            async for part in multipart.parts_of(kind, request.stream(), most=3):
                async for chunk in part.chunks:
                    if part.field == FIELD:
                        content += chunk
                    if len(content) > receipt_files.MOST_BYTES:
                        raise TooLarge("This is too large to be a receipt.", field="large")
    except TimeoutError:
        raise Invalid("The file took too long to arrive.", field="late") from None
    return bytes(content)
