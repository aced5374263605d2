"""All pages in one place: which routers there are, how refusals become pages, and what is made ready at start-up."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from portal.errors import PortalError
from web import (
    activity,
    auth,
    backchannel,
    backlog,
    burndown,
    calendar_feed,
    changes,
    deciding,
    decisions,
    delegations,
    designs,
    files,
    health,
    invoices,
    live,
    locale_choice,
    me,
    notifications,
    projects,
    receipts,
    render,
    requirements,
    sign_out,
    statement,
    static_files,
    test_papers,
    test_results,
    testing,
    tracing,
    well_known,
)
from web.errors import page_for

ROUTERS = (
    projects.router, backlog.router, burndown.router, activity.router, decisions.router, deciding.router,
    delegations.router, receipts.router, designs.router, files.router, changes.router, invoices.router,
    statement.router, tracing.router, requirements.router, testing.router, test_results.router, test_papers.router,
    live.router, auth.router, sign_out.router, backchannel.router, me.router, calendar_feed.router,
    notifications.router, locale_choice.router, health.router, static_files.router, well_known.router,
)  # fmt: skip


EXPECTED = (PortalError, HTTPException, RequestValidationError, IntegrityError, OperationalError, InterfaceError)
"""What a page may end in by itself; the edge sees to the rest."""


def include(app: FastAPI) -> None:
    """Adds the pages, and the pages for what goes wrong, to the application."""
    for router in ROUTERS:
        app.include_router(router)
    for kind in EXPECTED:
        app.add_exception_handler(kind, refused)


async def refused(request: Request, error: Exception) -> Response:
    """The page for an error that a page ended in."""
    return await page_for(request, error)


def warm() -> None:
    """Makes ready what the first visitor would wait for."""
    render.warm()
