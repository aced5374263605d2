"""Reads multipart/form-data as it arrives, so that a file goes on to where it is kept without being held or spooled.

Works on a body's bytes and knows no web framework; both doors use it (RFC 7578).
"""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from portal.errors import Invalid

MEDIA_TYPE = "multipart/form-data"
_ESCAPES = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))
"""What browsers write for what would break the header (HTML, 4.10.21.8)."""


class NotAForm(Invalid):
    """The body is not the form that its header promises, or ends within."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form. Its bytes are read from `chunks`, before the next part is asked for."""

    field: str
    file_name: str | None
    """None for what is no file; empty for a file input in which nothing was chosen."""
    chunks: AsyncIterator[bytes]


async def parts_of(content_type: str, body: AsyncIterator[bytes], *, most: int) -> AsyncIterator[Part]:
    """The parts of a form in their order, at most `most` of them. Raises NotAForm."""
    reader = _Reader(content_type, body)
    count = 0
    while headers := await reader.next_part():
        count += 1
        if count > most:
            raise NotAForm(f"This form has more than the {most} parts that are expected.")
        part = _part(headers, reader.data())
        yield part
        async for _ in part.chunks:
            pass  # what the reader of the part left


def _part(headers: dict[bytes, bytes], chunks: AsyncIterator[bytes]) -> Part:
    kind, options = parse_options_header(headers.get(b"content-disposition", b""))
    if kind != b"form-data" or b"name" not in options:
        raise NotAForm("A part of this form has no name.")
    file_name = options.get(b"filename")
    return Part(_text(options[b"name"]), None if file_name is None else _unescaped(_text(file_name)), chunks)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _unescaped(name: str) -> str:
    for written, meant in _ESCAPES:
        name = name.replace(written, meant)
    return name


class _Reader:
    """Turns the parser's callbacks into something that is waited for: what it found in one chunk is in memory, no more.

    Events are ("part", headers), ("data", bytes) and ("end", None).
    """

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        if kind != MEDIA_TYPE.encode() or not options.get(b"boundary"):
            raise NotAForm(f"The form must be sent as {MEDIA_TYPE}.")
        self._body = aiter(body)
        self._events: deque[tuple[str, Any]] = deque()
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""
        self._is_whole = False
        try:
            self._parser = MultipartParser(options[b"boundary"], self._callbacks())
        except FormParserError:
            raise NotAForm("The form's boundary is too long.") from None

    def _callbacks(self) -> Any:
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": self._on_name,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_headers_finished": lambda: self._events.append(("part", dict(self._headers))),
            "on_part_data": lambda data, start, end: self._events.append(("data", data[start:end])),
            "on_part_end": lambda: self._events.append(("end", None)),
            "on_end": self._on_end,
        }

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _on_end(self) -> None:
        self._is_whole = True

    async def _next(self) -> tuple[str, Any] | None:
        while not self._events:
            try:
                chunk = await anext(self._body)
                self._parser.write(chunk)
            except StopAsyncIteration:
                if not self._is_whole:
                    raise NotAForm("The form ends before it is complete.") from None
                return None
            except FormParserError:
                raise NotAForm("This is no readable form.") from None
        return self._events.popleft()

    async def next_part(self) -> dict[bytes, bytes] | None:
        """The headers of the next part; None when there is none."""
        event = await self._next()
        return event[1] if event else None

    async def data(self) -> AsyncIterator[bytes]:
        """The bytes of the part that was begun."""
        while (event := await self._next()) and event[0] == "data":
            yield event[1]
