"""Keyset pages: a cursor says after which row a list goes on, and is good for that list and those filters alone."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from portal.access import Scope
from portal.errors import Invalid

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200
CURSOR_LENGTH = 1024
MAC_LENGTH = 16

Row = TypeVar("Row")
Key = tuple[Any, ...]


def _answer(body: bytes, link: str) -> Response:
    headers = {"Link": link} if link else {}
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store", **headers})


@dataclass(frozen=True, slots=True)
class Paging:
    """What a caller asked of a list: how many rows, and after which one."""

    request: Request
    limit: int
    cursor: str | None

    def after(self) -> Key | None:
        """The key of the last row of the page before; None for the first page. Raises Invalid for a foreign cursor."""
        return None if self.cursor is None else self._open(self.cursor)

    def kept(self, scope: Scope) -> Response | None:
        """The answer that this caller got a moment ago, if nothing that they may see has changed since."""
        found = self.request.app.state.kept.get(self._kept_as(scope))
        if found is None:
            return None
        link, _, body = found.partition(b"\n")
        return _answer(body, link.decode("latin-1"))

    def _kept_as(self, scope: Scope) -> tuple[str, str]:
        viewer = scope.viewer
        who = f"{viewer.actor} {sorted(viewer.staff)} {scope.project_id} {scope.version} {scope.project.show_staff}"
        asked = self.request.scope
        return who, f"{asked['path']}?{asked['query_string'].decode('latin-1')}"

    def page(
        self,
        rows: Sequence[Row],
        key: Callable[[Row], Key],
        shape: Callable[[Row], Mapping[str, Any]],
        *,
        scope: Scope | None = None,
    ) -> Response:
        """The answer for up to `limit` of `rows`; the caller read one row more, which says whether others follow.

        With the `scope` that the rows were read in, the answer is kept for `kept`.
        """
        shown = rows[: self.limit]
        cursor = self._seal(key(shown[-1])) if len(rows) > self.limit else None
        link = f'<{self._address(cursor)}>; rel="next"' if cursor else ""
        body = orjson.dumps({"items": [shape(row) for row in shown], "next": cursor})
        if scope is not None:
            self.request.app.state.kept.keep(self._kept_as(scope), link.encode("latin-1") + b"\n" + body)
        return _answer(body, link)

    def _address(self, cursor: str) -> str:
        query = [(name, value) for name, value in self.request.query_params.multi_items() if name != "cursor"]
        base: str = self.request.app.state.settings.base_url
        return f"{base}{self.request.scope['path']}?{urlencode([*query, ('cursor', cursor)])}"

    def _list(self) -> bytes:
        """What the cursor is bound to: the address with its project, and every filter."""
        query = sorted(pair for pair in self.request.query_params.multi_items() if pair[0] not in ("cursor", "limit"))
        return orjson.dumps([self.request.scope["path"], query])

    def _mac(self, payload: bytes) -> bytes:
        secret = self.request.app.state.settings.secret_key.get_secret_value().encode()
        purpose = hmac.digest(secret, b"api paging cursor", hashlib.sha256)
        return hmac.digest(purpose, self._list() + b"\x00" + payload, hashlib.sha256)[:MAC_LENGTH]

    def _seal(self, key: Key) -> str:
        payload = orjson.dumps(key)
        return base64.urlsafe_b64encode(self._mac(payload) + payload).decode().rstrip("=")

    def _open(self, cursor: str) -> Key:
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        mac, payload = raw[:MAC_LENGTH], raw[MAC_LENGTH:]
        if not payload or not hmac.compare_digest(mac, self._mac(payload)):
            raise Invalid(
                "This cursor belongs to another list or other filters: start without one.", field="cursor", value=cursor
            )
        return tuple(orjson.loads(payload))


def _paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="How many rows at most.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(max_length=CURSOR_LENGTH, description="`next` of the page before; with the same filters.")
    ] = None,
) -> Paging:
    return Paging(request, limit, cursor)


Paged = Annotated[Paging, Depends(_paging)]
