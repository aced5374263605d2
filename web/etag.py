"""A page is unchanged while nothing that this viewer may see has moved: one short name for that state."""

from hashlib import blake2b

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from portal.access import Scope
from portal.kept import Address

PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Cookie, Accept-Language"}
"""Only the reader's own browser keeps a page, and asks each time whether it still holds."""


def page_etag(scope: Scope, locale: str, release: str, *extra: str) -> str:
    """The ETag of every page of a project for one viewer.

    Made of who looks and with which rights, the last event that *they* may see, language, release and the project's
    day (pages say "today"). The project's own counters stay out: internal events must not move it. `extra` is what
    else the page depends on. Weak, because two renderings of one state differ in the minute that they name.
    """
    project, viewer = scope.project, scope.viewer
    parts = (
        viewer.actor, viewer.name, viewer.email, ",".join(sorted(viewer.staff)), ",".join(sorted(scope.roles)),
        ",".join(scope.audiences), str(scope.is_staff), str(scope.preview), str(scope.project_id), str(scope.version),
        project.name, project.company_name, project.status, project.show_staff, project.time_zone,
        scope.today.isoformat(), locale, release, *extra,
    )  # fmt: skip
    state = blake2b("\0".join(parts).encode(), digest_size=15).hexdigest()
    return f'W/"{state}"'


def matches(header: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names this ETag (weak comparison, RFC 9110 13.1.2)."""
    if not header:
        return False
    opaque = etag.removeprefix("W/")
    return any(part.strip() in ("*", opaque, f"W/{opaque}") for part in header.split(","))


def unchanged(request: Request, etag: str) -> Response | None:
    """The empty 304 when the browser already holds this state, the page if it was rendered a moment ago, else None."""
    if matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers={**PRIVATE, "ETag": etag})
    page = request.app.state.kept.get(address_of(request, etag))
    return HTMLResponse(page, headers={**PRIVATE, "ETag": etag}) if page is not None else None


def address_of(request: Request, etag: str) -> Address:
    """Under what a rendering of this page is kept."""
    return etag, f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
