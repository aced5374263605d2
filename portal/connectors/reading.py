"""From the bytes of a stranger to text: size, encoding, characters. Pure but for reading the file."""

import codecs
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path

from portal.backlog.rules import MOST_ESTIMATE, TITLE_LENGTH
from portal.connectors.losses import Losses
from portal.errors import Invalid, TooLarge

MAX_BYTES = 100 * 1024 * 1024
MAX_TEXT = 100_000
WRONG_SHAPE = (AttributeError, KeyError, TypeError, ValueError, ArithmeticError)
"""What Python says when a list, an object or a number of a stranger's JSON was something else."""
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_PLACES = Decimal("0.001")


def read_bytes(path: Path, *, limit: int = MAX_BYTES) -> bytes:
    """A file's content. Raises TooLarge over the limit, Invalid when it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise Invalid(f"The file cannot be read: {error.strerror}.", field="file", value=path.name) from error
    if len(data) > limit:
        raise TooLarge(f"A file may have {limit:,} bytes.", field="file", value=path.name)
    return data


def decode(data: bytes, losses: Losses) -> str:
    """The text of a file: UTF-8, UTF-16 with or without its mark, or else Windows-1252, which is said.

    Raises Invalid for an empty file, and with the byte at which no encoding fits.
    """
    if not data.strip():
        raise Invalid("The file is empty.", field="file")
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    if (wide := _utf16_without_mark(data)) is not None:
        return _decoded(data, wide)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if error.start > len(data) - 4:
            raise Invalid(
                f"The file ends in the middle of a character, at byte {error.start:,}: it was cut.", field="file"
            ) from error
        return _as_windows_1252(data, error.start, losses)


def _utf16_without_mark(data: bytes) -> str | None:
    head = data[:64]
    if len(head) < 4 or b"\x00" not in head:
        return None
    if not any(head[1::2]):
        return "utf-16-le"
    return "utf-16-be" if not any(head[::2]) else None


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Invalid(f"The file says it is {encoding}, and is not at byte {error.start:,}.", field="file") from error


def _as_windows_1252(data: bytes, first: int, losses: Losses) -> str:
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise Invalid(
            f"The file is neither UTF-8 (wrong at byte {first:,}) nor Windows-1252 (wrong at byte {error.start:,}). "
            "Save it as UTF-8.",
            field="file",
        ) from error
    losses.changed("encoding", f"byte {first:,}", "the file is not UTF-8 and was read as Windows-1252")
    return text


def clean(text: str, where: str, losses: Losses) -> str:
    """A text without characters that are none: NUL and other controls, halves of surrogate pairs. Each is counted."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    cleaned, removed = _CONTROL.subn("", text)
    if removed:
        losses.changed("control characters", where, "removed from a text", count=removed)
    if len(cleaned) > MAX_TEXT:
        losses.changed("long text", where, f"cut after {MAX_TEXT:,} characters")
        cleaned = cleaned[:MAX_TEXT]
    return cleaned


def one_line(text: str, where: str, losses: Losses, *, length: int = TITLE_LENGTH, otherwise: str = "") -> str:
    """A text as one line of bounded length, `otherwise` when nothing is left of it."""
    line = " ".join(clean(text, where, losses).split())
    if len(line) > length:
        losses.changed("long line", where, f"cut after {length:,} characters")
        line = line[: length - 1] + "…"
    return line or otherwise


def reference(value: object) -> str:
    """A source's id as part of a reference: without characters that are no text, and bounded."""
    return _CONTROL.sub("", str(value)).strip()[:150]


def estimate(value: object, what: str, where: str, losses: Losses) -> Decimal | None:
    """An estimate from 0 to 100,000 with three decimals; what is none is left out and named.

    `?` and other words, negative and absurd numbers are not understood; further decimals are rounded half even.
    """
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    try:
        number = Decimal(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except InvalidOperation:
        losses.not_understood(what, where, f"{_short(text)!r} is no number: left without an estimate")
        return None
    if not number.is_finite() or not 0 <= number <= MOST_ESTIMATE:
        losses.not_understood(what, where, f"{_short(text)} is not between 0 and 100,000: left without an estimate")
        return None
    rounded = number.quantize(_PLACES)
    if rounded != number:
        losses.changed(what, where, "rounded to three decimals")
    return rounded.normalize() + 0 if rounded else Decimal(0)


def _short(text: str) -> str:
    return text if len(text) <= 20 else text[:20] + "…"


def web_address(value: object) -> str | None:
    """An http(s) address of bounded length, or None: nothing else becomes a link."""
    if isinstance(value, str) and value.startswith(("https://", "http://")) and len(value) <= 2000:
        return value if not _CONTROL.search(value) and " " not in value else None
    return None


def labels(values: list[str], where: str, losses: Losses) -> tuple[str, ...]:
    """Labels, each a short line, each once, in order of the alphabet; at most 50."""
    kept = sorted({one_line(value, where, losses, length=100) for value in values} - {""})
    if len(kept) > 50:
        losses.lost("labels", where, "an item may have 50", count=len(kept) - 50)
    return tuple(kept[:50])
