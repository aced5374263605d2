"""What a file is, told from its bytes alone: a short list of types that we are sure of, and everything else is bytes.

Neither the name nor the type that the sender claimed is asked. A type here is a label, not a licence: whatever it is,
a file is only ever handed out to be saved (serving.py), and only what we drew ourselves is shown.
"""

import re

UNKNOWN = "application/octet-stream"
TEXT = "text/plain"
HTML = "text/html"
SVG = "image/svg+xml"
PDF = "application/pdf"
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
DRAWN = (*PICTURES, PDF)
"""Of these we try to draw a preview."""
ACTIVE = (HTML, SVG, "text/xml")
"""What a browser would run as a page if it were ever led to: sent as plain bytes."""
HEAD = 64 * 1024
"""How many bytes from the beginning are looked at."""

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", PDF),
    (b"{\\rtf1", "application/rtf"),
)
_LISTED = {
    "application/x-gzip": "application/gzip",
    "application/x-7z-compressed": "application/x-7z-compressed",
    "application/vnd.rar": "application/vnd.rar",
    "image/tiff": "image/tiff",
    "image/bmp": "image/bmp",
    "image/vnd.adobe.photoshop": "image/vnd.adobe.photoshop",
    "audio/mpeg": "audio/mpeg",
    "audio/ogg": "audio/ogg",
    "audio/flac": "audio/flac",
    "video/mp4": "video/mp4",
    "video/quicktime": "video/quicktime",
    "video/webm": "video/webm",
    "font/ttf": "font/ttf",
    "application/x-font-otf": "font/otf",
    "application/font-woff": "font/woff",
    "font/woff2": "font/woff2",
}
"""Types that puremagic is believed in, and their registered names; it knows many more, some by two bytes."""
_OFFICE = {
    b"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_OPEN_DOCUMENT = re.compile(
    rb"mimetype(application/vnd\.oasis\.opendocument\.(?:text|spreadsheet|presentation|graphics))PK"
)
_MARKUP = re.compile(
    rb"<(?:!doctype\s|html|head|body|script|iframe|svg|style|title|table|div|span|font|img|link|meta|base|object|embed"
    rb"|form|h1|p|a|b|br|!--|\?xml)[\s>/]?",
    re.IGNORECASE,
)
_SVG = re.compile(rb"<(?:[a-z_][\w.-]*:)?svg[\s>/]", re.IGNORECASE)
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|iframe)[\s>/]", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def kind_of(head: bytes, *, whole: bool) -> str:
    """The media type of a file that begins with `head` (its first 64 KiB). `whole` says that there is no more of it."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"PK\x03\x04"):
        return _of_zip(head)
    return _of_text(head, whole) or _of_magic(head)


def _of_zip(head: bytes) -> str:
    """A zip is told by the names in it; none is ever unpacked."""
    if document := _OPEN_DOCUMENT.search(head, 30, 200):
        return document[1].decode()
    if b"[Content_Types].xml" in head[:HEAD]:
        found = [kind for folder, kind in _OFFICE.items() if b"PK\x03\x04" in head and _has_entry(head, folder)]
        if len(found) == 1:
            return found[0]
    return "application/zip"


def _has_entry(head: bytes, folder: bytes) -> bool:
    """Whether an entry of the zip lies in a folder: its name stands 30 bytes behind a local header's signature."""
    at = head.find(b"PK\x03\x04")
    while at >= 0:
        if head.startswith(folder, at + 30):
            return True
        at = head.find(b"PK\x03\x04", at + 4)
    return False


def _of_text(head: bytes, whole: bool) -> str | None:
    """A type of text, or None for what is no text."""
    try:
        text = _decoded(head, whole)
    except UnicodeDecodeError:
        return None
    raw = text.encode()
    if _CONTROL.search(raw):
        return None
    return _of_markup(raw) or TEXT


def _decoded(head: bytes, whole: bool) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) & ~1].decode("utf-16")
    if not whole:  # the head may end within a character
        for cut in range(1, 4):
            if head[-cut] & 0xC0 == 0xC0:
                head = head[:-cut]
                break
            if not head[-cut] & 0x80:
                break
    return head.decode("utf-8-sig")


def _of_markup(raw: bytes) -> str | None:
    if _SVG.search(raw):
        return SVG
    if _HTML.search(raw):
        return HTML
    begin = raw.lstrip()
    if begin[:5].lower() == b"<?xml":
        return "text/xml"
    return HTML if _MARKUP.match(begin) else None


def _of_magic(head: bytes) -> str:
    import puremagic

    try:
        found = puremagic.from_string(head, mime=True)
    except (puremagic.PureError, ValueError, IndexError):
        return UNKNOWN
    return _LISTED.get(found, UNKNOWN)
