"""Small raw bodies, such as a bank's statement or a CSV: read whole within a bound, never converted."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

from starlette.requests import Request

from api.bodies import refuse_encoding
from api.problems import Refused
from portal.errors import Invalid, TooLarge

PATIENCE_SECONDS = 60

Read = Callable[[Request], Awaitable[bytes]]


def raw_body(*media_types: str, most: int) -> Read:
    """A dependency that reads a body of one of these types, of at most `most` bytes.

    Raises Refused (415) for another type, TooLarge, Invalid for an empty one.
    """

    async def read(request: Request) -> bytes:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in media_types:
            accepted = ", ".join(media_types)
            raise Refused("media-type", f"Send the file as {accepted}.", headers={"Accept": accepted})
        refuse_encoding(request)
        content = bytearray()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                async for part in request.stream():
                    content += part
                    if len(content) > most:
                        raise TooLarge(f"This may have at most {most:,} bytes.")
        except TimeoutError:
            raise Refused("slow", f"The file did not arrive within {PATIENCE_SECONDS} seconds.") from None
        if not content:
            raise Invalid("The file is empty.", field="file")
        request.state.digest = sha256(content).digest()
        return bytes(content)

    return read


def described(media_types: tuple[str, ...], example: str) -> dict[str, Any]:
    """How OpenAPI describes such a body."""
    shown = {"schema": {"type": "string", "format": "binary"}, "examples": {"example 1": {"value": example}}}
    return {"requestBody": {"required": True, "content": dict.fromkeys(media_types, shown)}}
