"""ETags of what can be edited, and the If-Match that every edit must carry (RFC 9110, 13.1.1; RFC 6585, 3)."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from api.problems import Refused
from portal.errors import Stale

ETAGS = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)')


def etag_of(shown: Mapping[str, Any]) -> str:
    """The ETag of a representation: whatever of it changes, the tag changes."""
    return '"' + hashlib.sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32] + '"'


def editable(shown: Mapping[str, Any], *, status_code: int = 200, location: str | None = None) -> Response:
    """The answer that shows one thing with its ETag, and where it lives when it is new."""
    headers = {"ETag": etag_of(shown), "Cache-Control": "no-store"}
    if location:
        headers["Location"] = location
    return Response(orjson.dumps(shown), status_code=status_code, media_type="application/json", headers=headers)


@dataclass(frozen=True, slots=True)
class Match:
    """The version of something that the caller means to edit."""

    header: str

    def require(self, shown: Mapping[str, Any]) -> None:
        """Raises Stale unless this is how it stands now. Call it under the lock of what is edited."""
        if self.header != "*" and etag_of(shown) not in self._strong():
            raise Stale("It has changed since you read it.")

    def _strong(self) -> set[str]:
        """The tags of the header; a weak one never matches (RFC 9110, 13.1.1)."""
        return {f'"{tag}"' for weak, tag in ETAGS.findall(self.header) if not weak}


async def if_match(request: Request) -> Match:
    """The request's If-Match. Raises Refused (428) without one."""
    header = ", ".join(request.headers.getlist("if-match")).strip()
    if not header:
        raise Refused("if-match-missing", "Editing needs If-Match with the ETag that was read.")
    return Match(header)


IfMatch = Annotated[Match, Depends(if_match)]
