"""An OpenID provider inside the test's process that tells the truth until a test makes it lie in one place."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, RSAKey

from portal import clock
from portal.identity.tokens import LOGOUT_EVENT

ABSENT = object()
"""The value of a claim or header that is to be left out."""

Answer = Callable[[httpx2.Request], Awaitable[httpx2.Response] | httpx2.Response]


def b64(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Stream(httpx2.AsyncByteStream):
    """A body that is made while it is read."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self.chunks:
            yield chunk


def merged(truth: dict[str, Any], lies: dict[str, Any]) -> dict[str, Any]:
    """The truth with some values replaced, and some left out."""
    return {name: value for name, value in (truth | lies).items() if value is not ABSENT}


@cache
def key_pair(issuer: str, number: int) -> tuple[RSAKey, ECKey]:
    """An issuer's n-th keys: made once a run, for making them takes longer than most tests."""
    rsa = RSAKey.generate_key(2048, {"kid": f"rsa-{number}", "use": "sig", "alg": "RS256"})
    return rsa, ECKey.generate_key("P-256", {"kid": f"ec-{number}", "use": "sig", "alg": "ES256"})


@dataclass
class HostileProvider(httpx2.AsyncBaseTransport):
    """The provider, reached as a transport. `claims`, `header`, `metadata`, `userinfo`, `tokens` are its lies."""

    issuer: str = "https://login.example"
    client_id: str = "portal"
    client_secret: str = "s3cr+t/with %odd: characters"
    person: dict[str, Any] = field(default_factory=lambda: {
        "sub": "sub-ada", "name": "Ada Brandt", "email": "ada@client.example", "email_verified": True, "locale": "ru",
    })  # fmt: skip
    sid: str = "sid-1"
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    payload: bytes | None = None
    """The ID token's payload as bytes, when it is not to be JSON of the claims."""
    algorithm: str = "RS256"
    signs_with: Any = None
    published: list[dict[str, Any]] | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[httpx2.Request] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rsa, self.ec = key_pair(self.issuer, 1)

    def paths(self) -> list[str]:
        """The paths that were asked for, in their order."""
        return [request.url.path for request in self.asked]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answers as a provider would."""
        await request.aread()
        self.asked.append(request)
        path = request.url.path
        if path in self.answers:
            given = self.answers[path](request)
            return given if isinstance(given, httpx2.Response) else await given
        honest: dict[str, Callable[[httpx2.Request], httpx2.Response | dict[str, Any]]] = {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks": lambda _request: {"keys": self.published or self.public_keys()},
            "/token": self._token,
            "/userinfo": lambda _request: merged(self.person, self.userinfo),
        }
        if path not in honest:
            return httpx2.Response(404)
        told = honest[path](request)
        return told if isinstance(told, httpx2.Response) else httpx2.Response(200, json=told)

    def public_keys(self) -> list[dict[str, Any]]:
        """What it publishes when it does not lie."""
        return [self.rsa.as_dict(private=False), self.ec.as_dict(private=False)]

    def rotate(self) -> None:
        """Replaces both keys by new ones with new ids."""
        number = int(str(self.rsa.kid).rpartition("-")[2]) + 1
        self.rsa, self.ec = key_pair(self.issuer, number)

    def _discovery(self, _request: httpx2.Request) -> dict[str, Any]:
        at = self.issuer
        truth = {
            "issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/jwks", "userinfo_endpoint": f"{at}/userinfo", "end_session_endpoint": f"{at}/bye",
            "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "authorization_response_iss_parameter_supported": True,
        }  # fmt: skip
        return merged(truth, self.metadata)

    def authorize(self, address: str, **lies: Any) -> dict[str, str]:
        """What a browser brings back after somebody signed in at this authorization address."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = uuid4().hex
        self.codes[code] = asked
        return merged({"code": code, "state": asked["state"], "iss": self.issuer}, lies)

    def _token(self, request: httpx2.Request) -> httpx2.Response | dict[str, Any]:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or b64(hashlib.sha256(form["code_verifier"].encode()).digest()) != asked["code_challenge"]:
            return httpx2.Response(400, json={"error": "invalid_grant"})
        if form["redirect_uri"] != asked["redirect_uri"]:
            return httpx2.Response(400, json={"error": "invalid_grant"})
        access_token = uuid4().hex
        claims = self.id_claims(asked.get("nonce", "")) | {"at_hash": self.at_hash(access_token)}
        given = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300}
        return merged(given | {"id_token": self.sign(merged(claims, self.claims))}, self.tokens)

    def at_hash(self, access_token: str) -> str:
        """The first half of the access token's digest."""
        return b64(hashlib.sha256(access_token.encode()).digest()[:16])

    def id_claims(self, nonce: str) -> dict[str, Any]:
        """The claims of an honest ID token."""
        now = int(clock.now().timestamp())
        return {
            "iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "auth_time": now, "nonce": nonce,
            "sid": self.sid, "acr": "urn:pwd", "amr": ["pwd"], **self.person,
        }  # fmt: skip

    def logout_token(self, header: dict[str, Any] | None = None, **lies: Any) -> str:
        """A logout token for the person's session."""
        now = int(clock.now().timestamp())
        truth = {
            "iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 120, "jti": uuid4().hex,
            "sub": self.person["sub"], "sid": self.sid, "events": {LOGOUT_EVENT: {}},
        }  # fmt: skip
        return self.sign(merged(truth, lies), header={"typ": "logout+jwt"} | (header or {}))

    def access_token(self, header: dict[str, Any] | None = None, **lies: Any) -> str:
        """An RFC 9068 access token for the staff API."""
        now = int(clock.now().timestamp())
        truth = {
            "iss": self.issuer, "aud": "https://portal.example/api", "iat": now, "exp": now + 300, "sub": "robot-1",
            "client_id": "robot-1", "jti": uuid4().hex, "scope": "staff:read",
        }  # fmt: skip
        return self.sign(merged(truth, lies), header={"typ": "at+jwt"} | (header or {}))

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """Any token at all, with a signature that fits its algorithm."""
        key = self.signs_with or (self.ec if self.algorithm == "ES256" else self.rsa)
        truth = {"alg": self.algorithm, "kid": getattr(key, "kid", None) or ABSENT, "typ": "JWT"}
        head = merged(truth, (header or {}) | self.header)
        body = self.payload if self.payload is not None else json.dumps(claims).encode()
        signed = f"{b64(json.dumps(head).encode())}.{b64(body)}"
        return f"{signed}.{b64(_signature(self.algorithm, key, signed.encode()))}"


def _signature(algorithm: str, key: Any, signed: bytes) -> bytes:
    match algorithm:
        case "RS256":
            return bytes(key.private_key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))
        case "ES256":
            r, s = decode_dss_signature(key.private_key.sign(signed, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        case "HS256":
            return hmac.new(key, signed, hashlib.sha256).digest()
    return b""
