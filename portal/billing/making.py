"""From a document that has its number to all that is sent and kept of it. Touches neither database nor store."""

from dataclasses import dataclass

from portal.billing import rules, stored, xml
from portal.billing.document import InvoiceDocument
from portal.billing.pdf import invoice_pdf


@dataclass(frozen=True, slots=True)
class Made:
    """What a document is, byte for byte. `cii` and `ubl` are None where `xml.obstacle` says why."""

    json: str
    pdf: bytes
    cii: bytes | None
    ubl: bytes | None


async def make(document: InvoiceDocument) -> Made:
    """Checks a document and makes its files; the same document gives the same bytes.

    Raises Invalid with all problems for one that must not be issued. The page is set beside the loop; the rest takes a
    few milliseconds within it.
    """
    rules.check(document)
    can_travel = not xml.obstacle(document)
    cii = xml.cii(document) if can_travel else None
    pdf = await invoice_pdf(document, cii)
    return Made(stored.to_json(document), pdf, cii, xml.ubl(document) if can_travel else None)
