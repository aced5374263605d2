"""What is known of an issuer: its discovery document and keys, kept only when they were checked, and not for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlsplit

import httpx2

from portal import clock
from portal.identity import fetch, keys
from portal.identity.fetch import ProviderFault
from portal.identity.keys import ALGORITHMS, Keys
from portal.settings import ProviderSettings, Settings

LIFE_SECONDS = 3600.0
RETRY_SECONDS = 60.0
"""After a failed renewal, how long the known document serves before the next try."""
UNKNOWN_KEY_SECONDS = 1.0
SIGN_IN_ENDPOINTS = ("authorization_endpoint", "token_endpoint")

T = TypeVar("T")


class Kept(Generic[T]):
    """A checked document with a life. Everybody who needs it at the same time waits for one and the same fetch."""

    def __init__(self, load: Callable[[], Awaitable[T]]) -> None:
        self._load = load
        self._value: T | None = None
        self._loaded_at = 0.0
        self._good_until = 0.0
        self._pending: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The document: the kept one while it lives, or when it cannot be renewed. Raises ProviderFault if none is."""
        if self._value is not None and _seconds() < self._good_until:
            return self._value
        try:
            return await self._renewed()
        except ProviderFault:
            if self._value is None:
                raise
            self._good_until = _seconds() + RETRY_SECONDS
            return self._value

    @property
    def kept(self) -> T | None:
        """The document as it is known now, however old; None when there is none."""
        return self._value

    async def renew_at_most_once_in(self, seconds: float) -> None:
        """Fetches it anew unless that was tried just now; what is known stays when it fails."""
        if self._pending is None and _seconds() - self._loaded_at < seconds:
            return
        try:
            await self._renewed()
        except ProviderFault:
            return

    async def _renewed(self) -> T:
        if self._pending is None:
            self._pending = asyncio.create_task(self._fetch())
        return await asyncio.shield(self._pending)

    async def _fetch(self) -> T:
        try:
            self._value = await self._load()
            self._good_until = _seconds() + LIFE_SECONDS
            return self._value
        finally:
            self._loaded_at = _seconds()
            self._pending = None


def _seconds() -> float:
    return clock.now().timestamp()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What we need of a discovery document, checked."""

    issuer: str
    endpoints: Mapping[str, str]
    algorithms: frozenset[str]
    """What the issuer says it signs with, cut down to what we accept."""
    token_auth: str
    names_itself: bool
    """RFC 9207: the issuer puts `iss` into every answer, so one without it is not from there."""
    acrs: frozenset[str] | None


class Issuer:
    """One issuer: its metadata and keys. Nothing is asked before the first need."""

    def __init__(self, issuer: str, http: httpx2.AsyncClient, *, needs: tuple[str, ...] = ()) -> None:
        self.issuer = issuer
        self._http = http
        self._needs = (*needs, "jwks_uri")
        self._metadata = Kept(self._load_metadata)
        self._keys = Kept(self._load_keys)

    async def metadata(self) -> Metadata:
        """The checked discovery document. Raises ProviderFault."""
        return await self._metadata.get()

    async def keys_for(self, kid: str | None) -> Keys:
        """The keys, looked up anew (at most once a second) when this key id is not among them. Raises ProviderFault."""
        found = await self._keys.get()
        if not found.knows(kid):
            await self._keys.renew_at_most_once_in(UNKNOWN_KEY_SECONDS)
        return self._keys.kept or found

    async def keys_after_failure(self) -> Keys:
        """The keys after a signature failed: a key may have been replaced under the same id. Raises ProviderFault."""
        await self._keys.renew_at_most_once_in(UNKNOWN_KEY_SECONDS)
        return await self._keys.get()

    @property
    def discovery_address(self) -> str:
        """Where its discovery document lies."""
        return self.issuer.rstrip("/") + "/.well-known/openid-configuration"

    async def _load_metadata(self) -> Metadata:
        document = fetch.json_object(await self._http.get(self.discovery_address), "its discovery document")
        try:
            return check_metadata(document, self.issuer, self._needs)
        except ValueError as error:
            raise ProviderFault(f"The discovery document of {self.issuer} is wrong: {error}.") from None

    async def _load_keys(self) -> Keys:
        metadata = await self.metadata()
        document = fetch.json_object(await self._http.get(metadata.endpoints["jwks_uri"]), "its keys")
        try:
            return keys.read(document)
        except ValueError as error:
            raise ProviderFault(f"The keys of {self.issuer} are wrong: {error}.") from None


def check_metadata(document: Mapping[str, Any], issuer: str, needs: Iterable[str]) -> Metadata:
    """What we need of a discovery document. Raises ValueError saying what is wrong with it."""
    if document.get("issuer") != issuer:
        raise ValueError("it names another issuer")
    endpoints = {
        name: _address(name, document[name], issuer)
        for name in (*needs, "userinfo_endpoint", "end_session_endpoint")
        if document.get(name) is not None
    }
    if missing := [name for name in needs if name not in endpoints]:
        raise ValueError(f"{missing[0]} is missing")
    # Core lets RS256 go unsaid. `none` may be announced too; we never accept it, whoever announces it.
    announced = _texts(document, "id_token_signing_alg_values_supported") or ["RS256"]
    methods = _texts(document, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    acrs = _texts(document, "acr_values_supported")
    return Metadata(
        issuer=issuer,
        endpoints=endpoints,
        algorithms=frozenset(announced) & ALGORITHMS.keys(),
        token_auth="client_secret_basic" if "client_secret_basic" in methods else "client_secret_post",
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        acrs=frozenset(acrs) if acrs is not None else None,
    )


def _address(name: str, value: Any, issuer: str) -> str:
    parts = urlsplit(value) if isinstance(value, str) and value.isprintable() and " " not in value else None
    if parts is None or not parts.hostname or parts.username or parts.fragment:
        raise ValueError(f"{name} is not an address")
    # An issuer reached by https may not send us, or a browser, on in the clear; plain http is for loopback issuers.
    if parts.scheme != "https" and not (parts.scheme == "http" and issuer.startswith("http://")):
        raise ValueError(f"{name} is not https")
    return str(value)


def _texts(document: Mapping[str, Any], name: str) -> list[str] | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} is not a list of texts")
    return value


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that people may sign in with: what the administrator said of it, and what it says of itself."""

    settings: ProviderSettings
    issuer: Issuer


class Providers:
    """All configured providers, and the issuer of API tokens. Making it asks nobody: no provider can stop a start."""

    def __init__(self, settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`transport` asks in place of real connections."""
        self.transport = fetch.BoundedTransport(transport)
        self.http = fetch.client(self.transport)
        self.by_name: Mapping[str, Provider] = {
            one.name: Provider(one, Issuer(one.issuer, self.http, needs=SIGN_IN_ENDPOINTS))
            for one in settings.oidc_providers
        }
        self.api = Issuer(settings.api_issuer, self.http) if settings.api_issuer else None

    def form_targets(self) -> frozenset[str]:
        """The origins of all issuers: where a form may end after signing out (CSP form-action)."""
        return frozenset("{0.scheme}://{0.netloc}".format(urlsplit(one.settings.issuer)) for one in self)

    def __iter__(self) -> Iterator[Provider]:
        return iter(self.by_name.values())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections to all providers."""
        await self.http.aclose()
