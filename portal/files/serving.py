"""How a file is handed out, as status and headers: to be saved, never to be run as a page of ours.

Whatever the bytes are, a browser gets them sandboxed, unsniffed and as an attachment; only a preview, which we encoded
ourselves, is shown. HTML, SVG and XML do not even keep their type.
RFC 9110 (13 conditions, 14 ranges), RFC 6266, CSP 3.
"""

import re
from dataclasses import dataclass

from portal.files import kinds, names
from portal.files.drawing import PREVIEW_TYPE
from portal.files.models import File

POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The headers of a request that matter here."""

    if_none_match: str | None = None
    range: str | None = None
    if_range: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer: the bytes of `sha256` from `start` up to and without `end`."""

    status: int
    headers: dict[str, str]
    sha256: bytes
    start: int = 0
    end: int = 0


def download(file: File, asked: Asked, *, plain: bool = False) -> Answer:
    """A file to be saved, or the part of it that was asked for. `plain`: its type is not named."""
    kind = kinds.UNKNOWN if plain or file.media_type in kinds.ACTIVE else file.media_type
    headers = _ALWAYS | {
        "ETag": _etag(file.sha256), "Accept-Ranges": "bytes", "Content-Disposition": names.attachment(file.name),
    }  # fmt: skip
    if _is_known(asked.if_none_match, file.sha256):
        return Answer(304, headers, file.sha256)
    typed = headers | {"Content-Type": f"{kind}; charset=utf-8" if kind == kinds.TEXT else kind}
    if asked.range is None or (asked.if_range is not None and asked.if_range.strip() != _etag(file.sha256)):
        return Answer(200, typed | {"Content-Length": str(file.size)}, file.sha256, 0, file.size)
    return _part(file, asked.range, typed)


def preview(sha256: bytes, start: int, end: int, asked: Asked) -> Answer:
    """The picture that we drew of a file or of one of its pages, to be shown."""
    headers = _ALWAYS | {"ETag": _etag(sha256), "Content-Disposition": "inline"}
    if _is_known(asked.if_none_match, sha256):
        return Answer(304, headers, sha256)
    told = {"Content-Type": PREVIEW_TYPE, "Content-Length": str(end - start)}
    return Answer(200, headers | told, sha256, start, end)


def _part(file: File, wanted: str, headers: dict[str, str]) -> Answer:
    """One range. Several, or what is no range at all, is answered with the whole (RFC 9110, 14.2)."""
    found = _RANGE.fullmatch(wanted.strip())
    if not found or not (found[1] or found[2]) or (found[1] and found[2] and int(found[1]) > int(found[2])):
        return Answer(200, headers | {"Content-Length": str(file.size)}, file.sha256, 0, file.size)
    if found[1]:
        start, end = int(found[1]), min(int(found[2]) + 1 if found[2] else file.size, file.size)
    else:
        start, end = max(0, file.size - int(found[2])), file.size
    if start >= end:
        none = {"Content-Range": f"bytes */{file.size}", "Content-Length": "0"}
        return Answer(416, headers | none, file.sha256)
    told = {"Content-Range": f"bytes {start}-{end - 1}/{file.size}", "Content-Length": str(end - start)}
    return Answer(206, headers | told, file.sha256, start, end)


def _etag(sha256: bytes) -> str:
    return f'"{sha256.hex()}"'


def _is_known(header: str | None, sha256: bytes) -> bool:
    """Whether If-None-Match names this content (weak comparison)."""
    tags = [one.strip().removeprefix("W/") for one in (header or "").split(",")]
    return "*" in tags or _etag(sha256) in tags
