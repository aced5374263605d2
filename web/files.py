"""A project's files: saved as they are, or shown as the picture that we drew of them. There is no page."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from portal.access import Scope
from portal.files import queries, serving
from portal.files.pages import picture_of
from portal.files.store import Store
from web.deps import ProjectScope, database_of
from web.uploads import store_of

router = APIRouter(include_in_schema=False)


@router.get("/projects/{key}/files/{number}", name="file")
async def download(request: Request, scope: ProjectScope, number: int) -> Response:
    """A file to be saved."""
    async with database_of(request).read(scope.project_id) as db:
        found = await queries.file(db, scope, number)
    return sent(store_of(request), scope, serving.download(found, asked_of(request)))


@router.get("/projects/{key}/files/{number}/preview", name="file_preview")
async def preview(
    request: Request, scope: ProjectScope, number: int, page: Annotated[int, Query(ge=1, lt=2**31)] = 1
) -> Response:
    """The picture that was drawn of a file, or of one page of a PDF."""
    async with database_of(request).read(scope.project_id) as db:
        found = await queries.file(db, scope, number)
    store, shown = store_of(request), picture_of(found, page)
    end = shown.end or await store.size(scope.project_id, shown.preview)
    return sent(store, scope, serving.preview(shown.preview, shown.start, end, asked_of(request)))


def asked_of(request: Request) -> serving.Asked:
    """What the request says about what it has already and which part it wants."""
    return serving.Asked(*(request.headers.get(name) for name in ("if-none-match", "range", "if-range")))


def sent(store: Store, scope: Scope, answer: serving.Answer) -> Response:
    """The answer, its bytes read from the store while they are sent."""
    if answer.start == answer.end:
        return Response(status_code=answer.status, headers=answer.headers)
    content = store.stream(scope.project_id, answer.sha256, answer.start, answer.end)
    return StreamingResponse(content, status_code=answer.status, headers=answer.headers)
