"""Forms that bring files: each file goes to the store as it arrives, before any transaction begins.

    @router.post("/projects/{key}/designs/{number}/versions")
    async def add(form: Annotated[UploadForm, uploads.form(files={"file": 20}, fields={"note"})],
                  scope: WritingScope, db: UnitOfWork) -> Response:
        rows = [await files.add_file(db, scope, one, audience=…) for one in form.files["file"]]

The form stands before the scope and the session: FastAPI makes them in that order, and undoes them in the other, so
that no transaction waits for a sender, and files whose transaction failed are removed after it.

A form that `spares` what was written is read on when a file is refused, and `refused` names that file: its handler
shows the page again with every word, and takes the others away with `gone_unless_kept`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, cast

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from portal.access import Scope
from portal.errors import Invalid, TooLarge, Unavailable
from portal.files import intake, multipart, names
from portal.files.intake import Received
from portal.files.store import Store
from web.deps import SignedIn, database_of
from web.security import streams

MOST_FIELD = 200_000
"""Bytes of one text field."""
MOST_FIELDS = 100
TOO_MUCH = "It is larger than a file may be here, or one file too many."
"""For the bounds that name a number: no catalogue has those."""
BETWEEN_SECONDS = 60
"""How long a sender may send nothing."""


class _Enough(Exception):
    """A file was refused, and so much came after it that the rest of the form is not waited for."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that was not taken, by its name, and why."""

    name: str
    why: str


@dataclass(slots=True)
class UploadForm:
    """A form that was received. Every name that was allowed is there, with an empty list when nothing came."""

    fields: dict[str, list[str]]
    files: dict[str, list[Received]]
    received: list[Received] = field(default_factory=list)
    """All files in the order in which they came."""
    refused: list[Refused] = field(default_factory=list)

    def text(self, name: str) -> str:
        """The only value of a field, "" without one. Raises Invalid for several."""
        values = self.fields[name]
        if len(values) > 1:
            raise Invalid("This stands more than once.", field=name)
        return values[0] if values else ""


def store_of(request: Request) -> Store:
    """Where files lie."""
    return cast(Store, request.app.state.files)


def gone_unless_kept(request: Request, scope: Scope, form: UploadForm) -> AbstractAsyncContextManager[None]:
    """Takes a form's files away when the block fails, for a handler that shows its page again instead of failing."""
    return intake.kept_or_gone(store_of(request), database_of(request), scope, form.received)


def form(
    *,
    files: Mapping[str, int],
    fields: Collection[str] = (),
    may: Callable[[Scope], None] = Scope.require_writable,
    spares: bool = False,
) -> Any:
    """A dependency that receives a form: `files` are its file inputs with how many each may bring, `fields` the others.

    `may` is asked before a byte is read and raises for whoever may not send this form; the command asks again. A name
    that is not expected is refused. When what follows fails, the files are removed. With `spares`, a file that is
    refused is noted in the form, and does not end it.
    """

    async def receive(request: Request, arrival: SignedIn) -> AsyncIterator[UploadForm]:
        scope = arrival.scope()
        may(scope)
        streams(request)
        form = UploadForm({name: [] for name in fields}, {name: [] for name in files})
        store, database = store_of(request), database_of(request)
        async with intake.kept_or_gone(store, database, scope, form.received):
            await _fill(request, scope, form, files, spares=spares)
            yield form

    return Depends(receive, scope="function")


async def _fill(request: Request, scope: Scope, form: UploadForm, most: Mapping[str, int], *, spares: bool) -> None:
    content_type = request.headers.get("content-type", "")
    body = _sparing(_lively(request.stream()), form, store_of(request).max_bytes)
    try:
        async for part in multipart.parts_of(content_type, body, most=MOST_FIELDS + sum(most.values())):
            if part.file_name is None:
                await _take_text(form, part)
            elif spares:
                await _take_file_or_note(request, scope, form, most, part)
            else:
                await _take_file(request, scope, form, most, part)
    except _Enough:
        return
    except TimeoutError:
        raise Invalid("The file took too long to arrive: please send it again.", field="file") from None
    except ClientDisconnect:  # nobody reads the answer, and it is no fault of ours to be logged
        raise Invalid("The file did not arrive whole.", field="file") from None


async def _take_text(form: UploadForm, part: multipart.Part) -> None:
    if part.field not in form.fields:
        raise Invalid("There is no such field here.", field=part.field[:80])
    raw = b""
    async for chunk in part.chunks:
        raw += chunk
        if len(raw) > MOST_FIELD:
            raise TooLarge(f"A field may have at most {MOST_FIELD} bytes.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("This is no text.", field=part.field) from None
    if "\0" in text:
        raise Invalid("This has characters that are no text.", field=part.field)
    form.fields[part.field].append(text.replace("\r\n", "\n"))


async def _take_file_or_note(
    request: Request, scope: Scope, form: UploadForm, most: Mapping[str, int], part: multipart.Part
) -> None:
    try:
        await _take_file(request, scope, form, most, part)
    except (Invalid, TooLarge, Unavailable) as refusal:
        if part.field not in form.files or isinstance(refusal, multipart.NotAForm):
            raise
        says_how_much = isinstance(refusal, TooLarge) and not refusal.field
        why = TOO_MUCH if says_how_much else refusal.message
        form.refused.append(Refused(names.clean(part.file_name or ""), why))


async def _take_file(
    request: Request, scope: Scope, form: UploadForm, most: Mapping[str, int], part: multipart.Part
) -> None:
    if part.field not in form.files:
        raise Invalid("There is no such field here.", field=part.field[:80])
    if not part.file_name:
        return  # an input in which nothing was chosen
    if len(form.files[part.field]) == most[part.field]:
        raise TooLarge(f"At most {most[part.field]} files can be sent at once.")
    beside = sum(one.stored.size for one in form.received)
    received = await intake.receive(
        store_of(request), database_of(request), scope, part.chunks, name=part.file_name, beside=beside
    )
    form.received.append(received)
    form.files[part.field].append(received)


async def _sparing(stream: AsyncIterator[bytes], form: UploadForm, most: int) -> AsyncIterator[bytes]:
    """The same bytes, of which at most so many are read for the words' sake once a file was refused."""
    left = most
    async for chunk in stream:
        yield chunk
        if form.refused and (left := left - len(chunk)) < 0:
            raise _Enough


async def _lively(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes. Raises TimeoutError when nothing comes for too long."""
    arriving = aiter(stream)
    while True:
        try:
            async with asyncio.timeout(BETWEEN_SECONDS):
                chunk = await anext(arriving)
        except StopAsyncIteration:
            return
        yield chunk
