"""Large JSON documents, member by member, so that a file of 100 MB is never one tree in memory. Pure."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from portal.connectors.losses import Losses
from portal.errors import Invalid

_BLANK = " \t\r\n"


class JsonText:
    """A JSON document whose long lists are read one element at a time. Numbers with a fraction are Decimals."""

    def __init__(self, text: str, losses: Losses, *, again: bool = False) -> None:
        """`again`: the text was gone through before, and its repeated keys were told then."""
        self._text = text
        self._losses = losses
        self._decoder = json.JSONDecoder(
            parse_float=Decimal,
            parse_constant=self._refuse,
            object_pairs_hook=None if again else self._object,
            strict=False,
        )

    def members(self, *lists: str) -> Iterator[tuple[str, Any]]:
        """The members of the document's object, in order; those named in `lists` come element by element.

        A document that is a list gives its elements under the name "". Raises Invalid with line, column and character.
        """
        at = self._skip(0)
        if self._text.startswith("[", at):
            end = at
            for element, end in self._elements(at):  # noqa: B007 where the list ends
                if element is not _END:
                    yield "", element
            self._nothing_after(end)
            return
        if not self._text.startswith("{", at):
            raise self._broken(at, "a JSON object or list should begin here")
        yield from self._object_members(at, set(lists))

    def _object_members(self, at: int, lists: set[str]) -> Iterator[tuple[str, Any]]:
        at = self._skip(at + 1)
        while not self._text.startswith("}", at):
            key, at = self._value(at)
            at = self._expect(":", self._skip(at))
            if key in lists and self._text.startswith("[", self._skip(at)):
                for element, end in self._elements(self._skip(at)):
                    at = end
                    if element is not _END:
                        yield key, element
            else:
                value, at = self._value(at)
                yield key, value
            at = self._skip(at)
            if not self._text.startswith("}", at):
                at = self._skip(self._expect(",", at))
        self._nothing_after(at + 1)

    def _elements(self, at: int) -> Iterator[tuple[Any, int]]:
        """The elements of a list and where each ends; last the mark `_END` and where the list ends."""
        at = self._skip(at + 1)
        while not self._text.startswith("]", at):
            element, at = self._value(at)
            yield element, at
            at = self._skip(at)
            if not self._text.startswith("]", at):
                at = self._skip(self._expect(",", at))
        yield _END, at + 1

    def _value(self, at: int) -> tuple[Any, int]:
        at = self._skip(at)
        try:
            return self._decoder.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            raise self._broken(error.pos, error.msg) from error
        except RecursionError:
            raise self._broken(at, "nested too deep") from None
        except ValueError as error:
            raise self._broken(at, "a number with too many digits") from error

    def _skip(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in _BLANK:
            at += 1
        return at

    def _expect(self, sign: str, at: int) -> int:
        if not self._text.startswith(sign, at):
            raise self._broken(at, f"{sign!r} is missing")
        return at + 1

    def _nothing_after(self, at: int) -> None:
        if self._skip(at) < len(self._text):
            raise self._broken(self._skip(at), "more follows after the end of the document")

    def _broken(self, at: int, why: str) -> Invalid:
        rest = self._text[at:].strip()
        line, start = self._text.count("\n", 0, at) + 1, self._text.rfind("\n", 0, at)
        where = f"line {line:,}, column {at - start:,} (byte {len(self._text[:at].encode(errors='replace')):,})"
        unended = "Unterminated string" in why
        cut = ". The file ends too early: it was cut" if not rest or unended else ""
        return Invalid(f"The JSON breaks at {where}: {why}{cut}.", field="file", value=where)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            self._losses.changed("repeated JSON key", repeated, "the last of several values under one key was taken")
        return found

    def _refuse(self, constant: str) -> None:
        self._losses.not_understood("number", constant, "no number in JSON: left out")


_END = object()
"""Stands after the last element of a list."""
