"""The API's door: one small application of its own under /api, so that its errors never turn into pages."""

import re
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount

from api import (
    acceptances,
    auth,
    bank,
    billing,
    bookkeeping,
    burndown,
    changes,
    companies,
    contract,
    contributors,
    decisions,
    delegations,
    design_pins,
    designs,
    events,
    files,
    idempotency,
    imports,
    invitations,
    invoices,
    issuers,
    items,
    iterations,
    links,
    mail,
    me,
    memberships,
    milestones,
    openapi,
    people,
    problems,
    projects,
    receipts,
    requirement_imports,
    requirements,
    robots,
    statuses,
    testing_imports,
    testing_rounds,
    tests,
    time_entries,
    waiting,
    webhooks,
)
from api.gate import ApiGate, Authenticate
from api.problems import KINDS
from portal import stamping
from portal.billing import seals
from portal.errors import NotFound
from portal.files.store import open_store
from portal.kept import KeptPages
from portal.sealing import Cipher

ROOMS = (
    me, companies, people, mail, robots, projects, memberships, invitations, milestones, iterations, statuses,
    contributors, items, files, imports, events, burndown, decisions, delegations, receipts, designs, design_pins,
    waiting, webhooks, links, requirement_imports, requirements, contract, changes, tests, testing_imports,
    testing_rounds, acceptances, issuers, billing, invoices, time_entries, bank, bookkeeping,
)  # fmt: skip
VERSION = "1.0.0"


def include(app: FastAPI, *, authenticate: Authenticate = auth.authenticate) -> None:
    """Mounts the API on the portal, with which it shares its state (settings, database)."""
    mount = Mount("/api", app=build(app, authenticate=authenticate), name="api")
    mount.path_regex = re.compile("^/api/(?P<path>.*)$", re.DOTALL)  # Starlette's own does not match a line's end
    app.router.routes.append(mount)


def build(portal: FastAPI, *, authenticate: Authenticate) -> FastAPI:
    """The API as an application."""
    api = FastAPI(
        title="Portal API", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    api.state = portal.state
    portal.state.kept = getattr(portal.state, "kept", None) or KeptPages()
    portal.state.files = getattr(portal.state, "files", None) or open_store(portal.state.settings)
    ask = stamping.at_once(portal.state.settings, within_seconds=seals.STAMP_WITHIN_SECONDS)
    portal.state.seals = seals.open_seals(portal.state.settings, ask)
    api.state.under_way, api.state.imports = set(), set()
    api.state.answers = Cipher(portal.state.settings, idempotency.PURPOSE)
    for room in ROOMS:
        # Taken over flat rather than included: an included router is matched twice at every request.
        api.router.routes.extend(room.router.routes)
    api.add_api_route("/openapi.json", _openapi, include_in_schema=False)
    api.add_api_route("/problems/{kind}", _explain, include_in_schema=False)
    per_minute = portal.state.settings.api_rate_per_minute
    api.add_middleware(ApiGate, authenticate=authenticate, per_minute=per_minute)
    problems.install(api)
    return api


async def _openapi(request: Request) -> Response:
    described: dict[str, Any] | None = getattr(request.app.state, "api_description", None)
    if described is None:
        described = request.app.state.api_description = openapi.describe(request.app)
    return JSONResponse(described)


async def _explain(kind: str) -> Response:
    if kind not in KINDS:
        raise NotFound("There is no such kind of problem.")
    what = KINDS[kind]
    return PlainTextResponse(f"{what.title} (status {what.status})\n\n{what.advice}\n")
