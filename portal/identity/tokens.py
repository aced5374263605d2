"""The one strict reader of tokens: ID tokens, logout tokens and access tokens.

Everything wrong with a token, whatever raised it, is a `TokenRefused`; the reason is for the log and never shown.
Rules from OpenID Connect Core 3.1.3.7, Back-Channel Logout 2.6, RFC 9068 section 4 and RFC 8725.
"""

import base64
import hashlib
import hmac
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning

from portal import clock
from portal.errors import PortalError
from portal.identity.fetch import strict_json
from portal.identity.keys import ALGORITHMS, Keys

MOST_CHARACTERS = 16 * 1024
LEEWAY_SECONDS = 30
OLDEST_LOGOUT_SECONDS = 600
OLDEST_ID_TOKEN_SECONDS = 3600
LATEST_TIME = 253_402_300_799  # 9999-12-31: later is a mistake, and no date of ours can hold it
LONGEST_SUB = 255
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
REFUSED_HEADERS = frozenset({"crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "enc", "p2c"})


class TokenRefused(PortalError):
    """A token that must not be believed."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token taken apart, before its signature was checked: only good for choosing the key."""

    text: str
    algorithm: str
    kid: str | None
    typ: str
    claims: dict[str, Any]


def take_apart(text: object) -> Unverified:
    """Splits a compact JWS and reads its header and claims strictly. Raises TokenRefused."""
    if not isinstance(text, str) or len(text) > MOST_CHARACTERS or not text.isascii() or text.count(".") != 2:
        raise TokenRefused("not a compact signed token of bearable size")
    head, body, _signature = text.split(".")
    header, claims = _part(head), _part(body)
    if REFUSED_HEADERS & header.keys():
        raise TokenRefused("a header that changes how the token is read")
    algorithm, kid, typ = header.get("alg"), header.get("kid"), header.get("typ", "")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenRefused("an algorithm that is not accepted")
    if not isinstance(typ, str) or not (kid is None or isinstance(kid, str)):
        raise TokenRefused("typ or kid is not text")
    return Unverified(text, algorithm, kid, typ.lower().removeprefix("application/"), claims)


def _part(encoded: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        value = strict_json(raw)
    except ValueError:
        raise TokenRefused("a part is not base64url of plain JSON") from None
    if not isinstance(value, dict):
        raise TokenRefused("a part is not a JSON object")
    return value


def check_signature(token: Unverified, keys: Keys, allowed: Collection[str] | None = None) -> dict[str, Any]:
    """The claims, if one of the issuer's keys signed them with an algorithm that is also in `allowed` (None: any that
    we accept). Raises TokenRefused.
    """
    if allowed is not None and token.algorithm not in allowed:
        raise TokenRefused("an algorithm that this issuer does not announce")
    registry = jws.JWSRegistry(algorithms=[token.algorithm], strict_check_header=False)
    for candidate in keys.for_token(token.kid, token.algorithm):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SecurityWarning)  # "EdDSA" is the older name that providers still use
                jws.deserialize_compact(token.text, candidate.key, registry=registry)
        except (JoseError, ValueError, TypeError):
            continue
        return token.claims
    raise TokenRefused("no key of the issuer made this signature")


def id_token(
    token: Unverified, claims: dict[str, Any], *, issuer: str, client_id: str, nonce: str, access_token: str | None
) -> dict[str, Any]:
    """The claims of an ID token that answers our own request. Raises TokenRefused."""
    _typ(token, "", "jwt")
    _for_us(claims, issuer, client_id)
    subject(claims)
    _lives(claims, oldest=OLDEST_ID_TOKEN_SECONDS)
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise TokenRefused("nonce is not ours")
    _at_hash(token, claims, access_token)
    return claims


def logout_token(token: Unverified, claims: dict[str, Any], *, issuer: str, client_id: str) -> dict[str, Any]:
    """The claims of a back-channel logout token. Raises TokenRefused."""
    _typ(token, "", "jwt", "logout+jwt")
    _for_us(claims, issuer, client_id)
    _lives(claims, oldest=OLDEST_LOGOUT_SECONDS)
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise TokenRefused("not a logout event")
    if "nonce" in claims:
        raise TokenRefused("a nonce: this is an ID token")
    _text(claims, "jti")
    if "sub" not in claims and "sid" not in claims:
        raise TokenRefused("names neither a session nor a subject")
    if "sub" in claims:
        subject(claims)
    if "sid" in claims:
        _text(claims, "sid")
    return claims


def access_token(token: Unverified, claims: dict[str, Any], *, issuer: str, audience: str) -> dict[str, Any]:
    """The claims of an RFC 9068 access token for our API. Raises TokenRefused."""
    _typ(token, "at+jwt")
    _issuer(claims, issuer)
    if audience not in _audiences(claims):
        raise TokenRefused("aud is another")
    _lives(claims, oldest=None)
    subject(claims)
    _text(claims, "client_id")
    if not isinstance(claims.get("scope", ""), str):
        raise TokenRefused("scope is not text")
    return claims


def subject(claims: dict[str, Any]) -> str:
    """The `sub`: printable text of at most 255 characters. Raises TokenRefused."""
    return _text(claims, "sub")


def moment(claims: dict[str, Any], name: str) -> datetime | None:
    """A time claim as a moment; None when it is absent. Raises TokenRefused for all but a number in range."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST_TIME:
        raise TokenRefused(f"{name} is not a time")
    return datetime.fromtimestamp(value, UTC)


def _typ(token: Unverified, *accepted: str) -> None:
    if token.typ not in accepted:
        raise TokenRefused("a token of another kind")


def _issuer(claims: dict[str, Any], issuer: str) -> None:
    if claims.get("iss") != issuer:
        raise TokenRefused("iss is another")


def _for_us(claims: dict[str, Any], issuer: str, client_id: str) -> None:
    _issuer(claims, issuer)
    audiences = _audiences(claims)
    if client_id not in audiences:
        raise TokenRefused("aud is another")
    if ("azp" in claims or len(audiences) > 1) and claims.get("azp") != client_id:
        raise TokenRefused("azp is another")


def _audiences(claims: dict[str, Any]) -> list[str]:
    value = claims.get("aud")
    listed: list[Any] = value if isinstance(value, list) else [value]
    audiences = [one for one in listed if isinstance(one, str)]
    if not audiences or len(audiences) != len(listed):
        raise TokenRefused("aud is not text")
    return audiences


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_SUB or not value.isprintable() or value.isspace():
        raise TokenRefused(f"{name} is not a short printable text")
    return value


def _lives(claims: dict[str, Any], *, oldest: int | None) -> None:
    now = clock.now().timestamp()
    ends, made, begins = (moment(claims, name) for name in ("exp", "iat", "nbf"))
    if ends is None or made is None:
        raise TokenRefused("exp or iat is missing")
    if ends.timestamp() <= now - LEEWAY_SECONDS:
        raise TokenRefused("expired")
    if made.timestamp() > now + LEEWAY_SECONDS or (begins and begins.timestamp() > now + LEEWAY_SECONDS):
        raise TokenRefused("from the future")
    if oldest is not None and made.timestamp() < now - oldest - LEEWAY_SECONDS:
        raise TokenRefused("made too long ago")


def _at_hash(token: Unverified, claims: dict[str, Any], access_token: str | None) -> None:
    if "at_hash" not in claims:
        return
    digest = hashlib.new(_DIGESTS[token.algorithm], (access_token or "").encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    given = claims["at_hash"]
    if access_token is None or not isinstance(given, str) or not hmac.compare_digest(given.encode(), half):
        raise TokenRefused("at_hash does not fit the access token")


_DIGESTS = {"RS256": "sha256", "PS256": "sha256", "ES256": "sha256", "ES384": "sha384",
            "EdDSA": "sha512", "Ed25519": "sha512"}  # fmt: skip
