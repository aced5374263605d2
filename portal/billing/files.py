"""The files of an issued document: its PDF with the XML inside, and the XML by itself, among the project's files."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from portal.access import Scope
from portal.billing import making
from portal.billing.document import InvoiceDocument
from portal.billing.seals import Sign
from portal.files import commands
from portal.files.intake import Received
from portal.files.store import Store
from portal.ledger.models import Audience

TYPES = {"pdf": "application/pdf", "cii": "application/xml", "ubl": "application/xml"}


@dataclass(frozen=True, slots=True)
class Ready:
    """The files of a document, kept nowhere yet: each one's bytes by its kind, and the level of the PDF's signature, ""
    where nobody signed it."""

    document: InvoiceDocument
    contents: dict[str, bytes]
    level: str


async def ready(document: InvoiceDocument, sign: Sign | None = None) -> Ready:
    """Makes the files. A document that EN 16931 cannot express has no XML; its PDF is then a page alone. Raises Invalid
    for one that breaks a rule, Conflict while the certificate is not valid."""
    made = await making.make(document)
    signed = await sign(made.pdf) if sign else None
    contents = {"pdf": signed.pdf if signed else made.pdf, "cii": made.cii, "ubl": made.ubl}
    found = {kind: one for kind, one in contents.items() if one}
    return Ready(document, found, signed.level if signed else "")


async def make_and_keep(
    db: AsyncSession,
    scope: Scope,
    store: Store,
    document: InvoiceDocument,
    sign: Sign | None = None,
    foreseen: Ready | None = None,
) -> dict[str, dict[str, Any]]:
    """Makes the files, unless they are `foreseen` of this very document, and keeps them; returns each as {number,
    sha256, size}. The caller holds the project's lock.

    A PDF that was signed also has the level of its `signature`; what is kept, and named by its digest, is the signed
    one.
    """
    made = foreseen if foreseen and foreseen.document == document else await ready(document, sign)
    kept = {kind: await _keep(db, scope, store, document, kind, one) for kind, one in made.contents.items()}
    if made.level:
        kept["pdf"]["signature"] = made.level
    return kept


async def _keep(
    db: AsyncSession, scope: Scope, store: Store, document: InvoiceDocument, kind: str, content: bytes
) -> dict[str, Any]:
    async def once() -> AsyncIterator[bytes]:
        yield content

    kept = await store.put(scope.project_id, once(), max_bytes=len(content))
    name = f"{document.number}.pdf" if kind == "pdf" else f"{document.number}-{kind}.xml"
    received = Received(store, kept, name, TYPES[kind])
    row = await commands.add_file(db, scope, received, audience=Audience.BILLING)
    return {"number": row.number, "sha256": kept.sha256.hex(), "size": kept.size}
