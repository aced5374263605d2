"""What a file was called by whoever sent it: kept for people to read, never used as a path, a type or a raw header."""

import unicodedata
from urllib.parse import quote

LONGEST = 200
"""Characters of a name that are kept."""
LONGEST_ENDING = 20
NAMELESS = "file"
_UNFIT = frozenset('/\\:*?"<>|')
"""What some system takes for a part of a path, a wildcard or a quote."""
_ATTR_CHAR = "!#$&+-.^_`|~"
"""What RFC 8187 lets stand as it is, beside letters and digits."""


def clean(given: str) -> str:
    """A name fit to be shown and to be saved under: one line, no path, nothing invisible, at most 200 characters.

    Control and format characters go (line breaks, NUL, and the marks that turn the direction of writing: they make
    `exe.gpj` read as `jpg.exe`), and so do dots and spaces at the ends, which hide files or vanish on some systems.
    """
    last = unicodedata.normalize("NFC", given).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(_fit(sign) for sign in last)
    name = " ".join(kept.split()).strip(". ")
    return _short(name) or NAMELESS


def _fit(sign: str) -> str:
    if sign in _UNFIT:
        return "_"
    return "" if unicodedata.category(sign) in ("Cf", "Cs", "Co", "Cn") else _printable(sign)


def _printable(sign: str) -> str:
    return " " if unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Zs") else sign


def _short(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > LONGEST_ENDING:
        return name[:LONGEST].rstrip(". ")
    return stem[: LONGEST - len(ending) - 1].rstrip(". ") + dot + ending


def attachment(name: str) -> str:
    """The Content-Disposition that saves a file under its (clean) name (RFC 6266).

    The name travels in `filename*` alone (RFC 8187): in `filename`, browsers and proxies disagree on what is quoted.
    """
    return f"attachment; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"
