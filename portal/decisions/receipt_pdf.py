"""The PDF of a receipt: one calm page for people, with receipt.json attached for machines."""

from dataclasses import dataclass
from typing import Any

from portal.decisions.models import Verdict
from portal.decisions.readable import Readable, readable
from portal.decisions.wording import Gettext, moment
from portal.documents import fonts
from portal.documents.typesetting import Attached, typeset
from portal.ledger import receipt_files, timestamps
from portal.ledger.models import Receipt
from portal.ledger.receipts import Proved

LANGUAGES = {"en": ("en", "GB"), "zh_CN": ("zh", "CN"), "ru": ("ru", "RU")}
"""Catalogue name → the page's language and region."""
TONES = {Verdict.CHANGES_WANTED: "maybe", Verdict.DECLINED: "no"}


@dataclass(frozen=True, slots=True)
class Agency:
    """Whose portal it is: name, colour `#rrggbb` and address."""

    name: str
    colour: str
    portal: str


async def receipt_pdf(receipt: Receipt, proved: Proved, agency: Agency, gettext: Gettext, locale: str) -> bytes:
    """The PDF/A-3b of a receipt in a language of `LANGUAGES`; the same receipt gives the same bytes.

    `proved` is what the receipt's token proves; the document's date is that of the event.
    """
    said = readable(proved, gettext, locale)
    attached = Attached(
        receipt_files.NAME,
        receipt_files.receipt_json(receipt, agency.portal),
        "application/json",
        gettext("The signed receipt of which this page is the readable form"),
    )
    return await typeset("receipt", _data(receipt, proved, said, agency, gettext, locale), attached, said.at)


def file_name(proved: Proved, ending: str) -> str:
    """What the file is called when it is saved."""
    return f"receipt-{proved.project_key}-{proved.event['seq']}.{ending}"


def _data(
    receipt: Receipt, proved: Proved, said: Readable, agency: Agency, gettext: Gettext, locale: str
) -> dict[str, Any]:
    _ = gettext
    lang, region = LANGUAGES[locale]
    data = {
        "lang": lang, "region": region, "agency": agency.name, "colour": agency.colour,
        "document-title": ": ".join((_("Receipt"), said.title)),
        "document-description": f"{said.verdict}, {said.who}, {said.when}",
        "title": said.title, "subject": said.subject, "verdict": said.verdict, "who": said.who, "when": said.when,
        "tone": TONES.get(proved.event["body"].get("verdict"), "yes"), "comment": said.comment,
        "facts": said.facts, "proof": said.proof,
        "parts": [
            {"label": one.label, "kind": one.kind, "text": one.text, "rows": one.rows, "is-cut": one.is_cut}
            for one in said.parts
        ],
        "footer": f"{proved.project_key} · {proved.portal}",
        "command-exact": f"portal verify {file_name(proved, 'pdf')} --keys portal-keys.json",
        "verify-exact": f"{agency.portal}/verify", "keys-exact": f"{agency.portal}/.well-known/portal-keys.json",
        "timestamp": _stamped(receipt, _, locale), "words": _words(_),
    }  # fmt: skip
    return data | {"has-missing": _has_missing([said.title, said.comment, said.facts, said.parts])}


def _words(_: Gettext) -> dict[str, str]:
    return {
        "receipt": _("Receipt of a decision"), "who": _("Who decided, and how"), "what": _("What was decided"),
        "proof": _("Proof"), "verify": _("How to verify this receipt"), "file": _("File"), "size": _("Size"),
        "cut": _("Shortened here; the attached receipt.json holds all of it."),
        "nothing": _("The receipt names what was decided by its digest alone."),
        "missing": _("Signs that this page's fonts do not have stand as □; the attached receipt.json holds them."),
        "verify-page": _("Drop this file, or the receipt.json inside it, on this page; nobody has to sign in:"),
        "verify-offline": _("Or without the portal, with its published keys alone:"),
        "verify-keys": _("The keys are published here; keep a copy, and nothing of the portal is needed later:"),
    }  # fmt: skip


def _stamped(receipt: Receipt, _: Gettext, locale: str) -> str:
    if receipt.timestamp is None:
        return ""
    stamp = timestamps.read(receipt.timestamp)
    return _("An independent authority has stamped it with the time (RFC 3161): %s.") % moment(stamp.at, locale)


def _has_missing(texts: Any) -> bool:
    return fonts.MISSING in fonts.shown(str(texts).replace(fonts.MISSING, ""))
