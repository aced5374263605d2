"""Who may do what, written down: every route and method of the portal stands here, and nothing else does."""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

CLIENTS = ("ada", "eve", "finn")
STAFF = ("dan", "maria", "wei", "root")
OUTSIDERS = ("mallory", "nemo")
EVERYBODY = (*CLIENTS, *STAFF, *OUTSIDERS)

MEMBERS = (*CLIENTS, *STAFF)
NOBODY: tuple[str, ...] = ()
MONEY = ("ada", "finn", "maria", "wei", "root")
"""Who may see amounts."""

PROJECT_PAGES: dict[str, tuple[str, ...]] = {
    "GET /projects/{key}": MEMBERS,
    "GET /projects/{key}/activity": MEMBERS,
    "GET /projects/{key}/backlog": MEMBERS,
    "GET /projects/{key}/backlog.csv": MEMBERS,
    "GET /projects/{key}/board": MEMBERS,
    "GET /projects/{key}/decisions": MEMBERS,
    "GET /projects/{key}/decisions/{number}": MEMBERS,
    "POST /projects/{key}/decisions/{number}/answer": ("ada",),
    "POST /projects/{key}/decisions/{number}/judgements": STAFF,
    "POST /projects/{key}/decisions/{number}/remarks": MEMBERS,
    "GET /projects/{key}/decisions/{decision}/receipts/{seq}.json": MEMBERS,
    "GET /projects/{key}/decisions/{decision}/receipts/{seq}.pdf": MEMBERS,
    "GET /projects/{key}/delegations": MEMBERS,
    "POST /projects/{key}/delegations": ("ada",),
    "POST /projects/{key}/delegations/{number}/end": NOBODY,
    "GET /projects/{key}/burndown": MEMBERS,
    "GET /projects/{key}/designs": MEMBERS,
    "GET /projects/{key}/designs/{number}": MEMBERS,
    "GET /projects/{key}/designs/{number}/versions/{version}": MEMBERS,
    "POST /projects/{key}/designs/{number}/pins": MEMBERS,
    "POST /projects/{key}/designs/{number}/pins/{pin}/replies": MEMBERS,
    "POST /projects/{key}/designs/{number}/pins/{pin}/state": MEMBERS,
    "GET /projects/{key}/files/{number}": MEMBERS,
    "GET /projects/{key}/files/{number}/preview": MEMBERS,
    "GET /projects/{key}/items/{number}": MEMBERS,
    "GET /projects/{key}/changes": MEMBERS,
    "POST /projects/{key}/changes": ("ada",),
    "GET /projects/{key}/changes/new": ("ada",),
    "GET /projects/{key}/changes/{number}": MEMBERS,
    "POST /projects/{key}/changes/{number}/withdrawal": NOBODY,
    "GET /projects/{key}/contract": MONEY,
    "GET /projects/{key}/invoices": MONEY,
    "GET /projects/{key}/invoices/{number}": MONEY,
    "POST /projects/{key}/invoices/{number}/words": ("ada", "finn"),
    "GET /projects/{key}/statement.csv": MONEY,
    "GET /projects/{key}/statement.pdf": MONEY,
    "GET /projects/{key}/statement.xlsx": MONEY,
    "GET /projects/{key}/milestones": MEMBERS,
    "GET /projects/{key}/milestones/{number}": MEMBERS,
    "GET /projects/{key}/live": MEMBERS,
    "GET /projects/{key}/requirements": MEMBERS,
    "GET /projects/{key}/requirements.csv": MEMBERS,
    "GET /projects/{key}/requirements/orphans": MEMBERS,
    "GET /projects/{key}/requirements/trace": MEMBERS,
    "GET /projects/{key}/requirements/{number}": MEMBERS,
    "GET /projects/{key}/requirements/{number}/versions/{version}": MEMBERS,
    "GET /projects/{key}/tests": MEMBERS,
    "GET /projects/{key}/tests/{number}": MEMBERS,
    "GET /projects/{key}/tests/{number}/acceptances/{acceptance}/protocol.pdf": MEMBERS,
    "GET /projects/{key}/tests/{number}/files/{tested}": MEMBERS,
    "GET /projects/{key}/tests/{number}/sheet.pdf": MEMBERS,
    "GET /projects/{key}/tests/{number}/rounds/{round_number}": MEMBERS,
    "POST /projects/{key}/tests/{number}/rounds/{round_number}/results": ("ada",),
    "POST /projects/{key}/tests/{number}/rounds/{round_number}/results/undo": ("ada",),
    "GET /projects/{key}/tests/{number}/rounds/{round_number}/cases/{case}": MEMBERS,
    "POST /projects/{key}/tests/{number}/rounds/{round_number}/cases/{case}/results": CLIENTS,
    "POST /projects/{key}/tests/{number}/rounds/{round_number}/cases/{case}/defects": ("ada", *STAFF),
    "GET /projects/{key}/visibility": STAFF,
    "POST /projects/{key}/view-as": STAFF,
    "POST /projects/{key}/view-as/end": STAFF,
}
"""Pages of a project, and who may open them. Outsiders get 404, members without the right 403 or 404.

A result is refused to staff before its form is read, and to clients who do not test in the round after that."""

OWN_PAGES = {
    "GET /",
    "GET /account",
    "GET /projects",
    "GET /waiting",
    "GET /me",
    "GET /go/{token}",
    "GET /me/notifications",
    "GET /me/sessions",
    "POST /me/notifications",
    "POST /me/calendar",
    "POST /me/calendar/end",
    "POST /me/sessions/{session_id}/end",
}
"""Pages about the visitor: for everybody who is signed in."""

OPEN_PAGES = {
    "GET /.well-known/portal-keys.json",
    "GET /api/openapi.json",
    "GET /api/problems/{kind}",
    "GET /auth/callback/{provider}",
    "GET /auth/logged-out",
    "GET /auth/login",
    "GET /auth/login/{provider}",
    "GET /auth/step-up",
    "GET /calendar/{token}.ics",
    "GET /favicon.ico",
    "GET /healthz",
    "GET /readyz",
    "GET /robots.txt",
    "GET /sign-in",
    "GET /static/{address}",
    "GET /verify",
    "GET /unsubscribe/{token}",
    "POST /auth/backchannel-logout/{provider}",
    "POST /auth/logout",
    "POST /locale",
    "POST /verify",
    "POST /unsubscribe/{token}",
}
"""Pages that answer before anybody is known; they say nothing of any project."""

READ, WRITE, MANAGE, ADMIN = "read", "write", "manage", "admin"
FINANCE, MONEY_READ = "finance", "money read"
"""What an API route needs: a staff scope to read; one to write; a manager's rights too; the admin scope and role;
finance's rights; those of finance or a manager to read."""

_PROJECT = "/api/v1/projects/{key}"
API: dict[str, str] = {
    "GET /api/v1/me": READ,
    "GET /api/v1/companies": READ,
    "POST /api/v1/companies": ADMIN,
    "GET /api/v1/companies/{company_id}": READ,
    "PATCH /api/v1/companies/{company_id}": ADMIN,
    "GET /api/v1/bank/entries": FINANCE,
    "POST /api/v1/bank/entries/{entry_id}/match": FINANCE,
    "POST /api/v1/bank/entries/{entry_id}/set-aside": FINANCE,
    "POST /api/v1/bank/statements": FINANCE,
    "GET /api/v1/bookkeeping.csv": FINANCE,
    "GET /api/v1/issuers": MONEY_READ,
    "POST /api/v1/issuers": ADMIN,
    "GET /api/v1/receivables": MONEY_READ,
    "GET /api/v1/mail/refused": READ,
    "GET /api/v1/people": READ,
    "GET /api/v1/people/{person_id}": READ,
    "PATCH /api/v1/people/{person_id}": ADMIN,
    "DELETE /api/v1/people/{person_id}/accounts": ADMIN,
    "GET /api/v1/robots": ADMIN,
    "POST /api/v1/robots": ADMIN,
    "DELETE /api/v1/robots/{client_id:path}": ADMIN,
    "GET /api/v1/webhooks": ADMIN,
    "POST /api/v1/webhooks": ADMIN,
    "DELETE /api/v1/webhooks/{webhook_id}": ADMIN,
    "GET /api/v1/webhooks/{webhook_id}": ADMIN,
    "PATCH /api/v1/webhooks/{webhook_id}": ADMIN,
    "GET /api/v1/webhooks/{webhook_id}/behind": ADMIN,
    "GET /api/v1/webhooks/{webhook_id}/deliveries": ADMIN,
    "POST /api/v1/webhooks/{webhook_id}/replay": ADMIN,
    "POST /api/v1/webhooks/{webhook_id}/rotation": ADMIN,
    "POST /api/v1/webhooks/{webhook_id}/test": ADMIN,
    "GET /api/v1/projects": READ,
    "POST /api/v1/projects": MANAGE,
    f"GET {_PROJECT}": READ,
    f"PATCH {_PROJECT}": MANAGE,
    f"GET {_PROJECT}/burndown": READ,
    f"GET {_PROJECT}/changes": READ,
    f"POST {_PROJECT}/changes": WRITE,
    f"GET {_PROJECT}/changes/{{number}}": READ,
    f"PATCH {_PROJECT}/changes/{{number}}": WRITE,
    f"POST {_PROJECT}/changes/{{number}}/offer": MANAGE,
    f"POST {_PROJECT}/changes/{{number}}/pricing": MANAGE,
    f"POST {_PROJECT}/changes/{{number}}/withdrawal": MANAGE,
    f"GET {_PROJECT}/contract": READ,
    f"PATCH {_PROJECT}/contract": MANAGE,
    f"POST {_PROJECT}/contract": MANAGE,
    f"GET {_PROJECT}/contract/amendments": READ,
    f"GET {_PROJECT}/billing/account": READ,
    f"PATCH {_PROJECT}/billing/account": FINANCE,
    f"POST {_PROJECT}/billing/account": FINANCE,
    f"GET {_PROJECT}/billing/plan": READ,
    f"POST {_PROJECT}/billing/plan": MANAGE,
    f"GET {_PROJECT}/invoices": READ,
    f"POST {_PROJECT}/invoices": MANAGE,
    f"POST {_PROJECT}/invoices/planned": MANAGE,
    f"DELETE {_PROJECT}/invoices/{{number}}": MANAGE,
    f"GET {_PROJECT}/invoices/{{number}}": READ,
    f"PATCH {_PROJECT}/invoices/{{number}}": MANAGE,
    f"POST {_PROJECT}/invoices/{{number}}/answers": MANAGE,
    f"POST {_PROJECT}/invoices/{{number}}/credit": FINANCE,
    f"POST {_PROJECT}/invoices/{{number}}/issue": FINANCE,
    f"GET {_PROJECT}/invoices/{{number}}/payments": READ,
    f"POST {_PROJECT}/invoices/{{number}}/payments": FINANCE,
    f"GET {_PROJECT}/invoices/{{number}}/words": READ,
    f"GET {_PROJECT}/time": READ,
    f"POST {_PROJECT}/time": MANAGE,
    f"POST {_PROJECT}/time/csv": MANAGE,
    f"POST {_PROJECT}/time/invoice": MANAGE,
    f"POST {_PROJECT}/milestones/{{number}}/confirmation": MANAGE,
    f"GET {_PROJECT}/contributors": READ,
    f"POST {_PROJECT}/contributors": WRITE,
    "GET /api/v1/waiting": READ,
    f"GET {_PROJECT}/decisions": READ,
    f"GET {_PROJECT}/decisions/{{number}}": READ,
    f"GET {_PROJECT}/decisions/{{number}}/judgements": READ,
    f"POST {_PROJECT}/decisions/{{number}}/judgements": WRITE,
    f"GET {_PROJECT}/decisions/{{decision}}/receipts/{{seq}}": READ,
    f"POST {_PROJECT}/decisions/{{number}}/remarks": WRITE,
    f"POST {_PROJECT}/decisions/{{number}}/withdrawal": WRITE,
    f"GET {_PROJECT}/designs": READ,
    f"POST {_PROJECT}/designs": WRITE,
    f"GET {_PROJECT}/designs/{{number}}": READ,
    f"PATCH {_PROJECT}/designs/{{number}}": WRITE,
    f"GET {_PROJECT}/designs/{{number}}/pins": READ,
    f"POST {_PROJECT}/designs/{{number}}/pins": WRITE,
    f"POST {_PROJECT}/designs/{{number}}/pins/{{pin}}/reopening": WRITE,
    f"POST {_PROJECT}/designs/{{number}}/pins/{{pin}}/replies": WRITE,
    f"POST {_PROJECT}/designs/{{number}}/pins/{{pin}}/resolution": WRITE,
    f"POST {_PROJECT}/designs/{{number}}/questions": WRITE,
    f"POST {_PROJECT}/designs/{{number}}/versions": WRITE,
    f"POST {_PROJECT}/designs/{{number}}/versions/{{version}}/publication": WRITE,
    f"GET {_PROJECT}/events": READ,
    f"GET {_PROJECT}/files": READ,
    f"POST {_PROJECT}/files": WRITE,
    f"GET {_PROJECT}/files/{{number}}": READ,
    f"GET {_PROJECT}/files/{{number}}/content": READ,
    f"GET {_PROJECT}/files/{{number}}/preview": READ,
    f"GET {_PROJECT}/imports": READ,
    f"POST {_PROJECT}/imports": MANAGE,
    f"GET {_PROJECT}/imports/{{import_id}}": READ,
    f"GET {_PROJECT}/invitations": READ,
    f"POST {_PROJECT}/invitations": ADMIN,
    f"DELETE {_PROJECT}/invitations/{{invitation_id}}": ADMIN,
    f"GET {_PROJECT}/invitations/{{invitation_id}}": READ,
    f"POST {_PROJECT}/invitations/{{invitation_id}}/reminder": ADMIN,
    f"GET {_PROJECT}/items": READ,
    f"POST {_PROJECT}/items": WRITE,
    f"POST {_PROJECT}/items/upsert": WRITE,
    f"DELETE {_PROJECT}/items/{{number}}": WRITE,
    f"GET {_PROJECT}/items/{{number}}": READ,
    f"PATCH {_PROJECT}/items/{{number}}": WRITE,
    f"POST {_PROJECT}/items/{{number}}/restoration": WRITE,
    f"GET {_PROJECT}/iterations": READ,
    f"POST {_PROJECT}/iterations": MANAGE,
    f"GET {_PROJECT}/iterations/{{number}}": READ,
    f"PATCH {_PROJECT}/iterations/{{number}}": MANAGE,
    f"GET {_PROJECT}/memberships": READ,
    f"DELETE {_PROJECT}/memberships/{{person_id}}": ADMIN,
    f"GET {_PROJECT}/memberships/{{person_id}}": READ,
    f"PATCH {_PROJECT}/memberships/{{person_id}}": ADMIN,
    f"GET {_PROJECT}/milestones": READ,
    f"POST {_PROJECT}/milestones": MANAGE,
    f"GET {_PROJECT}/milestones/{{number}}": READ,
    f"PATCH {_PROJECT}/milestones/{{number}}": MANAGE,
    f"GET {_PROJECT}/changes/{{number}}/links": READ,
    f"GET {_PROJECT}/designs/{{number}}/links": READ,
    f"GET {_PROJECT}/items/{{number}}/links": READ,
    f"POST {_PROJECT}/links": WRITE,
    f"DELETE {_PROJECT}/links/{{from_kind}}/{{from_number}}/{{to_kind}}/{{to_number}}": WRITE,
    f"GET {_PROJECT}/requirements": READ,
    f"POST {_PROJECT}/requirements": WRITE,
    f"POST {_PROJECT}/requirements/confirmations": WRITE,
    f"GET {_PROJECT}/requirements/orphans": READ,
    f"POST {_PROJECT}/requirements/upsert": WRITE,
    f"GET {_PROJECT}/requirements/{{number}}": READ,
    f"PATCH {_PROJECT}/requirements/{{number}}": WRITE,
    f"GET {_PROJECT}/requirements/{{number}}/links": READ,
    f"POST {_PROJECT}/requirements/{{number}}/publication": WRITE,
    f"GET {_PROJECT}/requirements/{{number}}/versions": READ,
    f"GET {_PROJECT}/requirements/{{number}}/versions/{{version}}": READ,
    f"GET {_PROJECT}/statuses": READ,
    f"POST {_PROJECT}/statuses": MANAGE,
    f"GET {_PROJECT}/statuses/{{status_id}}": READ,
    f"PATCH {_PROJECT}/statuses/{{status_id}}": MANAGE,
}

EXAMPLES = {
    "key": "BRIDGE", "number": "1", "provider": "main", "kind": "not-found", "address": "nothing.css",
    "client_id:path": "robot-9", "version": "1", "pin": "1",
    "round_number": "1", "case": "1", "acceptance": "1", "tested": "3",
}  # fmt: skip
A_UUID = "00000000-0000-4000-8000-000000000000"


def address(route: str, **values: str) -> str:
    """A route's path with its parameters filled in."""
    path = route.split(" ", 1)[1]
    return re.sub(r"\{([^}]+)\}", lambda part: values.get(part[1]) or EXAMPLES.get(part[1], A_UUID), path)


def routes(app: FastAPI | Any, prefix: str = "") -> Iterator[str]:
    """Every method and path of an application, mounted ones included."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, Mount):
            yield from routes(route.app, prefix + route.path)
        else:
            methods = getattr(route, "methods", None) or ()
            yield from (f"{method} {prefix}{context.path}" for method in methods if method != "HEAD")
