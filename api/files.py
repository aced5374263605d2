"""Files of a project: sent as they are, told of by what they were found to be, and handed out to be saved."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import Field, PlainSerializer, WithJsonSchema
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from api.bodies import clean_text, refuse_encoding
from api.conditional import editable
from api.deps import ProjectKey, ReadScope, ReadSession, UnitOfWork, Viewing, WriteScope, database_of, open_scope
from api.doors import router as door
from api.openapi import answers
from api.paging import Paged
from api.problems import Refused
from api.shapes import Moment, Outgoing, PathNumber
from portal.access import Scope
from portal.errors import TooLarge
from portal.files import commands, intake, queries, serving
from portal.files.drawing import MOST_PAGES
from portal.files.intake import Received
from portal.files.models import File
from portal.files.pages import picture_of
from portal.files.store import Store
from portal.ledger.models import Audience

router = door("files", "/projects/{key}/files")

RAW = "application/octet-stream"
BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY = {"requestBody": {"required": True, "content": {RAW: BINARY | {"examples": {"text": {"value": "A note.\n"}}}}}}
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file's bytes.", "content": {RAW: BINARY}},
    206: {"description": "The part that `Range` asked for.", "content": {RAW: BINARY}},
    304: {"description": "It is what `If-None-Match` names."},
    416: {"description": "It has no such part."},
}
Hex = Annotated[
    bytes, PlainSerializer(bytes.hex, return_type=str), WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{64}$"})
]


class FileOut(Outgoing):
    """A file."""

    number: int
    name: Annotated[str, Field(description="What its sender called it, cleaned.")]
    media_type: Annotated[str, Field(description="What its content was found to be.")]
    size: Annotated[int, Field(description="Bytes.")]
    sha256: Hex
    audience: Audience
    width: Annotated[int | None, Field(description="Of a picture or a PDF's first page, in points.")]
    height: int | None
    has_preview: bool
    page_count: Annotated[int | None, Field(description="Of a PDF that could be drawn: how many pages it has.")]
    created_at: Moment
    created_by: str


class FilePage(Outgoing):
    """A page of files, in the order of their numbers."""

    items: list[FileOut]
    next: str | None


def shape(row: File) -> dict[str, Any]:
    """A file as JSON values."""
    fields = {name: getattr(row, name) for name in FileOut.model_fields if name != "has_preview"}
    return FileOut.model_validate(fields | {"has_preview": row.preview is not None}).shown()


def store_of(request: Request) -> Store:
    """Where files lie."""
    store: Store = request.app.state.files
    return store


async def may_add(request: Request, key: ProjectKey, viewer: Viewing) -> Scope:
    """Asks before a byte is read whether the caller may add files here; no session stays open while one arrives."""
    async with database_of(request).read() as db:
        scope = await open_scope(db, viewer, key)
    scope.require_staff()
    return scope


async def receiving(
    request: Request,
    scope: Annotated[Scope, Depends(may_add)],
    name: Annotated[str, Query(max_length=1000, description="What it shall be called.", examples=["sketch.png"])],
) -> AsyncIterator[Received]:
    """The file in the store, removed again when it gets no row. Raises Refused (408, 415) and what `receive` raises."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != RAW:
        raise Refused("media-type", f"Send the file's bytes as {RAW}.", headers={"Accept": RAW})
    refuse_encoding(request)
    store, database = store_of(request), database_of(request)
    if int(request.headers.get("content-length", "0")) > store.max_bytes:  # the server let digits alone pass
        raise TooLarge(f"A file may have at most {store.max_bytes} bytes.")
    try:
        received = await intake.receive(
            store, database, scope, request.stream(), name=clean_text(name, ("name",)), most_pages=MOST_PAGES
        )
    except TimeoutError:
        raise Refused("slow", f"The file did not arrive within {intake.PATIENCE_SECONDS} seconds.") from None
    except ClientDisconnect:  # nobody reads the answer, and it is no fault of ours to be logged
        raise Refused("malformed", "The file did not arrive whole.") from None
    request.state.digest = received.stored.sha256
    async with intake.kept_or_gone(store, database, scope, [received]):
        yield received


@router.get("", responses=answers(FilePage, "A page of files, the oldest first.", headers=("Link",)))
async def list_files(scope: ReadScope, db: ReadSession, paging: Paged) -> Response:
    """The project's files, the oldest first."""
    if (same := paging.kept(scope)) is not None:
        return same
    after = paging.after()
    rows = await queries.listed(db, scope, after=after[0] if after else 0, limit=paging.limit + 1)
    return paging.page(rows, lambda row: (row.number,), shape, scope=scope)


@router.post(
    "",
    status_code=201,
    responses=answers(FileOut, "The file.", status=201, headers=("ETag", "Location")),
    openapi_extra=BODY,
)
async def add_file(
    received: Annotated[Received, Depends(receiving, scope="function")],
    scope: WriteScope,
    db: UnitOfWork,
    audience: Annotated[Audience, Query(description="Who may see it.")] = Audience.INTERNAL,
) -> Response:
    """Adds a file, sent as the body. What it is is found from its content; the name is only a label."""
    row = await commands.add_file(db, scope, received, audience=audience)
    return editable(shape(row), status_code=201, location=f"/api/v1/projects/{scope.key}/files/{row.number}")


@router.get("/{number}", responses=answers(FileOut, "The file.", headers=("ETag",)))
async def read_file(scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """What is known of one file."""
    return editable(shape(await queries.file(db, scope, number)))


@router.get(
    "/{number}/content",
    response_class=StreamingResponse,
    responses=CONTENT,
)
async def read_content(request: Request, scope: ReadScope, db: ReadSession, number: PathNumber) -> Response:
    """A file's bytes, or the part of them that `Range` asks for. Their digest is the ETag."""
    row = await queries.file(db, scope, number)
    asked = serving.Asked(*(request.headers.get(name) for name in ("if-none-match", "range", "if-range")))
    return _sent(request, scope, serving.download(row, asked, plain=True))


@router.get(
    "/{number}/preview",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A picture of it.", "content": {"image/webp": BINARY}},
        304: {"description": "It is what `If-None-Match` names."},
    },
)
async def read_preview(
    request: Request,
    scope: ReadScope,
    db: ReadSession,
    number: PathNumber,
    page: Annotated[int, Query(ge=1, lt=2**31, description=f"Of a PDF; the first {MOST_PAGES} are drawn.")] = 1,
) -> Response:
    """The picture that was drawn of a file: of a picture, or of a page of a PDF."""
    shown = picture_of(await queries.file(db, scope, number), page)
    end = shown.end or await store_of(request).size(scope.project_id, shown.preview)
    asked = serving.Asked(request.headers.get("if-none-match"))
    return _sent(request, scope, serving.preview(shown.preview, shown.start, end, asked))


def _sent(request: Request, scope: Scope, answer: serving.Answer) -> Response:
    if answer.start == answer.end:
        return Response(status_code=answer.status, headers=answer.headers)
    content = store_of(request).stream(scope.project_id, answer.sha256, answer.start, answer.end)
    return StreamingResponse(content, status_code=answer.status, headers=answer.headers)
