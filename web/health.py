"""What machines ask: is the process alive, and should requests be sent to it."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from portal.health import readiness
from web.deps import database_of

router = APIRouter(include_in_schema=False)
NOT_KEPT = {"Cache-Control": "no-store"}


@router.get("/healthz")
async def alive() -> Response:
    """The process answers; it asks nothing else, so that a slow database restarts nobody."""
    return PlainTextResponse("alive\n", headers=NOT_KEPT)


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """200 when the database answers and is at this release's tables, else 503; says which, and no more."""
    found = await readiness(database_of(request))
    words = {True: "ok", False: "behind: run portal migrate", None: "unknown"}
    body = {"database": "ok" if found.database else "does not answer", "migrations": words[found.migrations]}
    return JSONResponse(body, status_code=200 if found.is_ready else 503, headers=NOT_KEPT)
