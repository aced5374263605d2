"""Public keys of a provider as it publishes them (RFC 7517), and which of them may check a given token."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
"""The signatures that we accept from anybody → the kind of key and curve that makes them. Never `none`, never HMAC."""

RSA_BITS = range(2048, 8193)
MOST_KEYS = 50

PublicKey = RSAKey | ECKey | OKPKey
_KINDS: Mapping[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its id if it has one, what it may check, and the key itself."""

    kid: str | None
    algorithms: frozenset[str]
    key: PublicKey


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Keys:
    """The usable keys of one issuer. A renewal makes a new object, so what the old ones checked can be forgotten."""

    all: tuple[Key, ...] = ()

    def knows(self, kid: str | None) -> bool:
        """Whether a key of this id is known; a token without an id can only mean one that is."""
        return kid is None or any(key.kid == kid for key in self.all)

    def for_token(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The keys that may have signed a token; without a `kid` only when no choice is left."""
        able = tuple(key for key in self.all if algorithm in key.algorithms)
        if kid is not None:
            return tuple(key for key in able if key.kid == kid)
        return able if len(able) == 1 else ()


def read(document: Mapping[str, Any]) -> Keys:
    """The usable keys of a JWKS. Keys that cannot be read or are of no use here are left out, never guessed at.

    Raises ValueError when it is no key set, or none of its keys is usable.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise ValueError("not a key set")
    found = tuple(key for entry in listed if (key := _key(entry)) is not None)
    if not found:
        raise ValueError("a key set without a usable key")
    return Keys(found)


def _key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or not _is_for_checking(entry):
        return None
    kid = entry.get("kid")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= 500):
        return None
    public = {name: entry[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in entry}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of short keys, which are refused below
            key: PublicKey = _KINDS[str(public.get("kty"))].import_key(public)
        able = frozenset(_able(entry, key))
    except (JoseError, ValueError, TypeError, KeyError, OverflowError):
        return None
    return Key(kid, able, key) if able else None


def _is_for_checking(entry: Mapping[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return entry.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations


def _able(entry: Mapping[str, Any], key: PublicKey) -> Iterable[str]:
    if isinstance(key, RSAKey) and key.public_key.key_size not in RSA_BITS:
        return []
    return [
        name
        for name, (kind, curve) in ALGORITHMS.items()
        if kind == entry["kty"] and curve in (None, entry.get("crv")) and entry.get("alg", name) in _spellings(name)
    ]


def _spellings(algorithm: str) -> tuple[str, ...]:
    # RFC 9864 renamed EdDSA with Ed25519 keys; a key labelled with either name makes the same signature.
    return ("EdDSA", "Ed25519") if algorithm in ("EdDSA", "Ed25519") else (algorithm,)
