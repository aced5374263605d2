"""Addresses within the portal: which of them may be followed after a form, and going there."""

from urllib.parse import unquote, urlsplit

from fastapi.responses import RedirectResponse

LONGEST = 2000


def local_path(text: str, fallback: str = "/") -> str:
    r"""`text` when every browser reads it as a path on this host, else `fallback`.

    Browsers read `\` as `/` and drop tabs and line breaks, so `/\evil.example` and `/<TAB>/evil.example` leave;
    the same hidden in percent escapes is refused too, because something on the way may decode it.
    """
    decoded = unquote(text)
    if len(text) > LONGEST or not text.startswith("/") or decoded.startswith("//"):
        return fallback
    if any(character < " " or character in "\\\x7f" for character in decoded):
        return fallback
    try:
        parts = urlsplit(text)
    except ValueError:
        return fallback
    return fallback if parts.scheme or parts.netloc else text


def to(address: str) -> RedirectResponse:
    """Sends the browser on to a page that is read; nothing of the answer is kept."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})
