"""The one way in which a provider is asked: bounded in time and size, no redirects, and whatever is wrong is its fault.

The bounds sit in a transport, so that what libraries ask by themselves (the exchange of a code) has them too.
"""

import asyncio
import json
import ssl
from functools import lru_cache
from typing import Any

import httpx2

from portal.errors import Unavailable

DEADLINE_SECONDS = 10.0
MOST_BYTES = 1024 * 1024
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "portal"}


class ProviderFault(Unavailable):
    """A provider does not answer, or answers wrongly: neither the person's fault nor ours."""

    retry_after_seconds = 30


@lru_cache(1)
def _trusted() -> ssl.SSLContext:
    """The certificates that are believed: reading them takes longer than all else that a start does."""
    return httpx2.create_ssl_context()


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Reads each answer whole, within a total deadline and a size; raises ProviderFault for everything else."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport | None = None,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """`inner` does the asking; by default real connections that ignore proxies of the environment."""
        self.inner = inner or httpx2.AsyncHTTPTransport(
            verify=_trusted(), retries=0, limits=httpx2.Limits(max_keepalive_connections=4)
        )
        self.deadline_seconds = deadline_seconds
        self.most_bytes = most_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, already read. Raises ProviderFault."""
        # An encoded answer may unpack to any size: it is not asked for, and refused when it comes all the same.
        request.headers["Accept-Encoding"] = "identity"
        try:
            async with asyncio.timeout(self.deadline_seconds):
                return await self._answer(request)
        except TimeoutError:
            raise ProviderFault(f"{request.url.host} did not answer within {self.deadline_seconds:g} s.") from None
        except httpx2.HTTPError as error:
            raise ProviderFault(f"{request.url.host} cannot be reached ({type(error).__name__}).") from None

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        response = await self.inner.handle_async_request(request)
        try:
            if response.is_redirect:
                raise ProviderFault(f"{request.url.host} answered with a redirect where none may be.")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise ProviderFault(f"{request.url.host} answered in an encoding that was not asked for.")
            content = await self._content(request, response)
        finally:
            await response.aclose()
        headers = {name: response.headers.get(name, "") for name in ("content-type", "date")}
        return httpx2.Response(response.status_code, headers=headers, content=content, request=request)

    async def _content(self, request: httpx2.Request, response: httpx2.Response) -> bytes:
        content = bytearray()
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        async for chunk in response.stream:
            content += chunk
            if len(content) > self.most_bytes:
                raise ProviderFault(f"{request.url.host} answered with more than {self.most_bytes} bytes.")
        return bytes(content)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.inner.aclose()


def strict_json(text: bytes | str) -> Any:
    """The value of a JSON text. Raises ValueError for all that is not plain JSON: bad UTF-8, NaN, infinities, a key

    given twice, lone surrogates, integers of more digits than anyone needs, and nesting deeper than the reader stands.
    """
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        value = json.loads(decoded, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not plain JSON: {type(error).__name__}") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _finite(text: str) -> float:
    # Only times are numbers in what providers send; 1e400 would read as infinity.
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def json_object(response: httpx2.Response, what: str) -> dict[str, Any]:
    """The JSON object that a provider answered with 200. Raises ProviderFault, naming `what` was asked for."""
    if response.status_code != 200:
        raise ProviderFault(f"{response.request.url.host} answered {response.status_code} instead of {what}.")
    try:
        value = strict_json(response.content)
    except ValueError:
        raise ProviderFault(f"What {response.request.url.host} sent as {what} is not JSON.") from None
    if not isinstance(value, dict):
        raise ProviderFault(f"What {response.request.url.host} sent as {what} is not a JSON object.")
    return value


def client(transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    """A client that asks through a bounded transport and follows nothing."""
    return httpx2.AsyncClient(transport=transport, headers=HEADERS, follow_redirects=False, timeout=None)
