"""Billing. The core of it is pure: a document, what it comes to, whether it may be issued, and what is sent.

- `document.InvoiceDocument` is an invoice or credit note, frozen; `document.credit_of` cancels one to the cent.
- `stored.read` takes plain data; `stored.to_json` and `stored.from_json` keep a document as canonical JSON.
- `totals.totals` works out what it comes to.
- `rules.check` refuses what must not be issued, with all problems at once.
- `xml.cii` and `xml.ubl` are the e-invoice, where `xml.obstacle` names nothing; `xml.lacks` what a profile wants more.
- `pdf.invoice_pdf` is the page for people, with the CII inside (Factur-X).
- `making.make` does all of it for a document that has its number.

Above it stand the rooms that write: `accounts`, `plan`, `drafts`, `issuing` (the series of numbers), `files`.

Heavy libraries are imported within the functions that need them: to start the portal costs none of them.
"""
