"""The page of a document for people: PDF/A-3b and PDF/UA-1, with the same invoice for machines inside (Factur-X).

The page is set by the room of documents; what is written here is the data on it, in the document's language, and the
metadata by which programs know that the PDF is a Factur-X invoice. The same document gives the same bytes.
"""

from datetime import UTC, datetime, time
from typing import Any

from portal import money
from portal.billing import qr, stored
from portal.billing import totals as arithmetic
from portal.billing.document import Adjustment, InvoiceDocument, Kind, Line, Party
from portal.billing.factur_x import FILE, declared
from portal.billing.figures import Figures
from portal.billing.identifiers import SCHEMES
from portal.billing.logo import logo_svg
from portal.billing.totals import TaxGroup, Totals
from portal.billing.words import LANGUAGES, labels, unit
from portal.documents.typesetting import ACCESSIBLE, STANDARD, Attached, typeset
from portal.money import Money

JSON_FILE = "invoice.json"
STANDARDS = (STANDARD, ACCESSIBLE)


async def invoice_pdf(document: InvoiceDocument, cii: bytes | None) -> bytes:
    """The PDF of a document that may be issued, with its CII inside; without CII the stored document lies inside.

    Sets the page beside the loop. `cii` is what `xml.cii` made of the same document.
    """
    words = labels(document.language)
    at = datetime.combine(document.issued_on, time(), UTC)
    page = _Page(document, words)
    if cii is None:
        content = stored.to_json(document).encode()
        attached = Attached(JSON_FILE, content, "application/json", words["attachment"], "data")
        return await typeset("invoice", page.data(has_xml=False), attached, at, STANDARDS)
    attached = Attached(FILE, cii, "text/xml", words["attachment"], "alternative")
    return declared(await typeset("invoice", page.data(has_xml=True), attached, at, STANDARDS))


class _Page:
    """All that stands on the page, as text in the document's language."""

    def __init__(self, document: InvoiceDocument, words: dict[str, str]) -> None:
        self.document = document
        self.words = words
        self.lang, self.region, self.locale = LANGUAGES[document.language]
        self.figures = Figures(document.language)
        self.totals: Totals = arithmetic.totals(document)
        self.is_credit = document.kind is Kind.CREDIT_NOTE

    def data(self, *, has_xml: bool) -> dict[str, Any]:
        document, words = self.document, self.words
        title = words[document.kind.value]
        return {
            "lang": self.lang, "region": self.region, "colour": document.look.colour, "words": words,
            "title": title, "number": document.number, "document-name": f"{title} {document.number}",
            "document-title": f"{title} {document.number} · {document.seller.name}",
            "document-description": f"{document.buyer.name}, {self.figures.day(document.issued_on)}, "
            f"{self.figures.amount(self.totals.payable)}",
            "logo-exact": logo_svg(document.look.logo), "logo-words": f"{words['logo']} {document.seller.name}",
            "seller": {"name": document.seller.name},
            "buyer": {
                "name": document.buyer.name, "numbers": self.numbers(document.buyer),
                "rows": self.rows(document.buyer),
            },
            "facts": self.facts(), "due": self.due(), "has-tax": any(group.rate for group in self.totals.groups),
            "net-head": f"{words['net']} ({document.currency})",
            "tax-head": f"{words['tax']} ({document.currency})",
            "lines": [self.line(line, net) for line, net in zip(document.lines, self.totals.lines, strict=True)],
            "taxes": [self.tax(group) for group in self.totals.groups], "accounted": self.accounted(),
            "sums": self.sums(), "payment": self.payment(), "qr-exact": qr.transfer(document, self.totals.payable),
            "remarks": self.remarks(), "footer": self.footer(), "has-attached": has_xml,
        }  # fmt: skip

    def facts(self) -> list[tuple[str, str]]:
        """The head's small table: days and references, those that there are."""
        document, words = self.document, self.words
        before = document.preceding
        said = [
            ("issued", self.figures.day(document.issued_on)),
            ("cancels", before and f"{before.number}\n{words['of_day']} {self.figures.day(before.issued_on)}"),
            ("delivered", document.delivered_on and self.figures.day(document.delivered_on)),
            ("period", self.figures.period(document.starts_on, document.ends_on)),
            ("buyer_reference", document.buyer_reference), ("order", document.order_number),
            ("contract", document.contract_reference), ("project", document.project_reference),
        ]  # fmt: skip
        return [(words[name], value) for name, value in said if value]

    def due(self) -> dict[str, Any]:
        day = self.document.due_on
        is_asked = not self.is_credit and self.totals.payable.minor > 0
        return {
            "label": self.words["credited" if self.is_credit else "payable"],
            "amount": self.figures.amount(self.totals.payable),
            "day": self.figures.day(day) if day and is_asked else "",
        }  # fmt: skip

    def line(self, line: Line, net: Money) -> dict[str, Any]:
        places = money.places_of(self.document.currency)
        called = unit(line.unit, line.quantity, self.document.language)
        return {
            "number": line.number, "name": line.name, "description": line.description, "why": line.why,
            "period": self.figures.period(line.starts_on, line.ends_on),
            "quantity": f"{self.figures.number(line.quantity, 0, 4)}\u00a0{called}",
            "price": self.figures.number(line.unit_price, places, money.PRICE_PLACES),
            "rate": self.figures.percent(line.rate), "net": self.figures.plain(net),
            "adjustments": [self.adjustment(one) for one in line.adjustments],
        }  # fmt: skip

    def adjustment(self, one: Adjustment) -> tuple[str, str]:
        said = self.words["charge" if one.is_charge else "discount"]
        if one.percent is not None and one.base is not None:
            base = self.figures.plain(arithmetic.exact(one.base, self.document.currency))
            said += f" {self.figures.percent(one.percent)} {self.words['share_of']} {base}"
        amount = arithmetic.exact(one.amount, self.document.currency)
        return f"{said}, {one.reason}", ("+" if one.is_charge else "−") + self.figures.plain(amount)

    def tax(self, group: TaxGroup) -> dict[str, str]:
        name = self.words[group.category.value]
        return {
            "name": f"{name} {self.figures.percent(group.rate)}" if group.rate else name,
            "net": self.figures.plain(group.net), "tax": self.figures.plain(group.tax), "reason": group.reason,
        }  # fmt: skip

    def accounted(self) -> str:
        """The tax in the currency of the seller's books, and by which rate."""
        rate, amount = self.document.exchange_rate, self.totals.tax_accounted
        if rate is None or amount is None:
            return ""
        by = f"1 {self.document.currency} = {self.figures.number(rate, 0, 8)} {amount.currency}"
        return f"{self.words['accounted']}: {self.figures.amount(amount)} ({self.words['exchange']} {by})"

    def sums(self) -> list[tuple[str, str]]:
        made, words = self.totals, self.words
        rows = []
        if self.document.adjustments:
            rows.append((words["line_total"], self.figures.amount(made.line_total)))
        for one in self.document.adjustments:
            said, amount = self.adjustment(one)
            rows.append((said, f"{amount}\u00a0{self.document.currency}"))
        rows.append((words["net_total"], self.figures.amount(made.net)))
        for group in made.groups:
            if group.tax.minor:
                named = f"{words['tax_total']} {self.figures.percent(group.rate)}"
                rows.append((named, self.figures.amount(group.tax)))
        rows.append((words["gross_total"], self.figures.amount(made.gross)))
        if made.prepaid.minor:
            rows.append((words["prepaid"], f"−{self.figures.amount(made.prepaid)}"))
        return rows

    def payment(self) -> list[tuple[str, str]]:
        to = self.document.payment
        if to is None or self.is_credit or self.totals.payable.minor <= 0:
            return []
        said = [
            ("holder", to.holder or self.document.seller.name), ("iban", grouped(to.iban)), ("account", to.account),
            ("bic", to.bic), ("bank", to.bank), ("payment_reference", to.reference or self.document.number),
        ]  # fmt: skip
        return [(self.words[name], value) for name, value in said if value]

    def remarks(self) -> list[tuple[str, str]]:
        terms, notes = self.document.payment_terms, "\n".join(self.document.notes)
        return [(self.words[name], text) for name, text in (("terms", terms), ("notes", notes)) if text]

    def rows(self, party: Party) -> list[str]:
        from babel import Locale

        country = party.country if party.country != self.document.seller.country else ""
        named = Locale.parse(self.locale).territories.get(country, country)
        asked = party.contact.name if party.contact and party is self.document.buyer else ""
        return [one for one in (asked, *party.address, *town(party), named) if one]

    def numbers(self, party: Party) -> list[tuple[str, str]]:
        """A party's numbers, and its line of bank and account where bookkeeping asks for it."""
        said = [(self.words["vat_id"], party.vat_id), (self.words["tax_number"], party.tax_number)]
        said += [(SCHEMES[one.scheme].name, one.value) for one in party.identifiers]
        said.append((self.words["bank_line"], party.bank))
        return [one for one in said if one[1]]

    def footer(self) -> list[list[str]]:
        """Three columns about the seller: where, which numbers, whom to ask."""
        seller, to = self.document.seller, self.document.payment
        contact = seller.contact
        asked = [contact.name, contact.phone, contact.email] if contact else []
        bank = [f"{to.bank} {grouped(to.iban) or to.account}".strip()] if to else []
        return [
            [seller.name, *self.rows(seller)],
            [f"{name} {value}" for name, value in self.numbers(seller)],
            [one for one in (*asked, *bank) if one],
        ]


def town(party: Party) -> tuple[str, ...]:
    """The lines of an address with city, region and postcode, as its country writes them (Universal Postal Union)."""
    match party.country:
        case "US":
            return (_joined(", ", party.city, _joined(" ", party.region, party.postcode)),)
        case "CA" | "AU":
            return (_joined(" ", party.city, party.region, party.postcode),)
        case "GB" | "IE":
            return (party.city, party.region, party.postcode)
    return (_joined(" ", party.postcode, party.city), party.region)


def _joined(between: str, *given: str) -> str:
    return between.join(one for one in given if one)


def grouped(iban: str) -> str:
    """An IBAN in groups of four, as people read it."""
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
