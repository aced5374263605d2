"""`Idempotency-Key`: the same POST sent again has its effect once and gets the first answer again.

The key, what was asked and the answer are written in the transaction of the effect itself: one cannot be kept without
the other. A request that failed leaves nothing, so its key may be tried again. Answers are sealed: what is shown once,
such as a webhook's secret, would lie in the database for a day.
(draft-ietf-httpapi-idempotency-key-header)
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from api.models import IdempotencyKey
from api.problems import Refused
from portal import clock
from portal.access import Viewer
from portal.errors import Conflict
from portal.sealing import Cipher

KEPT = timedelta(hours=24)
KEY = re.compile(r'"?([\x21\x23-\x7e]{1,200})"?')
KEPT_HEADERS = ("content-type", "location", "etag", "link")
PURPOSE = b"portal answers to repeated requests"
UNREADABLE = "This was done, but its answer cannot be given again: PORTAL_SECRET_KEY or the release has changed."


class Replayed(Exception):
    """The request was answered before; this is that answer."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


@dataclass(frozen=True, slots=True)
class Pending:
    """A request under a key whose answer is still to be written into its transaction."""

    db: AsyncSession
    cipher: Cipher
    actor: str
    key: str


def key_of(request: Request) -> str:
    """The request's key. Raises Refused (400) when it is missing, given twice or unfit."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        raise Refused("key-missing", "Every POST needs an Idempotency-Key: a new random text, such as a UUID.")
    fit = KEY.fullmatch(given[0].strip())
    if len(given) > 1 or not fit:
        raise Refused("malformed", "Idempotency-Key must stand once, 1 to 200 printable characters without spaces.")
    return fit[1]


def fingerprint(request: Request, viewer: Viewer) -> bytes:
    """A digest of what is asked: method, address, query, and the body's digest, which whoever read it left behind; and
    of the caller's roles, so that an answer is not given again to who lost the right to it."""
    rights = ",".join(sorted(viewer.staff))
    address = f"{rights} {request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(address + getattr(request.state, "digest", b"")).digest()


async def begin(db: AsyncSession, request: Request, viewer: Viewer) -> Pending:
    """Claims the request's key within its transaction.

    Raises Replayed when it was answered before, Refused (422) when the key was used for another request or with other
    roles, Conflict when the answer cannot be read any more. Whoever comes while the first is still at work waits for
    its commit (SQLite's lock, PostgreSQL's unique index).
    """
    cipher: Cipher = request.app.state.answers
    actor = viewer.actor
    key, asked, now = key_of(request), fingerprint(request, viewer), clock.now()
    row = (IdempotencyKey.actor == actor, IdempotencyKey.key == key)
    await db.execute(delete(IdempotencyKey).where(*row, IdempotencyKey.expires_at <= now))
    values = {"actor": actor, "key": key, "fingerprint": asked, "created_at": now, "expires_at": now + KEPT}
    if not await _claim(db, values):
        found = (await db.scalars(select(IdempotencyKey).where(*row))).one()
        if found.fingerprint != asked:
            raise Refused("key-reused", "This Idempotency-Key was used for another request, or with other roles.")
        raise Replayed(_answer(found, cipher))
    return Pending(db, cipher, actor, key)


async def _claim(db: AsyncSession, values: dict[str, Any]) -> bool:
    dialect = (await db.connection()).dialect.name
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(IdempotencyKey).values(**values).on_conflict_do_nothing().returning(IdempotencyKey.key)
    return (await db.execute(statement)).one_or_none() is not None


def _owner(row: IdempotencyKey) -> bytes:
    return json.dumps([row.actor, row.key]).encode()


def _answer(found: IdempotencyKey, cipher: Cipher) -> Response:
    body = cipher.open(found.body or b"", _owner(found))
    if body is None:
        raise Conflict(UNREADABLE)
    headers = json.loads(found.headers or "{}") | {"Idempotency-Replayed": "true", "Cache-Control": "no-store"}
    return Response(body, status_code=found.status or 200, headers=headers)


async def remember(pending: Pending, response: Response) -> None:
    """Writes the answer beside its effect. A refusal is not kept: the transaction that it belongs to is undone."""
    row = await pending.db.get_one(IdempotencyKey, (pending.actor, pending.key))
    row.status = response.status_code
    row.headers = json.dumps({name: response.headers[name] for name in KEPT_HEADERS if name in response.headers})
    row.body = pending.cipher.close(bytes(response.body), _owner(row))
    await pending.db.flush()
